"""What the product costs before one pays it: counters that were measured, times a dated price list."""
