"""Read-only access to one SQLite file of snapshots (see :mod:`.build` for its layout)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from dockerlint_alpine.apk.errors import IndexFormatError
from dockerlint_alpine.system.patterns import lazy_pattern

SCHEMA = 3
"""Number of the layout, kept in ``PRAGMA user_version``."""
EMBEDDED = "alpine.sqlite"
"""File name of the database that is built into the wheel."""
NEGATIVE_FIRST = "!"
"""Stands among the ``triggers`` of a snapshot if a package's ``install_if`` begins with a negative condition."""
_CHUNK = 500
_COLUMNS = "name, version, depends, provides, install_if, priority, origin, triggers, dependants"
_SELECT_PACKAGES = f"SELECT {_COLUMNS} FROM package WHERE name IN ({{}}) AND snapshots & ? ORDER BY name, n"  # noqa: S608
_SELECT_PROVIDED = "SELECT token, packages, triggers FROM provided WHERE token IN ({}) AND snapshots & ?"
_WILD = lazy_pattern(r"[*?\[]")


class Origin(Struct, frozen=True):
    """What a derived snapshot was made of: the recipes (``aports COMMIT`` of ``day``), and the release ``base`` whose real
    index tells what no recipe does."""

    source: str
    day: str
    base: str

    def __str__(self) -> str:
        return f"its recipes ({self.source} of {self.day})"


class SnapshotInfo(Struct, frozen=True):
    """What one snapshot is: ``number`` is its bit, ``triggers`` the names in ``install_if`` that are no package's own.

    ``date`` is the day of its newest build (``YYYY-MM-DD``), ``description`` Alpine's own name of the snapshot. ``derived``
    is what it was made of where it is not Alpine's own.
    """

    number: int
    release: str
    repository: str
    arch: str
    date: str
    description: str
    packages: int
    triggers: frozenset[str]
    derived: Origin | None = None


class Fetched(Struct, frozen=True):
    """Where a snapshot was downloaded from, and the server's marks of that version (empty: it gave none)."""

    url: str
    etag: str
    modified: str


class PackageRow(Struct, frozen=True):
    """One stored record; token lists as text, ``None`` where empty."""

    name: str
    version: str
    depends: str | None
    provides: str | None
    install_if: str | None
    priority: int | None
    origin: str | None
    triggers: str | None
    dependants: int | None


