"""Flags between keyword and value (split_command.go: ``extractBuilderFlags``).

BuildKit walks over bytes here, not over characters: a flag that is not ASCII comes out with each of its bytes as one
character, and the bytes 0x85 and 0xA0 count as white space. That is kept, because it is what a build sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.syntax.instruction import Flag

if TYPE_CHECKING:
    from dockerlint_alpine.syntax.pieces import Pieces

_SPACE = frozenset(b"\t\n\v\f\r \x85\xa0")
_QUOTES = frozenset(b"'\"")


def extract_flags(line: Pieces, low: int, high: int, escape: str) -> tuple[tuple[Flag, ...], int]:
    """The flags at the start of the joined bytes ``low:high``, and the index where the value begins."""
    joined = line.joined
    flags: list[Flag] = []
    position = low
    while True:
        while position < high and joined[position] in _SPACE:
            position += 1
        if not joined.startswith(b"--", position, high):
            return tuple(flags), position
        text, end = _flag_text(joined, position, high, ord(escape))
        if text == "--":
            return tuple(flags), end
        flags.append(Flag(text, line.text(position, end)))
        position = end


def _flag_text(joined: bytes, position: int, high: int, escape: int) -> tuple[str, int]:
    """One flag without its quotes and escapes, and the index behind it."""
    text = bytearray()
    quote = 0
    while position < high:
        byte = joined[position]
        if quote:
            if byte == quote:
                quote = 0
                position += 1
                continue
        elif byte in _SPACE:
            break
        elif byte in _QUOTES:
            quote = byte
            position += 1
            continue
        if byte == escape:
            position += 1
            if position == high:
                break
            byte = joined[position]
        text.append(byte)
        position += 1
    return text.decode("latin-1"), position
