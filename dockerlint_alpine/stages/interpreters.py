"""Which Python a command means, and where an installer puts packages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dockerlint_alpine.stages.files import absolute
from dockerlint_alpine.stages.model import PythonHome

if TYPE_CHECKING:
    from dockerlint_alpine.stages.installers import InstallCommand
    from dockerlint_alpine.stages.timeline import StageWalk
    from dockerlint_alpine.syntax import SourceText

_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


def text_of(variables: Mapping[str, SourceText], name: str) -> str:
    """The value of an environment variable as text, empty when it is not set."""
    value = variables.get(name)
    return "" if value is None else value.text


def apk_home(walk: StageWalk) -> PythonHome | None:
    """Alpine's own Python in this stage, if ``python3`` is installed."""
    if walk.packages is None:
        return None
    package = walk.packages.world.provider("cmd:python3") or walk.packages.possible.provider("cmd:python3")
    if package is None:
        return None
    version = re.match(r"\d+\.\d+", package.version)
    pip = walk.packages.possible.packages.get("py3-pip")
    pip_version = re.match(r"[\d.]+", pip.version) if pip is not None else None
    return PythonHome(
        "/usr",
        version[0] if version else None,
        from_apk=True,
        pip_version=pip_version[0] if pip_version else None,
    )


def home_of_program(
    walk: StageWalk, program: str, variables: Mapping[str, SourceText], active: PythonHome | None
) -> PythonHome | None:
    """The interpreter that ``program`` (a name to look up in PATH, or a path) belongs to."""
    if "/" in program:
        path = absolute(program, walk.workdir)
        return _home_at(walk, posixpath.dirname(posixpath.dirname(path)))
    if active is not None:
        return active
    for folder in text_of(variables, "PATH").split(":"):
        found = _home_at(walk, posixpath.dirname(folder)) if folder.endswith("/bin") else None
        if found is not None:
            return found
    return walk.home or apk_home(walk)


def _home_at(walk: StageWalk, prefix: str) -> PythonHome | None:
    if prefix in walk.homes:
        return walk.homes[prefix]
    if walk.home is not None and walk.home.prefix == prefix:
        return walk.home
    return apk_home(walk) if prefix == "/usr" else None


def home_of_installer(
    walk: StageWalk,
    command: InstallCommand,
    options: Mapping[str, tuple[str, ...]],
    variables: Mapping[str, SourceText],
    active: PythonHome | None,
    folder: str,
) -> PythonHome | None:
    """The interpreter that an installer installs for: each tool has its own idea of the environment."""
    base = home_of_program(walk, "python3", variables, active)
    wanted = (options.get("--python") or ("",))[-1]
    if wanted.startswith("/"):
        return walk.homes.get(wanted) or home_of_program(walk, wanted, variables, active) or base
    match command.tool:
        case "pip":
            return home_of_program(walk, command.program, variables, active)
        case "uv" if command.action != "project":
            if "--system" in options or text_of(variables, "UV_SYSTEM_PYTHON").lower() in _TRUE:
                return home_of_program(walk, "python3", variables, None)
            named = text_of(variables, "VIRTUAL_ENV")
            return walk.homes.get(named) or active or walk.homes.get(absolute(".venv", folder)) or base
        case "uv":
            prefix = absolute(text_of(variables, "UV_PROJECT_ENVIRONMENT") or ".venv", folder)
            return _project_home(walk, prefix, base)
        case "poetry":
            return _poetry_home(walk, variables, folder, base)
        case "pipenv":
            if "--system" in options or ("--deploy" in options and "PIPENV_SYSTEM" in variables):
                return base
            inside = text_of(variables, "PIPENV_VENV_IN_PROJECT").lower() in _TRUE
            home = text_of(variables, "HOME") or "/root"
            prefix = absolute(".venv", folder) if inside else f"{home}/.local/share/virtualenvs/project"
            return _project_home(walk, prefix, base)
        case _:
            return _project_home(walk, absolute(".venv", folder), base)


def _poetry_home(
    walk: StageWalk, variables: Mapping[str, SourceText], folder: str, base: PythonHome | None
) -> PythonHome | None:
    """Poetry: an active venv, else ``virtualenvs.create`` / ``virtualenvs.in-project`` decide."""
    if base is not None and base.is_venv:
        return base
    create = text_of(variables, "POETRY_VIRTUALENVS_CREATE") or walk.settings.get("poetry.virtualenvs.create", "true")
    if create.lower() not in _TRUE:
        return base
    inside = text_of(variables, "POETRY_VIRTUALENVS_IN_PROJECT") or walk.settings.get(
        "poetry.virtualenvs.in-project", "false"
    )
    home = text_of(variables, "HOME") or "/root"
    prefix = absolute(".venv", folder) if inside.lower() in _TRUE else f"{home}/.cache/pypoetry/virtualenvs/project"
    return _project_home(walk, prefix, base)


def _project_home(walk: StageWalk, prefix: str, base: PythonHome | None) -> PythonHome | None:
    """The environment a project tool makes for itself at ``prefix``; it is known from then on."""
    if base is None or base.prefix == prefix:
        return base
    home = PythonHome(prefix, base.version, base.from_apk, is_venv=True)
    walk.homes[prefix] = home
    return home


def destination(
    home: PythonHome,
    command: InstallCommand,
    options: Mapping[str, tuple[str, ...]],
    variables: Mapping[str, SourceText],
    folder: str,
) -> str:
    """The folder that the packages (or wheel files) of this command end up in."""

    def given(option: str) -> str:
        value = (options.get(option) or ("",))[-1]
        return value or text_of(variables, f"PIP_{option[2:].upper().replace('-', '_')}")

    if command.action == "wheel":
        return absolute(given("--wheel-dir") or ".", folder)
    if command.action == "download":
        return absolute(given("--dest") or ".", folder)
    inner = f"lib/python{home.version or '3'}/site-packages"
    if target := given("--target"):
        return absolute(target, folder)
    if prefix := given("--prefix"):
        return posixpath.join(absolute(prefix, folder), inner)
    if root := given("--root"):
        return posixpath.join(absolute(root, folder), home.site_packages.lstrip("/"))
    if "--user" in options or text_of(variables, "PIP_USER").lower() in _TRUE:
        base = text_of(variables, "PYTHONUSERBASE") or f"{text_of(variables, 'HOME') or '/root'}/.local"
        return posixpath.join(base, inner)
    return home.site_packages
