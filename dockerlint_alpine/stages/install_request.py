"""What an installer's command line asks for, read with the stage's own view of files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from dockerlint_alpine.python import (
    Origin,
    Requested,
    RequirementSet,
    name_of,
    project_options,
    read_install_arguments,
    read_project_arguments,
)
from dockerlint_alpine.stages.errors import IncludeCycleError
from dockerlint_alpine.stages.files import absolute
from dockerlint_alpine.stages.native import is_native

if TYPE_CHECKING:
    from dockerlint_alpine.python import InstallArguments, Target
    from dockerlint_alpine.stages.installers import ExportCommand, InstallCommand
    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, Instruction, SourceText

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*(?:\[[\w,.\s-]*\])?)\s*(?:[=<>!~]=|[<>@])")
_ABOUT_INDEXES = frozenset(
    "-i --index-url --extra-index-url --default-index --index --trusted-host --proxy --cert --timeout --retries"
    " --cache-dir --client-cert --log --progress-bar --keyring-provider".split()
)
"""Options whose value makes no difference to an answer that is given without the network."""

_ENDLESS = "includes itself"
"""How ``dockerlint_alpine.python`` says that a requirements file includes itself, directly or through others."""


@dataclass
class Words:
    """The arguments of an installer as far as they are known, each with the place where it is written."""

    texts: list[str] = field(default_factory=list)
    places: list[Origin] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    """Variables and substitutions that hide a part of what is installed."""

    wheelhouses: list[str] = field(default_factory=list)
    """Folders whose wheel files are installed by their path."""

    def add(self, text: str, place: Origin) -> None:
        """Append one word."""
        self.texts.append(text)
        self.places.append(place)


class ArgumentReader:
    """Turns the shell words of one command into arguments that ``dockerlint_alpine.python`` can read."""

    def __init__(self, walk: StageWalk, instruction: Instruction, folder: str) -> None:
        self._walk = walk
        self._instruction = instruction
        self._folder = folder

    def words(self, command: InstallCommand | ExportCommand) -> Words:
        """The known words of ``command``; what hides something that matters is listed."""
        words = Words()
        for arg in command.args:
            place = self._place(arg)
            option = words.texts[-1] if words.texts else ""
            if arg.text.startswith("<("):
                words.hidden.append(arg.text)
                self._drop_option(words)
            elif arg.known:
                self._known(words, arg, place)
            elif option in _ABOUT_INDEXES:
                self._drop_option(words)
            elif arg.text.partition("=")[0] not in _ABOUT_INDEXES:
                named = _NAMED.match(arg.text)
                if named is not None:
                    words.add(named[1], place)
                else:
                    words.hidden.extend(_shown(arg))
                    self._drop_option(words)
        return words

    def _place(self, arg: Arg) -> Origin:
        build = self._walk.build
        line = self._instruction.line if arg.span is None else build.dockerfile.line_of(arg.span[0])
        return Origin(build.shown_as, line)

    @staticmethod
    def _drop_option(words: Words) -> None:
        """Take out the option whose value is not known."""
        if words.texts and words.texts[-1].startswith("-") and "=" not in words.texts[-1]:
            words.texts.pop()
            words.places.pop()

    def _known(self, words: Words, arg: Arg, place: Origin) -> None:
        """Wheel files that an earlier step made stand for their distributions; other patterns for their files."""
        text = arg.text
        if text.startswith("-") or not (text.endswith(".whl") or (arg.glob and "/" in text)):
            words.add(text, place)
            return
        pattern = absolute(text, self._folder)
        folder, _, name = pattern.rpartition("/")
        made = [item for item in self._walk.installed if item.location == (folder or "/") and _fits(item, name)]
        for item in made:
            version = item.resolved.version
            words.add(f"{item.resolved.name}=={version}" if version else item.resolved.name, place)
            words.wheelhouses.append(item.location)
        if not made and not arg.glob:
            words.add(text, place)
        elif not made:
            for path in self._walk.files.glob(pattern):
                words.add(path, place)


def _fits(item: Installed, pattern: str) -> bool:
    return item.wheel_file is not None and fnmatchcase(item.wheel_file, pattern)


def _shown(arg: Arg) -> Iterator[str]:
    for name in arg.unknown:
        yield name if name.startswith(("$", "`", "<")) else f"${name}"


@dataclass(frozen=True)
class InstallRequest:
    """What one command asks for. ``wheelhouses`` are local folders of wheel files that it may take from."""

    requirements: RequirementSet
    options: Mapping[str, tuple[str, ...]]
    wheelhouses: tuple[str, ...]

    @cached_property
    def pinned(self) -> frozenset[str]:
        """Distributions whose version is fixed: by ``==`` or because a lock file says everything."""
        named = [*self.requirements.requested, *self.requirements.constraints]
        return frozenset(
            one.name
            for one in named
            if one.name is not None
            and (self.requirements.locked or (one.specifier.startswith("==") and "*" not in one.specifier))
        )

    @cached_property
    def projects(self) -> dict[str, str]:
        """Project folders of the context that are installed themselves: name -> folder."""
        return {
            one.name: one.path
            for one in self.requirements.requested
            if one.name is not None and one.path is not None and one.artefacts is None
        }


def options_of(command: InstallCommand, words: Words) -> Mapping[str, tuple[str, ...]]:
    """The options of a project command, before its files are read."""
    if command.action != "project":
        return {}

    return project_options(command.tool, words.texts)


def read_install_request(
    walk: StageWalk,
    command: InstallCommand,
    words: Words,
    variables: Mapping[str, SourceText],
    folder: str,
    target: Target | None,
) -> InstallRequest:
    """Read the files that ``command`` names. ``target`` serves the markers of lock files.

    Raises IncludeCycleError for requirement files that include each other in a circle.
    """
    env = {name: value.text for name, value in variables.items()}
    found: InstallArguments
    if command.action == "project":
        from dockerlint_alpine.python import read_project_arguments  # noqa: PLC0415 - as above

        found = read_project_arguments(
            command.tool,
            words.texts,
            walk.files,
            cwd=folder,
            origins=words.places,
            environment=env,
            target=target,
            command=command.verb,
        )
        found = replace(found, requirements=_with_itself(found, walk, command, folder))
    else:
        texts, places = words.texts, words.places
        if command.action == "sync-files":
            texts, places = _as_files(words)
        found = read_install_arguments(texts, walk.files, cwd=folder, origins=places, environment=env, target=target)
    for problem in found.requirements.problems:
        if problem.message.endswith(_ENDLESS):
            raise IncludeCycleError(f"requirement files include each other in a circle: {problem.path}:{problem.line}")
    links = (absolute(link, folder) for link in found.requirements.options.find_links if "://" not in link)
    return InstallRequest(found.requirements, found.options, tuple(dict.fromkeys((*links, *words.wheelhouses))))


_WITHOUT_ITSELF = frozenset(
    "--no-root --no-self --no-install-project --no-install-local --only-group --only-dev --no-install-workspace".split()
)
"""Options of Poetry, PDM and uv that leave the project itself out."""


def _with_itself(found: InstallArguments, walk: StageWalk, command: InstallCommand, folder: str) -> RequirementSet:
    """uv, Poetry and PDM install the project, too: that is worth a line where it compiles something."""
    requirements, folder = found.requirements, project_folder(folder, found.options)
    if command.tool not in {"uv", "poetry", "pdm"} or not _WITHOUT_ITSELF.isdisjoint(found.options):
        return requirements
    if not is_native(walk.files, folder):
        return requirements
    name = name_of(folder, walk.files)
    if name is None or any(one.name == name for one in requirements.requested):
        return requirements
    origin = Origin(walk.files.display(posixpath.join(folder, "pyproject.toml")))
    itself = Requested(text=name, name=name, origin=origin, path=folder)
    return replace(requirements, requested=(*requirements.requested, itself))


def project_folder(folder: str, options: Mapping[str, tuple[str, ...]]) -> str:
    """The folder of the project that a command means when it runs in ``folder``."""
    for option in ("--directory", "--project"):
        if option in options:
            folder = absolute(options[option][-1], folder)
    return folder


def _as_files(words: Words) -> tuple[list[str], list[Origin]]:
    """``uv pip sync FILE...``: every operand is a requirements file."""
    texts: list[str] = []
    places: list[Origin] = []
    for text, place in zip(words.texts, words.places, strict=True):
        for part in (text,) if text.startswith("-") else ("-r", text):
            texts.append(part)
            places.append(place)
    return texts, places


def exported(
    walk: StageWalk,
    command: ExportCommand,
    words: Words,
    variables: Mapping[str, SourceText],
    folder: str,
    target: Target | None,
) -> str | None:
    """The requirements file that an export writes, ``None`` where the lock file can't be read."""
    env = {name: value.text for name, value in variables.items()}
    found = read_project_arguments(
        command.tool, words.texts, walk.files, cwd=folder, origins=words.places, environment=env, target=target
    ).requirements
    if not found.requested:
        return None
    return "".join(f"{line}\n" for line in map(_line, found.requested) if line)


def _line(one: Requested) -> str:
    if one.name is None or one.path is not None:
        return ""
    extras = f"[{','.join(one.extras)}]" if one.extras else ""
    what = f"{one.name}{extras} @ {one.url}" if one.url is not None else f"{one.name}{extras}{one.specifier}"
    return f"{what} ; {one.marker}" if one.marker is not None else what
