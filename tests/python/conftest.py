from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.python.model import Packaged, Release, Target
from dockerlint_alpine.python.verdict import newest_first

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class MemoryFiles:
    """A FileReader over a dict of absolute POSIX paths; paths below /app are shown without it."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}

    def read(self, path: str) -> bytes:
        if path in self.files:
            return self.files[path]
        raise FileNotFoundError(2, "No such file or directory", path)

    def exists(self, path: str) -> bool:
        folder = path.rstrip("/") + "/"
        return path in self.files or any(name.startswith(folder) for name in self.files)

    def names(self, folder: str) -> Sequence[str]:
        prefix = posixpath.normpath(folder).rstrip("/") + "/"
        found = {name[len(prefix) :].partition("/")[0] for name in self.files if name.startswith(prefix)}
        if not found:
            raise NotADirectoryError(20, "Not a directory", folder)
        return sorted(found)

    def display(self, path: str) -> str:
        return path.removeprefix("/app/")


class MemoryFacts:
    """Facts over dicts; requires by name or by (name, version)."""

    as_of = "2026-11-01"

    def __init__(
        self,
        releases: Mapping[str, Sequence[Release]],
        requires: Mapping[object, Sequence[str]] | None = None,
        packaged: Mapping[str, Packaged] | None = None,
        compiled: Collection[str] = (),
    ) -> None:
        self._compiled = compiled
        self._releases = releases
        self._requires = requires or {}
        self._packaged = packaged or {}

    def releases(self, name: str) -> Sequence[Release]:
        return newest_first(self._releases.get(name, ()))

    def requires(self, name: str, version: str) -> Sequence[str] | None:
        return self._requires.get((name, version), self._requires.get(name))

    def nearest_requires(self, name: str, version: str) -> Sequence[str] | None:
        return self._requires.get((name, "nearest"))

    def pins(self, name: str) -> Sequence[str]:
        return self._requires.get((name, "pins"), ())

    def compiled(self, name: str, version: str | None) -> bool:
        return name in self._compiled

    def packaged(self, name: str) -> Packaged | None:
        return self._packaged.get(name)


@pytest.fixture
def alpine() -> Target:
    return Target("3.11", "linux/amd64", musl=(1, 2))
