"""Projects: what ``pip install .``, ``poetry install``, ``pipenv install``, ``pdm install`` and ``uv sync`` ask for."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.python.formats.pyproject import Pyproject, read_pyproject
from dockerlint_alpine.python.formats.requirements_file import InstallArguments
from dockerlint_alpine.python.formats.toml_source import SourceError
from dockerlint_alpine.python.markers import environment as marker_environment
from dockerlint_alpine.python.model import Origin, Problem, PythonError, Requested, RequirementSet, Target, normalise
from dockerlint_alpine.python.options import environment_options, scan
from dockerlint_alpine.python.requirement import is_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader
    from dockerlint_alpine.python.options import OptionTable

PROJECT_TOOLS = ("poetry", "pipenv", "pdm", "uv")
_MAX_FOLDERS = 200
_SOMEWHERE = Target("3.12", "linux/amd64", musl=(1, 2))
"""Serves the markers of a lock file when the caller does not know its interpreter."""


class UnknownToolError(PythonError):
    """The project tool is none of ``PROJECT_TOOLS``."""


def _table(tool: str) -> OptionTable:
    # Each tool's reader is loaded only when its command is met.
    match tool:
        case "poetry":
            from dockerlint_alpine.python.formats.poetry import INSTALL_OPTIONS as TABLE
        case "pipenv":
            from dockerlint_alpine.python.formats.pipenv import INSTALL_OPTIONS as TABLE
        case "pdm":
            from dockerlint_alpine.python.formats.pdm import INSTALL_OPTIONS as TABLE
        case "uv":
            from dockerlint_alpine.python.formats.uv import SYNC_OPTIONS as TABLE
        case _:
            raise UnknownToolError(f"unknown project tool: {tool}")
    return TABLE


def project_options(tool: str, args: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the options of a project command by canonical long name, as ``InstallArguments.options`` has them.

    Reads no file, so that a caller can find the interpreter before it asks for the requirements. Raises
    ``UnknownToolError``.
    """
    words, _ = scan(args, _table(tool))
    given: dict[str, tuple[str, ...]] = {}
    for word in words:
        if word.option is not None:
            given[word.option] = (*given.get(word.option, ()), word.value)
    return given


def read_project_arguments(
    tool: str,
    args: Sequence[str],
    files: FileReader,
    *,
    cwd: str,
    origins: Sequence[Origin] = (),
    environment: Mapping[str, str] | None = None,
    target: Target | None = None,
    command: str = "install",
) -> InstallArguments:
    """Read what ``TOOL install ARGS`` (or ``sync``) installs in the folder ``cwd``.

    ``tool`` is one of ``PROJECT_TOOLS``; ``args`` are the words behind the sub-command and ``origins`` their places.
    Lock files are walked for ``target``; without one, for CPython 3.12 on Alpine x86_64. Never raises for bad input but
    ``UnknownToolError``.
    """
    options = project_options(tool, args)
    folder = cwd
    for option in ("--directory", "--project"):
        if option in options:
            folder = posixpath.normpath(posixpath.join(cwd, options[option][-1]))
    values = marker_environment(target or _SOMEWHERE)
    place = origins[0] if origins else None
    match tool:
        case "poetry":
            from dockerlint_alpine.python.formats.poetry import read_poetry

            found = read_poetry(folder, files, values, args=args, origin=place)
        case "pipenv":
            from dockerlint_alpine.python.formats.pipenv import read_pipenv

            found = read_pipenv(
                _pipfile_folder(folder, environment or {}), files, args=args, command=command, origin=place
            )
            found = _with_pip_environment(found, environment or {})
        case "pdm":
            from dockerlint_alpine.python.formats.pdm import read_pdm

            found = read_pdm(folder, files, values, args=args, origin=place)
        case _:
            from dockerlint_alpine.python.formats.uv import read_uv

            found = read_uv(folder, files, values, args=args, origin=place)
    return InstallArguments(found, options)


def _pipfile_folder(folder: str, environment: Mapping[str, str]) -> str:
    named = environment.get("PIPENV_PIPFILE")
    return posixpath.dirname(posixpath.normpath(posixpath.join(folder, named))) if named else folder


