r"""Byte offsets to lines and columns, and lines to bytes.

A line ends after ``\n``, as BuildKit cuts them; a ``\r`` before it belongs to the line end, not to the line.
"""

from __future__ import annotations

from bisect import bisect_right

_BOM = b"\xef\xbb\xbf"


class Lines:
    """The lines of a file. Lines and columns are 1-based; columns count bytes; offsets are 0-based."""

    __slots__ = ("_starts", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        starts = [0]
        end = data.find(b"\n")
        while end >= 0:
            starts.append(end + 1)
            end = data.find(b"\n", end + 1)
        self._starts = starts

    @property
    def count(self) -> int:
        """Lines as an editor counts them: a final newline does not begin another one."""
        return len(self._starts) - (self._starts[-1] == len(self.data))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and byte column of an offset; one past the end of the file is a position too."""
        offset = max(0, min(offset, len(self.data)))
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def start(self, line: int) -> int:
        """Return the offset where a line starts; for a line past the last one, the end of the file."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.data)

    def line(self, line: int) -> bytes:
        """Return the bytes of a line without its line end; empty for a line that the file does not have."""
        if not 1 <= line <= len(self._starts):
            return b""
        return self.data[self.start(line) : self.start(line + 1)].removesuffix(b"\n").removesuffix(b"\r")

    def characters(self, line: int, column: int) -> int:
        """Return the 1-based column in Unicode characters of a byte column; a byte that is not UTF-8 counts as one.

        A byte order mark at the start of the file counts as nothing (SARIF 2.1.0, section 3.30.2), as in editors.
        """
        before = self.line(line)[: column - 1]
        if line == 1:
            before = before.removeprefix(_BOM)
        return len(before.decode("utf-8", "surrogateescape")) + 1
