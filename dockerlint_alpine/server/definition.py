"""Where to go from a package or finding: the requirement that causes it; and from a requirement: the RUN with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol.types import Location

from dockerlint_alpine.report.wording import place_in
from dockerlint_alpine.server import requirements
from dockerlint_alpine.server.askers import asked_at, askers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.server.judging import Judgement


def from_dockerfile(judgement: Judgement, offset: int) -> list[Location]:
    """The requirements that need the package at a byte offset; elsewhere, those behind the findings there."""
    asked = asked_at(judgement, offset)
    chains = [asker.item.resolved.chain for one in asked for asker in askers(one)]
    if not chains:
        line = judgement.document.data.count(b"\n", 0, offset) + 1
        chains = [chain for finding in judgement.report.findings if (chain := _cause(finding, line))]
    places = [place for chain in chains if (place := place_in(chain)) is not None]
    return [found for place in dict.fromkeys(places) if (found := requirement(judgement, *place)) is not None]


def _cause(finding: Finding, line: int) -> tuple[str, ...]:
    here = finding.location.line <= line <= finding.location.end_line
    return finding.distribution.origin if here and finding.distribution is not None else ()


def requirement(judgement: Judgement, name: str, line: int) -> Location | None:
    """The line (1-based) of a file that a report names; ``None`` where the file is out of reach."""
    positions = judgement.positions(name)
    return Location(judgement.uri(name), positions.line_range(line)) if positions is not None else None


def from_requirements(judgements: Iterable[Judgement], file: str, line: int) -> Sequence[Location]:
    """The commands that install what line ``line`` (1-based) of a requirement file (absolute path) asks for."""
    found: dict[tuple[str, int], Location] = {}
    for one in requirements.of_line(judgements, file, line):
        document, (start, end) = one.judgement.document, one.step.span
        place = one.judgement.snapshot.positions_in(document).range(start, end)
        found.setdefault((document.uri, start), Location(document.uri, place))
    return list(found.values())
