"""Findings, reports and comparisons: the records that every other part hands around.

Their modules do without ``from __future__ import annotations``: msgspec reads the annotations to decode a report, and takes
three times as long where they are texts.
"""
