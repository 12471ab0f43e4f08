"""Which Python a command means, and where an installer puts packages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dockerlint_alpine.python import normalise
from dockerlint_alpine.stages.files import absolute

if TYPE_CHECKING:
    from dockerlint_alpine.stages.installers import InstallCommand, VenvCommand
    from dockerlint_alpine.stages.model import PythonHome
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import SourceText

Options = Mapping[str, tuple[str, ...]]
Variables = Mapping[str, "SourceText"]

_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


def text_of(variables: Variables, name: str) -> str:
    """The value of an environment variable as text, empty when it is not set."""
    value = variables.get(name)
    return "" if value is None else value.text


def is_set(variables: Variables, name: str) -> bool:
    """True for a variable that switches something on."""
    return text_of(variables, name).lower() in _TRUE


def _home_folder(variables: Variables) -> str:
    return text_of(variables, "HOME") or "/root"


def home_of_program(
    walk: StageWalk, program: str, variables: Variables, active: PythonHome | None
) -> PythonHome | None:
    """The interpreter that ``program`` (a name to look up in PATH, or a path) belongs to."""
    if "/" in program:
        prefix = posixpath.dirname(posixpath.dirname(absolute(program, walk.workdir)))
        return _home_at(walk, prefix) or _unseen_venv(walk, prefix)
    if active is not None:
        return active
    for folder in text_of(variables, "PATH").split(":"):
        found = _home_at(walk, posixpath.dirname(folder)) if folder.endswith("/bin") else None
        if found is not None:
            return found
    return walk.home or walk.apk_python() or walk.image_python("/usr/local", None, None)


def _home_at(walk: StageWalk, prefix: str) -> PythonHome | None:
    if prefix in walk.homes:
        return walk.homes[prefix]
    if walk.home is not None and walk.home.prefix == prefix:
        return walk.home
    return walk.apk_python() if prefix == "/usr" else None


def _unseen_venv(walk: StageWalk, prefix: str) -> PythonHome | None:
    """A path into an environment that nobody was seen to make: it is taken for a venv of the stage's own Python."""
    base = walk.home or walk.apk_python()
    return None if base is None or prefix in {"/", "/usr", "/usr/local"} else replace(base, prefix=prefix, is_venv=True)


def make_venv(
    walk: StageWalk, command: VenvCommand, variables: Variables, active: PythonHome | None, folder: str
) -> None:
    """``python -m venv DIR``: from now on the stage has that environment."""
    program = command.python or command.program
    named = program if program.rsplit("/", 1)[-1].startswith("python") else "python3"
    base = home_of_program(walk, named, variables, active)
    if command.directory is not None and base is not None:
        prefix = absolute(command.directory, folder)
        walk.homes[prefix] = replace(base, prefix=prefix, is_venv=True, sees_system=command.system_packages)


def home_of_installer(
    walk: StageWalk,
    command: InstallCommand,
    options: Options,
    variables: Variables,
    active: PythonHome | None,
    folder: str,
) -> PythonHome | None:
    """The interpreter that an installer installs for: each tool has its own idea of the environment."""
    base = home_of_program(walk, "python3", variables, active)
    if command.action == "tool":
        return _new_home(walk, _tool_prefix(command, variables), base)
    wanted = (options.get("--python") or (text_of(variables, "UV_PYTHON") if command.tool == "uv" else "",))[-1]
    if wanted.startswith("/"):
        return walk.homes.get(wanted) or home_of_program(walk, wanted, variables, active) or base
    match command.tool:
        case "pip":
            return home_of_program(walk, command.program, variables, active)
        case "uv" if not command.in_project:
            if "--system" in options or is_set(variables, "UV_SYSTEM_PYTHON"):
                return home_of_program(walk, "python3", variables, None)
            named = text_of(variables, "VIRTUAL_ENV")
            return walk.homes.get(named) or active or walk.homes.get(absolute(".venv", folder)) or base
        case "uv":
            if "--active" in options and active is not None:
                return active
            return _new_home(walk, absolute(text_of(variables, "UV_PROJECT_ENVIRONMENT") or ".venv", folder), base)
        case "poetry":
            return _poetry_home(walk, variables, folder, base)
        case "pipenv":
            return _pipenv_home(walk, options, variables, folder, base)
        case _:
            return _pdm_home(walk, options, folder, base)


