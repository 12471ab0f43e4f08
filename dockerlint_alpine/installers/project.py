"""What the tools that install a project have in common: poetry, pipenv, pdm and uv.

Their sub-commands are told apart by a table; a command of theirs names options, and the project's files say the rest.
"""

from __future__ import annotations

import posixpath
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.installers.base import (
    Arguments,
    InstallCommand,
    Installer,
    given_options,
    project_folder,
    read_export,
    split_verb,
    verb_at,
    with_itself,
)
from dockerlint_alpine.installers.pip import OPTIONS, read_build, read_words
from dockerlint_alpine.python.markers import environment
from dockerlint_alpine.python.model import Origin, Problem, RequirementSet, Target
from dockerlint_alpine.system.options import OptionTable, scan

if TYPE_CHECKING:
    from dockerlint_alpine.installers.base import (
        Command,
        ExportCommand,
        Invocation,
        Options,
        PythonHome,
        Surroundings,
        Variables,
        Words,
    )
    from dockerlint_alpine.python.formats.locked import LockedPackage
    from dockerlint_alpine.python.formats.pyproject import Pyproject
    from dockerlint_alpine.python.formats.toml_source import TomlSource
    from dockerlint_alpine.python.model import FileReader
    from dockerlint_alpine.syntax import Arg

Role: TypeAlias = Literal["project", "add", "export"]
_SOMEWHERE = Target("3.12", "linux/amd64", musl=(1, 2))
"""Serves the markers of a lock file when the caller does not know its interpreter."""


class Selection(Struct, frozen=True):
    """What a command selects of the project in ``folder``: its arguments, for the marker environment ``values``.

    ``origin`` is the place of the command, for what can't be read.
    """

    folder: str
    files: FileReader
    values: Mapping[str, str]
    verb: str
    args: Sequence[str]
    origin: Origin | None
    variables: Variables


class ProjectInstaller(Installer):
    """A tool for projects. What it does not say itself is pip's way."""

    verbs: ClassVar[Mapping[str, Role]]
    """Sub-command -> what it does."""

    before_verb: ClassVar[frozenset[str]]
    """Options that take a value and may stand before the sub-command."""

    table: ClassVar[OptionTable]
    """The options of the sub-commands that install a project."""

    without_itself: ClassVar[frozenset[str] | None]
    """Options that leave the project itself out; ``None`` for a tool that never installs it."""

    def __init__(self) -> None:
        lacking = [part for part in ("verbs", "before_verb", "table", "without_itself") if not hasattr(self, part)]
        if lacking:
            raise TypeError(f"{type(self).__name__} lacks {', '.join(lacking)}")
        super().__init__()

    @abstractmethod
    def project_home(
        self, command: InstallCommand, options: Options, base: PythonHome | None, place: Surroundings
    ) -> PythonHome | None:
        """Return the environment of the project; ``base`` is the interpreter that ``python3`` means there."""

    @abstractmethod
    def read(self, selection: Selection) -> RequirementSet:
        """Return what a command selects of a project. Never raises for bad input."""

    def recognise(self, invocation: Invocation) -> Command | None:
        """Read ``TOOL VERB``."""
        verb, words = split_verb(invocation.args, self.before_verb)
        match self.verbs.get(verb):
            case None:
                # Poetry has poetry-core with it, and makes an environment only for a build script (its build_environment).
                return read_build("python3", words, isolated=self.name != "poetry") if verb == "build" else None
            case "export":
                return read_export(self, words)
            case role:
                return InstallCommand(self, role, invocation.program, verb, words)

    def inside(self, invocation: Invocation) -> tuple[InstallCommand, tuple[Arg, ...]] | None:
        """Read ``TOOL run [options] PROGRAM ...``: as a command about the project, for its environment, and what runs there;
        ``None`` for any other command, or where the environment is not the project's."""
        words = invocation.args
        verb = verb_at(words, self.before_verb)
        if words[verb : verb + 1] == () or words[verb].text != "run":
            return None
        behind = words[verb + 1 :]
        program = verb_at(behind, self.table.taking_a_value)
        own = (*words[:verb], *behind[:program])
        return InstallCommand(self, "project", invocation.program, "run", own), behind[program:]

    def options(self, command: InstallCommand, words: Sequence[str]) -> Options:
        """Its own for a project, pip's for what it adds to one."""
        return given_options(words, self.table if command.action == "project" else OPTIONS)

    def home(self, command: InstallCommand, options: Options, place: Surroundings) -> PythonHome | None:
        """The interpreter of ``--python`` with a path, else the project's environment."""
        base = place.interpreter("python3")
        named = (options.get("--python") or ("",))[-1]
        if named.startswith("/"):
            return place.environment(named) or place.interpreter(named) or base
        return self.project_home(command, options, base, place)

    def destination(self, command: InstallCommand, options: Options, home: PythonHome, place: Surroundings) -> str:
        """See the protocol."""
        del command, options, place
        return home.site_packages

    def request(self, command: InstallCommand, words: Words, place: Surroundings, target: Target | None) -> Arguments:
        """What the project asks for, with the project itself; what is added to it is read as pip's arguments are."""
        if command.action != "project":
            return read_words(words, place, target)
        found = self._project(command.verb, words, place, target)
        return found if self.without_itself is None else with_itself(found, place, self.without_itself)

    def export(
        self, command: ExportCommand, words: Words, place: Surroundings, target: Target | None
    ) -> RequirementSet:
        """See the protocol."""
        del command
        return self._project("install", words, place, target).requirements

    def _project(self, verb: str, words: Words, place: Surroundings, target: Target | None) -> Arguments:
        options = given_options(words.texts, self.table)
        selection = Selection(
            folder=project_folder(place.folder, options),
            files=place.files,
            values=environment(target or _SOMEWHERE),
            verb=verb,
            args=words.texts,
            origin=words.places[0] if words.places else None,
            variables=place.variables,
        )
        return Arguments(self.read(selection), options)


