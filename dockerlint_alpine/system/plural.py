"""How many there are of something, in words."""

from __future__ import annotations


def plural(number: int, word: str) -> str:
    """``1 error``, ``2 errors``, ``1,200 repositories``: the number with ``word``, of which the singular is given."""
    if number == 1:
        return f"1 {word}"
    many = f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"
    return f"{number:,} {many}"
