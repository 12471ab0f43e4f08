"""Distributions are copied with the files they are made of: ``COPY --from``, ``cp``, ``mv`` and bind mounts."""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.syntax import Instruction

WILDCARD = lazy_pattern(r"[*?\[]")
"""What makes a path of COPY or cp a pattern."""


def moved_path(path: str, source: str, target: str, *, into: bool) -> str | None:
    """Where ``path`` ends up when ``source`` (which may hold wildcards) is copied to ``target``.

    A folder's content goes into the target; what a wildcard matches goes below it, and so does a file when ``into``.
    ``None`` when ``path`` is not part of what is copied.
    """
    folder, pattern = source, ""
    if WILDCARD.search(source):
        folder, pattern = posixpath.split(source)
        if WILDCARD.search(folder):
            return None
    if pattern:
        rest = _inside(path, folder)
        if rest is None:
            return None
        if not rest:
            return target if pattern == "*" else None
        first, _, below = rest.partition("/")
        if not fnmatchcase(first, pattern):
            return None
        # COPY puts the content of a folder that a wildcard matches into the target: its own name is lost. cp keeps it.
        kept = rest if into else below
        return posixpath.join(target, kept) if kept else target
    rest = _inside(path, source)
    if rest is None:
        return None
    if into:
        return posixpath.normpath(posixpath.join(target, posixpath.basename(source), rest))
    return posixpath.normpath(f"{target}/{rest}").replace("//", "/")


def _inside(path: str, folder: str) -> str | None:
    if path == folder:
        return ""
    prefix = folder if folder.endswith("/") else f"{folder}/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def spread(files: StageFiles, source: str, target: str) -> Iterable[tuple[str, str]]:
    """The copies that one source amounts to, as pairs of paths: wildcards are met by the ``files`` known there.

    A ``target`` that ends in ``/`` is a folder, into which a file goes under its own name.
    """
    folder, name = posixpath.split(source)
    base = target.rstrip("/") or "/"
    if not WILDCARD.search(source):
        is_file = ".so" in name or (files.exists(source) and source not in files.directories)
        yield source, posixpath.join(base, name) if target.endswith("/") and is_file else base
        return
    yield (folder if name == "*" else source), base
    if name != "*":
        yield from ((path, posixpath.join(base, posixpath.basename(path))) for path in files.glob(source))


def distributions_copied(
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
            whole = into or target.endswith("/") or WILDCARD.search(source)
            location = target if whole else posixpath.dirname(target)
        if location is not None:
            origin = copied_from if copied_from is not None else item.copied_from
            found.append(replace(item, location=location.rstrip("/") or "/", arrived=arrived, copied_from=origin))
    return found


def _is_part(item: Installed, source: str) -> bool:
    """True when ``source`` is the code of this distribution inside its site-packages folder, or its wheel file."""
    rest = _inside(source, item.location)
    if not rest:
        return False
    first = rest.partition("/")[0]
    if item.wheel_file is not None:
        return fnmatchcase(item.wheel_file, first)
    names = {item.resolved.name.replace("-", "_"), item.resolved.name, *(name.split(".")[0] for name in item.imports)}
    return any(fnmatchcase(name, first) for name in names)
