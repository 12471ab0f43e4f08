"""The notices of AD901, AD902, AD903 and AD905: what a walk could not see. "No findings" alone would sound like "nothing is
missing"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.base import locate
from dockerlint_alpine.model.findings import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.checks.base import Check, Subject
    from dockerlint_alpine.model.findings import Finding


def notices(check: Check, subject: Subject) -> Iterator[Finding]:
    """Yield a notice for everything of the check's kind that the walk could not see."""
    for notice in subject.timeline.unjudged:
        if notice.kind == check.kind:
            yield check.finding(
                notice.message,
                subject=subject,
                stage=subject.timeline.stages.get(notice.stage),
                at=locate(subject.dockerfile, notice.span),
                evidence=(Evidence("dockerfile", notice.evidence),),
            )
