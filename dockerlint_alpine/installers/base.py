"""The protocol that the modules of this folder implement, one tool each, and the types that they share.

A tool recognises its commands, knows their options, says which environment they install into and where, what they ask
for, what they export, and which of its settings a command changes. It reads files and environments of a stage through
:class:`Surroundings`, and nothing else of it. :mod:`dockerlint_alpine.installers.registry` finds the modules.
"""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.python.model import Origin, Requested, RequirementSet
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.python.model import FileReader, Target
    from dockerlint_alpine.syntax import Arg

Action: TypeAlias = Literal["install", "wheel", "download", "sync-files", "project", "add", "tool", "uninstall"]
Options: TypeAlias = Mapping[str, tuple[str, ...]]
"""Options by canonical long name with all their values in order, ``("",)`` for a flag."""

Variables: TypeAlias = Mapping[str, str]

TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
_PYTHON = lazy_pattern(r"python(?:\d+(?:\.\d+)?)?\Z")


# -- what a stage has ------------------------------------------------------------------------------------------------


class PythonHome(Struct, frozen=True):
    """One interpreter of a stage. ``prefix`` is where it lives (``/usr/local``, ``/usr``, a venv's folder).

    ``from_apk`` is true for Alpine's own Python and venvs made from it. ``version`` is ``X.Y`` or ``None``.
    ``sees_system``: a venv that also has the packages of the Python it was made from.
    """

    prefix: str
    version: str | None
    from_apk: bool = False
    is_venv: bool = False
    sees_system: bool = False
    pip_version: str | None = None

    @property
    def headers(self) -> str | None:
        """The package with Python.h of Alpine's own Python; another Python has its headers with it."""
        if not self.from_apk:
            return None
        return "python2-dev" if self.version == "2.7" else "python3-dev"

    @property
    def site_packages(self) -> str:
        """The folder that pip installs into."""
        return f"{self.prefix}/lib/python{self.version or '3'}/site-packages"


class Surroundings(Protocol):
    """The stage as a command finds it. ``settings`` are what earlier commands told tools (``poetry.virtualenvs.create``)."""

    @property
    def files(self) -> FileReader:
        """The files of the stage at this moment."""

    @property
    def folder(self) -> str:
        """The folder that the command runs in, or that of its project."""

    @property
    def variables(self) -> Variables:
        """The environment of the command."""

    @property
    def settings(self) -> Mapping[str, str]:
        """Settings by tool and key."""

    @property
    def platform(self) -> str:
        """Docker's name of the platform."""

    @property
    def on_musl(self) -> bool:
        """Whether the stage is Alpine's."""

    @property
    def newest_python(self) -> str | None:
        """The newest Python of the day that the stage is judged for, ``X.Y``."""

    @property
    def active(self) -> PythonHome | None:
        """The environment that the script has activated."""

    def interpreter(self, program: str, *, activated: bool = True) -> PythonHome | None:
        """Return the interpreter that ``program`` (a name to look up in PATH, or a path) belongs to; with ``activated``
        the environment that the script has activated comes first."""

    def environment(self, prefix: str) -> PythonHome | None:
        """Return the environment or copied interpreter that was seen to get to ``prefix``."""

    def remember(self, home: PythonHome) -> None:
        """From now on the stage has this environment."""


# -- commands --------------------------------------------------------------------------------------------------------


class Invocation(Struct, frozen=True):
    """A command line, as far as all tools are started alike: ``python -m NAME`` is what ``NAME`` is.

    ``program`` is the word that started it (``/opt/venv/bin/pip``, ``python3``), ``name`` the program without its folder
    or the module that Python is told to run (``setup.py`` for ``python /src/setup.py``), ``args`` the words behind it.
    ``script`` is the path of a ``setup.py`` as it is written.
    """

    program: str
    name: str
    args: tuple[Arg, ...]
    script: Arg | None = None


SETUP = "setup.py"
"""Stands before the verb of ``python setup.py install``, which has easy_install fetch what the project requires."""


class InstallCommand(Struct, frozen=True):
    """One call of an installer.

    ``program`` is the word that started it, ``verb`` its sub-command. ``args`` are the words behind the sub-command and
    the options before it. ``project`` actions install what a project and its lock file say, ``add`` something into a
    project's environment, ``tool`` into an environment of its own, ``sync-files`` what the named files list.
    """

    tool: Installer
    action: Action
    program: str
    verb: str
    args: tuple[Arg, ...]

    @property
    def makes_wheels(self) -> bool:
        """True when the result is a folder of wheel files, not an installation."""
        return self.action in {"wheel", "download"}

    @property
    def in_project(self) -> bool:
        """True when it installs into the environment of a project."""
        return self.action in {"project", "add"}


