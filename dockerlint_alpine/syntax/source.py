"""Text that remembers where in the file each of its characters was written.

A :class:`SourceText` is a ``str`` with a byte map. The map is a tuple of segments ``(first, offset, width)``: the
characters from index ``first`` up to the next segment lie at ``offset``, each ``width`` bytes long. A segment that
comes from no byte of the file (a default value, a ``--build-arg``) has ``offset == -1``; a segment with a negative
width is *opaque*: it stands, as written, for something that is known only when the image is built (``$(uname -m)``,
a variable that nobody set).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TypeAlias, overload

Span: TypeAlias = tuple[int, int]
"""Byte offsets from the start of the file, 0-based, end exclusive."""

Segment: TypeAlias = tuple[int, int, int]

MAX_VALUE = 16 * 1024
"""Characters of a variable's value; Linux passes no longer one than 128 KiB to a program, and lists are much shorter."""
MAX_EXPANDED = 1024 * 1024
"""Characters that variables bring into one text."""
MAX_SEGMENTS = 64
"""Places of the file that a variable's value remembers."""

_Range: TypeAlias = slice
_NOWHERE = -1
_FAR = 1 << 62
# Runs of characters that take the same number of bytes. A surrogate escape (U+DC80..U+DCFF) stands for one raw byte.
_RUNS = "[\x00-\x7f\udc80-\udcff]+|[\x80-\u07ff]+|[\u0800-\udc7f\udd00-\uffff]+|[\U00010000-\U0010ffff]+"


def _utf8_width(character: str) -> int:
    if character <= "\x7f" or "\udc80" <= character <= "\udcff":
        return 1
    if character <= "\u07ff":
        return 2
    return 3 if character <= "\uffff" else 4


