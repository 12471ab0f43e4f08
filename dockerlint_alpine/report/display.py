"""Bytes and text made safe and measurable for a terminal.

Nothing that comes from an analysed file reaches the terminal raw: control characters, invisible direction marks and
bytes that are not UTF-8 are shown by their number, so no file can move the cursor or forge a line of output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dockerlint_alpine.system.patterns import lazy_pattern

TAB = 4
_BOM = "\ufeff"
UNSAFE = lazy_pattern(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_UNSAFE_IN_LINES = lazy_pattern(f"(?![\t\n\r]){UNSAFE.pattern}")
_SURROGATE = lazy_pattern("[\ud800-\udfff]")


def _by_number(match: re.Match[str]) -> str:
    number = ord(match[0])
    if 0xDC80 <= number <= 0xDCFF:  # surrogateescape: a byte that was not UTF-8
        return f"\\x{number - 0xDC00:02x}"
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def printable(text: str) -> str:
    r"""Return one line without anything that a terminal could obey: line ends become spaces, the rest ``\x1b``."""
    if text.isascii() and text.isprintable():
        return text
    return UNSAFE.sub(_by_number, text.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))


def escaped(text: str) -> str:
    r"""Return a text of lines with all but its line ends, tabs and printable characters by number (``\x1b``)."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE_IN_LINES.sub(_by_number, text)


def scrub(text: str) -> str:
    """Return the text with lone surrogates replaced by U+FFFD, so that every program can read it as UTF-8."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def cells(text: str) -> int:
    """How many terminal cells a printable text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if char.isascii():
        return 1
    from unicodedata import combining, east_asian_width

    if combining(char) or char in "\u200c\u200d\ufe0e\ufe0f":
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


class ShownLine:
    """A line of a file as a terminal shows it: tabs widened, everything unsafe by number, long lines cut.

    ``text`` is the line; ``cell(column)`` says in which cell (0-based) the byte column starts.
    """

    __slots__ = ("_cells", "_first", "text")

    _ROOM = 4096
    """Bytes looked at around the interesting column: a line may be megabytes long."""

    def __init__(self, raw: bytes, column: int, width: int) -> None:
        first = max(0, column - 1 - self._ROOM // 4) if len(raw) > self._ROOM else 0
        while first < len(raw) and raw[first] & 0xC0 == 0x80:  # not into the middle of a character
            first += 1
        last = min(len(raw), first + self._ROOM)
        while first < last < len(raw) and raw[last] & 0xC0 == 0x80:
            last -= 1
        glyphs = list(_glyphs(raw[first:last].decode("utf-8", "surrogateescape")))
        self._first = first
        self.text, self._cells = _cut(
            glyphs, column - 1 - first, width, cut_before=first > 0, cut_after=last < len(raw)
        )

    def cell(self, column: int) -> int:
        """Return the cell of a byte column; columns that were cut away are moved to the nearest cell shown."""
        return self._cells[max(0, min(column - 1 - self._first, len(self._cells) - 1))]


def _glyphs(text: str) -> Iterator[tuple[str, int]]:
    """Return what each character is shown as, with the number of bytes that it takes in the file."""
    column = 0
    for char in text:
        if char == "\t":
            shown = " " * (TAB - column % TAB)
        elif char == _BOM:
            shown = ""
        else:
            shown = UNSAFE.sub(_by_number, char)
        column += cells(shown)
        yield shown, len(char.encode("utf-8", "surrogateescape"))


def _cut(
    glyphs: list[tuple[str, int]], focus: int, width: int, *, cut_before: bool, cut_after: bool
) -> tuple[str, list[int]]:
    """Return the part of a line that fits and keeps the byte ``focus`` in sight.

    Returns the text, and the cell where every byte is shown, with the cell of the line's end last.
    """
    total = sum(cells(shown) for shown, _ in glyphs)
    whole = total <= width and not (cut_before or cut_after)
    room = total if whole else max(8, width - 6)  # "..." on both sides
    left = 0 if whole else max(0, min(_cell_of(glyphs, focus) - room // 3, total - room))
    before = "..." if cut_before or left > 0 else ""
    after = "..." if cut_after or left + room < total else ""
    pieces = [before]
    shown_at: list[int] = []
    cell, reached = 0, len(before)
    for shown, size in glyphs:
        shown_at.extend([reached] * size)
        if left <= cell and cell + cells(shown) <= left + room:
            pieces.append(shown)
            reached += cells(shown)
        cell += cells(shown)
    return "".join([*pieces, after]), [*shown_at, reached]


def _cell_of(glyphs: list[tuple[str, int]], focus: int) -> int:
    """Return the cell of a byte in the uncut line."""
    cell = offset = 0
    for shown, size in glyphs:
        if offset >= focus:
            break
        cell += cells(shown)
        offset += size
    return cell


def wrap(text: str, width: int) -> list[str]:
    """Return a printable line broken at spaces so that no part is wider than ``width`` unless a single word is."""
    if cells(text) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def hanging(lead: str, text: str, width: int, indent: int) -> Iterator[str]:
    """Yield ``text`` as lines no wider than ``width`` cells: the first behind ``lead``, the others ``indent`` cells in."""
    first, *others = wrap(printable(text), width - indent)
    yield f"{lead}{first}"
    yield from (f"{' ' * indent}{other}" for other in others)
