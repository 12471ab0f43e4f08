"""Distributions travel with the files they are made of: ``COPY --from``, ``cp``, ``mv`` and bind mounts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockerlint_alpine.stages.model import Installed, PythonHome
    from dockerlint_alpine.syntax import Instruction

_WILDCARD = re.compile(r"[*?\[]")


def moved_path(path: str, source: str, target: str, *, into: bool) -> str | None:
    """Where ``path`` ends up when ``source`` (which may hold wildcards) is copied to ``target``.

    A folder's content goes into the target; what a wildcard matches goes below it, and so does a file when ``into``.
    ``None`` when ``path`` is not part of what is copied.
    """
    folder, pattern = source, ""
    if _WILDCARD.search(source):
        folder, pattern = posixpath.split(source)
        if _WILDCARD.search(folder):
            return None
    if pattern:
        rest = _inside(path, folder)
        if rest is None:
            return None
        first, _, below = rest.partition("/")
        if rest and not fnmatchcase(first, pattern):
            return None
        # COPY puts the content of a folder that a wildcard matches into the target: its own name is lost. cp keeps it.
        kept = rest if into else below
        return posixpath.join(target, kept) if kept else target
    rest = _inside(path, source)
    if rest is None:
        return None
    return posixpath.join(target, posixpath.basename(source), rest) if into else posixpath.normpath(f"{target}/{rest}")


def _inside(path: str, folder: str) -> str | None:
    if path == folder:
        return ""
    prefix = folder if folder.endswith("/") else f"{folder}/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def travelling(
    installed: Iterable[Installed],
    source: str,
    target: str,
    arrived: Instruction,
    *,
    copied_from: int | None,
    into: bool = False,
) -> list[Installed]:
    """The distributions that come along when ``source`` is copied to ``target``, at their new places.

    ``into`` is true for ``cp -r DIR TARGET``, which keeps the folder's name; ``COPY`` does not.
    """
    found: list[Installed] = []
    for item in installed:
        location = moved_path(item.location, source, target, into=into)
        if location is None and _is_part(item, source):
            location = target if into or target.endswith("/") else posixpath.dirname(target)
        if location is not None:
            origin = copied_from if copied_from is not None else item.copied_from
            found.append(replace(item, location=location, arrived=arrived, copied_from=origin))
    return found


def _is_part(item: Installed, source: str) -> bool:
    """True when ``source`` is the code of this distribution inside its site-packages folder, or its wheel file."""
    rest = _inside(source, item.location)
    if not rest:
        return False
    first = rest.partition("/")[0]
    if item.as_wheel:
        return fnmatchcase(f"{item.resolved.name.replace('-', '_')}-0-py3-none-any.whl", first)
    names = {item.resolved.name.replace("-", "_"), item.resolved.name, *item.imports}
    return any(fnmatchcase(name, first) for name in names)


def travelling_homes(homes: Iterable[PythonHome], source: str, target: str, *, into: bool = False) -> list[PythonHome]:
    """The virtual environments that come along when ``source`` is copied to ``target``."""
    return [
        replace(home, prefix=prefix)
        for home in homes
        if home.is_venv and (prefix := moved_path(home.prefix, source, target, into=into)) is not None
    ]