class VenvCommand(Struct, frozen=True):
    """``python -m venv DIR``, ``virtualenv DIR`` or ``uv venv [DIR]``; ``directory`` and ``python`` as written."""

    program: str
    directory: str | None
    python: str | None = None
    system_packages: bool = False
    by_uv: tuple[str, ...] | None = None
    """The words of ``uv venv``, which has its own way to a Python."""


class ExportCommand(Struct, frozen=True):
    """``poetry export``, ``uv export``, ``pdm export``, ``pipenv requirements``: a lock file turned into requirements.

    ``output`` is the file as written, ``None`` where it goes to standard output.
    """

    tool: Installer
    args: tuple[Arg, ...]
    output: str | None


Command: TypeAlias = InstallCommand | VenvCommand | ExportCommand


class Words(Struct):
    """The arguments of a command as far as they are known, each with the place where it is written."""

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


class Arguments(Struct, frozen=True):
    """What a command asks for, and its options."""

    requirements: RequirementSet
    options: Options


# -- tools -----------------------------------------------------------------------------------------------------------


class Program(ABC):
    """A program that this folder knows. One that lacks a part can't be made: its module fails when it is loaded."""

    name: ClassVar[str]
    """What messages call it."""

    programs: ClassVar[re.Pattern[str]]
    """The names that it is started by, to match completely: of its executable, or of its module behind ``python -m``."""

    mention: ClassVar[str]
    """A regular expression for text that looks as if it installed something with it; empty where nothing does."""

    def __init__(self) -> None:
        lacking = [part for part in ("name", "programs", "mention") if not hasattr(self, part)]
        if lacking:
            raise TypeError(f"{type(self).__name__} lacks {', '.join(lacking)}")

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def recognise(self, invocation: Invocation) -> Command | None:
        """Read a command; ``None`` where it installs nothing and makes no environment."""

    def setting(self, invocation: Invocation) -> tuple[str, str] | None:
        """Return the setting that a command changes (``poetry.virtualenvs.create``, ``false``), ``None`` for all others."""
        del invocation
        return None


class Installer(Program):
    """A program that installs distributions."""

    runs_pip: ClassVar[bool] = False
    """Whether the environment's own pip does the work, so that its age decides what is installed."""

    def inside(self, invocation: Invocation) -> tuple[InstallCommand, tuple[Arg, ...]] | None:
        """Read what a command runs in the tool's environment, with a command that leads to it; ``None`` for all others."""
        del invocation
        return None

    @abstractmethod
    def options(self, command: InstallCommand, words: Sequence[str]) -> Options:
        """Return the options of a command. Reads no file."""

    def no_musllinux(self, place: Surroundings) -> str:
        """Return why the tool itself, as it is in the stage, takes no musllinux wheels; empty where it does."""
        del place
        return ""

    @abstractmethod
    def home(self, command: InstallCommand, options: Options, place: Surroundings) -> PythonHome | None:
        """Return the interpreter that a command installs for; ``None`` where nothing tells."""

    @abstractmethod
    def destination(self, command: InstallCommand, options: Options, home: PythonHome, place: Surroundings) -> str:
        """Return the folder that the packages, or wheel files, of a command end up in."""

    @abstractmethod
    def request(self, command: InstallCommand, words: Words, place: Surroundings, target: Target | None) -> Arguments:
        """Return what a command asks for; ``target`` serves the markers of lock files. Never raises for bad input: what
        can't be read is in ``requirements.problems``."""

    def export(
        self, command: ExportCommand, words: Words, place: Surroundings, target: Target | None
    ) -> RequirementSet:
        """Return the requirements that an export writes; an empty set where there is nothing to export."""
        del command, words, place, target
        return RequirementSet()


# -- what several of them do -----------------------------------------------------------------------------------------


def is_python(program: str) -> bool:
    """Tell whether this is the name or path of a Python interpreter."""
    return _PYTHON.match(program.rsplit("/", 1)[-1]) is not None


def mentions(program: str, verbs: str) -> str:
    """Return the expression for ``PROGRAM [-options] VERB``."""
    return rf"\b{program}\s+(?:-\S+\s+)*(?:{verbs})\b"


