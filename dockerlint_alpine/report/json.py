"""The documented JSON: everything that is known, in the shape of ``schema.json`` beside this module.

Bytes that are not UTF-8 in a path or an edit appear as the lone surrogates U+DC80 to U+DCFF, as Python's
``surrogateescape`` reads and writes them, so nothing is lost; the text itself is ASCII.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockerlint_alpine.findings import FileReport, Finding, Fix, Report, TextEdit
    from dockerlint_alpine.report.options import RenderOptions

VERSION = 1


def render(report: Report, _options: RenderOptions) -> str:
    """Return the report as one JSON document."""
    return json.dumps(document(report), indent=2) + "\n"


def document(report: Report) -> dict[str, object]:
    """Return the report as plain dictionaries and lists."""
    return {
        "version": VERSION,
        "files": [_file(file) for file in report.files],
        "errors": [{"path": error.path, "message": error.message} for error in report.errors],
        "summary": {
            "files": len(report.files),
            "errors": report.count("error"),
            "warnings": report.count("warning"),
            "fixable": report.fixable,
            "unknown": report.unknown,
        },
    }


def _file(file: FileReport) -> dict[str, object]:
    return {
        "path": file.path,
        "findings": [_finding(finding) for finding in file.findings],
        "stages": file.stages,
        "not_alpine": file.not_alpine,
        "unknown": file.unknown,
        "notes": list(file.notes),
    }


def _finding(finding: Finding) -> dict[str, object]:
    stage, distribution, location = finding.stage, finding.distribution, finding.location
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "message": finding.message,
        "stage": stage
        and {
            "index": stage.index,
            "name": stage.name,
            "base": stage.base,
            "alpine": stage.alpine,
            "python": stage.python,
        },
        "platforms": list(finding.platforms),
        "distribution": distribution
        and {"name": distribution.name, "version": distribution.version, "origin": list(distribution.origin)},
        "need": finding.need,
        "packages": list(finding.packages),
        "location": {
            "line": location.line,
            "column": location.column,
            "end_line": location.end_line,
            "end_column": location.end_column,
        },
        "evidence": [{"kind": evidence.kind, "detail": evidence.detail} for evidence in finding.evidence],
        "fix": finding.fix and _fix(finding.fix),
    }


def _fix(fix: Fix) -> dict[str, object]:
    return {"title": fix.title, "applicability": fix.applicability, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: TextEdit) -> dict[str, object]:
    written: dict[str, object] = {"start": edit.start, "end": edit.end, "text": edit.text}
    return written if edit.path is None else {**written, "path": edit.path}
