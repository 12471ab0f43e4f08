"""The part of the source that a finding is about, with line numbers and the range marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.report.display import ShownLine
from dockerlint_alpine.report.paint import BLUE, BOLD, DIM, Paint

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Location
    from dockerlint_alpine.report.positions import Lines

_HEAD, _TAIL = 4, 1
"""Lines of a long range that are shown: its beginning and its end."""


def gutter_width(lines: Lines, location: Location) -> int:
    """Digits of the largest line number that the excerpt may show."""
    return len(str(min(location.end_line, max(lines.count, location.line))))


def excerpt(lines: Lines, location: Location, *, width: int, color: str, paint: Paint) -> list[str]:
    """Return the lines of an excerpt below an empty gutter line; nothing when the file has no such line.

    ``width`` is the room for everything, ``color`` paints the marks.
    """
    if not 1 <= location.line <= lines.count:
        return []
    last, end_column = _end(lines, location)
    gutter = gutter_width(lines, location)
    margin = paint(" " * gutter + " |", BLUE, BOLD)
    room = width - gutter - 3
    if last == location.line:
        body = _single(lines, location, end_column, gutter=gutter, room=room, color=color, paint=paint)
    else:
        body = _range(lines, location, last, end_column, gutter=gutter, room=room, color=color, paint=paint)
    return [margin, *body]


def _end(lines: Lines, location: Location) -> tuple[int, int]:
    """Return the last line with something of the range in it, and the column after it there."""
    line, column = min(location.end_line, lines.count), location.end_column
    if line > location.line and column <= 1:
        return line - 1, len(lines.line(line - 1)) + 1
    return max(line, location.line), column


def _numbered(number: int, text: str, gutter: int, paint: Paint) -> str:
    return f"{paint(f'{number:>{gutter}} |', BLUE, BOLD)} {text}".rstrip()


def _single(
    lines: Lines, location: Location, end_column: int, *, gutter: int, room: int, color: str, paint: Paint
) -> list[str]:
    shown = ShownLine(lines.line(location.line), location.column, room)
    start = shown.cell(location.column)
    marks = "^" * max(1, min(shown.cell(end_column), room) - start)
    return [
        _numbered(location.line, shown.text, gutter, paint),
        f"{paint(' ' * gutter + ' |', BLUE, BOLD)} {' ' * start}{paint(marks, color, BOLD)}",
    ]


def _range(
    lines: Lines, location: Location, last: int, end_column: int, *, gutter: int, room: int, color: str, paint: Paint
) -> list[str]:
    rail = paint("|", color, BOLD)
    body: list[str] = []
    first = location.line
    for number in range(first, last + 1):
        if last - first + 1 > _HEAD + _TAIL + 1 and first + _HEAD <= number <= last - _TAIL:
            if number == first + _HEAD:
                body.append(f"{paint('.' * gutter + ' |', BLUE, BOLD)} {rail} {paint('...', DIM)}")
            continue
        shown = ShownLine(lines.line(number), end_column if number == last else 1, room - 2)
        mark = paint("/", color, BOLD) if number == first else rail
        body.append(_numbered(number, f"{mark} {shown.text}", gutter, paint))
    cell = max(0, ShownLine(lines.line(last), end_column, room - 2).cell(end_column) - 1)
    body.append(f"{paint(' ' * gutter + ' |', BLUE, BOLD)} {paint('|' + '_' * (cell + 1) + '^', color, BOLD)}")
    return body
