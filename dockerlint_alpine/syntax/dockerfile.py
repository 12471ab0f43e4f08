"""The Dockerfile parser: any bytes in, a tree with byte offsets out, nothing lost.

It follows BuildKit's frontend/dockerfile/parser/parser.go line by line in what it reads, and differs in one thing:
where BuildKit stops with an error, this parser records a :class:`SyntaxProblem` and goes on.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.syntax.directives import Directive, DirectiveReader
from dockerlint_alpine.syntax.expand import LexError
from dockerlint_alpine.syntax.flags import extract_flags
from dockerlint_alpine.syntax.gotext import WHITESPACE_RUN_BYTES, skip_space, trim_range
from dockerlint_alpine.syntax.heredoc import Heredoc, HeredocWord, body_source, heredocs_of_line
from dockerlint_alpine.syntax.instruction import KEYWORDS, MAYBE_JSON, Instruction, split_healthcheck
from dockerlint_alpine.syntax.json_form import JsonString, NotStringsError, parse_array
from dockerlint_alpine.syntax.pieces import Pieces
from dockerlint_alpine.syntax.problems import SyntaxProblem
from dockerlint_alpine.syntax.rules import argument_problem
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.syntax.source import SourceText, Span

_TEMPLATE = lazy_pattern(r"unknown instruction: (\{[{%#]|<%)")
_BOM = b"\xef\xbb\xbf"
_LINE_LIMIT = 65_535
_HEREDOC_KEYWORDS = frozenset({"ADD", "COPY", "RUN"})


class Dockerfile(Struct, frozen=True):
    """A parsed Dockerfile. ``bytes(dockerfile)`` is exactly what was parsed.

    ``comments`` are the comment lines between instructions (those within one are in ``Instruction.comments``), without
    their line end. ``escape`` is the escape token in force, ``eol`` the line end that most lines have.
    """

    data: bytes
    instructions: tuple[Instruction, ...]
    directives: tuple[Directive, ...]
    comments: tuple[Span, ...]
    escape: str
    eol: str
    has_bom: bool
    problems: tuple[SyntaxProblem, ...]
    _line_starts: tuple[int, ...]

    def __bytes__(self) -> bytes:
        return self.data

    @property
    def errors(self) -> tuple[SyntaxProblem, ...]:
        """The problems that BuildKit would end with; of a template (Jinja, Go, jq, ERB) one that says so."""
        found = tuple(one for one in self.problems if one.severity == "error")
        for one in found:
            match = _TEMPLATE.search(one.message)
            if match is not None:
                text = f"this is a template ({match[1]}): check the Dockerfile that is generated from it"
                return (replace(one, message=text),)
        return found

    def line_of(self, offset: int) -> int:
        """The line (1-based) that holds the byte at ``offset``."""
        return bisect_right(self._line_starts, max(offset, 0))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of the byte at ``offset``, both 1-based; the column counts bytes."""
        line = self.line_of(offset)
        return line, max(offset, 0) - self._line_starts[line - 1] + 1

    def instruction_at(self, offset: int) -> Instruction | None:
        """The instruction that covers the byte at ``offset`` (its end included), or ``None``."""
        index = bisect_right(self.instructions, offset, key=lambda instruction: instruction.start) - 1
        if index < 0 or offset > self.instructions[index].end:
            return None
        return self.instructions[index]


def parse(data: bytes) -> Dockerfile:
    """Parse the bytes of a Dockerfile. Never raises; what is wrong is listed in ``problems``."""
    return _Parser(bytes(data)).run()


def plain_text(data: bytes) -> Dockerfile:
    """A text without instructions, such as a shell script: what places and edits are worked out on is the same."""
    starts = _line_starts(data.split(b"\n"))
    eol = "\r\n" if data.count(b"\r\n") * 2 > data.count(b"\n") else "\n"
    return Dockerfile(data, (), (), (), "\\", eol, data.startswith(_BOM), (), tuple(starts))


