"""Distributions that an installer leaves alone because Alpine's packages have brought them (py3-pip: py3-requests), and that
are not there where the code runs: ``apk del`` takes the package away, or a COPY leaves it behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.checks.run_moment import removal
from dockerlint_alpine.stages import InstallStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.python.model import Resolved
    from dockerlint_alpine.stages import ApkStep, Installed, Stage


class Lost(Struct, frozen=True):
    """``resolved`` was found in ``package`` by ``step`` and is not in the stage; ``item`` requires it, ``None`` where the
    command itself asks for it. ``removal`` takes the package away; ``None``: the stage never had it."""

    resolved: Resolved
    package: str
    step: InstallStep
    item: Installed | None
    removal: ApkStep | None


def lost_distributions(subject: Subject, stage: Stage) -> Iterator[Lost]:
    """What is not in a stage that runs, each package once."""
    if not stage.runs or stage.end is None or stage.final.unknown or stage.final.foreign:
        return
    own = {one.index for one in subject.timeline.lineage(stage)}
    there = {one.resolved.name for one in stage.installed if not one.as_wheel}
    told: set[str] = set()
    for place in subject.timeline.stages.values():
        if place.index not in own and (stage.home is None or not stage.home.from_apk):
            continue
        for step in (one for one in place.steps if isinstance(one, InstallStep)):
            for resolved, package in step.found:
                if resolved.name in there or package in stage.final.possible.packages or package in told:
                    continue
                item = _requirer(stage, resolved, None if place.index in own else place.index)
                if item is None and (place.index not in own or len(resolved.chain) > 1):
                    continue
                told.add(package)
                yield Lost(
                    resolved,
                    package,
                    step,
                    item,
                    removal(subject.timeline, stage, package) if place.index in own else None,
                )


def _requirer(stage: Stage, resolved: Resolved, copied_from: int | None) -> Installed | None:
    """What requires the distribution, in the stage."""
    name = resolved.chain[-2] if len(resolved.chain) > 2 else None
    items = (one for one in stage.installed if one.copied_from == copied_from)
    return next((one for one in items if one.resolved.name == name), None)
