"""Findings as an editor shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol.types import (
    CodeDescription,
    Diagnostic,
    DiagnosticRelatedInformation,
    DiagnosticSeverity,
    DiagnosticTag,
    Location,
    Position,
    Range,
)

from dockerlint_alpine.report.fingerprint import fingerprints
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.wording import details, requirement
from dockerlint_alpine.server import definition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding, Severity
    from dockerlint_alpine.server.judging import Judgement
    from dockerlint_alpine.server.positions import Positions

SEVERITIES: dict[Severity, DiagnosticSeverity] = {
    "error": DiagnosticSeverity.Error,
    "warning": DiagnosticSeverity.Warning,
    "info": DiagnosticSeverity.Information,
}


def diagnostics(judgement: Judgement) -> list[Diagnostic]:
    """Everything to show for one Dockerfile; what could not be checked at all is said in its first line."""
    start = Range(Position(0, 0), Position(0, 0))
    problems = [
        Diagnostic(start, f"not judged: {problem}", severity=DiagnosticSeverity.Error, source=PROGRAM)
        for problem in judgement.problems
    ]
    options = RenderOptions(docs_url=next((doctor.settings.docs_url for doctor in judgement.doctors), None))
    found = [_diagnostic(judgement, finding, span, identity, options) for finding, span, identity in located(judgement)]
    return [*problems, *found]


def located(judgement: Judgement) -> Iterator[tuple[Finding, Range, str]]:
    """Each finding with its range, and an identity that survives edits elsewhere in the file."""
    lines, positions = Lines(judgement.document.data), judgement.snapshot.positions_in(judgement.document)
    for finding, identity in zip(judgement.report.findings, fingerprints(judgement.report), strict=True):
        yield finding, _range(finding, lines, positions), identity


def _range(finding: Finding, lines: Lines, positions: Positions) -> Range:
    place = finding.location
    start = lines.start(place.line) + place.column - 1
    end = lines.start(place.end_line) + place.end_column - 1
    if end <= start:  # a whole line is meant
        return positions.line_range(place.line)
    return positions.range(start, end)


def _diagnostic(
    judgement: Judgement, finding: Finding, span: Range, identity: str, options: RenderOptions
) -> Diagnostic:
    url = options.link(finding.code)
    return Diagnostic(
        range=span,
        message="\n".join(details(finding)),
        severity=SEVERITIES[finding.severity],
        code=finding.code,
        code_description=CodeDescription(url) if url is not None else None,
        source=PROGRAM,
        tags=[DiagnosticTag.Unnecessary] if finding.traits.unused_text else None,
        related_information=_related(judgement, finding),
        data={"id": identity, "fix": finding.fix.applicability if finding.fix is not None else None},
    )


def _related(judgement: Judgement, finding: Finding) -> list[DiagnosticRelatedInformation] | None:
    asked = requirement(finding)
    place: Location | None = definition.requirement(judgement, *asked) if asked is not None else None
    return [DiagnosticRelatedInformation(place, "asked for here")] if place is not None else None