def _tool_prefix(command: InstallCommand, variables: Variables) -> str:
    """The environment of its own that pipx or ``uv tool`` makes for a program."""
    name = next((arg.text for arg in command.args if not arg.text.startswith("-")), "tool")
    name = normalise(re.split(r"[\[=<>~!@ ]", name)[0])
    home = _home_folder(variables)
    if command.tool == "uv":
        return posixpath.join(text_of(variables, "UV_TOOL_DIR") or f"{home}/.local/share/uv/tools", name)
    return posixpath.join(text_of(variables, "PIPX_HOME") or f"{home}/.local/share/pipx", "venvs", name)


def _poetry_home(walk: StageWalk, variables: Variables, folder: str, base: PythonHome | None) -> PythonHome | None:
    """Poetry: an active venv, else ``virtualenvs.create`` / ``virtualenvs.in-project`` decide."""
    named = text_of(variables, "VIRTUAL_ENV")
    if named in walk.homes:
        return walk.homes[named]
    if base is not None and base.is_venv:
        return base
    create = text_of(variables, "POETRY_VIRTUALENVS_CREATE") or walk.settings.get("poetry.virtualenvs.create", "true")
    if create.lower() not in _TRUE:
        return base
    inside = text_of(variables, "POETRY_VIRTUALENVS_IN_PROJECT") or walk.settings.get(
        "poetry.virtualenvs.in-project", "false"
    )
    if inside.lower() in _TRUE or absolute(".venv", folder) in walk.homes:
        return _new_home(walk, absolute(".venv", folder), base)
    path = text_of(variables, "POETRY_VIRTUALENVS_PATH") or walk.settings.get("poetry.virtualenvs.path", "")
    cache = text_of(variables, "POETRY_CACHE_DIR") or f"{_home_folder(variables)}/.cache/pypoetry"
    return _new_home(walk, posixpath.join(path or f"{cache}/virtualenvs", "project"), base)


def _pipenv_home(
    walk: StageWalk, options: Options, variables: Variables, folder: str, base: PythonHome | None
) -> PythonHome | None:
    """Pipenv: ``--system``, an active venv, else one of its own, in the project if told so."""
    if "--system" in options or "PIPENV_SYSTEM" in variables:
        return base
    if base is not None and base.is_venv and text_of(variables, "PIPENV_IGNORE_VIRTUALENVS") != "1":
        return base
    if is_set(variables, "PIPENV_VENV_IN_PROJECT"):
        return _new_home(walk, absolute(".venv", folder), base)
    house = text_of(variables, "WORKON_HOME") or f"{_home_folder(variables)}/.local/share/virtualenvs"
    return _new_home(walk, posixpath.join(house, "project"), base)


def _pdm_home(walk: StageWalk, options: Options, folder: str, base: PythonHome | None) -> PythonHome | None:
    """PDM: its own venv unless it is told to use none, or one is active."""
    wants_none = "--global" in options or walk.settings.get("pdm.python.use_venv", "true").lower() not in _TRUE
    if wants_none or (base is not None and base.is_venv):
        return base
    return _new_home(walk, absolute(".venv", folder), base)


def _new_home(walk: StageWalk, prefix: str, base: PythonHome | None) -> PythonHome | None:
    """The environment that a tool makes for itself at ``prefix``; it is known from then on."""
    if base is None or base.prefix == prefix:
        return base
    if prefix not in walk.homes:
        walk.homes[prefix] = replace(base, prefix=prefix, is_venv=True, sees_system=False, pip_version=None)
    return walk.homes[prefix]


def destination(home: PythonHome, command: InstallCommand, options: Options, variables: Variables, folder: str) -> str:
    """The folder that the packages (or wheel files) of this command end up in."""

    def given(option: str) -> str:
        value = (options.get(option) or ("",))[-1]
        return value or text_of(variables, f"PIP_{option[2:].upper().replace('-', '_')}")

    if command.action == "wheel":
        return absolute(given("--wheel-dir") or ".", folder)
    if command.action == "download":
        return absolute(given("--dest") or ".", folder)
    if command.in_project or command.action == "tool":
        return home.site_packages
    inner = f"lib/python{home.version or '3'}/site-packages"
    if target := given("--target"):
        return absolute(target, folder)
    if prefix := given("--prefix"):
        return posixpath.join(absolute(prefix, folder), inner)
    if root := given("--root"):
        return posixpath.join(absolute(root, folder), home.site_packages.lstrip("/"))
    if "--user" in options or is_set(variables, "PIP_USER"):
        base = text_of(variables, "PYTHONUSERBASE") or f"{_home_folder(variables)}/.local"
        return posixpath.join(base, inner)
    return home.site_packages