def _with_pip_environment(found: RequirementSet, environment: Mapping[str, str]) -> RequirementSet:
    """Pipenv runs pip, so ``PIP_NO_BINARY`` and the like hold."""
    state = environment_options(environment)
    formats = replace(
        found.options,
        no_binary=state.no_binary,
        only_binary=state.only_binary,
        prefer_binary=state.prefer_binary,
        pre=state.pre,
    )
    return replace(found, options=formats)


def read_project(
    folder: str, files: FileReader, *, extras: Sequence[str] = (), origin: Origin | None = None
) -> RequirementSet:
    """Return what the project in ``folder`` requires when pip installs it with ``extras`` (``pip install .[extra]``).

    PEP 621, Poetry's own table, ``setup.cfg`` and ``setup.py`` are understood. Never raises for bad input.
    """
    path = posixpath.join(folder, "pyproject.toml")
    if files.exists(path):
        try:
            own = Pyproject(path, files)
        except SourceError as error:
            place = origin or Origin(files.display(path))
            return RequirementSet(problems=(Problem(place.path, place.line, str(error)),))
        if "project" not in own.source.data and own.source.table("tool", "poetry"):
            return _poetry_built(folder, files, extras, origin)
        return read_pyproject(path, files, extras=extras, origin=origin)
    from dockerlint_alpine.python.formats.setup_files import read_setup

    found = read_setup(folder, files, extras=extras)
    if found is not None:
        return found
    place = origin or Origin(files.display(folder))
    message = f"{files.display(folder)} has neither pyproject.toml nor setup.py"
    return RequirementSet(problems=(Problem(place.path, place.line, message),))


def _poetry_built(folder: str, files: FileReader, extras: Sequence[str], origin: Origin | None) -> RequirementSet:
    """Read a project that poetry-core builds: its main requirements; the lock plays no part in ``pip install .``."""
    from dockerlint_alpine.python.formats.poetry import read_poetry

    args = ["--only", "main", *(part for extra in extras for part in ("--extras", extra))]
    return read_poetry(folder, files, {}, args=args, origin=origin, lock=False)


def follow_folders(found: RequirementSet, files: FileReader) -> RequirementSet:
    """Add the requirements of the project folders that ``found`` installs, and of the folders that those name.

    The folder's own entry gets the project's name where a file states it.
    """
    kept: list[Requested] = []
    queue = list(found.requested)
    problems = list(found.problems)
    read = list(found.files)
    external, build = list(found.external), list(found.build_requires)
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while queue:
        one = queue.pop(0)
        if one.path is None or one.artefacts is not None or not is_folder(files, one.path):
            kept.append(one)
            continue
        kept.append(replace(one, name=one.name or name_of(one.path, files)))
        key = (one.path, one.extras)
        if key in seen or len(seen) >= _MAX_FOLDERS:
            continue
        seen.add(key)
        inner = read_project(one.path, files, extras=one.extras, origin=one.origin)
        queue.extend(_below(one, each) for each in inner.requested)
        problems.extend(inner.problems)
        read.extend(inner.files)
        external.extend(inner.external)
        build.extend(inner.build_requires)
    return replace(
        found,
        requested=tuple(kept),
        problems=tuple(problems),
        files=tuple(dict.fromkeys(read)),
        external=tuple(external),
        build_requires=tuple(build),
    )


def _below(parent: Requested, child: Requested) -> Requested:
    """Return a project's requirement with the chain and the marker of the folder that brings it."""
    marker = child.marker
    if parent.marker is not None:
        marker = parent.marker if marker is None else f"({parent.marker}) and ({marker})"
    return replace(child, chain=(*parent.chain, *child.chain), marker=marker)


def name_of(folder: str, files: FileReader) -> str | None:
    """Return the normalised name of the project in ``folder``, where a file states it."""
    path = posixpath.join(folder, "pyproject.toml")
    if files.exists(path):
        try:
            if (name := Pyproject(path, files).name) is not None:
                return normalise(name)
        except SourceError:
            return None
    from dockerlint_alpine.python.formats.setup_files import project_name

    return project_name(folder, files)
