"""The compiles of a Dockerfile: shared by AD101, AD102, AD103 and AD502."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.stages import BuildFacts, Installed, InstallStep, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.checks.base import Subject


class Compile(Struct, frozen=True):
    """One distribution compiled at one step of one stage; ``passing`` for a build's environment, gone after it."""

    stage: Stage
    step: InstallStep
    item: Installed
    built: BuildFacts
    passing: bool = False


def compiles(subject: Subject) -> Sequence[Compile]:
    """Every compile, in file order; what a wheel from an earlier stage brings is compiled only there."""
    return subject.once((compiles,), lambda: tuple(_compiles(subject)))


def _compiles(subject: Subject) -> Iterator[Compile]:
    for stage in subject.alpine_stages():
        for step in stage.steps:
            if not isinstance(step, InstallStep):
                continue
            for item in step.installed:
                if item.built is not None and not item.ready and item.built.stage == stage.index:
                    yield Compile(stage, step, item, item.built)
            for item in step.built_for:
                if item.built is not None:
                    yield Compile(stage, step, item, item.built, passing=True)
