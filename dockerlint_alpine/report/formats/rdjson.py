"""Reviewdog Diagnostic Format (``DiagnosticResult`` as JSON) with suggestions that a reviewer can accept.

Its columns are 1-based counts of UTF-8 bytes and its ranges end exclusively, as ours.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from dockerlint_alpine.model.lining_up import lined_up
from dockerlint_alpine.report.causes import Cause, causes, told
from dockerlint_alpine.report.encoding import json_text
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.paths import portable
from dockerlint_alpine.report.positions import Lines

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Fix
    from dockerlint_alpine.model.reports import Report

    Json = dict[str, object]


def render(report: Report, options: RenderOptions) -> str:
    """Return the report as one document."""
    diagnostics: list[Json] = []
    for file in report.files:
        lines = Lines(file.source)
        diagnostics += (_diagnostic(file.path, lines, cause, options) for cause in causes(file.findings))
    diagnostics += (
        {"message": error.message, "location": {"path": portable(error.path)}, "severity": "ERROR"}
        for error in report.errors
    )
    source: Json = {"name": PROGRAM}
    if options.docs_url:
        source["url"] = options.docs_url
    return json_text({"source": source, "diagnostics": diagnostics})


def _diagnostic(path: str, lines: Lines, cause: Cause, options: RenderOptions) -> Json:
    code: Json = {"value": ",".join(cause.codes)}
    if url := options.link(cause.lead.code):
        code["url"] = url
    place = cause.location
    found: Json = {
        "message": "\n".join(told(cause)),
        "location": {
            "path": portable(path),
            "range": _range((place.line, place.column), (place.end_line, place.end_column)),
        },
        "severity": cause.severity.upper(),
        "code": code,
    }
    if suggestions := [one for fix in cause.offers if (one := _suggestion(lines, fix))]:
        found["suggestions"] = suggestions
    return found


def _suggestion(lines: Lines, fix: Fix) -> Json | None:
    """Return a fix, or several of one cause joined, as one replacement from its first edit to its last.

    Reviewdog offers each suggestion by itself, and half a fix is none: there is no suggestion where an edit is in another
    file, or where what is replaced is no UTF-8.
    """
    if any(edit.path is not None for edit in fix.edits):
        return None
    edits = lined_up(lines.data, fix.edits)
    if not edits or any(after.start < before.end for before, after in pairwise(edits)):
        return None
    pieces = [edits[0].text.encode("utf-8", "surrogateescape")]
    for before, after in pairwise(edits):
        pieces += (lines.data[before.end : after.start], after.text.encode("utf-8", "surrogateescape"))
    try:
        text = b"".join(pieces).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return {"range": _range(lines.position(edits[0].start), lines.position(edits[-1].end)), "text": text}


def _range(start: tuple[int, int], end: tuple[int, int]) -> Json:
    return {"start": {"line": start[0], "column": start[1]}, "end": {"line": end[0], "column": end[1]}}
