"""Short ways to ask a timeline."""

from __future__ import annotations

from typing import ClassVar, NoReturn

from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.stages import Installed, InstallStep, Moment, Stage, Timeline


def last(timeline: Timeline) -> Stage:
    return timeline.stages[max(timeline.stages)]


def end(timeline: Timeline) -> Moment:
    found = last(timeline).end
    assert found is not None
    return found


def places(timeline: Timeline) -> dict[str, str]:
    """Distribution -> where it lies at the end of the last stage."""
    return {item.resolved.name: item.location for item in last(timeline).installed}


def installed(timeline: Timeline, name: str) -> Installed:
    return next(item for item in last(timeline).installed if item.resolved.name == name)


def steps(timeline: Timeline) -> list[InstallStep]:
    return [step for stage in timeline.stages.values() for step in stage.steps if isinstance(step, InstallStep)]


def said(timeline: Timeline) -> list[tuple[str, str]]:
    return [(notice.kind, notice.message) for notice in timeline.unjudged]


class Silent:
    """A resolver that knows nothing and asks nobody."""

    fills_gaps = True
    refusal = ""
    open: ClassVar[dict[str, object]] = {}
    looked_at: ClassVar[set[str]] = set()

    def image(self, *_: object) -> NoReturn:
        raise ResolverError(NOBODY_ASKED)

    repository = image

    def source_facts(self, *_: object, **__: object) -> NoReturn:
        raise ResolverError("not here")

    resolve = source_facts
