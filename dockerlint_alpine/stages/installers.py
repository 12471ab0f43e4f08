"""Recognises the installers of Python packages: pip, uv, poetry, pipenv, pdm and ``python -m venv``.

Only the program and its sub-command are told apart here; ``dockerlint_alpine.python`` reads the arguments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dockerlint_alpine.syntax import Arg

Tool = Literal["pip", "uv", "poetry", "pipenv", "pdm"]
Action = Literal["install", "wheel", "download", "pip-sync", "project"]


@dataclass(frozen=True, slots=True)
class InstallCommand:
    """One call of an installer.

    ``program`` is the word that started it (``/opt/venv/bin/pip``, ``python3``). ``args`` are the words behind the
    sub-command and the options before it. ``project`` actions install what a project and its lock file say.
    """

    tool: Tool
    action: Action
    program: str
    args: tuple[Arg, ...]

    @property
    def makes_wheels(self) -> bool:
        """True when the result is a folder of wheel files, not an installation."""
        return self.action in {"wheel", "download"}


@dataclass(frozen=True, slots=True)
class VenvCommand:
    """``python -m venv DIR``, ``virtualenv DIR`` or ``uv venv [DIR]``; ``directory`` as written."""

    program: str
    directory: str | None


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


def read_install_command(args: Sequence[Arg]) -> InstallCommand | VenvCommand | None:
    """Read one command (program first); ``None`` when it neither installs Python packages nor makes a venv."""
    if not args:
        return None
    program, rest = args[0].text, args[1:]
    name = program.rsplit("/", 1)[-1]
    if is_python(program):
        module, rest = _module(rest)
        if module is None:
            return None
        name = module
    if _PIP_NAME.match(name):
        return _pip("pip", program, rest)
    match name:
        case "uv":
            return _uv(program, rest)
        case "poetry" | "pipenv" | "pdm":
            verb, words = _verb(rest, name)
            return InstallCommand(name, "project", program, words) if verb in {"install", "sync"} else None
        case "venv" | "virtualenv" | "pyvenv":
            return _venv(program, rest)
        case _:
            return None


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


def _verb(args: Sequence[Arg], tool: str) -> tuple[str | None, tuple[Arg, ...]]:
    """The sub-command, and all other words: options may stand before it."""
    skip = False
    for position, arg in enumerate(args):
        if skip:
            skip = False
        elif arg.text.startswith("-"):
            skip = arg.text in _OPTIONS_BEFORE_VERB[tool]
        else:
            return arg.text, (*args[:position], *args[position + 1 :])
    return None, tuple(args)


def _pip(tool: Tool, program: str, args: Sequence[Arg]) -> InstallCommand | None:
    verb, words = _verb(args, "pip")
    match verb:
        case "install" | "wheel" | "download":
            return InstallCommand(tool, verb, program, words)
        case "sync" if tool == "uv":
            return InstallCommand(tool, "pip-sync", program, words)
        case _:
            return None


def _uv(program: str, args: Sequence[Arg]) -> InstallCommand | VenvCommand | None:
    verb, words = _verb(args, "uv")
    match verb:
        case "pip":
            return _pip("uv", program, words)
        case "venv":
            return _venv(program, words, default=".venv")
        case "sync":
            return InstallCommand("uv", "project", program, words)
        case _:
            return None


_VENV_VALUES = frozenset("--prompt -p --python --app-data --seeder --pip --setuptools --wheel --cache-dir".split())


def _venv(program: str, args: Sequence[Arg], *, default: str | None = None) -> VenvCommand:
    directory = default
    skip = False
    for arg in args:
        if skip:
            skip = False
        elif arg.text.startswith("-"):
            skip = arg.text in _VENV_VALUES
        elif arg.known:
            directory = arg.text
    return VenvCommand(program, directory)
