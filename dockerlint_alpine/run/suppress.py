"""Comments that silence a finding: ``# alpine-doctor: ignore[AD201] reason`` above an instruction or among its lines.

``# alpine-doctor: ignore-file[AD5]`` anywhere in the file holds for all of it. Several codes are separated by commas;
a prefix of a code stands for all that begin with it. A comment that silences nothing is a finding itself, AD001, and
one that cannot be read, or has no reason where one is required, is AD002.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.checks.ad001_unused_suppression import CHECK as UNUSED
from dockerlint_alpine.checks.ad002_invalid_suppression import CHECK as INVALID
from dockerlint_alpine.model.findings import CODE_PREFIX, Evidence, Finding, Fix, Location, TextEdit
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.checks.base import Check

_MARK = b"alpine-doctor:"
_COMMENT = lazy_pattern(
    rb"^(?:\xef\xbb\xbf)?(?P<line>[ \t]*(?P<comment>#[ \t]*alpine-doctor:[ \t]*(?P<word>[A-Za-z-]+)[ \t]*"
    rb"(?P<list>\[(?P<codes>[^\]\r\n]*)\])?[ \t]*(?P<reason>[^\r\n]*?))[ \t]*)\r?$",
    re.MULTILINE,
)
_FILES = lazy_pattern(rb"\s*(?:onbuild\s+)?(?:copy|add)\s", re.IGNORECASE)
_CODE = lazy_pattern(CODE_PREFIX)


class _Suppression(Struct, frozen=True):
    """One comment: its line, what it says, and the lines of the file (1-based, inclusive) that it holds for."""

    line: int
    match: re.Match[bytes]
    first: int
    last: int

    @property
    def codes(self) -> tuple[str, ...]:
        written = (self.match["codes"] or b"").decode("utf-8", "replace")
        return tuple(code.strip() for code in written.split(",") if code.strip())

    @property
    def problem(self) -> str | None:
        """Why the comment cannot be obeyed, if so."""
        if self.match["word"] not in (b"ignore", b"ignore-file"):
            return f"`{self.match['word'].decode()}` is not an alpine-doctor directive; write `ignore[AD201]`"
        if not self.codes:
            return "names no code; write `ignore[AD201]`"
        wrong = [code for code in self.codes if not _CODE.fullmatch(code)]
        return f"`{wrong[0]}` is not a code or a prefix of one, such as AD201" if wrong else None

    def covers(self, finding: Finding, code: str) -> bool:
        return self.first <= finding.location.line <= self.last and finding.code.startswith(code)


class Comment(Struct, frozen=True):
    """A suppression above an instruction: its line (1-based), and byte offsets of the end of its codes and its own."""

    line: int
    codes_end: int
    end: int
    has_reason: bool


def existing(source: bytes, spans: Sequence[tuple[int, int]]) -> dict[int, Comment]:
    """The nearest valid ``ignore`` comment above each instruction that has one, by the number (0-based) of its span."""
    if _MARK not in source:
        return {}
    numbers = {first: number for number, (first, _) in enumerate(spans)}
    return {
        numbers[one.first]: Comment(
            one.line, one.match.end("codes"), one.match.end("comment"), has_reason=bool(one.match["reason"])
        )
        for one in _read(source, spans)
        if one.problem is None and one.match["word"] == b"ignore" and one.line < one.first and one.first in numbers
    }


def apply(
    findings: Sequence[Finding], source: bytes, spans: Sequence[tuple[int, int]], *, require_reason: bool = False
) -> tuple[tuple[Finding, ...], tuple[Finding, ...], tuple[Finding, ...]]:
    """Part findings into those kept and those suppressed, and say which suppressions are unused or invalid.

    ``spans`` are the first and last line (1-based, inclusive) of each instruction, in order. ``findings`` must be all
    that the checks have found, before any selection, or comments for codes that are not selected would look unused.

    Returns the findings kept, those suppressed, and new findings (AD001, AD002) about the comments themselves.
    """
    if _MARK not in source:
        return tuple(findings), (), ()
    suppressions = tuple(_read(source, spans))
    valid = [suppression for suppression in suppressions if suppression.problem is None]
    used: set[tuple[int, str]] = set()
    kept: list[Finding] = []
    suppressed: list[Finding] = []
    for finding in findings:
        reasons = [(one.line, code) for one in valid for code in one.codes if one.covers(finding, code)]
        used.update(reasons)
        (suppressed if reasons else kept).append(finding)
    about = [
        finding for one in suppressions for finding in _about(one, source, used=used, require_reason=require_reason)
    ]
    return tuple(kept), tuple(suppressed), tuple(about)


def _read(source: bytes, spans: Sequence[tuple[int, int]]) -> Iterator[_Suppression]:
    """Find the comments of ours, each with the lines that it holds for."""
    starts = [first for first, _ in spans]
    line, counted = 1, 0
    for match in _COMMENT.finditer(source):
        if match["list"] is None and not match["word"].startswith(b"ignore"):
            continue  # prose
        line += source.count(b"\n", counted, match.start("comment"))
        counted = match.start("comment")
        inside = bisect_right(starts, line) - 1
        within = inside >= 0 and line <= spans[inside][1]
        if within and (line == spans[inside][0] or _is_file_content(source, counted, line - spans[inside][0])):
            continue
        following = inside if within else bisect_left(starts, line)
        if match["word"] == b"ignore-file":
            yield _Suppression(line, match, 1, source.count(b"\n") + 1)
        elif following < len(spans):
            yield _Suppression(line, match, *spans[following])
        else:
            yield _Suppression(line, match, 1, 0)


def _is_file_content(source: bytes, offset: int, lines_above: int) -> bool:
    """Whether the comment stands in an instruction that writes files, where a heredoc's lines are no comments."""
    start = offset
    for _ in range(lines_above + 1):
        start = source.rfind(b"\n", 0, start)
    return _FILES.match(source, start + 1) is not None


