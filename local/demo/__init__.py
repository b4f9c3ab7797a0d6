"""The demo: its photos, its user, its parts, and the contact sheet that shows the results."""
