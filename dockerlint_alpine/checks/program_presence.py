"""Whether a program is where it is started, or may have come there: with the image, a package, a folder, a command."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, field

from dockerlint_alpine.checks.program_makers import PYTHON_PROGRAM, SYSTEM_FOLDERS, Brought, make, may_make, mention_of
from dockerlint_alpine.checks.starts import Projects, search_path
from dockerlint_alpine.stages import ApkStep
from dockerlint_alpine.stages.files import FromStage
from dockerlint_alpine.syntax import expanded_commands, parse, run_scripts
from dockerlint_alpine.system.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.checks.starts import Start
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.stages import Stage
    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.syntax import ExpandedCommand, Instruction

OFFICIAL = frozenset({"alpine", "python"})
"""Images of which every program is known: apk's packages, busybox, and Python in /usr/local."""
_TABLE = "programs"


class KnownPrograms(Struct, frozen=True):
    """The applets of busybox, and the distributions that bring a console script."""

    applets: frozenset[str]
    scripts: Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=4)
def known_programs(knowledge: Knowledge) -> KnownPrograms:
    """What the rules know of programs."""
    document: Mapping[str, Any] = knowledge.document(_TABLE)
    scripts = document.get("scripts", {}).get("of", {})
    applets = document.get("busybox", {}).get("applets", "").split()
    return KnownPrograms(frozenset(applets), {name: tuple(known) for name, known in scripts.items()})


def is_known(
    subject: Subject, stage: Stage, images: AbstractSet[str] = OFFICIAL, about: re.Pattern[str] | None = None
) -> bool:
    """True where the base is one of ``images`` or was read, and nothing (``about`` it) comes from where nobody can look."""
    first = subject.timeline.lineage(stage)[-1]
    image, end = first.image, stage.final
    if image is None or (image.image not in images and image.programs is None):
        return False
    foreign = end.foreign if about is None else tuple(filter(about.search, end.foreign))
    return not (end.unknown or foreign or end.repositories)


_Commands: TypeAlias = "list[tuple[Instruction, tuple[ExpandedCommand, ...] | None]]"


