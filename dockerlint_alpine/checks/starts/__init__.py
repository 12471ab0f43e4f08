"""Programs that a Dockerfile starts, each with its location and the contents of the stage at that moment.

Only what is certain to be started counts: not what a branch may skip, not what stands behind ``||``, nothing in a script
that defines functions of that name, and nothing behind another script that it reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.starts.building import git_of_pip, of_run, of_scripts
from dockerlint_alpine.checks.starts.commands import PLAIN_TOOLS, search_path
from dockerlint_alpine.checks.starts.container import Containers
from dockerlint_alpine.checks.starts.entry_points import Projects
from dockerlint_alpine.checks.starts.following import Follower
from dockerlint_alpine.checks.starts.model import Start
from dockerlint_alpine.syntax.script import DEFAULT_SHELL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.stages import Stage

__all__ = ["PLAIN_TOOLS", "Projects", "Start", "search_path", "starts"]


def starts(subject: Subject, stage: Stage) -> tuple[Start, ...]:
    """Everything that the instructions of ``stage`` start for certain: by RUN, and where it runs by CMD and its kin."""
    return subject.once((starts, stage.index), lambda: tuple(_starts(subject, stage)))


def _starts(subject: Subject, stage: Stage) -> Iterator[Start]:
    shell = _shell_before(subject, stage)
    for instruction in stage.instructions:
        if instruction.keyword == "SHELL" and instruction.json:
            shell = tuple(word.text for word in instruction.json)
        elif instruction.keyword == "RUN":
            yield from of_run(subject, stage, instruction, shell)
    yield from of_scripts(subject, stage)
    yield from git_of_pip(stage)
    if stage.runs and stage.end is not None:
        containers = Containers(subject, stage, Follower(subject, stage))
        yield from containers.of_image(shell)
        if stage.index == max(one.index for one in subject.timeline.stages.values() if one.runs):
            yield from containers.of_services()


def _shell_before(subject: Subject, stage: Stage) -> tuple[str, ...]:
    shell: tuple[str, ...] = DEFAULT_SHELL
    for place in reversed(subject.timeline.lineage(stage)[1:]):
        for instruction in place.instructions:
            if instruction.keyword == "SHELL" and instruction.json:
                shell = tuple(word.text for word in instruction.json)
    return shell
