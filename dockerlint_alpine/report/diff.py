"""A unified diff of bytes that ``git apply`` and ``patch`` accept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from dockerlint_alpine.report.display import escaped
from dockerlint_alpine.report.paths import portable

_Opcode: TypeAlias = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]

_CONTEXT = 3
_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_RED, _GREEN, _CYAN, _BOLD, _RESET = b"\x1b[31m", b"\x1b[32m", b"\x1b[36m", b"\x1b[1m", b"\x1b[0m"
_ESCAPES = {
    0x07: "\\a",
    0x08: "\\b",
    0x09: "\\t",
    0x0A: "\\n",
    0x0B: "\\v",
    0x0C: "\\f",
    0x0D: "\\r",
    0x22: '\\"',
    0x5C: "\\\\",
}


def diff(path: str, old: bytes, new: bytes, *, color: bool = False, for_eyes: bool = False) -> bytes:
    r"""Render the change of one file as a patch of ``a/path`` and ``b/path``; empty when nothing changes.

    Lines are cut after ``\n`` only and kept byte by byte, so CRLF, bytes that are not UTF-8 and a missing final
    newline survive. Names are quoted as git quotes them. ``color`` adds escape sequences; such text is for eyes only.
    ``for_eyes`` (a terminal) shows by number what a terminal could obey.
    """
    if old == new:
        return b""
    name = portable(path).lstrip("/")
    pieces = [(_BOLD, b"--- " + _name(f"a/{name}") + b"\n"), (_BOLD, b"+++ " + _name(f"b/{name}") + b"\n")]
    pieces += _hunks(_lines(old), _lines(new))
    if for_eyes or color:
        pieces = [(style, _shown(line)) for style, line in pieces]
    if not color:
        return b"".join(line for _, line in pieces)
    return b"".join(_painted(style, line) for style, line in pieces)


def _shown(line: bytes) -> bytes:
    """A line as a terminal may show it: only its own line end is left of what steers one."""
    text = line.decode("utf-8", "surrogateescape")
    end = "\r\n" if text.endswith("\r\n") else "\n" if text.endswith("\n") else ""
    return (escaped(text.removesuffix(end)).replace("\r", "\\x0d") + end).encode("utf-8")


def _painted(style: bytes, line: bytes) -> bytes:
    """Paint a line up to its line end, so that the style can't run into the next line."""
    return style + line.removesuffix(b"\n") + _RESET + b"\n" if style else line


def _lines(data: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop().removesuffix(b"\n")
    return [*lines, last] if last else lines


def _name(path: str) -> bytes:
    """Return a path as git writes it in a header: odd bytes as C escapes within quotes, a tab after one with spaces.

    The rule is git's ``quote_c_style`` with ``core.quotePath`` on.
    """
    raw = path.encode("utf-8", "surrogateescape")
    if all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in raw):
        return raw + b"\t" if b" " in raw else raw
    quoted = "".join(_ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}") for byte in raw)
    return f'"{quoted}"'.encode("ascii")


def _hunks(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Styled lines of all hunks."""
    for group in _Matcher(old, new).get_grouped_opcodes(_CONTEXT):
        _, old_start, _, new_start, _ = group[0]
        _, _, old_end, _, new_end = group[-1]
        ranges = _range(old_start, old_end - old_start), _range(new_start, new_end - new_start)
        yield _CYAN, f"@@ -{ranges[0]} +{ranges[1]} @@\n".encode("ascii")
        for tag, from_, to, new_from, new_to in group:
            if tag == "equal":
                yield from ((b"", _marked(b" ", line)) for line in old[from_:to])
                continue
            yield from ((_RED, _marked(b"-", line)) for line in old[from_:to])
            yield from ((_GREEN, _marked(b"+", line)) for line in new[new_from:new_to])


class _Matcher(SequenceMatcher[bytes]):
    """Compares only what is between the equal ends, so that a long file costs little. The ends are context all the same:
    git takes a hunk without it for one that ends the file."""

    def __init__(self, old: Sequence[bytes], new: Sequence[bytes]) -> None:
        self._head = _common(old, new)
        self._tail = _common(old[self._head :][::-1], new[self._head :][::-1])
        self._ends = len(old), len(new)
        super().__init__(None, old[self._head : len(old) - self._tail], new[self._head : len(new) - self._tail])

    def get_opcodes(self) -> list[_Opcode]:
        """The steps from the old lines to the new, the equal ends included."""
        head, tail, (old, new) = self._head, self._tail, self._ends
        between: list[_Opcode] = [
            (tag, from_ + head, to + head, new_from + head, new_to + head)
            for tag, from_, to, new_from, new_to in super().get_opcodes()
        ]
        before: list[_Opcode] = [("equal", 0, head, 0, head)] if head else []
        behind: list[_Opcode] = [("equal", old - tail, old, new - tail, new)] if tail else []
        return [*before, *between, *behind]


def _common(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Count the lines that the two begin with in common."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _range(start: int, length: int) -> str:
    """Return a range as POSIX ``diff -u`` writes it: 1-based, an empty one after the line before it."""
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _marked(mark: bytes, line: bytes) -> bytes:
    return mark + (line if line.endswith(b"\n") else line + _NO_NEWLINE)
