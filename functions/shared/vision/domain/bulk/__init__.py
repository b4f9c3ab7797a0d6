"""Bulk runs: the request, the remaining work, tallies and summaries."""
