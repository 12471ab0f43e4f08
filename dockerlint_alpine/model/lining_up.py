"""Edits that add several lines to one list: each was laid out as if it were alone."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.model.findings import TextEdit

_NEW_LINE = lazy_pattern(r"(?P<blanks>[ \t]*)[\\`]\r?\n(?P<indent>[ \t]*)(?P<name>\S+)")
"""What is inserted behind the last name of a list that has one in each line."""
_CONTINUED = lazy_pattern(rb"([ \t]*)[\\`][ \t]*\r?\n\Z")


def lined_up(data: bytes, edits: Sequence[TextEdit]) -> list[TextEdit]:
    """The same edits (in order, as ``apply_edits`` takes them), where several add a line behind the last of a list: if the
    continuations above are aligned, so are those between them."""
    found = list(edits[:1])
    for before, edit in pairwise(edits):
        same = before.start == before.end == edit.start == edit.end
        text = _behind(data, edit.start, before.text, edit.text) if same else edit.text
        found.append(replace(edit, text=text) if text != edit.text else edit)
    return found


def _behind(data: bytes, offset: int, other: str, text: str) -> str:
    """What to insert behind the insertion ``other``, where ``text`` was to be inserted alone."""
    before, match = _NEW_LINE.fullmatch(other), _NEW_LINE.fullmatch(text)
    if before is None or match is None:
        return text
    # What is known from the cache is shown without them.
    from dockerlint_alpine.syntax.layout import padding, width
    from dockerlint_alpine.syntax.source import decode, encode

    blanks = encode(match["blanks"])
    start = data.rfind(b"\n", 0, offset) + 1
    column = width(data[start:offset] + blanks)
    spread, rows = blanks not in (b"", b" "), 0
    while row := _CONTINUED.search(data, data.rfind(b"\n", 0, max(start - 1, 0)) + 1, start):
        start = data.rfind(b"\n", 0, start - 1) + 1
        if width(data[start : row.end(1)]) != column:
            break
        spread, rows = spread or row[1] not in (b"", b" "), rows + 1
    if not rows or not spread:
        return text
    written = encode(before["indent"] + before["name"])
    return decode(padding(written, column, tabs=b"\t" in blanks)) + text[match.end("blanks") :]
