"""Project folders: what ``pip install FOLDER`` asks for besides the project itself, whatever builds it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.python.model import Origin, Problem, Requested, RequirementSet, normalise
from dockerlint_alpine.python.requirement import REPOSITORY, comes_from_repository, is_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.python.formats.pyproject import Pyproject
    from dockerlint_alpine.python.model import FileReader, Requested

_MAX_FOLDERS = 200


def no_project(shown: str) -> str:
    """How the problem with a folder begins that is no project, as the user names the folder."""
    return f"folder {shown} has neither"


def read_project(
    folder: str, files: FileReader, *, extras: Sequence[str] = (), origin: Origin | None = None
) -> RequirementSet:
    """Return what the project in ``folder`` requires when pip installs it with ``extras`` (``pip install .[extra]``).

    PEP 621, Poetry's own table, ``setup.cfg`` and ``setup.py`` are understood. Never raises for bad input.
    """
    path = posixpath.join(folder, "pyproject.toml")
    if files.exists(path):
        from dockerlint_alpine.python.formats.pyproject import open_pyproject, read_pyproject

        own = open_pyproject(path, files, origin)
        if isinstance(own, RequirementSet):
            return own
        if "project" not in own.source.data and own.source.table("tool", "poetry"):
            return _poetry_built(own, folder, extras, origin)
        return read_pyproject(path, files, extras=extras, origin=origin)
    from dockerlint_alpine.python.formats.setup_files import read_setup

    found = read_setup(folder, files, extras=extras)
    if found is not None:
        return found
    place = origin or Origin(files.display(folder))
    message = f"{no_project(files.display(folder))} pyproject.toml nor setup.py, as far as COPY and ADD show"
    return RequirementSet(problems=(Problem(place.path, place.line, message),))


def _poetry_built(own: Pyproject, folder: str, extras: Sequence[str], origin: Origin | None) -> RequirementSet:
    """Read a project that poetry-core builds: its main requirements; the lock plays no part in ``pip install .``."""
    from dockerlint_alpine.python.formats.poetry import PoetryProject

    project = PoetryProject(own, folder)
    wanted = [normalise(extra) for extra in extras]
    place = origin or Origin(own.source.path)
    unknown = [extra for extra in wanted if extra not in project.extras()]
    complaints = [Problem(place.path, place.line, f"the project has no extra {extra!r}") for extra in unknown]
    requested = tuple(project.requirements(["main"], wanted))
    external = tuple(own.external())
    problems = (*complaints, *own.problems)
    return RequirementSet(requested=requested, problems=problems, external=external, files=(own.location,))


def follow_folders(found: RequirementSet, files: FileReader, *, no_deps: bool = False) -> RequirementSet:
    """Add the requirements of the project folders that ``found`` installs, and of the folders that those name; with
    ``no_deps`` (``--no-deps``) what they take to be built alone.

    The folder's own entry gets the project's name where a file states it. What is fetched of the repository that the
    reader shows at ``REPOSITORY`` is one of its folders: the one of that subdirectory and name; of others that it shows
    (:attr:`Remote.folder`), that of the subdirectory.
    """
    queue = [_at_hand(one, files) for one in found.requested]
    if not any(one.path is not None and one.artefacts is None for one in queue):
        return found
    kept: list[Requested] = []
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
        if not no_deps:
            queue.extend(_at_hand(_below(one, each), files) for each in inner.requested)
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


def follow_repositories(found: RequirementSet, files: FileReader) -> RequirementSet:
    """Add what the repositories require that a project names and the reader shows; a lock file says that itself."""
    if found.locked:
        return found
    at_hand = [_at_hand(one, files) for one in found.requested]
    here = tuple(new for old, new in zip(found.requested, at_hand, strict=True) if new is not old)
    if not here:
        return found
    others = tuple(old for old, new in zip(found.requested, at_hand, strict=True) if new is old)
    return follow_folders(RequirementSet(requested=here), files).joined(replace(found, requested=others))


def _at_hand(one: Requested, files: FileReader) -> Requested:
    if one.url is None:
        return one
    from dockerlint_alpine.python.forges import required

    remote = required(one.url)
    if remote is not None and files.exists(remote.folder):
        return replace(one, path=posixpath.normpath(f"{remote.folder}/{remote.inner}"), artefacts=None)
    if not comes_from_repository(one) or not files.exists(REPOSITORY):
        return one
    fragment = (one.url or "").partition("#")[2].split("&")
    inner = next((part.partition("=")[2] for part in fragment if part.startswith("subdirectory=")), "")
    folder = posixpath.normpath(f"{REPOSITORY}/{inner}")
    inside = folder == REPOSITORY or folder.startswith(f"{REPOSITORY}/")
    return replace(one, path=folder, artefacts=None) if inside and name_of(folder, files) == one.name else one


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
        from dockerlint_alpine.python.formats.pyproject import Pyproject
        from dockerlint_alpine.python.formats.toml_source import SourceError

        try:
            if (name := Pyproject(path, files).name) is not None:
                return normalise(name)
        except SourceError:
            return None
    from dockerlint_alpine.python.formats.setup_files import project_name

    return project_name(folder, files)
