"""A team's own model in its container image: the runtime, its batches, and the classification of images."""
