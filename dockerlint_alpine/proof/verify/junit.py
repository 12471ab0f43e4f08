"""JUnit XML: one suite per run, one test case per check.

What failed as expected, or is blocked by that, is skipped (as pytest does for xfail); what did not run is an error, and
never passed.
"""

from __future__ import annotations

from dockerlint_alpine.proof.verify.model import WORDS, Check, VerifyReport
from dockerlint_alpine.report.encoding import xml_content, xml_tag


def render(report: VerifyReport) -> str:
    """Return the document."""
    kinds = [_kind(check) for check in report.checks]
    alone = [
        text
        for text in report.not_verified
        if not any(text.endswith(check.detail) and check.detail for check in report.checks)
    ]
    counts = {
        "tests": len(kinds) + len(alone),
        "failures": kinds.count("failure"),
        "errors": kinds.count("error") + len(alone),
        "skipped": kinds.count("skipped"),
    }
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<{xml_tag('testsuites', {'name': 'alpine-doctor verify', **counts})}>",
    ]
    suite = {"name": report.target, **counts, "time": report.seconds, "timestamp": report.started}
    lines += [f"  <{xml_tag('testsuite', suite)}>", "    <properties>"]
    facts = {"level": report.level, "verdict": report.verdict, "engine": " ".join(report.engine.values())}
    facts |= {f"image:{proof.name}": proof.id for proof in report.images if proof.id}
    lines += [f"      <{xml_tag('property', {'name': name, 'value': value})}/>" for name, value in facts.items()]
    lines.append("    </properties>")
    for check in report.checks:
        lines += _case(report.target, check)
    for text in alone:
        lines += [
            f"    <{xml_tag('testcase', {'name': 'run', 'classname': report.target})}>",
            f"      <{xml_tag('error', {'type': 'not-verified', 'message': text})}/>",
            "    </testcase>",
        ]
    return "\n".join([*lines, "  </testsuite>", "</testsuites>"]) + "\n"


def _kind(check: Check) -> str:
    if check.bad:
        return "failure"
    if check.status == "expected-fail" or (check.status == "blocked" and check.expected_block):
        return "skipped"
    return "error" if check.open else ""


def _case(target: str, check: Check) -> list[str]:
    attributes = {"name": check.name, "classname": f"{target}.{check.service}" if check.service else target}
    if check.seconds is not None:
        attributes["time"] = f"{check.seconds:.3f}"
    kind, message = _kind(check), check.reason or check.detail or WORDS[check.status]
    if not kind:
        return [f"    <{xml_tag('testcase', attributes)}/>"]
    said = {"type": f"alpine-doctor.{check.status}", "message": message}
    return [
        f"    <{xml_tag('testcase', attributes)}>",
        f"      <{xml_tag(kind, said)}>{xml_content(check.detail)}</{kind}>",
        "    </testcase>",
    ]