class Declared(Struct, frozen=True):
    """What a ``pyproject.toml`` asks for with the options of a command, and how the ``lock`` file beside it is read: by
    ``locked``, without the distributions ``skip``. ``complaints`` are about the options; ``frozen``: they say that the lock
    file is there."""

    requirements: RequirementSet
    lock: str
    locked: Callable[[TomlSource], Iterable[LockedPackage]]
    complaints: Sequence[str] = ()
    skip: Sequence[str] = ()
    frozen: bool = False


class PyprojectInstaller(ProjectInstaller):
    """A tool whose projects have a ``pyproject.toml`` and a lock file of the tool's own: poetry, pdm and uv."""

    @abstractmethod
    def declared(self, pyproject: Pyproject, folder: str, given: Mapping[str, Sequence[str]]) -> Declared:
        """Return what the project in ``folder`` asks for; ``given`` are the options of :attr:`table` with their values."""

    def read(self, selection: Selection) -> RequirementSet:
        """What the lock file says; without a readable one, the requirements of ``pyproject.toml``, unlocked."""
        from dockerlint_alpine.python.formats.locked import settled
        from dockerlint_alpine.python.formats.pyproject import open_pyproject

        folder, files = selection.folder, selection.files
        pyproject = open_pyproject(posixpath.join(folder, "pyproject.toml"), files, selection.origin)
        if isinstance(pyproject, RequirementSet):
            return pyproject
        words, complaints = scan(selection.args, self.table)
        given: dict[str, list[str]] = {}
        for word in words:
            if word.option is not None:
                given.setdefault(word.option, []).append(word.value)
        found = self.declared(pyproject, folder, given)
        place = selection.origin or Origin(pyproject.source.path)
        problems = [Problem(place.path, place.line, text) for text in (*complaints, *found.complaints)]
        requirements = replace(found.requirements, problems=(*problems, *found.requirements.problems))
        lock = posixpath.join(folder, found.lock)
        if not found.frozen and not files.exists(lock):
            return requirements
        skip = (pyproject.name, *found.skip)
        return settled(requirements, lock, files, selection.values, found.locked, skip=skip)
