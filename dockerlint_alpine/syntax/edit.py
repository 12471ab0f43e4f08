"""Edits of a file's bytes: the only way anything in this project changes text."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from dockerlint_alpine.syntax.source import decode, encode


class EditError(ValueError):
    """The base of what can go wrong with edits."""


class EditConflictError(EditError):
    """Two edits want the same bytes, or one lies outside the file."""


class Edit(Struct, frozen=True):
    """Replace the bytes ``start:end`` by ``text``, written as UTF-8 (surrogate escapes become their byte)."""

    start: int
    end: int
    text: str


def apply_edits(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The bytes with all edits applied.

    Identical edits count once. Insertions at one offset are kept in the order given, and come before a replacement
    that starts there. Raises :class:`EditConflictError` when edits overlap or lie outside the file.
    """
    parts: list[bytes] = []
    position = 0
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: (edit.start, edit.end)):
        if not position <= edit.start <= edit.end <= len(data):
            raise EditConflictError(f"edit of bytes {edit.start} to {edit.end} overlaps another or leaves the file")
        parts += (data[position : edit.start], encode(edit.text))
        position = edit.end
    parts.append(data[position:])
    return b"".join(parts)


def difference(old: bytes, new: bytes) -> Edit:
    """The one edit that makes ``new`` of ``old``: what lies between their equal ends."""
    shortest = min(len(old), len(new))
    tail = next((count for count in range(shortest) if old[-1 - count] != new[-1 - count]), shortest)
    start = next((index for index in range(shortest - tail) if old[index] != new[index]), shortest - tail)
    return Edit(start, len(old) - tail, decode(new[start : len(new) - tail]))
