"""Bulk runs: the request, what is left to do, tallies and summaries."""
