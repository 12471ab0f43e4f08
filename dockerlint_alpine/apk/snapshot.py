"""One index with its release, repository and architecture, before it is stored in a database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from dockerlint_alpine.apk.apkindex import ApkIndex, read_index, split_streams
from dockerlint_alpine.apk.errors import IndexFormatError
from dockerlint_alpine.system.patterns import lazy_pattern

SNAPSHOT = lazy_pattern(r"v(\d+\.\d+|edge)-([a-z]+)-([a-z0-9_]+)\.APKINDEX\.tar\.gz")
"""File name of a snapshot: release, repository, architecture."""
TRUSTED = 0.95
"""A carried name that holds with this chance needs no word of its own."""


class Hold(Struct, frozen=True):
    """The chance that a package still has a soname (``exact``), or the same library in any version (``library``)."""

    exact: float
    library: float


class Derived(Struct, frozen=True):
    """What a derived snapshot rests on.

    ``commit`` and ``day`` are those of the recipes, ``base`` the release whose real index the rest was carried from.
    ``holds`` gives, by soname and package, the chances below :data:`TRUSTED`; ``unread`` names the packages of which
    nothing but the recipe is known, so that they may need and bring more.
    """

    commit: str
    day: str
    base: str
    holds: Mapping[tuple[str, str], Hold]
    unread: frozenset[str]


class Snapshot(Struct, frozen=True):
    """An index and what it is the index of: release (``3.19`` or ``edge``), repository and architecture.

    ``derived`` is what it was made of where it is not Alpine's own.
    """

    release: str
    repository: str
    arch: str
    index: ApkIndex
    derived: Derived | None = None


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in the file ``path``, which is named after it. Signatures are not looked at."""
    found = SNAPSHOT.fullmatch(path.name)
    if found is None:
        raise IndexFormatError(f"{path.name}: not named vX.Y-REPOSITORY-ARCH.APKINDEX.tar.gz")
    release, repository, arch = found.groups()
    return Snapshot(release, repository, arch, read_index(split_streams(path.read_bytes())))
