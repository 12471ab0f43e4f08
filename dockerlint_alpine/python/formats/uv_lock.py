"""``uv.lock``."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.python.formats.locked import Edge, LockedPackage
from dockerlint_alpine.python.formats.pylock import archives, file_name
from dockerlint_alpine.python.formats.toml_source import texts
from dockerlint_alpine.python.model import Origin, normalise
from dockerlint_alpine.python.requirement import git_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockerlint_alpine.python.formats.toml_source import TomlSource


def locked_packages(lock: TomlSource, folder: str) -> Iterator[LockedPackage]:
    """Yield the entries of a lock in ``folder``."""
    for index, package in enumerate(lock.tables("package")):
        name, version = normalise(str(package.get("name", ""))), str(package.get("version", ""))
        source = package.get("source")
        source = source if isinstance(source, dict) else {}
        local = next((source[key] for key in ("editable", "virtual", "directory", "path") if key in source), None)
        url = git_url(source) or source.get("url")
        names: tuple[str, ...] | None = archives(package)
        if isinstance(url, str) and "url" in source and (direct := file_name({"url": url})):
            names = (direct,)
        elif local is not None or "git" in source:
            names = (posixpath.basename(str(local)),) if "path" in source else None
        markers = texts(package.get("resolution-markers"))
        yield LockedPackage(
            name=name,
            version=version,
            origin=Origin(lock.path, lock.header("package", index)),
            artefacts=names,
            edges=tuple(_edges(package)),
            marker=" or ".join(f"({marker})" for marker in markers) or None,
            url=url if isinstance(url, str) else None,
            path=posixpath.normpath(posixpath.join(folder, str(local))) if local is not None else None,
            editable="editable" in source,
            index=registry if isinstance(registry := source.get("registry"), str) and "://" in registry else None,
        )


def _edges(package: Mapping[str, Any]) -> Iterator[Edge]:
    optional = package.get("optional-dependencies")
    listed: list[tuple[str | None, Any]] = [(None, package.get("dependencies"))]
    if isinstance(optional, dict):
        listed += [(normalise(extra), value) for extra, value in optional.items()]
    for extra, entries in listed:
        for one in entries if isinstance(entries, list) else ():
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                version = one.get("version")
                yield Edge(
                    name=normalise(one["name"]),
                    specifier=f"=={version}" if isinstance(version, str) else "",
                    extras=tuple(normalise(each) for each in texts(one.get("extra"))),
                    marker=one.get("marker") if isinstance(one.get("marker"), str) else None,
                    extra=extra,
                )
