"""What an Alpine stage makes of one requirement: the installations that a line of a file, or a word of a RUN, leads to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.python.model import normalise
from dockerlint_alpine.stages import Installed, InstallStep, Stage
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.checks import Subject
    from dockerlint_alpine.server.judging import Judgement

_PLACE = lazy_pattern(r"(.+):([1-9]\d*)")
_NAME = lazy_pattern(r"\s*['\"]?\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


class Installation(Struct, frozen=True):
    """One installer's command, and what of it a requirement brings: the requirement itself, then what comes along."""

    judgement: Judgement
    subject: Subject
    stage: Stage
    step: InstallStep
    items: tuple[Installed, ...]


def of_line(judgements: Iterable[Judgement], file: str, line: int) -> list[Installation]:
    """What the requirement in line ``line`` (1-based) of ``file`` (absolute) brings into each stage."""
    wanted = (file, line)

    def depth(item: Installed) -> int | None:
        """How many steps behind the line the item is; ``None``: it does not come from there."""
        chain = item.resolved.chain
        at = next((index for index, step in enumerate(chain) if _place(step) == wanted), None)
        return None if at is None else len(chain) - at

    found = []
    for judgement in judgements:
        for subject, stage, step in _installs(judgement):
            depths = [(place, item) for item in step.installed if (place := depth(item)) is not None]
            if depths:
                items = tuple(item for _, item in sorted(depths, key=lambda pair: pair[0]))
                found.append(Installation(judgement, subject, stage, step, items))
    return found


def at_word(judgement: Judgement, offset: int) -> list[Installation]:
    """What the word of an installer's command at a byte offset of the Dockerfile brings (``pip install lz4``)."""
    found = []
    for subject, stage, step in _installs(judgement):
        for arg in step.command.args:
            name = _NAME.match(arg.text) if arg.span and arg.span[0] <= offset <= arg.span[1] else None
            items = _named(step, normalise(name[1])) if name is not None else ()
            if items:
                found.append(Installation(judgement, subject, stage, step, items))
    return found


def names(word: str, distribution: str | None) -> bool:
    """Whether a word of an installer's command asks for a distribution (its normalised name)."""
    found = _NAME.match(word)
    return found is not None and distribution is not None and normalise(found[1]) == distribution


def _installs(judgement: Judgement) -> Iterator[tuple[Subject, Stage, InstallStep]]:
    for subject in judgement.subjects:
        for stage in subject.alpine_stages():
            for step in stage.steps:
                if isinstance(step, InstallStep):
                    yield subject, stage, step


def _named(step: InstallStep, name: str) -> tuple[Installed, ...]:
    """The distribution of this name and what comes along with it."""
    direct = [item for item in step.installed if item.resolved.name == name and len(item.resolved.chain) == 1]
    along = [item for item in step.installed if len(item.resolved.chain) > 1 and item.resolved.chain[1] == name]
    return (*direct, *along) if direct else ()


def _place(step: str) -> tuple[str, int] | None:
    """The absolute path and line of a step of a chain; ``None`` for the name of a distribution."""
    match = _PLACE.fullmatch(step)
    return (os.path.abspath(match[1]), int(match[2])) if match is not None else None  # noqa: PTH100 - keeps symlinks
