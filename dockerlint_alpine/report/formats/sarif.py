"""SARIF 2.1.0 (OASIS standard, Errata 01), as code hosts show it in a pull request."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

from dockerlint_alpine.report.causes import Cause, identified, told
from dockerlint_alpine.report.encoding import json_text
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.paths import portable
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.wording import place_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.model.findings import Finding, Fix, Severity, TextEdit
    from dockerlint_alpine.model.reports import FileReport, Report

    Json = dict[str, object]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "alpineDoctor/v1"

_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report, options: RenderOptions) -> str:
    """Return the report as one SARIF log with one run; columns count Unicode characters, as ``columnKind`` says."""
    codes = sorted({finding.code for finding in report.findings})
    indexes = {code: index for index, code in enumerate(codes)}
    driver: Json = {"name": PROGRAM, "version": options.version, "rules": _rules(report.findings, codes, options)}
    if options.docs_url:
        driver["informationUri"] = options.docs_url
    run: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [result for file in report.files for result in _results(file, indexes)],
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rules(findings: Sequence[Finding], codes: Sequence[str], options: RenderOptions) -> list[Json]:
    first = {finding.code: finding for finding in reversed(findings)}
    return [_rule(first[code], options) for code in codes]


def _rule(finding: Finding, options: RenderOptions) -> Json:
    rule: Json = {"id": finding.code, "name": finding.name}
    level = finding.severity
    if options.code_docs:
        doc = options.code_docs(finding.code)
        level = doc.severity
        rule["shortDescription"] = {"text": doc.summary}
        rule["fullDescription"] = {"text": doc.description or doc.summary}
        rule["help"] = {"text": doc.markdown or doc.summary, "markdown": doc.markdown or doc.summary}
    if url := options.code_url(finding.code):
        rule["helpUri"] = url
    rule["defaultConfiguration"] = {"level": _LEVELS[level]}
    return rule


def _invocation(report: Report) -> Json:
    notifications = [_notification("error", error.message, error.path) for error in report.errors]
    notifications += (_notification("note", note, file.path) for file in report.files for note in file.notes)
    notifications += (_notification("note", note) for note in report.notes)
    return {"executionSuccessful": not report.errors, "toolExecutionNotifications": notifications}


def _notification(level: str, text: str, path: str | None = None) -> Json:
    where: Json = (
        {"locations": [{"physicalLocation": {"artifactLocation": _artifact(path)}}]} if path is not None else {}
    )
    return {"level": level, "message": {"text": text}, **where}


def _results(file: FileReport, indexes: dict[str, int]) -> list[Json]:
    lines = Lines(file.source)
    return [
        _result(file.path, lines, cause, indexes[cause.lead.code], identity) for cause, identity in identified(file)
    ]


def _result(path: str, lines: Lines, cause: Cause, index: int, identity: str) -> Json:
    """One result a cause; of several findings the first of the gravest gives the rule."""
    finding, place = cause.lead, cause.location
    region = _region(lines, (place.line, place.column), (place.end_line, place.end_column))
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[cause.severity],
        "message": {"text": "\n".join(told(cause))},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(path), "region": region}}],
        "partialFingerprints": {FINGERPRINT: identity},
        "properties": {
            "confidence": cause.confidence,
            "platforms": list(cause.platforms),
            "need": finding.need,
            "packages": list(cause.packages),
            "codes": list(cause.codes),
            "distributions": [about.shown for about in cause.distributions],
        },
    }
    if related := _related(cause):
        result["relatedLocations"] = related
    if cause.offers:
        result["fixes"] = [_fix(path, lines, fix) for fix in cause.offers]
    return result


def _related(cause: Cause) -> list[Json]:
    """Where each distribution of the cause is asked for."""
    found: list[Json] = []
    several = len(cause.distributions) > 1
    for about in cause.distributions:
        if (asked := place_in(about.origin)) is None:
            continue
        path, line = asked
        where = {"artifactLocation": _artifact(path), "region": {"startLine": line}}
        text = f"{about.shown} is required here" if several else "asked for here"
        found.append({"id": len(found) + 1, "physicalLocation": where, "message": {"text": text}})
    return found


def _fix(path: str, lines: Lines, fix: Fix) -> Json:
    by_path: dict[str, list[TextEdit]] = {}
    for edit in fix.edits:
        by_path.setdefault(edit.path or path, []).append(edit)
    changes = [
        {
            "artifactLocation": _artifact(target),
            "replacements": [
                _replacement(lines if edit.path is None else None, edit)
                for edit in sorted(edits, key=lambda edit: edit.start)
            ],
        }
        for target, edits in by_path.items()
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes}


def _replacement(lines: Lines | None, edit: TextEdit) -> Json:
    """One edit; in bytes (section 3.57) where the file's text is not at hand or what comes in is no UTF-8."""
    inserted = edit.text.encode("utf-8", "surrogateescape")
    if lines is None or not _is_utf8(inserted):
        region: Json = {"byteOffset": edit.start, "byteLength": edit.end - edit.start}
        return {"deletedRegion": region, "insertedContent": {"binary": b64encode(inserted).decode("ascii")}}
    region = _region(lines, lines.position(edit.start), lines.position(edit.end))
    return {"deletedRegion": region, "insertedContent": {"text": edit.text}}


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _region(lines: Lines, start: tuple[int, int], end: tuple[int, int]) -> Json:
    return {
        "startLine": start[0],
        "startColumn": lines.characters(*start),
        "endLine": end[0],
        "endColumn": lines.characters(*end),
    }


def _artifact(path: str) -> Json:
    """Name a file: relative to the source root, or as a file URI; odd bytes are percent-encoded."""
    name = portable(path)
    uri = quote(name.encode("utf-8", "surrogateescape"))
    if name.startswith("/"):
        return {"uri": f"file://{uri}"}
    return {"uri": uri, "uriBaseId": "%SRCROOT%"}