def _about(one: _Suppression, source: bytes, *, used: set[tuple[int, str]], require_reason: bool) -> Iterator[Finding]:
    """Say what is wrong with a comment itself."""
    if one.problem is not None:
        yield _finding(INVALID, one, source, message=f"this suppression {one.problem}", detail="it silences nothing")
        return
    unused = tuple(code for code in one.codes if (one.line, code) not in used)
    if unused:
        where = f"in lines {one.first} to {one.last}" if one.last else "after it"
        message = f"nothing to suppress for {', '.join(unused)}"
        fix = _removal(one, source, unused)
        yield _finding(UNUSED, one, source, message=message, detail=f"no such finding {where}", fix=fix)
    if require_reason and not one.match["reason"]:
        yield _finding(INVALID, one, source, message="this suppression gives no reason", detail="reasons are required")


def _finding(
    check: Check, one: _Suppression, source: bytes, *, message: str, detail: str, fix: Fix | None = None
) -> Finding:
    start, end = one.match.span("comment")
    column = start - (source.rfind(b"\n", 0, start) + 1) + 1
    location = Location(one.line, column, one.line, column + end - start)
    return check.finding(message, at=location, evidence=(Evidence("dockerfile", detail),), fix=fix)


def _removal(one: _Suppression, source: bytes, unused: tuple[str, ...]) -> Fix:
    """Without the unused codes, or without the comment. Unsafe: another platform may still need it."""
    left = [code for code in one.codes if code not in unused]
    if left:
        edit = TextEdit(*one.match.span("codes"), ", ".join(left))
    else:
        line_end = source.find(b"\n", one.match.start("line"))
        edit = TextEdit(one.match.start("line"), len(source) if line_end < 0 else line_end + 1, "")
    return Fix(f"remove {', '.join(unused)} from the suppression" if left else "remove the comment", "unsafe", (edit,))
