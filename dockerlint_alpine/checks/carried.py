"""What findings are worth that rest on a derived index: names and explicit facts are the release's own, sonames were carried
over from another release, each with the chance that it still holds (see :mod:`dockerlint_alpine.apk.derive`).

A soname that holds with 95 % leaves a finding ``likely``, one with 80 % ``possible``; below that, and where nothing is
known to provide a need, there is no finding: one notice for the whole file says what could not be judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.checks.ad902_unknown_base_image import CHECK as NOTICE
from dockerlint_alpine.checks.base import Check, Subject, added_packages, locate
from dockerlint_alpine.model.findings import Evidence
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import Stage

LIKELY = 0.95
POSSIBLE = 0.80
_SHOWN = 3


def settled(subject: Subject, found: Iterable[tuple[Check, Finding]]) -> Iterator[Finding]:
    """The findings, as sure as the indexes behind them allow; a notice at the end stands for those that are left out."""
    doubts: list[tuple[Stage, str]] = []
    for check, finding in found:
        stage = subject.timeline.stages.get(finding.stage.index) if finding.stage is not None else None
        index = stage.packages if stage is not None else None
        if stage is None or index is None or index.derived is None or check.names_only or finding.need is None:
            yield finding
            continue
        chance = _chance(index, finding)
        if chance < POSSIBLE:
            doubts.append((stage, finding.need))
        elif chance < LIKELY or _may_have_more(subject, stage, index):
            yield _possible(finding)
        else:
            yield finding
    if doubts:
        yield _notice(subject, doubts)


def is_notice(finding: Finding) -> bool:
    """True for the notice of :func:`settled`, which stands for findings and not for a step of the file."""
    return finding.code == NOTICE.code and finding.evidence[0].kind == "index"


def _chance(index: Index, finding: Finding) -> float:
    """How likely it is that what the finding proposes brings what it lacks; 0 where nothing is known to bring it."""
    assert finding.need is not None
    if finding.packages:
        return min(index.trust(finding.need, package) for package in finding.packages)
    return 0.0 if ":" in finding.need else 1.0


def _may_have_more(subject: Subject, stage: Stage, index: Index) -> bool:
    """True where a package that the stage adds is new in the release: what it needs, and so brings along, is not known."""
    return stage.end is not None and bool(index.unread(added_packages(subject, stage, stage.end)))


def _possible(finding: Finding) -> Finding:
    """The finding as a possible one: a warning, with a fix that nobody applies unasked."""
    fix = finding.fix
    if fix is not None and fix.applicability == "safe":
        fix = replace(fix, applicability="unsafe")
    severity = "warning" if finding.severity == "error" else finding.severity
    return replace(finding, severity=severity, confidence="possible", fix=fix)


def _notice(subject: Subject, doubts: list[tuple[Stage, str]]) -> Finding:
    stage, _ = doubts[0]
    index = stage.packages
    assert index is not None
    assert index.derived is not None
    needs = list(dict.fromkeys(need for _, need in doubts))
    first = stage.instructions[0]
    return NOTICE.finding(
        f"which package of Alpine {index.release} has {listed(needs, _SHOWN + 1)} is not known without its index:"
        f" run `alpine-doctor index update --alpine {index.release}`",
        at=locate(subject.dockerfile, (first.start, first.end)),
        evidence=(Evidence("index", f"Alpine {index.release} is known from {index.derived} only"),),
        subject=subject,
    )