class Presence(Struct):
    """Tells whether programs are there. What was read is kept, so that the work grows with the number of RUN instructions
    and not its square.

    ``commands``: by stage number, its RUN instructions with their commands (``None`` where they can't be told). ``clear``:
    by stage number and program, how many of them do not make it, and whether git is among them. ``builds``: by the text of
    the build of a base image, its commands. ``brought``: by stage number, what its containers may bring.
    """

    subject: Subject
    commands: dict[int, _Commands] = field(default_factory=dict)
    clear: dict[tuple[int, str], tuple[int, bool]] = field(default_factory=dict)
    builds: dict[str, tuple[ExpandedCommand, ...] | None] = field(default_factory=dict)
    brought: dict[int, Brought] = field(default_factory=dict)

    def is_there(self, stage: Stage, start: Start) -> bool:
        """True where the program is there, or may be."""
        need, name = f"cmd:{start.name}", start.name
        if stage.image is not None and name in (stage.image.programs or ()):
            return True
        worlds = [start.moment.world, start.moment.possible]
        for step in stage.steps:
            if isinstance(step, ApkStep) and step.instruction is start.instruction:
                worlds += [step.before.possible, step.after.possible]
        if any(world.has(need) or _may_be_hidden(world, name) for world in worlds):
            return True
        folders = SYSTEM_FOLDERS if "/" in start.program else (*search_path(stage.final), *SYSTEM_FOLDERS)
        if any("$" in folder or self.may_lie(stage.final.files, f"{folder}/{name}", start) for folder in folders):
            return True
        return (
            (not start.while_building and self._brought_by_container(stage, start))
            or self._made_by_run(stage, start)
            or self._is_own_program(stage, name)
        )

    def may_lie(self, files: StageFiles, path: str, start: Start) -> bool:
        """True where something that was copied may have brought a file to ``path``."""
        return any(
            not isinstance(placement, FromStage) or self._may_come_along(placement, inner, start)
            for placement, inner in files.sources(path)
        )

    def _may_come_along(self, placement: FromStage, path: str, start: Start) -> bool:
        """True where ``path`` may lie in the stage that something was copied from."""
        if placement.builds and placement.files is not None:
            return _copied_to_base(placement.files, path) or any(
                self._made_by_build(text, start) for text in placement.builds
            )
        if placement.files is not None and placement.stage is None and placement.image is None:  # cp and mv
            return path.rpartition("/")[0] in SYSTEM_FOLDERS or self.may_lie(placement.files, path, start)
        origin = self.subject.timeline.stages.get(placement.stage) if placement.stage is not None else None
        if origin is None or placement.files is None:
            return True
        image = self.subject.timeline.lineage(origin)[-1].image
        if image is None or not image.evidence or start.name in known_programs(self.subject.knowledge).scripts:
            return True
        if path.rpartition("/")[0] in (*SYSTEM_FOLDERS, "/usr/local/bin"):
            found = placement.packages
            if found is None or not is_known(self.subject, origin) or found.has(f"cmd:{start.name}"):
                return True
            if _may_be_hidden(found, start.name):
                return True
        return (
            self.may_lie(placement.files, path, start)
            or self._made_by_run(origin, start)
            or self._is_own_program(origin, start.name)
        )

    def _made_by_build(self, text: str, start: Start) -> bool:
        """True where the build of the project that makes the base image, or a script of it, may make the program."""
        if text not in self.builds:
            self.builds[text] = _commands_of_build(text)
        commands, named = self.builds[text], mention_of(start)
        return commands is None or any(may_make(one, start, named, None) for one in commands)

    def _made_by_run(self, stage: Stage, start: Start) -> bool:
        """True where a RUN before it may have made the program: it names it, or nothing is known of its results."""
        named = mention_of(start)
        before = itertools.takewhile(lambda one: one is not start.ran, stage.ran if start.ran is not None else ())
        made, _ = make((one.expanded for one in before if one.instruction is start.instruction), start, named, stage)
        if made:
            return True
        for place in self.subject.timeline.lineage(stage):
            pulse()
            if place.index not in self.commands:
                self.commands[place.index] = _commands(place)
            known = self.commands[place.index]
            key = (place.index, start.name)
            first, cloned = self.clear.get(key, (0, False))
            for position in range(first, len(known)):
                instruction, commands = known[position]
                if start.while_building and instruction.start > start.instruction.start:
                    break
                if commands is None:
                    return True
                own = instruction is start.instruction
                earlier = (one for one in commands if not own or (one.command.span or start.span) < start.span)
                run = (each for one in earlier for each in _run_by(one, place))
                made, cloned = make(run, start, named, place, cloned=cloned)
                if made:
                    return True
                if not own and self.clear.get(key, (0, False))[0] == position:
                    self.clear[key] = position + 1, cloned
        return False

    def _brought_by_container(self, stage: Stage, start: Start) -> bool:
        """True where what a container of the stage runs may bring the program. Most commands of it serve what it is there
        for: only what fetches, installs or copies counts, where its words say so."""
        if any(container.opaque for container in stage.containers):
            return True
        if stage.index not in self.brought:
            self.brought[stage.index] = Brought.by(one for container in stage.containers for one in container.ran)
        pulse()
        return self.brought[stage.index].may_hold(mention_of(start))

    def _is_own_program(self, stage: Stage, name: str) -> bool:
        """True where a project that is installed states a program of that name."""
        projects = self.subject.once((Projects, stage.index), lambda: Projects(self.subject.timeline.lineage(stage)))
        return projects.program(name) is not None


def _may_be_hidden(world: World, name: str) -> bool:
    """True where a package may have the program of which the index does not tell. Those that have a Python are known."""
    return not PYTHON_PROGRAM.fullmatch(name) and world.may_hide(name)


def _copied_to_base(files: StageFiles, path: str) -> bool:
    """True where the build of a base image, or of what that starts from, copies something to ``path``."""
    return any(
        not isinstance(placement, FromStage)
        or not placement.builds
        or placement.files is None
        or _copied_to_base(placement.files, inner)
        for placement, inner in files.sources(path)
    )


def _commands_of_build(text: str) -> tuple[ExpandedCommand, ...] | None:
    """What the RUNs of a Dockerfile run; ``None`` where that can't be told."""
    runs = [one for one in parse(text.encode()).instructions if one.keyword in {"RUN", "FROM"}]
    if not any(one.keyword == "FROM" for one in runs) or any(one.heredocs for one in runs):
        return None
    scripts = [script for one in runs if one.keyword == "RUN" for script in run_scripts(one)]
    if any(script.problems for script in scripts):
        return None
    return tuple(command for script in scripts for command in expanded_commands(script, {}))


def _run_by(command: ExpandedCommand, stage: Stage) -> Sequence[ExpandedCommand]:
    """A command of a RUN, or those that it has make run."""
    span = command.command.span
    return stage.recipes.get(span, (command,)) if span is not None else (command,)


def _commands(stage: Stage) -> _Commands:
    """What each RUN of a stage runs."""
    variables = stage.end.scope.names if stage.end is not None else {}
    found: _Commands = []
    for instruction in stage.instructions:
        if instruction.keyword != "RUN":
            continue
        scripts = () if instruction.heredocs else run_scripts(instruction)
        if instruction.heredocs or any(script.problems for script in scripts):
            found.append((instruction, None))
        else:
            commands = (command for script in scripts for command in expanded_commands(script, variables))
            found.append((instruction, tuple(commands)))
    return found
