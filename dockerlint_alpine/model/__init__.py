"""Findings, reports and comparisons: the records that all other parts exchange.

Their modules do without ``from __future__ import annotations``: msgspec reads the annotations to decode a report, and takes
three times as long where they are texts.
"""
