"""The documented JSON: everything that is known, in the shape of ``schema.json`` beside this module.

Bytes that are not UTF-8 in a path or an edit appear as the lone surrogates U+DC80 to U+DCFF, as Python's
``surrogateescape`` reads and writes them, so nothing is lost; the text itself is ASCII.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from dockerlint_alpine.report.causes import Cause, causes
from dockerlint_alpine.system.records import fields_of

if TYPE_CHECKING:
    from dockerlint_alpine.model.comparison import Comparison, Doubt
    from dockerlint_alpine.model.findings import Brought, DistributionRef, Finding, Fix, Remedy
    from dockerlint_alpine.model.reports import FileReport, Report
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
            **fields_of(report, "fixable unknown"),
        },
    }


def _file(file: FileReport) -> dict[str, object]:
    return {
        "path": file.path,
        "findings": [_finding(finding) for finding in file.findings],
        "causes": [_cause(cause) for cause in causes(file.findings)],
        **fields_of(file, "stages not_alpine unknown notes"),
        **({} if file.image is None else {"image": _comparison(file.image)}),
    }


def _cause(cause: Cause) -> dict[str, object]:
    return {
        **fields_of(cause, "codes severity"),
        "message": cause.headline,
        "location": to_builtins(cause.location),
        "findings": list(cause.numbers),
        **fields_of(cause, "why packages"),
        "remedies": [_remedy(remedy) for remedy in cause.remedies],
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {**to_builtins(remedy), "fix": remedy.fix and _fix(remedy.fix)}


def _comparison(one: Comparison) -> dict[str, object]:
    found: dict[str, object] = {
        "name": one.image,
        "stage": to_builtins(one.stage),
        **fields_of(one, "platform holds same_content"),
    }
    for name in one.__struct_fields__[3:]:
        found[name] = to_builtins(getattr(one, name))
    found["proven"] = [_finding(finding) for finding in one.proven]
    found["refuted"] = [_doubt(doubt) for doubt in one.refuted]
    found["untested"] = [_doubt(doubt) for doubt in one.untested]
    return found


def _doubt(doubt: Doubt) -> dict[str, object]:
    return {"finding": _finding(doubt.finding), "reason": doubt.reason}


def _finding(finding: Finding) -> dict[str, object]:
    stage, distribution = finding.stage, finding.distribution
    return {
        **fields_of(finding, "code name severity confidence message"),
        "stage": stage and to_builtins(stage),
        "platforms": list(finding.platforms),
        "distribution": distribution and _distribution(distribution),
        "distributions": [_distribution(one) for one in finding.distributions],
        **fields_of(finding, "need packages"),
        "brought": [_brought(also) for also in finding.brought],
        "location": to_builtins(finding.location),
        "evidence": [{"kind": evidence.kind, "detail": evidence.detail} for evidence in finding.evidence],
        "fix": finding.fix and _fix(finding.fix),
    }


def _brought(also: Brought) -> dict[str, Any]:
    return {**to_builtins(also), "distributions": [_distribution(one) for one in also.distributions]}


def _distribution(distribution: DistributionRef) -> dict[str, Any]:
    return {**to_builtins(distribution), "compiled": distribution.compiled or None}


def _fix(fix: Fix) -> dict[str, object]:
    edits: list[dict[str, Any]] = to_builtins(fix.edits)
    for edit in edits:
        if edit["path"] is None:
            del edit["path"]
    return {"title": fix.title, "applicability": fix.applicability, "edits": edits}
