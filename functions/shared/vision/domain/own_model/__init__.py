"""A team's own model: its manifest and its scores."""
