"""Carries out an installer's command on paper: what is asked for, what that resolves to, and how each part is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dockerlint_alpine.python import (
    Origin,
    PythonError,
    RequirementSet,
    Resolution,
    Resolved,
    Target,
    musl_of_alpine,
    read_install_arguments,
)
from dockerlint_alpine.python.resolve import resolve
from dockerlint_alpine.stages.files import absolute
from dockerlint_alpine.stages.interpreters import apk_home, destination, home_of_installer, home_of_program
from dockerlint_alpine.stages.linkage import build_facts
from dockerlint_alpine.stages.model import Installed, InstallStep, PythonHome

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.python import Facts, Resolver
    from dockerlint_alpine.stages.installers import InstallCommand
    from dockerlint_alpine.stages.timeline import StageWalk
    from dockerlint_alpine.syntax import Instruction, SourceText, Span

_SHOWN_UNKNOWN = 6
"""Names of unknown distributions listed in one notice; the rest is counted."""


class Installer:
    """Knows the rules and the index; walks ask it to install into their stage."""

    def __init__(
        self, knowledge: Knowledge, facts: Facts, resolver: Resolver | None = None, as_of: str | None = None
    ) -> None:
        self.knowledge = knowledge
        self.facts = facts
        self.resolver = resolver
        self.as_of = as_of
        self.notes: list[str] = []

    def apk_home(self, walk: StageWalk) -> PythonHome | None:
        """Alpine's own Python in the stage, if it is there."""
        return apk_home(walk)

    def home_for(
        self, walk: StageWalk, program: str, variables: Mapping[str, SourceText], active: PythonHome | None
    ) -> PythonHome | None:
        """The interpreter that ``program`` belongs to, for making a venv."""
        name = program if program.rsplit("/", 1)[-1].startswith("python") else "python3"
        return home_of_program(walk, name, variables, active)

    def install(
        self,
        walk: StageWalk,
        instruction: Instruction,
        span: Span,
        command: InstallCommand,
        *,
        variables: Mapping[str, SourceText],
        folder: str,
        active: PythonHome | None,
        conditional: bool,
    ) -> None:
        """Let ``command`` install into the stage of ``walk``; what can't be judged is noted there."""
        if walk.packages is None or walk.index is None:
            return
        wanted, options = self._wanted(walk, instruction, command, variables, folder)
        home = home_of_installer(walk, command, options, variables, active, folder)
        if home is None or home.version is None:
            walk.unjudged(
                "AD902",
                instruction,
                f"{command.program}: which Python runs here isn't known: say it with --python X.Y",
                f"FROM {walk.node.base}",
            )
            return
        home = walk.homes.get(home.prefix, home)
        target = self._target(walk, home, command, options)
        resolution = self._resolution(wanted, target, options)
        self._report_unknown(walk, instruction, resolution)
        pinned = _pinned(wanted)
        env = {name: value.text for name, value in variables.items()}
        place = destination(home, command, options, variables, folder)
        houses = _wheelhouses(wanted, folder)
        installed = [
            self._installed(walk, instruction, resolved, place, houses, env, pinned, command, conditional=conditional)
            for resolved in resolution.distributions
        ]
        installed.extend(self._from_wheel_files(walk, instruction, command, place, folder, installed, conditional))
        self._upgrade_pip(walk, home, resolution)
        walk.installed = _on_top(walk.installed, installed)
        walk.steps.append(
            InstallStep(
                walk.node.index,
                instruction,
                span,
                command,
                conditional,
                walk.moment,
                home,
                target,
                tuple(installed),
            )
        )

    # -- what is wanted ------------------------------------------------------------------------------------------

    def _wanted(
        self,
        walk: StageWalk,
        instruction: Instruction,
        command: InstallCommand,
        variables: Mapping[str, SourceText],
        folder: str,
    ) -> tuple[RequirementSet, Mapping[str, tuple[str, ...]]]:
        dockerfile = walk.builder.dockerfile
        origins = [
            Origin(walk.builder.shown_as, instruction.line if arg.span is None else dockerfile.line_of(arg.span[0]))
            for arg in command.args
        ]
        known = [(arg.text, origin) for arg, origin in zip(command.args, origins, strict=True) if arg.known]
        hidden = [name for arg in command.args if not arg.known for name in arg.unknown]
        if hidden:
            names = ", ".join(f"${name}" for name in dict.fromkeys(hidden))
            walk.unjudged(
                "AD905",
                instruction,
                f"part of what {command.tool} installs comes from {names}, whose value isn't known here",
                f"{command.tool} {command.action}",
            )
        env = {name: value.text for name, value in variables.items()}
        words, places = [text for text, _ in known], [origin for _, origin in known]
        words = _without_wheel_globs(words)
        places = places[: len(words)]
        if command.action == "project":
            from dockerlint_alpine.python import read_project_arguments  # noqa: PLC0415 - project tools are the rarer case

            found = read_project_arguments(command.tool, words, walk.files, cwd=folder, origins=places, environment=env)
        else:
            if command.action == "pip-sync":
                words = [part for word in words for part in (("-r", word) if not word.startswith("-") else (word,))]
                places = [places[0]] * len(words) if places else []
            found = read_install_arguments(words, walk.files, cwd=folder, origins=places, environment=env)
        for problem in found.requirements.problems:
            where = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
            walk.unjudged("AD901", instruction, f"{where}: {problem.message}", f"{command.tool} {command.action}")
        return found.requirements, found.options

    def _target(
        self, walk: StageWalk, home: PythonHome, command: InstallCommand, options: Mapping[str, tuple[str, ...]]
    ) -> Target:
        assert walk.index is not None
        return Target(
            python=home.version or "3",
            platform=walk.builder.platform,
            musl=musl_of_alpine(walk.index.release),
            pip_version=home.pip_version if command.tool in {"pip", "pipenv"} else None,
            forced_platforms=options.get("--platform", ()) if command.tool == "pip" else (),
        )

    def _resolution(self, wanted: RequirementSet, target: Target, options: Mapping[str, tuple[str, ...]]) -> Resolution:
        no_deps = "--no-deps" in options
        try:
            found = resolve(wanted, target, self.facts, self.resolver, as_of=self.as_of, no_deps=no_deps)
        except PythonError as error:
            self.notes.append(f"{error}; answered from the embedded data")
            found = resolve(wanted, target, self.facts, None, as_of=self.as_of, no_deps=no_deps)
        self.notes.extend(found.notes)
        return found

    def _report_unknown(self, walk: StageWalk, instruction: Instruction, resolution: Resolution) -> None:
        unknown = resolution.unresolved
        if not unknown:
            return
        plain = [item.name for item in unknown if item.kind in {"unknown", "dependencies"}]
        for item in unknown:
            if item.kind not in {"unknown", "dependencies"}:
                walk.unjudged("AD903", instruction, f"{item.name}: {item.reason}", " -> ".join(item.chain))
        if plain:
            names = list(dict.fromkeys(plain))
            shown = ", ".join(names[:_SHOWN_UNKNOWN])
            more = f" and {len(names) - _SHOWN_UNKNOWN} more" if len(names) > _SHOWN_UNKNOWN else ""
            verb = "are" if len(names) > 1 else "is"
            walk.unjudged(
                "AD903",
                instruction,
                f"{shown}{more} {verb} not known offline: ask the index with --online",
                f"embedded facts as of {self.facts.as_of}",
                things=len(names),
            )

    # -- how each distribution is made -----------------------------------------------------------------------------

    def _installed(
        self,
        walk: StageWalk,
        instruction: Instruction,
        resolved: Resolved,
        place: str,
        houses: Sequence[str],
        env: Mapping[str, str],
        pinned: frozenset[str],
        command: InstallCommand,
        *,
        conditional: bool,
    ) -> Installed:
        distribution = self.knowledge.distribution(resolved.name)
        imports = distribution.imports if distribution is not None else ()
        ready = _ready_wheel(walk, resolved.name, houses)
        built = None
        if ready is not None:
            built = ready.built
        elif resolved.artefact.kind == "sdist" and command.action != "download":
            assert walk.packages is not None
            assert walk.index is not None
            built = build_facts(
                resolved,
                walk.node.index,
                self.knowledge,
                walk.index,
                walk.packages.world,
                walk.packages.possible,
                env,
            )
        return Installed(
            resolved,
            place,
            built,
            conditional,
            instruction,
            as_wheel=command.makes_wheels,
            copied_from=ready.copied_from if ready is not None else None,
            imports=imports,
            pinned=resolved.name in pinned,
        )

    def _from_wheel_files(
        self,
        walk: StageWalk,
        instruction: Instruction,
        command: InstallCommand,
        place: str,
        folder: str,
        installed: Sequence[Installed],
        conditional: bool,
    ) -> list[Installed]:
        """``pip install /wheels/*.whl``: every wheel file that an earlier step made and that lies there."""
        names = {item.resolved.name for item in installed}
        found = []
        for arg in command.args:
            if not _is_wheel_glob(arg.text):
                continue
            house = absolute(arg.text, folder).rpartition("/")[0] or "/"
            for item in walk.installed:
                if item.as_wheel and item.location == house and item.resolved.name not in names:
                    moved = replace(item, location=place, as_wheel=False, arrived=instruction, conditional=conditional)
                    found.append(moved)
        return found

    def _upgrade_pip(self, walk: StageWalk, home: PythonHome, resolution: Resolution) -> None:
        """``pip install -U pip``: from here on this interpreter's pip is that version."""
        pip = next((item for item in resolution.distributions if item.name == "pip"), None)
        if pip is None:
            return
        upgraded = replace(home, pip_version=pip.version)
        if walk.home is not None and walk.home.prefix == home.prefix:
            walk.home = upgraded
        else:
            walk.homes[home.prefix] = upgraded


