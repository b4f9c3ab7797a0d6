"""A model of your own on this machine: its manifest, its check, its image without Docker, its function, comparisons.

`python -m local.own_model` lists the commands; docs/own-model.md explains how to bring a model.
"""