class Database:
    """An open SQLite file. Not for use by several threads at once."""

    def __init__(self, path: Path) -> None:
        """Open ``path``.

        Raises:
            IndexFormatError: when the file is missing, no database of ours, or of another layout.

        """
        self.path = path
        if path.exists() and not path.is_file():
            raise IndexFormatError(f"{path}: not a regular file")  # opening a pipe would wait for its other end
        try:
            # immutable: files are replaced as a whole, never written in place, so no locks and no journal are needed.
            uri = path.absolute().as_uri() + "?mode=ro&immutable=1"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise IndexFormatError(f"{path}: cannot be read as an index database: {error}") from error
        if version != SCHEMA:
            self._connection.close()
            raise IndexFormatError(f"{path}: built for another version of this program (layout {version})")

    def snapshots(self) -> tuple[SnapshotInfo, ...]:
        """The snapshots in the file."""
        derived = {row[0]: Origin(*row[1:]) for row in self._rows("SELECT snapshot, source, day, base FROM derived")}
        columns = "id, release, repository, arch, date, description, packages, triggers"
        rows = self._rows(f"SELECT {columns} FROM snapshot ORDER BY id")  # noqa: S608
        return tuple(SnapshotInfo(*(*told, frozenset(names.split()), derived.get(told[0]))) for *told, names in rows)

    def holds(self, package: str, number: int) -> list[tuple[str, float, float]]:
        """The sonames of ``package`` in a derived snapshot that may not hold any more: soname, the chance that it does,
        and the chance that the library is there in whatever version."""
        rows = self._rows(
            "SELECT soname, exact, library FROM hold WHERE package = ? AND snapshot = ? ORDER BY soname",
            (package, number),
        )
        return [(soname, exact / 1000, library / 1000) for soname, exact, library in rows]

    def unread(self, names: Sequence[str], number: int) -> frozenset[str]:
        """Those of ``names`` of which a derived snapshot knows the recipe alone: they may need and bring more."""
        rows = self._rows_of("SELECT name FROM unread WHERE name IN ({}) AND snapshots & ?", names, 1 << number)
        return frozenset(row[0] for row in rows)

    def packages(self, names: Sequence[str], number: int) -> list[PackageRow]:
        """The records of ``names`` in snapshot ``number``, records of one name in the order of the index."""
        return [PackageRow(*row) for row in self._rows_of(_SELECT_PACKAGES, names, 1 << number)]

    def records(self) -> Iterator[tuple[PackageRow, SnapshotInfo]]:
        """Every record of Alpine's own snapshots, by name; one that is the same in several comes once for each."""
        snapshots = [snapshot for snapshot in self.snapshots() if snapshot.derived is None]
        for *row, mask in self._rows(f"SELECT {_COLUMNS}, snapshots FROM package ORDER BY name, n"):  # noqa: S608
            record = PackageRow(*row)
            yield from ((record, snapshot) for snapshot in snapshots if mask & 1 << snapshot.number)

    def releases_with(self, name: str) -> tuple[str, ...]:
        """The releases of which a snapshot here has a package of this name."""
        masks = [row[0] for row in self._rows("SELECT snapshots FROM package WHERE name = ?", (name,))]
        found = (one.release for one in self.snapshots() if any(mask & 1 << one.number for mask in masks))
        return tuple(dict.fromkeys(found))

    def heard_of(self, name: str) -> bool:
        """True where an index of any release here has ``name``, of a package or provided, or the table of names lists it."""
        tables = (("package", "name"), ("provided", "token"), ("known", "name"))
        return any(self._rows(f"SELECT 1 FROM {table} WHERE {column} = ? LIMIT 1", (name,)) for table, column in tables)  # noqa: S608

    def provided(self, tokens: Sequence[str], number: int) -> list[tuple[str, str | None, str | None]]:
        """``(token, packages, triggers)`` of each of ``tokens`` that a package provides besides its own name."""
        return list(self._rows_of(_SELECT_PROVIDED, tokens, 1 << number))

    def provided_names(self, pattern: str, number: int) -> list[str]:
        """Names in snapshot ``number`` that are provided and match ``pattern`` (``*``, ``?``, ``[…]``), sorted."""
        return self._matching(
            "SELECT DISTINCT token FROM provided WHERE packages IS NOT NULL AND token", pattern, number
        )

    def package_names(self, pattern: str, number: int) -> list[str]:
        """Names of packages in snapshot ``number`` that match ``pattern``, sorted."""
        return self._matching("SELECT DISTINCT name AS token FROM package WHERE name", pattern, number)

    def _matching(self, select: str, pattern: str, number: int) -> list[str]:
        prefix = _WILD.split(pattern, maxsplit=1)[0]
        statement = f"{select} GLOB ? AND token >= ? AND token < ? AND snapshots & ? ORDER BY token"
        return [row[0] for row in self._rows(statement, (pattern, prefix, prefix + "\U0010ffff", 1 << number))]

    def absent(self, names: Sequence[str], release: str) -> frozenset[str]:
        """Those of ``names`` that ``release`` is known not to have; a name or release that is not listed may exist."""
        rows = self._rows_of("SELECT name, releases FROM known WHERE name IN ({})", names)
        return frozenset(name for name, releases in rows if release not in releases.split())

    def fetched(self) -> Fetched | None:
        """The download that the file was built from, if it was."""
        rows = self._rows("SELECT url, etag, modified FROM fetched")
        return Fetched(*rows[0]) if rows else None

    def knows_names_of(self, release: str) -> bool:
        """True where the table of names covers ``release``."""
        return bool(self._rows("SELECT 1 FROM named WHERE release = ?", (release,)))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _rows_of(self, statement: str, names: Sequence[str], *more: int) -> Iterator[Any]:
        """The rows of a statement about many names, some hundreds at a time; question marks are all that is put into it."""
        for at in range(0, len(names), _CHUNK):
            chunk = names[at : at + _CHUNK]
            yield from self._rows(statement.format(",".join("?" * len(chunk))), (*chunk, *more))

    def _rows(self, statement: str, values: Sequence[str | int] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except UnicodeEncodeError:  # a name with a byte that is no UTF-8: no index has it
            return self._connection.execute(statement, tuple(map(_as_utf8, values))).fetchall()
        except sqlite3.Error as error:
            raise IndexFormatError(f"{self.path}: cannot be read as an index database: {error}") from error


def _as_utf8(value: str | int) -> str | int:
    return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if isinstance(value, str) else value
