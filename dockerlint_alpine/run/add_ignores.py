"""``check --add-ignore``: writes ``# alpine-doctor: ignore[AD201] reason`` above the instruction of each finding.

A comment goes on a line of its own directly above the instruction, with its indentation and line ending, so never into a
heredoc or between continued lines, and never above a parser directive, which would be one no more. Where a comment of
ours stands there already, the codes join it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.run.suppress import existing
from dockerlint_alpine.syntax import Dockerfile, Instruction, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.model.findings import Finding

_BOM = b"\xef\xbb\xbf"


class AddIgnoreError(Exception):
    """The comments can't be added; the text is one line for the user, and nothing was changed."""


class Added(Struct, frozen=True):
    """The codes that one comment silences from now on. ``line`` is the comment's, 1-based, in the new text."""

    line: int
    codes: tuple[str, ...]


def clean_reason(reason: str) -> str:
    """``reason`` as it stands in a comment. Raises AddIgnoreError for what is no line of text."""
    text = reason.strip()
    if not text.isprintable():
        raise AddIgnoreError("a reason is one line of printable text")
    return text


def silenced(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that a comment is for: not what could not be checked, and not what is said of comments themselves."""
    return [one for one in findings if not one.could_not_judge and not one.traits.about_comment]


def add_ignores(source: bytes, findings: Iterable[Finding], *, reason: str = "") -> tuple[bytes, tuple[Added, ...]]:
    """The Dockerfile ``source`` with a comment for each of these findings on it, and what was added where.

    Findings that stand in no instruction are left alone. Raises AddIgnoreError where the result would be another
    Dockerfile than before.
    """
    dockerfile = parse(source)
    wanted: dict[int, set[str]] = {}
    for finding in silenced(findings):
        number = _instruction_at(dockerfile.instructions, finding.location.line)
        if number is not None:
            wanted.setdefault(number, set()).add(finding.code)
    known = existing(source, [(one.line, one.end_line) for one in dockerfile.instructions])
    text = bytearray(source)
    for number in sorted(wanted, reverse=True):
        codes = sorted(wanted[number])
        comment = known.get(number)
        if comment is not None:
            if reason and not comment.has_reason:
                text[comment.end : comment.end] = f" {reason}".encode()
            text[comment.codes_end : comment.codes_end] = f", {', '.join(codes)}".encode()
        else:
            instruction = dockerfile.instructions[number]
            start = _line_start(source, instruction)
            indent = source[start : instruction.start]
            indent = indent if not indent.strip(b" \t") else b""
            written = f"# alpine-doctor: ignore[{', '.join(codes)}]{' ' if reason else ''}{reason}"
            text[start:start] = indent + written.encode() + _line_end(source, start)
    new = bytes(text)
    _confirm(dockerfile, new)
    return new, _told(source, new, wanted)


def _instruction_at(instructions: Sequence[Instruction], line: int) -> int | None:
    return next((number for number, one in enumerate(instructions) if one.line <= line <= one.end_line), None)


def _line_start(source: bytes, instruction: Instruction) -> int:
    start = source.rfind(b"\n", 0, instruction.start) + 1
    return len(_BOM) if start == 0 and source.startswith(_BOM) else start


def _line_end(source: bytes, start: int) -> bytes:
    """The ending of the line at ``start``; of the file's first line, where that one has none."""
    end = source.find(b"\n", start)
    if end < 0:
        end = source.find(b"\n")
    return b"\r\n" if end > 0 and source[end - 1 : end] == b"\r" else b"\n"


def _confirm(old: Dockerfile, new: bytes) -> None:
    """Make sure that only comments came: the same instructions with the same words, under the same directives."""
    if _said(parse(new)) != _said(old):
        raise AddIgnoreError("a comment would change the meaning of the Dockerfile; write it by hand")


def _said(dockerfile: Dockerfile) -> list[object]:
    directives = [(one.name, one.value) for one in dockerfile.directives]
    words = [
        (one.keyword, one.value, one.flags, tuple(heredoc.content for heredoc in one.heredocs))
        for one in dockerfile.instructions
    ]
    return [dockerfile.escape, directives, *words]


def _told(source: bytes, new: bytes, wanted: dict[int, set[str]]) -> tuple[Added, ...]:
    if new == source:
        return ()
    instructions = parse(new).instructions
    known = existing(new, [(one.line, one.end_line) for one in instructions])
    return tuple(Added(known[number].line, tuple(sorted(wanted[number]))) for number in sorted(wanted))
