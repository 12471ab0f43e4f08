"""Findings, reports and comparisons: the records that every other part hands around."""
