"""Finds the tools: every module of this folder but ``base``, ``project`` and this one has a ``TOOL``.

One more tool is one more file. A module without a ``TOOL``, or with one that lacks a part, is an error as soon as the
tools are loaded.
"""

from __future__ import annotations

import pkgutil
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from dockerlint_alpine import installers
from dockerlint_alpine.installers.base import Installer, Invocation, Program, is_python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.installers.base import Command, InstallCommand
    from dockerlint_alpine.syntax import Arg

_NOT_TOOLS = frozenset({"base", "project", "registry", "uv_python"})
_OTHER_NAMES = {"setup.py": "pip", "build": "pip", "pyproject-build": "pip", "maturin": "pip", "virtualenv": "venv"}
"""Program -> the module of its tool, where the one is not in the name of the other."""


class RegistryError(Exception):
    """A module of this folder that is no tool, or two tools for one program."""


def load_tools() -> tuple[Program, ...]:
    """Load every tool of the folder, by the name of its module.

    Raises RegistryError for a module without a ``TOOL``; TypeError, out of the module, for one that lacks a part.
    """
    found: dict[str, Program] = {}
    for module in _modules():
        tool = _loaded(module)
        if tool.name in found:
            raise RegistryError(f"installers/{module}.py: there is another tool called {tool.name}")
        found[tool.name] = tool
    return tuple(found.values())


def _modules() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(installers.__path__) if module.name not in _NOT_TOOLS)


_known_modules = cache(_modules)


def _loaded(module: str) -> Program:
    tool = getattr(import_module(f"{installers.__name__}.{module}"), "TOOL", None)
    if not isinstance(tool, Program):
        raise RegistryError(f"installers/{module}.py has no TOOL")
    return tool


@cache
def tools() -> tuple[Program, ...]:
    """Return the tools, loaded once."""
    return load_tools()


@lru_cache(maxsize=1024)
def tool_of(program: str) -> Program | None:
    """Return the tool that a program (without its folder) or a module of Python is; most stages need one of all tools."""
    modules = (module for module in _known_modules() if module in program or _OTHER_NAMES.get(program) == module)
    return next((tool for tool in map(_loaded, modules) if tool.programs.fullmatch(program)), None)


def read_command(args: Sequence[Arg], known: Sequence[Program] | None = None) -> Command | None:
    """Read one command (program first); ``None`` when it neither installs Python packages nor makes an environment."""
    invocation = _invocation(args)
    tool = _tool(invocation, known)
    return tool.recognise(invocation) if tool is not None and invocation is not None else None


def read_setting(args: Sequence[Arg], known: Sequence[Program] | None = None) -> tuple[str, str] | None:
    """Read ``poetry config KEY VALUE`` and the like as ``("poetry.KEY", "VALUE")``; ``None`` for any other command."""
    invocation = _invocation(args)
    tool = _tool(invocation, known)
    return tool.setting(invocation) if tool is not None and invocation is not None else None


def read_inside(args: Sequence[Arg]) -> tuple[InstallCommand, Sequence[Arg]] | None:
    """Read ``poetry run PROGRAM ...`` and the like: a command about the project, for its environment, and what runs."""
    invocation = _invocation(args)
    tool = _tool(invocation, None)
    return tool.inside(invocation) if isinstance(tool, Installer) and invocation is not None else None


def is_installer(name: str) -> bool:
    """Tell whether a program (without its folder) or a module of Python is one of the tools."""
    return name not in {"setup.py", "build"} and tool_of(name) is not None


def mention_of_any(known: Sequence[Program] | None = None) -> str:
    """Return the regular expression for text that looks as if it installed Python packages."""
    return "|".join(tool.mention for tool in (tools() if known is None else known) if tool.mention)


def _tool(invocation: Invocation | None, known: Sequence[Program] | None) -> Program | None:
    if invocation is None:
        return None
    if known is None:
        return tool_of(invocation.name)
    return next((tool for tool in known if tool.programs.fullmatch(invocation.name)), None)


def _invocation(args: Sequence[Arg]) -> Invocation | None:
    """What is started: the program without its folder, or the module or ``setup.py`` that Python is told to run."""
    if not args:
        return None
    program, rest = args[0].text, tuple(args[1:])
    name = program.rsplit("/", 1)[-1]
    if not is_python(name):
        return Invocation(program, name, rest)
    if rest and rest[0].text.rsplit("/", 1)[-1] == "setup.py":
        return Invocation(program, "setup.py", rest[1:], script=rest[0])
    return _module(program, rest)


def _module(program: str, args: tuple[Arg, ...]) -> Invocation | None:
    """``-m pip install x`` after interpreter options such as ``-u`` or ``-X dev``: the module and what follows."""
    position = 0
    while position < len(args):
        text = args[position].text
        if text == "-m":
            following = args[position + 1 :]
            return Invocation(program, following[0].text, following[1:]) if following else None
        if text.startswith("-m") and len(text) > 2:
            return Invocation(program, text[2:], args[position + 1 :])
        if text in {"-X", "-W"}:
            position += 2
        elif text.startswith("-") and text not in {"-c", "-"}:
            position += 1
        else:
            return None
    return None
