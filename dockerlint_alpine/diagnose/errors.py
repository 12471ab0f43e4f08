"""The errors of this package: one base type, one clear line each."""

from __future__ import annotations


class DiagnoseError(Exception):
    """Base of everything that reading a log can raise; ``str()`` is one line for the user."""


class PatternError(DiagnoseError):
    """``rules/errors.toml`` breaks its schema; the text names the pattern and the key."""
