"""A folder of rules as people write them: ``libraries/``, ``distributions/``, ``wheels/`` and single files."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.knowledge import schema
from dockerlint_alpine.knowledge.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockerlint_alpine.knowledge.model import Distribution, Library

KINDS = {"library": "libraries", "distribution": "distributions", "wheels": "wheels"}
"""Kind of entry -> the folder below ``rules/`` that holds one file for each."""


def capabilities(library: Library) -> Iterator[str]:
    """Return the look-up keys of a library: ``so:liblz4`` (up to ``.so``), ``pc:``, ``cmd:`` and ``header:`` names."""
    for soname in library.sonames:
        yield f"so:{soname[: soname.find('.so')]}"
    for name in library.pkg_config:
        yield f"pc:{name}"
    for name in library.tools:
        yield f"cmd:{name}"
    for name in library.headers:
        yield f"header:{name}"


def libraries_of(entry: Distribution) -> set[str]:
    """Return the names of all libraries that a distribution's rule speaks of."""
    named = {link.library for build in entry.builds for link in build.libraries}
    named.update(need.library for need in entry.runtime if need.library)
    return named


class RuleFolder:
    """The rules below one folder, read file by file when they are asked for.

    ``prefix`` is what paths in errors start with; default: the folder as given.
    """

    def __init__(self, path: Path, prefix: str | None = None) -> None:
        self.path = path
        self._prefix = str(path) if prefix is None else prefix

    def shown(self, kind: str, name: str) -> str:
        """Return the path of an entry as errors and evidence name it."""
        return f"{self._prefix}/{KINDS[kind]}/{name}.toml"

    def names(self, kind: str) -> tuple[str, ...]:
        """All entries of one kind, sorted: the stems of its files."""
        return self._names[kind]

    def raw(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return the table of one entry; raises ``RuleError`` for a broken file or one of another name."""
        if name not in self._names[kind]:
            return None
        shown = self.shown(kind, name)
        table = schema.read_toml(self.path / KINDS[kind] / f"{name}.toml", shown, self.path)
        if table.get("name") != name:
            raise RuleError(shown, "name", f"must be {name!r}, the name of the file")
        return table

    def document(self, name: str) -> dict[str, Any] | None:
        """Return the table of a single file such as ``base-images.toml``, ``None`` if it is not there."""
        path = self.path / f"{name}.toml"
        return schema.read_toml(path, self.shown_document(name), self.path) if path.is_file() else None

    def shown_document(self, name: str) -> str:
        """Return the path of a single file as errors name it."""
        return f"{self._prefix}/{name}.toml"

    def libraries(self) -> Iterator[Library]:
        """All libraries, in order of name."""
        for name in self.names("library"):
            raw = self.raw("library", name)
            if raw is not None:
                yield schema.library(raw, self.shown("library", name))

    def entries(self) -> Iterator[Distribution]:
        """All distributions, in order of name."""
        for name in self.names("distribution"):
            raw = self.raw("distribution", name)
            if raw is not None:
                yield schema.distribution(raw, self.shown("distribution", name))

    def header_folder(self, folder: str) -> set[str]:
        """Return the libraries that have headers in ``folder`` (``libxml``)."""
        return {name for key, name in self.by_capability.items() if key.startswith(f"header:{folder}/")}

    @cached_property
    def _names(self) -> dict[str, tuple[str, ...]]:
        return {
            kind: tuple(sorted(path.stem for path in (self.path / folder).glob("*.toml")))
            for kind, folder in KINDS.items()
        }

    @cached_property
    def by_capability(self) -> dict[str, str]:
        """The libraries by the look-up keys of :func:`capabilities`."""
        return {key: library.name for library in self.libraries() for key in capabilities(library)}

    @cached_property
    def by_import(self) -> dict[str, str]:
        """The distributions by the modules that they install."""
        return {module: entry.name for entry in self.entries() for module in entry.imports}
