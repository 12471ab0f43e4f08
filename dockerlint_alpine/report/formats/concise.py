"""One finding per line, ``path:line:column: CODE [*] message``, for eyes in a hurry and programs that jump to lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.paint import BOLD, CYAN, RED, SEVERITY_COLORS, Paint
from dockerlint_alpine.report.wording import summary

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.model.reports import Report
    from dockerlint_alpine.report.options import RenderOptions


def render(report: Report, options: RenderOptions) -> str:
    """List the findings (``[*]``: a safe fix exists), then the closing sentences on one line."""
    paint = Paint(options.color, options.hyperlinks)
    lines = [
        line(file.path, finding, options=options, paint=paint) for file in report.files for finding in file.findings
    ]
    lines += (f"{printable(file.path)}: {printable(note)}" for file in report.files for note in file.notes)
    lines += (printable(note) for note in report.notes)
    lines += (
        f"{printable(error.path)}: {paint('error', RED, BOLD)}: {printable(error.message)}" for error in report.errors
    )
    if not options.quiet:
        lines.append(" ".join(summary(report, show_fix_hint=options.show_fix_hint)))
    return "".join(f"{line}\n" for line in lines)


def line(path: str, finding: Finding, *, options: RenderOptions, paint: Paint) -> str:
    """Render one finding on one line."""
    code = paint.link(paint(finding.code, SEVERITY_COLORS[finding.severity], BOLD), options.link(finding.code))
    fixable = f" [{paint('*', CYAN)}]" if finding.fix and finding.fix.applicability == "safe" else ""
    place = f"{paint(printable(path), BOLD)}:{finding.location.line}:{finding.location.column}"
    place = paint.link(place, options.file_url(path))
    return f"{place}: {code}{fixable} {printable(finding.message)}"
