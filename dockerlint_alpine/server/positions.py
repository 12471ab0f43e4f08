r"""Byte offsets of a text and the positions of the Language Server Protocol.

A position is a 0-based line and a 0-based count of code units (UTF-8, UTF-16 or UTF-32, as client and server agreed)
from its start. A line ends after ``\n``, ``\r\n`` or a lone ``\r`` (LSP 3.17, "Text Documents"); findings count lines by
``\n`` alone, so the two meet in byte offsets only.
"""

from __future__ import annotations

from bisect import bisect_right

from lsprotocol.types import Position, PositionEncodingKind, Range

from dockerlint_alpine.system.patterns import lazy_pattern

_LINE_END = lazy_pattern(rb"\r\n|\n|\r")
_UTF16_LOW = range(0xDC00, 0xE000)
_BOM = b"\xef\xbb\xbf"


def encode(text: str) -> bytes:
    """The UTF-8 of an editor's text. A lone surrogate, which JSON can carry, becomes three bytes, so nothing is lost."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """The text of bytes, the reverse of :func:`encode`; what is no UTF-8 becomes U+FFFD, as editors show it."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


class Positions:
    """The positions in one text. ``encoding`` is what client and server agreed on.

    ``on_disk`` says that ``data`` was read from a file: a byte order mark in front is then not part of what an editor
    shows.
    """

    __slots__ = ("_encoding", "_shown_from", "_starts", "data")

    def __init__(self, data: bytes, encoding: PositionEncodingKind | str, *, on_disk: bool = False) -> None:
        self.data = data
        self._encoding = encoding
        self._shown_from = len(_BOM) if on_disk and data.startswith(_BOM) else 0
        self._starts = [self._shown_from, *(match.end() for match in _LINE_END.finditer(data, self._shown_from))]

    def position(self, offset: int) -> Position:
        """The position of a byte offset; one outside the text counts as its nearest end."""
        offset = max(self._shown_from, min(offset, len(self.data)))
        line = bisect_right(self._starts, offset) - 1
        before = decode(self.data[self._starts[line] : min(offset, self._end(line))])
        return Position(line, self._units(before))

    def range(self, start: int, end: int) -> Range:
        """The range between two byte offsets."""
        return Range(self.position(start), self.position(end))

    def offset(self, position: Position) -> int:
        """The byte offset of a position. One behind the end of its line counts as that end, as LSP asks; one within a
        character as that character's start."""
        if position.line >= len(self._starts):
            return len(self.data)
        start = self._starts[position.line]
        line = decode(self.data[start : self._end(position.line)])
        return start + len(encode(self._head(line, position.character)))

    def line_range(self, line: int) -> Range:
        r"""A line as findings count them (1-based, by ``\n``), without its line end; the last one where there are fewer."""
        start = 0
        for _ in range(line - 1):
            found = self.data.find(b"\n", start)
            if found < 0:
                break
            start = found + 1
        end = self.data.find(b"\n", start)
        text = self.data[start : len(self.data) if end < 0 else end].rstrip(b"\r")
        return self.range(start, start + len(text))

    def _end(self, line: int) -> int:
        """The offset behind the last character of a line, before its line end."""
        if line + 1 == len(self._starts):
            return len(self.data)
        after = self._starts[line + 1]
        return after - (2 if self.data[after - 2 : after] == b"\r\n" else 1)

    def _units(self, text: str) -> int:
        match self._encoding:
            case PositionEncodingKind.Utf8:
                return len(encode(text))
            case PositionEncodingKind.Utf32:
                return len(text)
            case _:
                return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)

    def _head(self, line: str, units: int) -> str:
        """The characters of ``line`` that end within its first ``units`` code units."""
        match self._encoding:
            case PositionEncodingKind.Utf8:
                data = encode(line)
                while 0 < units < len(data) and data[units] & 0xC0 == 0x80:
                    units -= 1
                return decode(data[:units])
            case PositionEncodingKind.Utf32:
                return line[:units]
            case _:
                return _utf16_head(line, units)


def _utf16_head(line: str, units: int) -> str:
    data = line.encode("utf-16-le", "surrogatepass")
    end = min(2 * units, len(data))
    if 0 < end < len(data) and int.from_bytes(data[end : end + 2], "little") in _UTF16_LOW:
        before = data[end - 2 : end].decode("utf-16-le", "surrogatepass")
        if "\ud800" <= before <= "\udbff":
            end -= 2
    return data[:end].decode("utf-16-le", "surrogatepass")
