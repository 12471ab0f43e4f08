"""``pdm.lock``."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.python.formats.locked import Edge, LockedPackage
from dockerlint_alpine.python.formats.pylock import file_name
from dockerlint_alpine.python.formats.toml_source import texts
from dockerlint_alpine.python.model import Origin, normalise
from dockerlint_alpine.python.requirement import InvalidRequirementError, git_url, parse_pep508

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.python.formats.toml_source import TomlSource


def locked_packages(lock: TomlSource, folder: str) -> Iterator[LockedPackage]:
    """Yield the entries of a lock in ``folder``."""
    old_files = lock.table("metadata", "files")
    for index, package in enumerate(lock.tables("package")):
        name, version = str(package.get("name", "")), str(package.get("version", ""))
        listed = package.get("files", old_files.get(f"{name} {version}"))
        entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        origin = Origin(lock.path, lock.header("package", index))
        url, local = git_url(package) or package.get("url"), package.get("path")
        names: tuple[str, ...] | None = tuple(file for one in entries if (file := file_name(one)) is not None)
        if isinstance(package.get("url"), str):
            names = (file_name({"url": package["url"]}) or name,)
        elif url or local or not names:
            names = None
        marker = package.get("marker")
        yield LockedPackage(
            name=normalise(name),
            version=version,
            origin=origin,
            artefacts=names,
            edges=tuple(_edges(texts(package.get("dependencies")), origin)),
            marker=marker if isinstance(marker, str) else None,
            url=url if isinstance(url, str) else None,
            path=posixpath.normpath(posixpath.join(folder, local)) if isinstance(local, str) else None,
            editable=package.get("editable") is True,
            present_for=tuple(normalise(one) for one in texts(package.get("extras"))),
        )


def _edges(dependencies: Sequence[str], origin: Origin) -> Iterator[Edge]:
    for text in dependencies:
        try:
            one = parse_pep508(text, origin)
        except InvalidRequirementError:
            continue
        if one.name is not None:
            yield Edge(one.name, one.specifier, one.extras, one.marker)
