"""A team's own model at work in its container image: the runtime, its batches, and the classification of images."""
