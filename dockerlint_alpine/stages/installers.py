"""Recognises the installers of Python packages: pip, pipx, uv, poetry, pipenv, pdm and ``python -m venv``.

Only the program and its sub-command are told apart here; ``dockerlint_alpine.python`` reads the arguments.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.syntax import Arg

Tool = Literal["pip", "uv", "poetry", "pipenv", "pdm"]
Action = Literal["install", "wheel", "download", "sync-files", "project", "add", "tool", "uninstall"]


class InstallCommand(Struct, frozen=True):
    """One call of an installer.

    ``program`` is the word that started it (``/opt/venv/bin/pip``, ``python3``), ``verb`` its sub-command. ``args`` are
    the words behind the sub-command and the options before it. ``project`` actions install what a project and its lock
    file say, ``add`` something into a project's environment, ``tool`` into an environment of its own, ``sync-files``
    what the named files list.
    """

    tool: Tool
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


class ExportCommand(Struct, frozen=True):
    """``poetry export``, ``uv export``, ``pdm export``, ``pipenv requirements``: a lock file turned into requirements.

    ``output`` is the file as written, ``None`` where it goes to standard output.
    """

    tool: Tool
    args: tuple[Arg, ...]
    output: str | None


Command = InstallCommand | VenvCommand | ExportCommand

_PIP_NAME = re.compile(r"pip(?:\d+(?:\.\d+)?)?\Z")
_PYTHON_NAME = re.compile(r"python(?:\d+(?:\.\d+)?)?\Z")
_OPTIONS_BEFORE_VERB = {
    "pip": frozenset(
        "--python --log --proxy --retries --timeout --cert --client-cert --cache-dir --trusted-host".split()
    ),
    "uv": frozenset("--directory --project --config-file --cache-dir --color -p --python".split()),
    "poetry": frozenset("-C --directory -P --project".split()),
    "pipenv": frozenset({"--python"}),
    "pdm": frozenset("-p --project -c --config".split()),
}
"""Options that take a value and may stand between a program and its sub-command."""


def is_python(program: str) -> bool:
    """True for the name or path of a Python interpreter."""
    return _PYTHON_NAME.match(program.rsplit("/", 1)[-1]) is not None


def read_install_command(args: Sequence[Arg]) -> Command | None:
    """Read one command (program first); ``None`` when it neither installs Python packages nor makes a venv."""
    if not args:
        return None
    program = args[0].text
    if is_python(program) and len(args) > 2 and args[1].text.rsplit("/", 1)[-1] == "setup.py":
        return _setup(program, args[1:])
    name, rest = _program(args)
    if _PIP_NAME.match(name):
        return _pip("pip", program, rest)
    match name:
        case "uv":
            return _uv(program, rest)
        case "poetry" | "pipenv" | "pdm":
            return _project(name, program, rest)
        case "pipx":
            verb, words = _verb(rest, "pip")
            return InstallCommand("pip", "tool", program, verb, words) if verb == "install" else None
        case "venv" | "virtualenv" | "pyvenv":
            return _venv(program, rest)
        case _:
            return None


def read_setting(args: Sequence[Arg]) -> tuple[str, str] | None:
    """``poetry config KEY VALUE`` and ``pdm config KEY VALUE`` as ``("poetry.KEY", "VALUE")``."""
    name, rest = _program(args)
    if name not in {"poetry", "pdm"}:
        return None
    words = [arg.text for arg in rest if not arg.text.startswith("-")]
    return (f"{name}.{words[1]}", words[2]) if len(words) > 2 and words[0] == "config" else None


def _program(args: Sequence[Arg]) -> tuple[str, Sequence[Arg]]:
    """The program without its folder, or the module that Python is told to run, and what follows."""
    name, rest = args[0].text.rsplit("/", 1)[-1], args[1:]
    if is_python(name):
        module, following = _module(rest)
        return module or "", following
    return name, rest


def _module(args: Sequence[Arg]) -> tuple[str | None, Sequence[Arg]]:
    """``-m pip install x`` after interpreter options such as ``-u`` or ``-X dev``: the module and what follows."""
    position = 0
    while position < len(args):
        text = args[position].text
        if text == "-m":
            following = args[position + 1 :]
            return (following[0].text, following[1:]) if following else (None, ())
        if text.startswith("-m") and len(text) > 2:
            return text[2:], args[position + 1 :]
        if text in {"-X", "-W"}:
            position += 2
        elif text.startswith("-") and text not in {"-c", "-"}:
            position += 1
        else:
            return None, ()
    return None, ()


def _verb(args: Sequence[Arg], tool: str) -> tuple[str, tuple[Arg, ...]]:
    """The sub-command (empty where there is none), and all other words: options may stand before it."""
    skip = False
    for position, arg in enumerate(args):
        if skip:
            skip = False
        elif arg.text.startswith("-"):
            skip = arg.text in _OPTIONS_BEFORE_VERB[tool]
        else:
            return arg.text, (*args[:position], *args[position + 1 :])
    return "", tuple(args)


def _pip(tool: Tool, program: str, args: Sequence[Arg]) -> InstallCommand | None:
    verb, words = _verb(args, "pip")
    match verb:
        case "install" | "wheel" | "download" | "uninstall":
            return InstallCommand(tool, verb, program, verb, words)
        case "sync" if tool == "uv":
            return InstallCommand(tool, "sync-files", program, verb, words)
        case _:
            return None


def _setup(program: str, args: Sequence[Arg]) -> InstallCommand | None:
    """``python setup.py install``: what ``pip install .`` does, with the dependencies of the project."""
    if args[1].text not in {"install", "develop"}:
        return None
    folder = args[0].text.rpartition("/")[0] or "."
    return InstallCommand("pip", "install", program, args[1].text, (replace(args[0], text=folder),))


def _uv(program: str, args: Sequence[Arg]) -> Command | None:
    verb, words = _verb(args, "uv")
    match verb:
        case "pip":
            return _pip("uv", program, words)
        case "venv":
            return _venv(program, words, default=".venv")
        case "sync":
            return InstallCommand("uv", "project", program, verb, words)
        case "add":
            return InstallCommand("uv", "add", program, verb, words)
        case "tool":
            inner, rest = _verb(words, "uv")
            return InstallCommand("uv", "tool", program, inner, rest) if inner == "install" else None
        case "export":
            return _export("uv", words)
        case _:
            return None


def _project(tool: Tool, program: str, args: Sequence[Arg]) -> Command | None:
    verb, words = _verb(args, tool)
    match verb:
        case "install" | "sync":
            return InstallCommand(tool, "project", program, verb, words)
        case "add" if tool != "pipenv":
            return InstallCommand(tool, "add", program, verb, words)
        case "export":
            return _export(tool, words)
        case "requirements":
            return _export(tool, words)
        case "lock" if any(arg.text in {"-r", "--requirements"} for arg in words):
            return _export(tool, tuple(arg for arg in words if arg.text not in {"-r", "--requirements"}))
        case _:
            return None


_OUTPUT = ("--output", "--output-file", "-o")


def _export(tool: Tool, words: Sequence[Arg]) -> ExportCommand:
    """The output option is taken out; the others select groups, as those of an installation do."""
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


_VENV_VALUES = frozenset("--prompt -p --python --app-data --seeder --pip --setuptools --wheel --cache-dir".split())


def _venv(program: str, args: Sequence[Arg], *, default: str | None = None) -> VenvCommand:
    directory, python, option = default, None, ""
    for arg in args:
        if option:
            python = arg.text if option in {"-p", "--python"} else python
            option = ""
        elif arg.text.startswith("-"):
            name, equals, value = arg.text.partition("=")
            option = name if name in _VENV_VALUES and not equals else ""
            python = value if name == "--python" and equals else python
        elif arg.known:
            directory = arg.text
    return VenvCommand(program, directory, python, any(arg.text == "--system-site-packages" for arg in args))
