"""A stage made of dicts, and short ways to ask a tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dockerlint_alpine.installers.base import (
    Arguments,
    InstallCommand,
    PythonHome,
    Variables,
    Words,
)
from dockerlint_alpine.installers.project import ProjectInstaller
from dockerlint_alpine.installers.registry import read_command, tools
from dockerlint_alpine.python.model import FileReader, Origin, RequirementSet, Target
from dockerlint_alpine.syntax import Arg, SourceText, expanded_commands, parse_script
from tests.python.conftest import MemoryFiles

TARGET = Target("3.11", musl=(1, 2))
SYSTEM = PythonHome("/usr/local", "3.11", pip_version="24.0")


class Place:
    """Surroundings in /app, with one Python in /usr/local."""

    def __init__(
        self,
        files: FileReader | None = None,
        variables: Variables | None = None,
        settings: Mapping[str, str] | None = None,
        active: PythonHome | None = None,
        folder: str = "/app",
    ) -> None:
        self.files: FileReader = files or MemoryFiles({})
        self.variables = variables or {}
        self.settings = settings or {}
        self.active = active
        self.folder = folder
        self.homes: dict[str, PythonHome] = {}

    def interpreter(self, program: str, *, activated: bool = True) -> PythonHome | None:
        if "/" in program:
            return self.homes.get(program.rpartition("/bin/")[0], SYSTEM)
        return self.active if activated and self.active is not None else SYSTEM

    def environment(self, prefix: str) -> PythonHome | None:
        return self.homes.get(prefix)

    def remember(self, home: PythonHome) -> None:
        self.homes[home.prefix] = home


def args(text: str) -> Sequence[Arg]:
    """The words of one shell command."""
    (command,) = expanded_commands(parse_script(SourceText.literal(text)), {})
    return command.args


def command(text: str) -> InstallCommand:
    found = read_command(args(text))
    assert isinstance(found, InstallCommand)
    return found


def words(texts: Sequence[str], origins: Sequence[Origin] | None = None) -> Words:
    places = list(origins) if origins is not None else [Origin("Dockerfile", 7)] * len(texts)
    return Words(list(texts), places)


def ask(
    text: str, files: FileReader, *, target: Target | None = TARGET, variables: Variables | None = None
) -> Arguments:
    """What a command asks for in /app; the words are those of the command without its sub-command."""
    found = command(text)
    given = words([arg.text for arg in found.args])
    return found.tool.request(found, given, Place(files, variables), target)


def asked_by_project(tool: str, arguments: Sequence[str], files: FileReader, target: Target = TARGET) -> RequirementSet:
    """What ``TOOL install ARGUMENTS`` asks for in /app, without the project itself."""
    installer = next(one for one in tools() if one.name == tool)
    assert isinstance(installer, ProjectInstaller)
    return installer._project("install", words(arguments), Place(files), target).requirements
