"""PEP 751 ``pylock.toml``: the whole answer with file names, so the verdicts need no index.

:mod:`packaging.pylock` is not used: it refuses the whole file for one entry that breaks the specification, and has no lines
(tests/python/formats/test_beside_packaging.py compares).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.python.formats.locked import LockedPackage, everything
from dockerlint_alpine.python.formats.toml_source import SourceError, TomlSource, texts
from dockerlint_alpine.python.markers import InvalidMarkerError, lock_marker_holds
from dockerlint_alpine.python.model import Origin, Problem, RequirementSet, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader


def file_name(entry: Mapping[str, Any]) -> str | None:
    """Return the file name of a lock's file entry: its ``name``, or the end of its ``path`` or ``url``."""
    for key in ("name", "filename", "file", "path", "url"):
        value = entry.get(key)
        if isinstance(value, str) and value:
            return posixpath.basename(value.partition("#")[0].partition("?")[0]).replace("%2B", "+").replace("%2b", "+")
    return None


def archives(package: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the file names of an entry's ``wheels`` and ``sdist``."""
    listed = package.get("wheels")
    entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if isinstance(sdist := package.get("sdist"), dict):
        entries.append(sdist)
    return tuple(name for one in entries if (name := file_name(one)) is not None)


def read_pylock(
    path: str,
    files: FileReader,
    values: Mapping[str, str],
    *,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    default_groups: bool = True,
    origin: Origin | None = None,
) -> RequirementSet:
    """Read a ``pylock.toml`` in the marker environment ``values``, with ``groups`` and the lock's own default ones.

    ``origin`` is the place that names the file, for the problem that it can't be read.
    """
    try:
        source = TomlSource(path, files)
    except SourceError as error:
        place = origin or Origin(files.display(path))
        return RequirementSet(problems=(Problem(place.path, place.line, str(error)),), locked=True)
    wanted = [*(texts(source.data.get("default-groups")) if default_groups else ()), *groups]
    folder = posixpath.dirname(path)
    problems: list[Problem] = []
    kept: list[LockedPackage] = []
    for index, package in enumerate(source.tables("packages")):
        place = Origin(source.path, source.header("packages", index))
        marker = package.get("marker")
        try:
            if isinstance(marker, str) and not lock_marker_holds(marker, values, extras, wanted):
                continue
        except InvalidMarkerError as error:
            problems.append(Problem(place.path, place.line, f"the marker can't be evaluated: {error}"))
            continue
        kept.append(_package(package, place, folder))
    found = everything(kept, values, source.path)
    return RequirementSet(requested=found.requested, problems=(*problems, *found.problems), locked=True, files=(path,))


def _package(package: Mapping[str, Any], origin: Origin, folder: str) -> LockedPackage:
    def entry(key: str) -> Mapping[str, Any]:
        value = package.get(key)
        return value if isinstance(value, dict) else {}

    vcs, directory, archive = entry("vcs"), entry("directory"), entry("archive")
    url = vcs.get("url") or archive.get("url")
    local = directory.get("path") or archive.get("path") or vcs.get("path")
    names = archives(package)
    if (name := file_name(archive)) is not None:
        names = (name,)
    direct = bool(vcs or directory)
    return LockedPackage(
        name=normalise(str(package.get("name", ""))),
        version=str(package.get("version", "")),
        origin=origin,
        artefacts=None if direct else names,
        url=str(url) if url else None,
        path=posixpath.normpath(posixpath.join(folder, str(local))) if local else None,
        editable=bool(directory.get("editable")),
        index=index if isinstance(index := package.get("index"), str) else None,
    )
