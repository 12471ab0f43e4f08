"""Sentences and small pieces of text that several formats share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.options import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.model.findings import Evidence, Finding
    from dockerlint_alpine.model.reports import Report

_ORIGIN = re.compile(r"(.+):([1-9]\d*)")


def plural(number: int, word: str) -> str:
    """``1 error``, ``2 errors``, ``2 Dockerfiles``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def chain(finding: Finding) -> str:
    """How the distribution got here, ``requirements.txt:9 -> clickhouse-connect -> lz4 4.4.5``; empty without one."""
    distribution = finding.distribution
    if distribution is None:
        return ""
    steps = list(distribution.origin)
    name = f"{distribution.name} {distribution.version}" if distribution.version else distribution.name
    if steps and steps[-1] == distribution.name:
        steps[-1] = name
    else:
        steps.append(name)
    return " -> ".join(steps)


def requirement(finding: Finding) -> tuple[str, int] | None:
    """Return the file and line that ask for the distribution, where its origin names them."""
    return place_in(finding.distribution.origin) if finding.distribution else None


def place_in(origin: Sequence[str]) -> tuple[str, int] | None:
    """Return the file and line (1-based) where a chain of origins leaves files: of several that include each other
    (``-r base.txt``), the last."""
    places = [match for step in origin if (match := _ORIGIN.fullmatch(step))]
    return (places[-1][1], int(places[-1][2])) if places else None


def facts(finding: Finding) -> tuple[Evidence, ...]:
    """Return the evidence that ``chain`` does not already tell: who asks for the distribution is shown there."""
    first, *others = finding.evidence
    return tuple(others) if first.kind == "requirement" and chain(finding) else finding.evidence


def stage(finding: Finding) -> str:
    """Describe the stage: ``stage 1 (runtime), python:3.11-alpine3.19, linux/amd64``; empty without one."""
    if finding.stage is None:
        return ", ".join(finding.platforms)
    name = f" ({finding.stage.name})" if finding.stage.name else ""
    return ", ".join((f"stage {finding.stage.index}{name}", finding.stage.base, *finding.platforms))


def message(finding: Finding) -> str:
    """Return the message as one line that is safe to show."""
    return printable(finding.message)


def details(finding: Finding) -> tuple[str, ...]:
    """Return the finding in full as plain text, one fact a line: message, chain, evidence, fix."""
    lines = [finding.message]
    if path := chain(finding):
        lines.append(path)
    lines += (f"-> {evidence.detail} [{evidence.kind}]" for evidence in facts(finding))
    if finding.fix:
        lines.append(f"fix ({finding.fix.applicability}): {finding.fix.title}")
    return tuple(map(printable, lines))


def found(report: Report) -> str:
    """Return what was found: ``Found 1 error and 2 warnings in 1 Dockerfile with 2 Alpine stages``."""
    counted = ((report.count("error"), "error"), (report.count("warning"), "warning"), (report.count("info"), "note"))
    parts = [plural(number, word) for number, word in counted if number]
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
    stages = plural(sum(file.stages for file in report.files), "Alpine stage")
    said = f"Found {listed}" if listed else "No problems found"
    return f"{said} in {plural(len(report.files), 'Dockerfile')} with {stages}"


def summary(report: Report, *, show_fix_hint: bool) -> tuple[str, ...]:
    """Sum up: found, fixable, not judged, skipped, not read. Never claims to have judged what was not."""
    # Of files that were not read nothing was found: saying so would sound like all is well.
    lines = [f"{found(report)}."] if report.files or not report.errors else []
    unsafe = sum(1 for finding in report.findings if finding.fix and finding.fix.applicability == "unsafe")
    if report.fixable:
        with_command = f" with `{PROGRAM} fix`" if show_fix_hint else ""
        lines.append(f"{report.fixable} fixable{with_command}.")
    if unsafe:
        how = f"`{PROGRAM} fix --unsafe-fixes`" if show_fix_hint else "--unsafe-fixes"
        lines.append(f"{unsafe} {'more ' if report.fixable else ''}fixable with {how}.")
    if report.unknown:
        lines.append(f"{plural(report.unknown, 'item')} could not be checked.")
    if skipped := sum(file.not_alpine for file in report.files):
        lines.append(f"{plural(skipped, 'stage')} skipped: not Alpine.")
    for writing, what in ((False, "read"), (True, "written")):
        if count := sum(error.writing == writing for error in report.errors):
            lines.append(f"{plural(count, 'file')} could not be {what}.")
    return tuple(lines)
