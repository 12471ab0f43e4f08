"""The notices of AD901, AD902, AD903 and AD905: what a walk could not see. "No findings" alone would sound like "nothing is
missing"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.base import Check, locate
from dockerlint_alpine.model.findings import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import UnjudgedKind


def notices(code: str, kind: UnjudgedKind, summary: str, page: str) -> Check:
    """The check that has a notice for everything of a kind that the walk could not see; the kind is its name."""

    def run(subject: Subject) -> Iterator[Finding]:
        for notice in subject.timeline.unjudged:
            if notice.kind == kind:
                yield check.finding(
                    notice.message,
                    subject=subject,
                    stage=subject.timeline.stages.get(notice.stage),
                    at=locate(subject.dockerfile, notice.span),
                    evidence=(Evidence("dockerfile", notice.evidence),),
                )

    check = Check(code, kind, "info", summary, page, run, could_not_judge=True, kind=kind)
    return check
