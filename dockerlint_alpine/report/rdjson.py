"""Reviewdog Diagnostic Format (``DiagnosticResult`` as JSON) with suggestions that a reviewer can accept.

Its columns are 1-based counts of UTF-8 bytes and its ranges end exclusively, as ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.report.encoding import json_text
from dockerlint_alpine.report.options import PROGRAM
from dockerlint_alpine.report.paths import portable
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.wording import details

if TYPE_CHECKING:
    from dockerlint_alpine.findings import Finding, Report
    from dockerlint_alpine.report.options import RenderOptions

    Json = dict[str, object]


def render(report: Report, options: RenderOptions) -> str:
    """Return the report as one document."""
    diagnostics: list[Json] = []
    for file in report.files:
        lines = Lines(file.source)
        diagnostics += (_diagnostic(file.path, lines, finding, options) for finding in file.findings)
    diagnostics += (
        {"message": error.message, "location": {"path": portable(error.path)}, "severity": "ERROR"}
        for error in report.errors
    )
    source: Json = {"name": PROGRAM}
    if options.docs_url:
        source["url"] = options.docs_url
    return json_text({"source": source, "diagnostics": diagnostics})


def _diagnostic(path: str, lines: Lines, finding: Finding, options: RenderOptions) -> Json:
    code: Json = {"value": finding.code}
    if url := options.link(finding.code):
        code["url"] = url
    place = finding.location
    found: Json = {
        "message": "\n".join(details(finding)),
        "location": {
            "path": portable(path),
            "range": _range((place.line, place.column), (place.end_line, place.end_column)),
        },
        "severity": finding.severity.upper(),
        "code": code,
    }
    if suggestions := _suggestions(lines, finding):
        found["suggestions"] = suggestions
    return found


def _suggestions(lines: Lines, finding: Finding) -> list[Json]:
    """Return the edits; none where one of them is in another file, because half a fix is none."""
    fix = finding.fix
    if fix is None or fix.applicability == "display" or any(edit.path is not None for edit in fix.edits):
        return []
    return [
        {"range": _range(lines.position(edit.start), lines.position(edit.end)), "text": edit.text} for edit in fix.edits
    ]


def _range(start: tuple[int, int], end: tuple[int, int]) -> Json:
    return {"start": {"line": start[0], "column": start[1]}, "end": {"line": end[0], "column": end[1]}}
