"""Inspection: rules, verdicts and results."""
