"""Counts and lists in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def plural(number: int, word: str) -> str:
    """``1 error``, ``2 errors``, ``1,200 repositories``: the number with ``word``, of which the singular is given."""
    if number == 1:
        return f"1 {word}"
    many = f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"
    return f"{number:,} {many}"


def listed(names: Iterable[str], most: int = 0) -> str:
    """``a``, ``a and b``, ``a, b and c``; of more than ``most`` (0: any number) the last are counted: ``a and 7 more``.

    What is there twice is named once.
    """
    shown = list(dict.fromkeys(names))
    if most and len(shown) > most:
        shown[most - 1 :] = [f"{len(shown) - most + 1} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))
