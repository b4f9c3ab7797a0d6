"""A model of your own on this machine: its manifest, its check, its image without Docker, its function, comparisons.

`python -m local.own_model` says which commands there are; docs/own-model.md tells how to bring a model.
"""