def _is_wheel_glob(text: str) -> bool:
    return not text.startswith("-") and "*" in text and (text.endswith((".whl", "/*")))


def _without_wheel_globs(words: Sequence[str]) -> list[str]:
    return [word for word in words if not _is_wheel_glob(word)]


def _pinned(wanted: RequirementSet) -> frozenset[str]:
    """Distributions whose version is fixed: by ``==`` or because a lock file says everything."""
    named = [*wanted.requested, *wanted.constraints]
    return frozenset(
        item.name
        for item in named
        if item.name is not None and (wanted.locked or (item.specifier.startswith("==") and "*" not in item.specifier))
    )


def _wheelhouses(wanted: RequirementSet, folder: str) -> list[str]:
    return [absolute(link, folder) for link in wanted.options.find_links if "://" not in link]


def _ready_wheel(walk: StageWalk, name: str, houses: Sequence[str]) -> Installed | None:
    """The wheel file of ``name`` that an earlier step made and that lies in one of the wheelhouses."""
    for item in walk.installed:
        if item.as_wheel and item.resolved.name == name and item.location in houses:
            return item
    return None


def _on_top(old: Sequence[Installed], new: Sequence[Installed]) -> list[Installed]:
    """What a later install puts in the same place replaces the earlier one, unless it is satisfied already."""
    table = {(item.resolved.name, item.location): item for item in old}
    for item in new:
        key = (item.resolved.name, item.location)
        before = table.get(key)
        if before is None or before.resolved.version != item.resolved.version or before.conditional:
            table[key] = item
    return list(table.values())
