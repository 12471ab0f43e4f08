"""The report for people: the source with the place marked, why it is so step by step, and what mends it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dockerlint_alpine.report.concise import line as one_line
from dockerlint_alpine.report.display import ShownLine, cells, printable, wrap
from dockerlint_alpine.report.excerpt import excerpt, gutter_width
from dockerlint_alpine.report.options import PROGRAM
from dockerlint_alpine.report.paint import BLUE, BOLD, DIM, GREEN, RED, SEVERITY_COLORS, Paint
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.preview import changes, joined, of_the_same_lines
from dockerlint_alpine.report.wording import chain, facts, plural, stage, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding, Fix
    from dockerlint_alpine.model.reports import FileReport, Report
    from dockerlint_alpine.report.options import RenderOptions

_NARROWEST = 40
_PREVIEW_LINES = 8


def render(report: Report, options: RenderOptions) -> str:
    """Render findings with excerpts, information in one line each, what could not be checked or read, and a summary."""
    writer = _Writer(options)
    blocks = [block for file in report.files for block in writer.file(file)]
    blocks += writer.not_judged(report)
    blocks += writer.not_read(report)
    if not options.quiet:
        blocks.append(writer.summary(report))
    return "\n\n".join("\n".join(block) for block in blocks) + ("\n" if blocks else "")


def _place(finding: Finding) -> tuple[object, ...]:
    """What the findings of one block have in common."""
    return finding.location, finding.stage, finding.platforms, finding.confidence


class _Writer:
    """Renders the parts of one report; remembers which codes the reader has met."""

    def __init__(self, options: RenderOptions) -> None:
        self._options = options
        self._paint = Paint(options.color, options.hyperlinks)
        self._width = max(_NARROWEST, options.width)
        self._explained: set[str] = set()

    def file(self, file: FileReport) -> Iterator[list[str]]:
        """Return a block for the errors and warnings of each place, and one for all that is only information."""
        lines = Lines(file.source)
        judged = [finding for finding in file.findings if not finding.could_not_judge]
        loud = [finding for finding in judged if finding.severity != "info"]
        for _, together in groupby(loud, key=_place):
            yield list(self._findings(file.path, lines, tuple(together)))
        if compact := [finding for finding in judged if finding.severity == "info"]:
            yield [one_line(file.path, finding, options=self._options, paint=self._paint) for finding in compact]
        if file.image is not None:
            from dockerlint_alpine.report.comparing import lines as comparison

            yield comparison(file.image, self._paint, self._width)

    def not_judged(self, report: Report) -> list[list[str]]:
        """Return the section of what nobody may take for a clean bill of health."""
        listed = [
            one_line(file.path, finding, options=self._options, paint=self._paint)
            for file in report.files
            for finding in file.findings
            if finding.could_not_judge
        ]
        listed += (
            f"{self._paint(printable(file.path), BOLD)}: {printable(note)}"
            for file in report.files
            for note in file.notes
        )
        return [[self._paint("Could not be checked", BOLD), *(f"  {line}" for line in listed)]] if listed else []

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
        """Return the closing sentences, the first of them in bold."""
        first, *others = summary(report, show_fix_hint=self._options.show_fix_hint)
        return [self._paint(first, BOLD), *others]

    def _findings(self, path: str, lines: Lines, together: tuple[Finding, ...]) -> Iterator[str]:
        """Return the block of the findings of one place: what they share is said once."""
        finding = together[0]
        paint, color = self._paint, SEVERITY_COLORS[finding.severity]
        indent = " " * gutter_width(lines, finding.location)
        for one in {(one.severity, one.code, one.message): one for one in together}.values():
            yield from self._heading(one)
        place = f"{printable(path)}:{finding.location.line}:{finding.location.column}"
        place = paint.link(place, self._options.file_url(path))
        where = printable(stage(finding))
        likely = "" if finding.confidence == "certain" else f" ({finding.confidence})"
        yield f"{indent}{paint('-->', BLUE, BOLD)} {place}{paint(f'  {where}{likely}', DIM) if where or likely else ''}"
        framed = excerpt(lines, finding.location, width=self._width, color=color, paint=paint)
        yield from framed
        for _, about in groupby(together, key=chain):
            yield from self._reasons(tuple(about), indent)
        for fixes in of_the_same_lines(lines, dict.fromkeys(one.fix for one in together if one.fix is not None)):
            yield from self._fixes(lines, fixes, indent)
        for one in together:
            if self._options.show_fix_hint and not self._options.quiet and one.code not in self._explained:
                self._explained.add(one.code)
                yield self._note(indent, "help", f"`{PROGRAM} explain {one.code}` says more about {one.name}")

    def _heading(self, finding: Finding) -> Iterator[str]:
        paint, color = self._paint, SEVERITY_COLORS[finding.severity]
        label = f"{finding.severity}[{finding.code}]"
        first, *others = wrap(printable(finding.message), self._width - cells(label) - 2)
        code = paint.link(paint(label, color, BOLD), self._options.link(finding.code))
        yield f"{code}: {paint(first, BOLD)}"
        yield from (f"{' ' * (cells(label) + 2)}{paint(other, BOLD)}" for other in others)

    def _reasons(self, together: tuple[Finding, ...], indent: str) -> Iterator[str]:
        """Return the chain from the requirement to the findings on one distribution, one arrow a step."""
        sign = self._paint("=", BLUE, BOLD)
        path = printable(chain(together[0])) or "because"
        first, *others = wrap(path, self._width - len(indent) - 3)
        yield f"{indent} {sign} {first}"
        yield from (f"{indent}     {other}" for other in others)
        arrow = self._paint("->", BLUE, BOLD)
        for evidence in dict.fromkeys(evidence for finding in together for evidence in facts(finding)):
            label = f"[{evidence.kind}]"
            first, *others = wrap(f"{printable(evidence.detail)} {label}", self._width - len(indent) - 6)
            parts = [f"{indent}   {arrow} {first}", *(f"{indent}      {other}" for other in others)]
            parts[-1] = parts[-1].removesuffix(label) + self._paint(label, DIM)
            yield from parts

    def _fixes(self, lines: Lines, fixes: list[Fix], indent: str) -> Iterator[str]:
        for fix in fixes:
            safety = {"safe": "", "unsafe": " (unsafe)", "display": " (by hand)"}[fix.applicability]
            yield self._note(indent, "fix", f"{printable(fix.title)}{safety}", GREEN)
        shown = [
            (sign, number, line, change.column)
            for change in changes(lines, joined(fixes))
            for sign, side in (("-", change.old), ("+", change.new))
            for number, line in enumerate(side, change.line)
        ]
        for sign, number, line, column in shown[:_PREVIEW_LINES]:
            text = ShownLine(line, column, self._width - len(indent) - 11).text
            label = f"{number:>4} {sign}"
            yield f"{indent}   {self._paint(f'{label} {text}'.rstrip(), GREEN if sign == '+' else RED)}"
        if len(shown) > _PREVIEW_LINES:
            yield f"{indent}        ... and {plural(len(shown) - _PREVIEW_LINES, 'line')} more"

    def _note(self, indent: str, word: str, text: str, *styles: str) -> str:
        paint = self._paint
        first, *others = wrap(text, self._width - len(indent) - len(word) - 5)
        lines = [f"{indent} {paint('=', BLUE, BOLD)} {paint(word, BOLD, *styles)}: {first}"]
        lines += (f"{indent}   {' ' * (len(word) + 2)}{other}" for other in others)
        return "\n".join(lines)
