"""Estimate the costs of the product: measured counters, multiplied by a dated price list."""
