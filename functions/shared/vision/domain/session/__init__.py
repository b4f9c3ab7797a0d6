"""Sessions of a Custom Labels model: when one starts, how large it is, and the model's statuses."""
