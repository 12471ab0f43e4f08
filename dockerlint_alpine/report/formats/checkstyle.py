"""Checkstyle XML (format 4.3): the oldest common language of lint reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.report.encoding import xml_tag
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.wording import message

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.model.reports import FileReport, Report


def render(report: Report, _options: RenderOptions) -> str:
    """One ``file`` element a Dockerfile, clean ones too, with one ``error`` element a finding."""
    body = [line for file in report.files for line in _file(file)]
    for error in report.errors:
        attributes = {"line": 1, "severity": "error", "message": error.message, "source": f"{PROGRAM}.unreadable"}
        body += _wrapped(error.path, [f"    <{xml_tag('error', attributes)}/>"])
    head = ['<?xml version="1.0" encoding="UTF-8"?>', '<checkstyle version="4.3">']
    return "\n".join([*head, *body, "</checkstyle>"]) + "\n"


def _file(file: FileReport) -> list[str]:
    return _wrapped(file.path, [f"    <{xml_tag('error', _attributes(finding))}/>" for finding in file.findings])


def _wrapped(path: str, errors: list[str]) -> list[str]:
    return [f"  <{xml_tag('file', {'name': path})}>", *errors, "  </file>"]


def _attributes(finding: Finding) -> dict[str, object]:
    return {
        "line": finding.location.line,
        "column": finding.location.column,
        "severity": finding.severity,
        "message": message(finding),
        "source": f"{PROGRAM}.{finding.code}",
    }
