"""The own model on this machine: its image built without Docker, and its function deployed to the local AWS."""
