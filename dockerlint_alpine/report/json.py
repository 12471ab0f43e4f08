"""The documented JSON: everything that is known, in the shape of ``schema.json`` beside this module.

Bytes that are not UTF-8 in a path or an edit appear as the lone surrogates U+DC80 to U+DCFF, as Python's
``surrogateescape`` reads and writes them, so nothing is lost; the text itself is ASCII.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dockerlint_alpine.report.causes import causes

if TYPE_CHECKING:
    from dockerlint_alpine.model.comparison import Comparison, Difference, Doubt, Miss, Sides
    from dockerlint_alpine.model.findings import DistributionRef, Finding, Fix, Location, StageRef, TextEdit
    from dockerlint_alpine.model.reports import FileReport, Report
    from dockerlint_alpine.report.causes import Cause
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
        "notes": list(report.notes),
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
        "causes": [_cause(cause) for cause in causes(file.findings)],
        "stages": file.stages,
        "not_alpine": file.not_alpine,
        "unknown": file.unknown,
        "notes": list(file.notes),
        **({} if file.image is None else {"image": _comparison(file.image)}),
    }


def _cause(cause: Cause) -> dict[str, object]:
    return {
        "codes": list(cause.codes),
        "severity": cause.severity,
        "message": cause.headline,
        "location": _location(cause.location),
        "findings": list(cause.numbers),
        "why": list(cause.why),
        "packages": list(cause.packages),
        "remedies": [
            {
                "kind": remedy.kind,
                "title": remedy.title,
                "saves": remedy.saves,
                "distributions": list(remedy.distributions),
                "fix": remedy.fix and _fix(remedy.fix),
            }
            for remedy in cause.remedies
        ],
    }


def _location(location: Location) -> dict[str, object]:
    return {
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
    }


def _comparison(one: Comparison) -> dict[str, object]:
    return {
        "name": one.image,
        "stage": _stage(one.stage),
        "platform": one.platform,
        "holds": one.holds,
        "same_content": one.same_content,
        "facts": [_difference(fact) for fact in one.facts],
        "objects": one.objects,
        "extensions": one.extensions,
        "proven": [_finding(finding) for finding in one.proven],
        "refuted": [_doubt(doubt) for doubt in one.refuted],
        "untested": [_doubt(doubt) for doubt in one.untested],
        "missed": [_miss(miss) for miss in one.missed],
        "elsewhere": [_miss(miss) for miss in one.elsewhere],
        "packages": _sides(one.packages),
        "distributions": _sides(one.distributions),
        "notes": list(one.notes),
    }


def _doubt(doubt: Doubt) -> dict[str, object]:
    return {"finding": _finding(doubt.finding), "reason": doubt.reason}


def _miss(miss: Miss) -> dict[str, object]:
    return {
        "kind": miss.kind,
        "path": miss.path,
        "distribution": miss.distribution,
        "what": miss.what,
        "detail": miss.detail,
        "packages": list(miss.packages),
    }


def _sides(sides: Sides) -> dict[str, object]:
    return {
        "agreed": sides.agreed,
        "versions": [_difference(one) for one in sides.versions],
        "absent": [_difference(one) for one in sides.absent],
        "unforeseen": [_difference(one) for one in sides.unforeseen],
    }


def _difference(one: Difference) -> dict[str, object]:
    return {"name": one.name, "predicted": one.predicted, "found": one.found}


def _stage(stage: StageRef) -> dict[str, object]:
    return {
        "index": stage.index,
        "name": stage.name,
        "base": stage.base,
        "alpine": stage.alpine,
        "python": stage.python,
    }


def _finding(finding: Finding) -> dict[str, object]:
    stage, distribution = finding.stage, finding.distribution
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "message": finding.message,
        "stage": stage and _stage(stage),
        "platforms": list(finding.platforms),
        "distribution": distribution and _distribution(distribution),
        "distributions": [_distribution(one) for one in finding.distributions],
        "need": finding.need,
        "packages": list(finding.packages),
        "brought": [
            {
                "code": also.code,
                "need": also.need,
                "packages": list(also.packages),
                "distributions": [_distribution(one) for one in also.distributions],
            }
            for also in finding.brought
        ],
        "location": _location(finding.location),
        "evidence": [{"kind": evidence.kind, "detail": evidence.detail} for evidence in finding.evidence],
        "fix": finding.fix and _fix(finding.fix),
    }


def _distribution(distribution: DistributionRef) -> dict[str, object]:
    return {
        "name": distribution.name,
        "version": distribution.version,
        "origin": list(distribution.origin),
        "compiled": distribution.compiled or None,
    }


def _fix(fix: Fix) -> dict[str, object]:
    return {"title": fix.title, "applicability": fix.applicability, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: TextEdit) -> dict[str, object]:
    written: dict[str, object] = {"start": edit.start, "end": edit.end, "text": edit.text}
    return written if edit.path is None else {**written, "path": edit.path}
