"""A team's own model: its manifest, and the scores that it answers."""
