"""Suggestions for unknown names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

_SHOWN = 3
_ALIKE = 0.7
"""How alike two names must be, by difflib's measure."""
_AS_GOOD = 0.1
"""A name that is less like the word than the nearest by this much was not meant."""


def near(word: str, known: Iterable[str]) -> list[str]:
    """Up to three of the ``known`` names that look like ``word``, the nearest first; case does not count."""
    by_lower = {name.lower(): name for name in known}
    plain = word.lower()
    found = [
        (SequenceMatcher(None, plain, one).ratio(), one) for one in get_close_matches(plain, by_lower, _SHOWN, _ALIKE)
    ]
    return [by_lower[one] for ratio, one in found if ratio > found[0][0] - _AS_GOOD]


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """The end of a message about an unknown ``word``: ``; did you mean lz4 or lzo?``, or ``otherwise``."""
    found = near(word, known)
    return f"; did you mean {' or '.join(found)}?" if found else otherwise
