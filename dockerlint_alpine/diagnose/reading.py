r"""Streams a log of any size in bounded memory and hands out only the lines that may matter.

A log is read in blocks. Lines are found through short literals (every pattern names one that its line must have), so
most of a large log is never decoded. A literal ``\n`` ends a line too, as in the quoted logs of Ansible, and so does a
carriage return; the number of a line always counts real line ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern

BLOCK = 1 << 20
"""Bytes read at once."""

LONGEST_LINE = 4096
"""Bytes of one line that are looked at around the literal; the rest of a longer line is left out."""

MOST_PARTS = 50
"""Parts of over-long lines that are looked at in one block: no log has more to say in one line."""

SAMPLES = 20
"""Lines that are looked at in one block where a text is said over and over."""

MOST_OF_ONE = 200
"""Lines with one literal that are looked at in one block: the first and the last of them."""

MOST_ALIKE = 4
"""Lines of a block that are looked at where they differ in digits alone (times, counters, line numbers)."""

_ABOVE = 300
"""Bytes above a line that go with it."""

_DIGITS = b"0123456789.: \t"
_BREAK = b"\x1e"
"""Stands for an escaped line end once a block is in memory (the ASCII record separator)."""

_FEW = 1 << 14
"""Bytes that are searched faster than their words are collected."""

_LETTERS = bytes(code if chr(code).isascii() and chr(code).isalpha() else 32 for code in range(256))
"""Translates everything but ASCII letters to spaces."""

_ENDS = lazy_pattern(rb"[\n\r\x1e]")
_END_BYTES = b"\n\r\x1e"
_BOMS = (b"\xff\xfe", b"\xfe\xff")


class Source(Protocol):
    """What a log is read from: an open binary file."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""


class Line(Struct, frozen=True):
    """One line of interest: its 1-based number and its text as it stands in the log (no line end).

    ``literals`` are those that the lines around it may hold; others are not in it.
    """

    number: int
    text: str
    literals: tuple[bytes, ...] = ()
    _before: bytes = b""

    def above(self) -> str:
        """Return the nearest line above that is not empty, as far as it is at hand; empty where there is none."""
        lines = _ENDS.split(self._before)
        return next((line.decode("utf-8", "replace") for line in reversed(lines) if line.strip()), "")


def interesting_lines(
    source: Source,
    literals: Sequence[bytes],
    sampled: Sequence[bytes] = (),
    progress: Callable[[int], object] | None = None,
) -> Iterator[Line]:
    """Yield the lines that hold one of ``literals`` (case counts), in order; ``progress`` is told the bytes read.

    Of the lines that hold one of ``sampled``, the first few of each block are enough. Bytes that are no UTF-8 become
    U+FFFD. A UTF-16 log (PowerShell's ``>``) is understood.
    """
    number = 1
    rest = b""
    for block in _blocks(source, progress):
        text = rest + block
        cut = _last_end(text)
        whole, rest = text[:cut], text[cut:]
        yield from _lines_of(whole, number, literals, sampled)
        number += whole.count(b"\n")
    yield from _lines_of(rest, number, literals, sampled)


def _blocks(source: Source, progress: Callable[[int], object] | None) -> Iterator[bytes]:
    done = 0
    encoding = None
    held = b""
    while block := source.read(BLOCK):
        if not done and block[:2] in _BOMS:
            encoding = "utf-16-le" if block[:2] == b"\xff\xfe" else "utf-16-be"
            block = block[2:]
        done += len(block)
        if encoding is not None:
            block = held + block
            whole = len(block) & ~1  # units of two bytes
            block, held = block[:whole], block[whole:]
            block = block.decode(encoding, "replace").encode()
        if progress is not None:
            progress(done)
        yield block.replace(b"\\r\\n", _BREAK).replace(b"\\n", _BREAK)


def _last_end(text: bytes) -> int:
    """Where the last complete line ends; a line longer than a block is cut, well before what may still go on."""
    newline = text.rfind(b"\n") + 1
    if newline or len(text) <= 2 * BLOCK:
        return newline
    latest = len(text) - LONGEST_LINE
    return max(text.rfind(_BREAK), text.rfind(b" ", 0, latest)) + 1 or latest


def _lines_of(text: bytes, first: int, literals: Sequence[bytes], sampled: Sequence[bytes]) -> Iterator[Line]:
    number, counted = first, 0
    possible = tuple(_possible(text, (*literals, *sampled)))
    often = frozenset(sampled).difference(literals)
    always = _starts(text, [literal for literal in possible if literal not in often], MOST_OF_ONE // 2, last=True)
    some = _starts(text, [literal for literal in possible if literal in often], SAMPLES)
    alike: dict[bytes, int] = {}
    for start in sorted(always | some):
        line = text[start : _line_end(text, start)]
        if len(text) >= _FEW:
            key = line.translate(None, _DIGITS)
            alike[key] = alike.get(key, 0) + 1
            if alike[key] > MOST_ALIKE:
                continue
        number += text.count(b"\n", counted, start)
        counted = start
        yield Line(number, line.decode("utf-8", "replace"), possible, text[max(0, start - _ABOVE) : start])


def _starts(text: bytes, literals: Sequence[bytes], most: int, *, last: bool = False) -> set[int]:
    """The offsets at which lines with a literal start (or, in a very long line, the part around it).

    Of each literal the first ``most`` lines are taken, with ``last`` also as many of the last.
    """
    starts = set[int]()
    parts = 0
    for literal in literals:
        position = text.find(literal)
        found = 0
        while position >= 0:
            if found == most:
                if last:
                    starts.update(_last_starts(text, literal, position, most))
                break
            start = _line_start(text, position)
            found += 1
            if start not in starts:
                parts += start > 0 and text[start - 1] not in _END_BYTES
                if parts > MOST_PARTS:
                    break
                starts.add(start)
            position = text.find(literal, max(_line_end(text, start), position + len(literal)))
    return starts


def _last_starts(text: bytes, literal: bytes, after: int, most: int) -> Iterator[int]:
    """The starts of the last ``most`` lines with a literal that come after an offset."""
    end = len(text)
    for _ in range(most):
        position = text.rfind(literal, after, end)
        if position < 0:
            return
        start = _line_start(text, position)
        yield start
        end = min(start, position)


def _possible(text: bytes, literals: Sequence[bytes]) -> Iterable[bytes]:
    """The literals all of whose words are in ``text``, perhaps as parts of words: a log has few different words.

    One look at the words in place of hundreds of searches makes a large log an order of magnitude faster.
    """
    if len(text) < _FEW:
        return literals
    words = b" ".join(set(text.translate(_LETTERS).split()))
    return [literal for literal in literals if all(word in words for word in _words(literal))]


@lru_cache(maxsize=4096)
def _words(literal: bytes) -> tuple[bytes, ...]:
    """The words of a literal, longest first: that one is the rarest."""
    return tuple(sorted(literal.translate(_LETTERS).split(), key=len, reverse=True))


def _line_start(text: bytes, position: int) -> int:
    lowest = max(0, position - LONGEST_LINE // 2)
    found = max(text.rfind(end, lowest, position) for end in (b"\n", b"\r", _BREAK))
    return found + 1 if found >= 0 else lowest


def _line_end(text: bytes, start: int) -> int:
    highest = min(len(text), start + LONGEST_LINE)
    match = _ENDS.search(text, start, highest)
    return match.start() if match is not None else highest
