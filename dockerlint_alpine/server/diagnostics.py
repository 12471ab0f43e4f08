"""Findings as an editor shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types
from msgspec import Struct

from dockerlint_alpine.model.about import DOCS_URL
from dockerlint_alpine.report.causes import identified
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.wording import chain, facts, place_in
from dockerlint_alpine.server import definition, requirements
from dockerlint_alpine.stages import ApkStep, InstallStep
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding, Fix, Severity
    from dockerlint_alpine.server.judging import Judgement
    from dockerlint_alpine.server.positions import Positions

_LINE = lazy_pattern(r"\blines? (\d+)")

SEVERITIES: dict[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}


def diagnostics(judgement: Judgement) -> list[types.Diagnostic]:
    """Everything to show for one Dockerfile; what could not be checked at all is said in its first line."""
    start = types.Range(types.Position(0, 0), types.Position(0, 0))
    problems = [
        types.Diagnostic(
            start, f"could not be checked: {problem}", severity=types.DiagnosticSeverity.Error, source=PROGRAM
        )
        for problem in judgement.problems
    ]
    docs_url = next((doctor.settings.docs_url for doctor in judgement.doctors), None)
    options = RenderOptions(docs_url=docs_url or DOCS_URL)
    found = [_diagnostic(judgement, one.finding, one.span, one.identity, options) for one in located(judgement)]
    return [*problems, *found]


class Located(Struct, frozen=True):
    """What is shown at one place: one cause as one finding, with its members and an identity that survives edits elsewhere
    in the file."""

    finding: Finding
    span: types.Range
    identity: str
    members: tuple[Finding, ...]
    offers: tuple[Fix, ...]


def located(judgement: Judgement) -> Iterator[Located]:
    """Each cause with its range."""
    lines, positions = Lines(judgement.document.data), judgement.snapshot.positions_in(judgement.document)
    for cause, identity in identified(judgement.report):
        finding = cause.as_one()
        yield Located(finding, _range(finding, lines, positions), identity, cause.findings, cause.offers)


def _range(finding: Finding, lines: Lines, positions: Positions) -> types.Range:
    place = finding.location
    start = lines.start(place.line) + place.column - 1
    end = lines.start(place.end_line) + place.end_column - 1
    if end <= start:  # a whole line is meant
        return positions.line_range(place.line)
    return positions.range(start, end)


def _diagnostic(
    judgement: Judgement, finding: Finding, span: types.Range, identity: str, options: RenderOptions
) -> types.Diagnostic:
    url = options.link(finding.code)
    return types.Diagnostic(
        range=_underlined(judgement, finding, span),
        message=_message(finding),
        severity=SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(url) if url is not None else None,
        source=PROGRAM,
        tags=[types.DiagnosticTag.Unnecessary] if finding.traits.unused_text else None,
        related_information=_related(judgement, finding),
        data={"id": identity, "fix": finding.fix.applicability if finding.fix is not None else None},
    )


def _message(finding: Finding) -> str:
    """Three lines at most: what is wrong, what asks for it, and what mends it or else the first reason."""
    reason = facts(finding)[:1]
    last = f"fix: {finding.fix.title}" if finding.fix is not None else reason[0].detail if reason else ""
    lines = (finding.message, chain(finding), last)
    return "\n".join(dict.fromkeys(printable(line) for line in lines if line))


def _underlined(judgement: Judgement, finding: Finding, span: types.Range) -> types.Range:
    """The words that a finding is about: the requirement in an installer's command, the list in an ``apk``'s, and never
    more than a line of either."""
    if span.start.line == span.end.line:
        return span
    lines = Lines(judgement.document.data)
    first = lines.start(finding.location.line) + finding.location.column - 1
    last = lines.start(finding.location.end_line) + finding.location.end_column - 1
    words = next(_words(judgement, finding, first, last), (first, last))
    end = judgement.document.data.find(b"\n", *words)
    text = judgement.document.data[words[0] : words[1] if end < 0 else end].rstrip(b"\r \t\\")
    return judgement.snapshot.positions_in(judgement.document).range(words[0], words[0] + len(text))


def _words(judgement: Judgement, finding: Finding, first: int, last: int) -> Iterator[tuple[int, int]]:
    about = finding.distribution.name if finding.distribution is not None else None
    asked = (finding.distribution.origin[:1] if finding.distribution is not None else ()) or ("",)
    file = asked[0].rpartition(":")[0].rpartition("/")[2]
    for subject in judgement.subjects:
        for stage in subject.alpine_stages():
            for step in stage.steps:
                if not isinstance(step, (ApkStep, InstallStep)) or not first <= step.span[0] < last:
                    continue
                if isinstance(step, InstallStep):
                    for arg in step.command.args:
                        named = requirements.names(arg.text, about) or (file and arg.text.endswith(file))
                        if named and arg.span is not None:
                            yield arg.span
                else:
                    yield step.span


def _related(judgement: Judgement, finding: Finding) -> list[types.DiagnosticRelatedInformation] | None:
    """Where else to look: what asks for the distribution, and the lines of the Dockerfile that the evidence names."""
    found: dict[tuple[str, int], types.DiagnosticRelatedInformation] = {}
    for about in finding.distributions or ((finding.distribution,) if finding.distribution is not None else ()):
        asked = place_in(about.origin)
        place: types.Location | None = definition.requirement(judgement, *asked) if asked is not None else None
        if place is not None:
            said = f"{printable(about.shown)} is required here" if len(finding.distributions) > 1 else "asked for here"
            found[place.uri, place.range.start.line] = types.DiagnosticRelatedInformation(place, said)
    positions = judgement.snapshot.positions_in(judgement.document)
    for evidence in finding.evidence:
        for number in _LINE.findall(evidence.detail) if evidence.kind == "dockerfile" else ():
            if int(number) != finding.location.line:
                there = types.Location(judgement.document.uri, positions.line_range(int(number)))
                related = types.DiagnosticRelatedInformation(there, printable(evidence.detail))
                found.setdefault((there.uri, there.range.start.line), related)
    return list(found.values()) or None
