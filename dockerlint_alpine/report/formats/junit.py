"""JUnit XML as CI servers read it: one suite per Dockerfile, one test case per finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.report.encoding import xml_content, xml_tag
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.wording import details, message

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.model.reports import FileError, FileReport, Report


def render(report: Report, _options: RenderOptions) -> str:
    """Errors and warnings fail, information passes with its text as output, what could not be checked is skipped.

    A file without findings is one passed test; a file that could not be read is one in error.
    """
    suites = [_suite(file) for file in report.files] + [_unread(error) for error in report.errors]
    body = [line for suite in suites for line in suite]
    failures = sum(_kind(finding) == "failure" for finding in report.findings)
    skipped = sum(_kind(finding) == "skipped" for finding in report.findings)
    totals = {
        "name": PROGRAM,
        "tests": sum(max(1, len(file.findings)) for file in report.files) + len(report.errors),
        "failures": failures,
        "errors": len(report.errors),
        "skipped": skipped,
    }
    head = ['<?xml version="1.0" encoding="UTF-8"?>', f"<{xml_tag('testsuites', totals)}>"]
    return "\n".join([*head, *body, "</testsuites>"]) + "\n"


def _kind(finding: Finding) -> str:
    """Return the element that says how the test case ended."""
    if finding.could_not_judge:
        return "skipped"
    return "system-out" if finding.severity == "info" else "failure"


def _suite(file: FileReport) -> list[str]:
    kinds = [_kind(finding) for finding in file.findings]
    counts = {
        "name": file.path,
        "tests": max(1, len(kinds)),
        "failures": kinds.count("failure"),
        "errors": 0,
        "skipped": kinds.count("skipped"),
    }
    cases = [line for finding in file.findings for line in _case(file.path, finding)]
    if not cases:
        cases = [f"    <{xml_tag('testcase', {'name': PROGRAM, 'classname': file.path})}/>"]
    return [f"  <{xml_tag('testsuite', counts)}>", *cases, "  </testsuite>"]


def _case(path: str, finding: Finding) -> list[str]:
    place = finding.location
    attributes = {
        "name": f"{finding.code} {finding.name} at {place.line}:{place.column}",
        "classname": path,
        "file": path,
        "line": place.line,
    }
    kind, text = _kind(finding), xml_content("\n".join(details(finding)))
    if kind == "system-out":
        outcome = f"<system-out>{text}</system-out>"
    elif kind == "skipped":
        outcome = f"<{xml_tag('skipped', {'message': message(finding)})}/>"
    else:
        outcome = f"<{xml_tag('failure', {'type': finding.severity, 'message': message(finding)})}>{text}</failure>"
    return [f"    <{xml_tag('testcase', attributes)}>", f"      {outcome}", "    </testcase>"]


def _unread(error: FileError) -> list[str]:
    counts = {"name": error.path, "tests": 1, "failures": 0, "errors": 1, "skipped": 0}
    return [
        f"  <{xml_tag('testsuite', counts)}>",
        f"    <{xml_tag('testcase', {'name': PROGRAM, 'classname': error.path})}>",
        f"      <{xml_tag('error', {'type': 'unreadable', 'message': error.message})}/>",
        "    </testcase>",
        "  </testsuite>",
    ]