class _Parser:
    """One pass over the lines of a file. ``row`` is the index of the next line to read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lines = data.split(b"\n")
        self.starts = _line_starts(self.lines)
        if not self.lines[-1]:
            self.lines.pop()
        self.row = 0
        self.has_bom = data.startswith(_BOM)
        self.directives = DirectiveReader()
        self.instructions: list[Instruction] = []
        self.comments: list[Span] = []
        self.problems: list[SyntaxProblem] = []

    def run(self) -> Dockerfile:
        while self.row < len(self.lines):
            self._logical_line()
        if not self.instructions:
            self._problem(max(1, len(self.lines)), "file with no instructions")
        for row, line in enumerate(self.lines):
            if len(line) > _LINE_LIMIT:
                self._problem(row + 1, f"dockerfile line greater than max allowed size of {_LINE_LIMIT}")
        self.problems.sort(key=lambda problem: problem.line)
        windows = self.data.count(b"\r\n")
        return Dockerfile(
            data=self.data,
            instructions=tuple(self.instructions),
            directives=tuple(self.directives.directives),
            comments=tuple(self.comments),
            escape=self.directives.escape,
            eol="\r\n" if windows * 2 > self.data.count(b"\n") else "\n",
            has_bom=self.has_bom,
            problems=tuple(self.problems),
            _line_starts=tuple(self.starts),
        )

    def _problem(self, line: int, message: str, severity: Literal["error", "warning"] = "error") -> None:
        self.problems.append(SyntaxProblem(line, message, severity))

    def _next_line(self) -> tuple[bytes, int]:
        """The next line without its line end, and its offset."""
        row = self.row
        self.row += 1
        return self.lines[row].rstrip(b"\r"), self.starts[row]

    def _read_directive(self, line: bytes) -> None:
        if not self.directives.done:
            wrong = self.directives.read(line, self.row)
            if wrong is not None:
                self._problem(self.row, wrong)

    def _content_end(self, line: bytes) -> tuple[int, bool]:
        """Where the content of a line ends, and whether a continuation follows it."""
        escape = self.directives.escape.encode()
        trimmed = line.rstrip(b" \t")
        if trimmed.endswith(escape) and not trimmed.endswith(escape * 2):
            return len(trimmed) - 1, True
        return len(line), False

    def _logical_line(self) -> None:
        line, offset = self._next_line()
        first = self.row
        skipped = skip_space(line, len(_BOM) if first == 1 and self.has_bom else 0)
        self._read_directive(line[skipped:])
        if line.startswith(b"#", skipped):
            self.comments.append((offset + skipped, offset + len(line)))
            return
        end, goes_on = self._content_end(line[skipped:] if skipped else line)
        if end == 0 and not goes_on:
            return
        start = offset + skipped
        pieces: list[Span] = [(start, start + end)]
        comments: list[Span] = []
        empty_continuation = False
        while goes_on and self.row < len(self.lines):
            line, offset = self._next_line()
            self._read_directive(line)
            skipped = skip_space(line)
            if skipped == len(line):
                empty_continuation = True
            elif line.startswith(b"#", skipped):
                comments.append((offset + skipped, offset + len(line)))
            else:
                end, goes_on = self._content_end(line)
                pieces.append((offset, offset + end))
        if empty_continuation:
            self._problem(self.row, "empty continuation line: it will become an error in a future release", "warning")
        self._instruction(Pieces(self.data, pieces), start, first, tuple(comments))

    def _instruction(self, line: Pieces, start: int, first: int, comments: tuple[Span, ...]) -> None:
        read = self._read(line, first, comments)
        heredocs = self._heredocs(read, line, first) if b"<<" in line.joined else ()
        last_line, last_offset = self.lines[self.row - 1].rstrip(b"\r"), self.starts[self.row - 1]
        end = max(last_offset + len(last_line), start)
        onbuild = read.onbuild
        if onbuild is not None:
            onbuild = replace(onbuild, end=end, end_line=self.row, heredocs=heredocs)
        instruction = replace(read, start=start, end=end, end_line=self.row, heredocs=heredocs, onbuild=onbuild)
        self._check(instruction)
        self.instructions.append(instruction)

    def _check(self, instruction: Instruction) -> None:
        inner = instruction.onbuild
        for part in (instruction,) if inner is None else (instruction, inner):
            if part.keyword not in KEYWORDS:
                self._problem(part.line, f"unknown instruction: {part.keyword}")
            elif wrong := argument_problem(part, in_onbuild=part is inner):
                self._problem(part.line, wrong)

    def _read(self, line: Pieces, first: int, comments: tuple[Span, ...], *, in_onbuild: bool = False) -> Instruction:
        """Split one joined line into keyword, flags and value (split_command.go), and read what the keyword says. Where the
        instruction ends, and its heredocs, are not known yet."""
        low, high = trim_range(line.joined)
        gap = WHITESPACE_RUN_BYTES.search(line.joined, low, high)
        keyword_end, rest = (gap.start(), gap.end()) if gap else (high, high)
        written = line.text(low, keyword_end).text
        keyword = written.upper() if written.isascii() else written
        flags, rest = extract_flags(line, rest, high, self.directives.escape)
        trimmed = trim_range(line.joined[rest:high])
        value = rest + trimmed[0], rest + trimmed[1]
        source, onbuild, json = line.text(*value), None, None
        if keyword == "ONBUILD" and not in_onbuild and source:
            onbuild = self._read(line.cut(*value), first, comments, in_onbuild=True)
        try:
            json = _json_form(keyword, source)
        except NotStringsError as error:
            self._problem(first, str(error))
        return Instruction(
            keyword=keyword,
            start=line.offset(low),
            end=0,
            line=first,
            end_line=first,
            flags=flags,
            source=source,
            json=None if json is None else tuple(string.value for string in json),
            json_written=() if json is None else tuple(string.written for string in json),
            heredocs=(),
            onbuild=onbuild,
            comments=comments,
            escape=self.directives.escape,
            joined=line,
        )

    def _heredocs(self, read: Instruction, line: Pieces, first: int) -> tuple[Heredoc, ...]:
        holder = read.onbuild or read
        if holder.keyword not in _HEREDOC_KEYWORDS or holder.json is not None:
            return ()
        try:
            words = heredocs_of_line(line.text(0, len(line.joined)))
        except LexError as error:
            self._problem(first, str(error))
            return ()
        return tuple(self._heredoc(word, first) for word in words)

    def _heredoc(self, word: HeredocWord, first: int) -> Heredoc:
        name = word.name.encode("utf-8", "surrogateescape")
        start = self.starts[self.row] if self.row < len(self.starts) else len(self.data)
        end, terminator = len(self.data), None
        while self.row < len(self.lines):
            line, offset = self._next_line()
            if (line.lstrip(b"\t") if word.strip_tabs else line) == name:
                end, terminator = offset, (offset, offset + len(line))
                break
        if terminator is None:
            self._problem(first, f"unterminated heredoc {word.name}")
        start = min(start, end)
        content = self.data[start:end].decode("utf-8", "surrogateescape")
        source = body_source(self.data, start, end, strip_tabs=word.strip_tabs)
        return Heredoc(word.name, content, word.expand, word.strip_tabs, word.fd, (start, end), terminator, source)


def _line_starts(lines: list[bytes]) -> list[int]:
    return list(accumulate((len(line) + 1 for line in lines[:-1]), initial=0))


def _json_form(keyword: str, source: SourceText) -> tuple[JsonString, ...] | None:
    """The strings of the exec form, of a HEALTHCHECK those of its CMD. Raises NotStringsError."""
    text = split_healthcheck(source)[1] if keyword == "HEALTHCHECK" else source
    return parse_array(text) if text and (keyword in MAYBE_JSON or keyword == "HEALTHCHECK") else None
