"""A logical line: the ranges of the file that BuildKit joins, seen as one run of bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from dockerlint_alpine.syntax.source import SourceText, Span


class Pieces:
    """The joined bytes of some ranges of a file, and the way back."""

    __slots__ = ("_firsts", "data", "joined", "spans")

    def __init__(self, data: bytes, spans: Sequence[Span]) -> None:
        self.data = data
        self.spans = spans
        self.joined = b"".join([data[start:end] for start, end in spans])
        self._firsts: list[int] = []
        first = 0
        for start, end in spans:
            self._firsts.append(first)
            first += end - start

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pieces) and (self.joined, self.spans) == (other.joined, other.spans)

    def __hash__(self) -> int:
        return hash(self.joined)

    def offset(self, index: int) -> int:
        """The offset in the file of the joined byte ``index`` (of the end for the index behind the last byte)."""
        piece = max(0, bisect_right(self._firsts, index) - 1)
        start, end = self.spans[piece]
        return min(start + index - self._firsts[piece], end)

    def ranges(self, low: int, high: int) -> list[Span]:
        """The ranges of the file that hold the joined bytes ``low:high``."""
        found: list[Span] = []
        piece = max(0, bisect_right(self._firsts, low) - 1)
        while piece < len(self.spans) and self._firsts[piece] < high:
            start, end = self.spans[piece]
            first = self._firsts[piece]
            found.append((start + max(0, low - first), min(end, start + high - first)))
            piece += 1
        return found

    def text(self, low: int, high: int) -> SourceText:
        """The joined bytes ``low:high`` as text."""
        return SourceText.from_pieces(self.data, self.ranges(low, high))

    def cut(self, low: int, high: int) -> Pieces:
        """The joined bytes ``low:high`` as a logical line of their own."""
        return Pieces(self.data, self.ranges(low, high) or [(self.offset(low), self.offset(low))])
