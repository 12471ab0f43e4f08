"""The report for people: what is wrong, where, why and what to do about it, one block per cause."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from dockerlint_alpine.model.findings import SEVERITIES, Finding, Fix, Remedy
from dockerlint_alpine.report.causes import Cause, causes, titles
from dockerlint_alpine.report.display import ShownLine, cells, hanging, printable, wrap
from dockerlint_alpine.report.excerpt import excerpt, gutter_width
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.paint import BLUE, BOLD, CYAN, DIM, GREEN, RED, SEVERITY_COLORS, Paint
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.preview import Change, Preview, changes
from dockerlint_alpine.report.wording import chain, facts, stage, summary, unchecked
from dockerlint_alpine.system.plural import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.model.reports import FileReport, Report

_NARROWEST = 40
_PREVIEW_LINES = 8
_MOST = 600
"""Bytes of a line of a file that are shown whole, where there is room."""


def render(report: Report, options: RenderOptions) -> str:
    """Render a block a cause, information in one line each, what could not be checked or read, and a summary.

    Of more causes than ``options.limit`` the gravest are shown and the others counted.
    """
    writer = _Writer(options)
    found = [(file, causes([one for one in file.findings if not one.could_not_judge])) for file in report.files]
    kept = _kept([cause for _, listed in found for cause in listed], 0 if options.brief else options.limit)
    blocks = [
        block for file, listed in found for block in writer.file(file, [one for one in listed if id(one) in kept])
    ]
    if options.brief:
        blocks = [[line for block in blocks for line in block]] if blocks else []
    blocks += writer.left_out([(file, one) for file, listed in found for one in listed if id(one) not in kept])
    blocks += writer.not_judged(report)
    blocks += writer.not_read(report)
    if not options.quiet:
        blocks.append(writer.summary(report))
    return "\n\n".join("\n".join(block) for block in blocks) + ("\n" if blocks else "")


def _kept(listed: Sequence[Cause], limit: int) -> set[int]:
    """The causes to show, by identity: all, or the gravest."""
    if not limit or len(listed) <= limit:
        return {id(one) for one in listed}
    return {id(one) for one in sorted(listed, key=lambda one: SEVERITIES.index(one.severity))[:limit]}


class _Writer:
    """Renders the parts of one report; remembers which codes the reader has met."""

    def __init__(self, options: RenderOptions) -> None:
        self._options = options
        self._paint = Paint(options.color, options.hyperlinks)
        self._width = max(_NARROWEST, options.width)
        self._met: dict[str, None] = {}

    def file(self, file: FileReport, listed: Sequence[Cause]) -> Iterator[list[str]]:
        """Return a block for each cause, and one for all that is only information."""
        lines = Lines(file.source)
        preview = Preview(lines, file.findings)
        compact = [self._line(file.path, one) for one in listed if one.severity == "info" or self._options.brief]
        for one in listed:
            if one.severity != "info" and not self._options.brief:
                yield list(self._cause(file.path, lines, one, preview))
        if compact:
            yield compact
        if file.image is not None:
            from dockerlint_alpine.report.comparing import lines as comparison

            yield comparison(file.image, self._paint, self._width)

    def left_out(self, hidden: Sequence[tuple[FileReport, Cause]]) -> list[list[str]]:
        """Return how many causes are not shown, and the command that shows them."""
        if not hidden:
            return []
        counts = ((sum(one.severity == severity for _, one in hidden), severity) for severity in SEVERITIES)
        words = {"error": "error", "warning": "warning", "info": "note"}
        said = ", ".join(plural(number, words[severity]) for number, severity in counts if number)
        files = len({id(file) for file, _ in hidden})
        command = self._options.command
        text = f"And {len(hidden)} more ({said}) in {plural(files, 'Dockerfile')}"
        how = (
            f"`{command} --no-limit` shows all, `{command} --brief` one line each"
            if command
            else "--no-limit shows all"
        )
        return [[*wrap(f"{self._paint(text, BOLD)}: {printable(how)}", self._width + len(self._paint("", BOLD)))]]

    def not_judged(self, report: Report) -> list[list[str]]:
        """Return the section of what could not be checked, and the one of remarks."""
        sections: list[list[str]] = []
        for title, entries in unchecked(report):
            shown = entries if not self._options.limit else entries[: self._options.limit]
            listed = [line for entry in shown for line in self._entry(entry)]
            if len(shown) < len(entries):
                listed.append(f"  and {len(entries) - len(shown)} more: --no-limit shows all")
            sections.append([self._paint(title, BOLD), *listed])
        return sections

    def _entry(self, text: str) -> list[str]:
        first, *others = wrap(printable(text), self._width - 2)
        return [f"  {first}", *(f"    {other}" for other in others)]

    def not_read(self, report: Report) -> list[list[str]]:
        """Return the sections of files that could not be read at all, and of those that could not be written."""
        sections: list[list[str]] = []
        for writing, title in ((False, "Could not be read"), (True, "Could not be written")):
            listed = [
                f"  {self._paint(printable(error.path), BOLD)}: {printable(error.message)}"
                for error in report.errors
                if error.writing == writing
            ]
            sections += [[self._paint(title, RED, BOLD), *listed]] if listed else []
        return sections

    def summary(self, report: Report) -> list[str]:
        """Return the closing sentences, the first of them in bold, and where there is more to read."""
        first, *others = summary(report, show_fix_hint=self._options.show_fix_hint)
        lines = [self._paint(first, BOLD), *others]
        if self._met and self._options.show_fix_hint:
            codes = list(self._met)
            more = f" (or {', '.join(codes[1:])})" if len(codes) > 1 else ""
            proof = "" if self._options.proof else "; --proof shows what it rests on"
            lines += wrap(f"More: `{PROGRAM} explain {codes[0]}`{more}{proof}.", self._width)
        return lines

    def _line(self, path: str, cause: Cause) -> str:
        """Return one cause on one line."""
        paint = self._paint
        codes = self._codes(cause)
        safe = any(fix.applicability == "safe" for fix in cause.fixes)
        place = f"{paint(printable(path), BOLD)}:{cause.location.line}:{cause.location.column}"
        fixable = f" [{paint('*', CYAN)}]" if safe else ""
        return f"{place}: {codes}{fixable} {printable(cause.headline)}"

    def _codes(self, cause: Cause) -> str:
        paint, color = self._paint, SEVERITY_COLORS[cause.severity]
        return ",".join(paint.link(paint(code, color, BOLD), self._options.link(code)) for code in cause.codes)

    def _cause(self, path: str, lines: Lines, cause: Cause, preview: Preview) -> Iterator[str]:
        paint, color = self._paint, SEVERITY_COLORS[cause.severity]
        self._met.update(dict.fromkeys(cause.codes))
        indent = " " * gutter_width(lines, cause.location)
        yield from self._heading(cause)
        place = f"{printable(path)}:{cause.location.line}:{cause.location.column}"
        place = paint.link(place, self._options.file_url(path))
        where = printable(stage(cause.lead, cause.platforms))
        likely = "" if cause.confidence == "certain" else f" ({cause.confidence})"
        yield f"{indent}{paint('-->', BLUE, BOLD)} {place}{paint(f'  {where}{likely}', DIM) if where or likely else ''}"
        yield from excerpt(lines, cause.location, width=min(self._width, _MOST), color=color, paint=paint)
        yield from self._proof(cause, indent) if self._options.proof else self._part(indent, "why", cause.why)
        yield from self._ways(lines, cause.better, indent)
        yield from self._table(cause, indent)
        yield from self._part(indent, "but", cause.stuck, RED)
        for safety in ("safe", "unsafe", "display"):
            fixes = cause.fixes_of(safety)
            if fixes:
                yield from self._fixes(fixes, preview, indent, titled=not cause.rows)
        yield from self._ways(lines, cause.besides, indent, first="or")

    def _ways(self, lines: Lines, ways: Sequence[Remedy], indent: str, *, first: str = "better") -> Iterator[str]:
        """Return the ways out, the best first, and what each writes where that was asked for."""
        for number, way in enumerate(ways):
            yield from self._part(indent, "or" if number else first, (way.told,), GREEN)
            if self._options.show_fix and way.fix is not None:
                yield from self._changed(changes(lines, way.fix), indent, most=0)
                if any(edit.path is not None for edit in way.fix.edits):
                    yield f"{indent}   {self._paint(printable(way.fix.title), GREEN)}"

    def _heading(self, cause: Cause) -> Iterator[str]:
        paint, color = self._paint, SEVERITY_COLORS[cause.severity]
        plain = f"{cause.severity}[{','.join(cause.codes)}]"
        first, *others = wrap(printable(cause.headline), self._width - cells(plain) - 2)
        label = f"{paint(f'{cause.severity}[', color, BOLD)}{self._codes(cause)}{paint(']', color, BOLD)}"
        yield f"{label}: {paint(first, BOLD)}"
        yield from (f"{' ' * (cells(plain) + 2)}{paint(other, BOLD)}" for other in others)

    def _part(self, indent: str, word: str, said: Sequence[str], *styles: str) -> Iterator[str]:
        """Return sentences behind one word, each on lines of its own."""
        paint = self._paint
        label = f"{indent} {paint('=', BLUE, BOLD)} {paint(word, BOLD, *styles)}: "
        below = " " * (len(indent) + len(word) + 5)
        for text in said:
            for line in wrap(printable(text), self._width - len(below)):
                yield f"{label}{line}"
                label = below

    def _table(self, cause: Cause, indent: str) -> Iterator[str]:
        """Return a line for each set of packages with whom it is for."""
        rows = cause.rows
        widest = max((len(" ".join(row.packages)) for row in rows), default=0)
        room = min(widest, max(16, self._width // 2))
        texts: list[str] = []
        for row in rows:
            names = wrap(printable(" ".join(row.packages)), room)
            note = f" ({row.note})" if row.note else ""
            beside = wrap(printable(f"{row.whom}{note}"), self._width - len(indent) - room - 11)
            pairs = zip_longest(names, beside, fillvalue="")
            texts += [f"{name:<{room}}   {text}".rstrip() for name, text in pairs]
        paint = self._paint
        word = "or add" if cause.better else "add"
        label = f"{indent} {paint('=', BLUE, BOLD)} {paint(word, BOLD)}: "
        for text in texts:
            yield f"{label}{text}"
            label = " " * (len(indent) + len(word) + 5)

    def _proof(self, cause: Cause, indent: str) -> Iterator[str]:
        """Return for each distribution the chain from the requirement to the findings on it, one arrow a step."""
        by_chain: dict[str, list[Finding]] = {}
        for one in cause.findings:
            by_chain.setdefault(chain(one), []).append(one)
        sign, arrow = self._paint("=", BLUE, BOLD), self._paint("->", BLUE, BOLD)
        for path, together in by_chain.items():
            first, *others = wrap(printable(path) or "because", self._width - len(indent) - 3)
            yield f"{indent} {sign} {first}"
            yield from (f"{indent}     {other}" for other in others)
            if len(cause.findings) > 1:
                for one in together:
                    yield from self._step(indent, arrow, one.message, one.code)
            for evidence in dict.fromkeys(evidence for one in together for evidence in facts(one)):
                yield from self._step(indent, arrow, evidence.detail, evidence.kind)

    def _step(self, indent: str, arrow: str, text: str, kind: str) -> Iterator[str]:
        label = f"[{kind}]"
        parts = [*hanging(f"{indent}   {arrow} ", f"{text} {label}", self._width, len(indent) + 6)]
        parts[-1] = parts[-1].removesuffix(label) + self._paint(label, DIM)
        yield from parts

    def _fixes(self, fixes: Sequence[Fix], preview: Preview, indent: str, *, titled: bool) -> Iterator[str]:
        """Return what fixes of one safety do, and what the lines are then."""
        made, before = preview.of(fixes)
        safety = {"safe": "", "unsafe": " (unsafe)", "display": " (by hand)"}[fixes[0].applicability]
        above = " (shown above)" if before and not made else ""
        told = titles(fixes)
        if not titled:  # the table says what
            told = [" and ".join(dict.fromkeys(_where(fix) if fix.where else fix.title for fix in fixes))]
        yield from self._part(indent, "fix", [f"{title}{safety}{above}" for title in told], GREEN)
        yield from self._changed(made, indent)

    def _changed(self, made: Sequence[Change], indent: str, most: int = _PREVIEW_LINES) -> Iterator[str]:
        """Return the lines that go and come, ``most`` of them (0: all)."""
        shown = [
            (sign, number, line, change.column)
            for change in made
            for sign, side in (("-", change.old), ("+", change.new))
            for number, line in enumerate(side, change.line)
        ]
        room = self._width - len(indent) - 11
        most = most or len(shown)
        for sign, number, line, column in shown[:most]:
            label = f"{number:>4} {sign}"
            for text in _whole(line, column, room):
                yield f"{indent}   {self._paint(f'{label} {text}'.rstrip(), GREEN if sign == '+' else RED)}"
                label = " " * len(label)
        if len(shown) > most:
            yield f"{indent}        ... and {plural(len(shown) - most, 'line')} more"


def _where(fix: Fix) -> str:
    """Where it puts what the table lists."""
    return f"in {fix.where}" if fix.where.startswith("the ") else fix.where


def _whole(line: bytes, column: int, room: int) -> list[str]:
    """Return a line that changes in as many lines as it takes; one of thousands of characters is cut around the change."""
    if len(line) > _MOST:
        return [ShownLine(line, column, min(room, _MOST)).text]
    text = ShownLine(line, column, _MOST * 8).text
    words = text.lstrip(" ")
    lead = " " * min(len(text) - len(words), room // 2)
    room -= len(lead)
    first, *others = [words] if cells(words) <= room else wrap(words, room - 4)
    return [f"{lead}{first}", *(f"{lead}    {other}" for other in others)]
