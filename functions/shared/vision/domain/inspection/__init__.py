"""Inspection: rules, verdicts, and what an inspection leaves."""