def decode(data: bytes) -> str:
    """UTF-8 bytes as text; a byte that is no UTF-8 becomes one surrogate escape, so nothing is lost."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The reverse of :func:`decode`; a lone surrogate that stands for no byte is written as ``?``."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


class SourceText:
    """An immutable string whose characters remember their bytes in the file."""

    __slots__ = ("_segments", "text")

    text: str
    _segments: tuple[Segment, ...]

    def __init__(self, text: str, segments: tuple[Segment, ...]) -> None:
        self.text = text
        self._segments = segments

    @classmethod
    def literal(cls, text: str) -> SourceText:
        """Known text that stands nowhere in the file."""
        return cls(text, ((0, _NOWHERE, 0),) if text else ())

    @classmethod
    def from_bytes(cls, data: bytes, start: int, end: int) -> SourceText:
        """The text of the bytes ``start:end`` of the file ``data``."""
        piece = data[start:end]
        if piece.isascii():
            return cls(piece.decode("ascii"), ((0, start, 1),) if piece else ())
        text = decode(piece)
        return cls(text, tuple(_segments_of(text, 0, start)))

    @classmethod
    def from_pieces(cls, data: bytes, pieces: Iterable[Span]) -> SourceText:
        """The text of several ranges of ``data``, joined without anything between."""
        texts: list[str] = []
        segments: list[Segment] = []
        first = 0
        for start, end in pieces:
            if start >= end:
                continue
            piece = data[start:end]
            if piece.isascii():
                text = piece.decode("ascii")
                segments.append((first, start, 1))
            else:
                text = decode(piece)
                segments.extend(_segments_of(text, first, start))
            texts.append(text)
            first += len(text)
        return cls("".join(texts), tuple(segments))

    @classmethod
    def concat(cls, parts: Iterable[SourceText]) -> SourceText:
        """The parts one after the other, in linear time."""
        kept = [part for part in parts if part.text]
        if len(kept) == 1:
            return kept[0]
        segments: list[Segment] = []
        first = 0
        for part in kept:
            for start, offset, width in part._segments:  # noqa: SLF001  its own class
                if segments and _continues(segments[-1], start + first, offset, width):
                    continue
                segments.append((start + first, offset, width))
            first += len(part.text)
        return cls("".join(part.text for part in kept), tuple(segments))

    def kept(self, name: str) -> SourceText:
        """The same text as the value of the variable ``name``, of which many may be made of one another.

        What is longer than a value ever is stands as unknown, as written ``${NAME}``. Where it comes from too many places
        of the file it forgets them, so that values which grow from line to line take no more memory than their text.
        """
        if len(self.text) > MAX_VALUE:
            return SourceText.literal("${" + name + "}").opaque()
        if len(self._segments) <= MAX_SEGMENTS:
            return self
        plain = SourceText.literal(self.text)
        return plain if self.known else plain.opaque()

    def opaque(self) -> SourceText:
        """The same text, marked as standing for something unknown."""
        return SourceText(
            self.text, tuple((first, offset, -(abs(width) or 1)) for first, offset, width in self._segments)
        )

    def located_as(self, start: int, end: int) -> SourceText:
        """The same single character, written with the bytes ``start:end`` (an escape sequence)."""
        return SourceText(self.text, ((0, start, end - start),))

    @property
    def known(self) -> bool:
        """True when no part of the text is opaque."""
        return all(width >= 0 for _, _, width in self._segments)

    def opaque_runs(self) -> tuple[tuple[int, int], ...]:
        """The character ranges ``(start, end)`` that are opaque, adjacent ones joined."""
        runs: list[tuple[int, int]] = []
        for first, end, _, width in self._ranges():
            if width >= 0:
                continue
            if runs and runs[-1][1] == first:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((first, end))
        return tuple(runs)

    def _ranges(self) -> Iterator[tuple[int, int, int, int]]:
        segments = self._segments
        for index, (first, offset, width) in enumerate(segments):
            end = segments[index + 1][0] if index + 1 < len(segments) else len(self.text)
            yield first, end, offset, width

    def offset(self, index: int) -> int | None:
        """The byte offset of the character ``index``, or ``None`` when it is not in the file."""
        return self._place(index, 0)

    def end_offset(self, index: int) -> int | None:
        """The byte offset just behind the character ``index``, or ``None`` when it is not in the file."""
        return self._place(index, 1)

    def _place(self, index: int, behind: int) -> int | None:
        """The offset of the character that stands ``behind`` the character ``index`` in its segment."""
        if not 0 <= index < len(self.text):
            return None
        segments = self._segments
        first, offset, width = (
            segments[bisect_right(segments, (index, _FAR, 0)) - 1] if len(segments) > 1 else segments[0]
        )
        return None if offset < 0 else offset + (index - first + behind) * abs(width)

    def span(self) -> Span | None:
        """The bytes from the first character to the last, with what lies between (continuations, quotes).

        ``None`` when the text is empty, when a part is not in the file, or when parts are not in file order.
        """
        if not self.text:
            return None
        segments = self._segments
        if len(segments) == 1:
            _, offset, width = segments[0]
            return None if offset < 0 else (offset, offset + len(self.text) * abs(width))
        behind = 0
        for first, end, offset, width in self._ranges():
            if offset < behind:
                return None
            behind = offset + (end - first) * abs(width)
        return segments[0][1], behind

    def char_span(self, start: int, end: int) -> Span | None:
        """The bytes of the characters ``start:end``; like ``self[start:end].span()`` for a text in file order."""
        if start >= end:
            return None
        low, high = self.offset(start), self.end_offset(end - 1)
        return None if low is None or high is None or high < low else (low, high)

    def slice(self, start: int, end: int) -> SourceText:
        """The characters ``start:end``; both must lie within the text."""
        if start >= end:
            return EMPTY
        text = self.text[start:end]
        segments = self._segments
        if len(segments) == 1:
            _, offset, width = segments[0]
            return SourceText(text, ((0, offset if offset < 0 else offset + start * abs(width), width),))
        index = bisect_right(segments, (start, _FAR, 0)) - 1
        first, offset, width = segments[index]
        found = [(0, offset if offset < 0 else offset + (start - first) * abs(width), width)]
        index += 1
        while index < len(segments) and segments[index][0] < end:
            first, offset, width = segments[index]
            found.append((first - start, offset, width))
            index += 1
        return SourceText(text, tuple(found))

    @overload
    def __getitem__(self, key: int) -> str: ...
    @overload
    def __getitem__(self, key: _Range) -> SourceText: ...
    def __getitem__(self, key: int | _Range) -> str | SourceText:
        if isinstance(key, int):
            return self.text[key]
        start, end, step = key.indices(len(self.text))
        if step != 1:
            raise ValueError("a SourceText slice has no step")
        return self.slice(start, end)

    def __len__(self) -> int:
        return len(self.text)

    def __bool__(self) -> bool:
        return bool(self.text)

    def __add__(self, other: SourceText) -> SourceText:
        return SourceText.concat((self, other))

    def strip(self, characters: str | None = None) -> SourceText:
        """Without the given characters (white space by default) at either end."""
        text = self.text
        start = len(text) - len(text.lstrip(characters))
        return self.slice(start, max(start, len(text.rstrip(characters))))

    def split_fields(self) -> tuple[SourceText, ...]:
        """The fields between runs of white space, as a shell splits them; opaque parts stay whole."""
        return tuple(self.slice(start, end) for start, end in self.field_ranges())

    def field_ranges(self, separators: str = " \t\n") -> Iterator[tuple[int, int]]:
        """The character ranges of :meth:`split_fields`."""
        holes = iter(self.opaque_runs())
        hole = next(holes, None)
        start = -1
        index, size, text = 0, len(self.text), self.text
        while index < size:
            if hole is not None and index == hole[0]:
                start = index if start < 0 else start
                index = hole[1]
                hole = next(holes, None)
                continue
            if text[index] in separators:
                if start >= 0:
                    yield start, index
                start = -1
            elif start < 0:
                start = index
            index += 1
        if start >= 0:
            yield start, size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SourceText) and self.text == other.text and self._segments == other._segments

    def __hash__(self) -> int:
        return hash((self.text, self._segments))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"SourceText({self.text!r}, {self.span()})"


def _segments_of(text: str, first: int, start: int) -> Iterator[Segment]:
    offset = start
    for run in re.finditer(_RUNS, text):
        width = _utf8_width(text[run.start()])
        yield first + run.start(), offset, width
        offset += width * (run.end() - run.start())


def _continues(last: Segment, first: int, offset: int, width: int) -> bool:
    """Whether a segment merely goes on where the last one ends (opaque ones stay apart)."""
    if width != last[2] or width < 0:
        return False
    if offset < 0 or last[1] < 0:
        return offset == last[1]
    return offset == last[1] + (first - last[0]) * width


EMPTY = SourceText("", ())
"""The empty text."""
