"""``poetry.lock`` (lock versions 1.0 to 2.1)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dockerlint_alpine.python.formats.locked import Edge, LockedPackage
from dockerlint_alpine.python.formats.poetry import pep440
from dockerlint_alpine.python.formats.pylock import file_name
from dockerlint_alpine.python.formats.toml_source import texts
from dockerlint_alpine.python.model import Origin, normalise
from dockerlint_alpine.python.requirement import git_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.formats.toml_source import TomlSource


def locked_packages(lock: TomlSource, folder: str, groups: Sequence[str]) -> Iterator[LockedPackage]:
    """Yield the entries of a lock in ``folder``; ``groups`` are those that are installed."""
    old_files = lock.table("metadata", "files")
    for index, package in enumerate(lock.tables("package")):
        name = str(package.get("name", ""))
        listed = package.get("files", old_files.get(name))
        entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        source = package.get("source")
        source = source if isinstance(source, dict) else {}
        kind, url = str(source.get("type")), source.get("url")
        local = kind in {"directory", "file"} and isinstance(url, str)
        names: tuple[str, ...] | None = tuple(file for one in entries if (file := file_name(one)) is not None)
        if kind in {"git", "directory"} or not names:
            names = None
        yield LockedPackage(
            name=normalise(name),
            version=str(package.get("version", "")),
            origin=Origin(lock.path, lock.header("package", index)),
            artefacts=names,
            edges=tuple(_edges(package)),
            marker=_package_marker(package.get("markers"), groups),
            url=_repository(source) if kind == "git" else url if kind == "url" and isinstance(url, str) else None,
            path=posixpath.normpath(posixpath.join(folder, str(url))) if local else None,
            editable=package.get("develop") is True,
            index=url if kind == "legacy" and isinstance(url, str) else None,
        )


def _repository(source: Mapping[str, Any]) -> str | None:
    return git_url(
        {**source, "git": source.get("url"), "rev": source.get("resolved_reference", source.get("reference"))}
    )


def _package_marker(markers: object, groups: Sequence[str]) -> str | None:
    """Return the marker of an entry; lock version 2.1 may have one per group, of which any may hold."""
    if isinstance(markers, str):
        return markers
    if isinstance(markers, dict):
        own = [value for key, value in markers.items() if normalise(key) in groups and isinstance(value, str)]
        if own and all(normalise(group) in {normalise(key) for key in markers} for group in groups):
            return " or ".join(f"({one})" for one in own)
    return None


def _edges(package: Mapping[str, Any]) -> Iterator[Edge]:
    dependencies = package.get("dependencies")
    extras = package.get("extras")
    switched: dict[str, list[str]] = {}
    for extra, listed in extras.items() if isinstance(extras, dict) else ():
        for text in texts(listed):
            switched.setdefault(normalise(re.split(r"[^\w.-]", text.strip())[0]), []).append(normalise(extra))
    for name, value in dependencies.items() if isinstance(dependencies, dict) else ():
        for one in value if isinstance(value, list) else [value]:
            entry = one if isinstance(one, dict) else {"version": one}
            constraint = entry.get("version")
            specifier = pep440(constraint) if isinstance(constraint, str) else None
            edge = Edge(
                name=normalise(name),
                specifier=specifier or "",
                extras=tuple(normalise(each) for each in texts(entry.get("extras"))),
                marker=_without_extra(entry.get("markers")),
            )
            if entry.get("optional") is True:
                yield from (replace(edge, extra=extra) for extra in switched.get(edge.name, ()))
            else:
                yield edge


def _without_extra(marker: object) -> str | None:
    """Return a marker without its ``extra == "x"`` parts: the table ``extras`` says which extra switches an edge on."""
    if not isinstance(marker, str):
        return None
    kept = re.sub(r"""\s*(?:and|or)?\s*extra\s*==\s*(?:"[^"]*"|'[^']*')""", "", marker).strip()
    kept = re.sub(r"\(\s*\)", "", kept).strip()
    kept = re.sub(r"^(?:and|or)\s+|\s+(?:and|or)$", "", kept).strip()
    return kept or None
