"""Custom Labels sessions: when one starts, how many inference units it uses, and the statuses of the model."""
