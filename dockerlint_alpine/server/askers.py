"""Who needs an apk package that a Dockerfile asks for: the distributions that are compiled with it or run with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from dockerlint_alpine.checks.build_usage import build_needs, compiled_here, runtime_needs
from dockerlint_alpine.fixer.lists import apk_steps, package_of
from dockerlint_alpine.stages import ApkStep, Installed, InstallStep, Stage, pulled_in_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.checks import Subject
    from dockerlint_alpine.server.judging import Judgement
    from dockerlint_alpine.stages.apk_commands import Operand


class Asked(Struct, frozen=True):
    """One package of an ``apk`` command, on one platform."""

    subject: Subject
    stage: Stage
    step: ApkStep
    operand: Operand

    @property
    def name(self) -> str:
        """The package's name, without a pin."""
        return package_of(self.operand)


class Asker(Struct, frozen=True):
    """A distribution that needs a package: when, which capability (in apk's words), and the way from the name in the
    Dockerfile to the package that has it."""

    item: Installed
    moment: Literal["build", "run"]
    need: str
    chain: tuple[str, ...]


def asked_at(judgement: Judgement, offset: int) -> list[Asked]:
    """The package that is written at a byte offset of the Dockerfile: once for each platform and command with it."""
    return [
        Asked(subject, stage, step, operand)
        for subject in judgement.subjects
        for stage in subject.alpine_stages()
        for step in apk_steps(stage)
        for operand in step.command.operands
        if operand.path is None and operand.span is not None and operand.span[0] <= offset <= operand.span[1]
    ]


def askers(asked: Asked) -> list[Asker]:
    """Who needs the package, in its stage and the ones built from it; each need of a distribution once."""
    found: dict[tuple[str, str, str], Asker] = {}
    for asker in _needs(asked.subject, asked.stage):
        if asker.chain[0] == asked.name:
            found.setdefault((asker.item.resolved.name, asker.moment, asker.chain[-1]), asker)
    return list(found.values())


def _needs(subject: Subject, stage: Stage) -> Iterator[Asker]:
    """Yield every need that a package of the stage meets."""
    for place in subject.timeline.stages.values():
        if stage not in subject.timeline.lineage(place):
            continue
        for step in place.steps:
            if isinstance(step, InstallStep):
                for item in step.installed:
                    built = compiled_here(item, place)
                    if built is not None:
                        needs = build_needs(built, headers=step.home.headers)
                        yield from _met(item, "build", needs, step.moment.world)
        if place.end is not None:
            for item in place.installed:
                yield from _met(item, "run", runtime_needs(subject, item, place.alpine), place.end.world)


def _met(item: Installed, moment: Literal["build", "run"], needs: Iterator[str], world: World) -> Iterator[Asker]:
    for need in dict.fromkeys(needs):
        provider = world.provider(need)
        chain = pulled_in_by(world, provider.name) if provider is not None else ()
        if chain:
            yield Asker(item, moment, need, chain)
