"""Wildcards as regular expressions that stay fast for every pattern.

Written down as they stand, the gaps of ``*a*a*a*b`` would be tried in every combination. But a gap that another gap
follows may take the first place where what stands behind it fits and never look for a second: whatever the rest can do
behind a later place it can do behind the first. So each becomes an atomic group, as in Python's own ``fnmatch``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "[^/]*"
"""Any part of a name."""
PATH = ".*"
"""Any part of a path."""
FOLDERS = "(?:.*/)?"
"""Any number of whole folders; only at the start and behind a ``/``."""
_SHORTEST = {NAME: "[^/]*?", PATH: ".*?", FOLDERS: "(?:.*?/)??"}


def expression(pieces: Iterable[str], *, shortest: bool = False) -> str:
    """The regular expression of ``pieces``: gaps, and expressions without gaps between them. Without ``re.DOTALL`` no gap of
    a path goes beyond its line. What it finds at a place is the longest there, or the ``shortest``."""
    return _with_gaps(list(pieces), (PATH, FOLDERS), more=shortest)


def _with_gaps(pieces: list[str], gaps: tuple[str, ...], *, more: bool) -> str:
    """``pieces`` cut at ``gaps``; ``more`` where another gap follows behind them."""
    starts = [0, *(at for at, piece in enumerate(pieces) if piece in gaps), len(pieces)]
    out: list[str] = []
    for number, (start, end) in enumerate(pairwise(starts)):
        gap = pieces[start] if number else ""
        behind = pieces[start + 1 : end] if number else pieces[:end]
        first = more or end < len(pieces)
        text = "".join(behind) if gaps == (NAME,) else _with_gaps(behind, (NAME,), more=first)
        out.append(f"(?>{_SHORTEST[gap]}{text})" if gap and first else f"{gap}{text}")
    return "".join(out)