def split_verb(args: Sequence[Arg], with_value: frozenset[str]) -> tuple[str, tuple[Arg, ...]]:
    """Return the sub-command (empty where there is none) and all other words: options may stand before it.

    ``with_value`` are those of them that take a value.
    """
    at = verb_at(args, with_value)
    return (args[at].text, (*args[:at], *args[at + 1 :])) if at < len(args) else ("", tuple(args))


def verb_at(args: Sequence[Arg], with_value: Container[str]) -> int:
    """Return where the first word stands that is no option and no value of one ``with_value``."""
    skip = False
    for position, arg in enumerate(args):
        if skip:
            skip = False
        elif arg.text.startswith("-"):
            skip = arg.text in with_value
        else:
            return position
    return len(args)


_OUTPUT = ("--output", "--output-file", "-o")


def read_export(tool: Installer, words: Sequence[Arg]) -> ExportCommand:
    """Read an export. Its output option is taken out; the others select groups, as those of an installation do."""
    kept: list[Arg] = []
    output: str | None = None
    pending = False
    for arg in words:
        name, equals, value = arg.text.partition("=")
        if pending:
            output, pending = arg.text, False
        elif name in _OUTPUT:
            output, pending = (value, False) if equals else (None, True)
        elif arg.text.startswith("-o") and not arg.text.startswith("--"):
            output = arg.text[2:]
        else:
            kept.append(arg)
    return ExportCommand(tool, tuple(kept), output)


def read_config(tool: Program, invocation: Invocation) -> tuple[str, str] | None:
    """Read ``TOOL config KEY VALUE`` as ``("TOOL.KEY", "VALUE")``."""
    words = [arg.text for arg in invocation.args if not arg.text.startswith("-")]
    return (f"{tool.name}.{words[1]}", words[2]) if len(words) > 2 and words[0] == "config" else None


def given_options(words: Sequence[str], table: OptionTable) -> Options:
    """Return the options among ``words``."""
    found: dict[str, tuple[str, ...]] = {}
    for word in scan(words, table)[0]:
        if word.option is not None:
            found[word.option] = (*found.get(word.option, ()), word.value)
    return found


def project_folder(folder: str, options: Options) -> str:
    """Return the folder of the project that a command means when it runs in ``folder``."""
    for option in ("--directory", "--project"):
        if option in options:
            folder = absolute(options[option][-1], folder)
    return folder


def is_set(variables: Variables, name: str) -> bool:
    """Tell whether a variable switches something on."""
    return variables.get(name, "").lower() in TRUE


def user_folder(variables: Variables) -> str:
    """Return the home folder of the user that runs the command."""
    return variables.get("HOME") or "/root"


def new_environment(
    place: Surroundings, prefix: str, base: PythonHome | None, *, sees_system: bool = False
) -> PythonHome | None:
    """Return the environment that a tool makes for itself at ``prefix``; the stage has it from then on."""
    known = place.environment(prefix)
    if known is None and (base is None or base.prefix == prefix):
        return base
    if known is None and base is not None:
        known = replace(base, prefix=prefix, is_venv=True, sees_system=sees_system, pip_version=None)
        place.remember(known)
    return known


def first_operand(command: InstallCommand) -> str:
    """Return the normalised name of the first distribution that a command names, for the environment made for it."""
    from dockerlint_alpine.python.model import normalise

    name = next((arg.text for arg in command.args if not arg.text.startswith("-")), "tool")
    return normalise(re.split(r"[\[=<>~!@ ]", name)[0])


def with_itself(found: Arguments, place: Surroundings, leave_out: frozenset[str]) -> Arguments:
    """Add the project itself, which uv, Poetry and PDM install, too: worth a line where it compiles something.

    ``leave_out`` are the tool's options that leave it out.
    """
    from dockerlint_alpine.python.formats.project import name_of
    from dockerlint_alpine.python.sources.native import is_native

    folder = project_folder(place.folder, found.options)
    if not leave_out.isdisjoint(found.options) or not is_native(place.files, folder):
        return found
    name = name_of(folder, place.files)
    if name is None or any(one.name == name for one in found.requirements.requested):
        return found
    origin = Origin(place.files.display(posixpath.join(folder, "pyproject.toml")))
    itself = Requested(text=name, name=name, origin=origin, path=folder)
    requirements = replace(found.requirements, requested=(*found.requirements.requested, itself))
    return replace(found, requirements=requirements)
