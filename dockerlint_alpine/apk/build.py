"""From signed index snapshots to the SQLite file that is queried. Needs the standard library only.

One file holds any number of snapshots (a snapshot is the index of one release, repository and architecture); the
embedded file holds them all, a file in the user's cache holds one. Rows are clustered by name and shared by the
snapshots in which they are equal: ``snapshots`` is a bit mask, bit N standing for the snapshot with ``id`` N. So the
data of twenty indexes packs into little more than that of a few.

``package`` has a row for each record, ``n`` telling records of one name apart. ``provided`` says which packages provide
a name that is not (only) a package's own, in the order of the index. ``triggers`` are the packages that have the name
in their ``install_if``, each with the names that must be there besides: ``lz4-doc:docs``. ``known`` tells in which
releases a name exists, for names that are not in all of those that the table was made from (names.tsv).
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.apk.apkindex import ApkIndex, Record, read_index, split_streams
from dockerlint_alpine.apk.constraint import Constraint
from dockerlint_alpine.apk.database import EMBEDDED, NEGATIVE_FIRST, SCHEMA, Fetched
from dockerlint_alpine.apk.errors import IndexFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SNAPSHOT = re.compile(r"v(\d+\.\d+|edge)-([a-z]+)-([a-z0-9_]+)\.APKINDEX\.tar\.gz")
"""File name of a snapshot: release, repository, architecture."""
MAX_SNAPSHOTS = 62
_MOST_DEPENDANTS = 9

_TABLES = f"""
PRAGMA page_size = 8192;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA user_version = {SCHEMA};
CREATE TABLE snapshot (
  id INTEGER PRIMARY KEY, release TEXT NOT NULL, repository TEXT NOT NULL, arch TEXT NOT NULL,
  date TEXT NOT NULL, description TEXT NOT NULL, packages INTEGER NOT NULL, triggers TEXT NOT NULL);
CREATE TABLE package (
  name TEXT NOT NULL, n INTEGER NOT NULL, snapshots INTEGER NOT NULL, version TEXT NOT NULL, depends TEXT,
  provides TEXT, install_if TEXT, priority INTEGER, origin TEXT, triggers TEXT, dependants INTEGER,
  PRIMARY KEY (name, n)) WITHOUT ROWID;
CREATE TABLE provided (
  token TEXT NOT NULL, n INTEGER NOT NULL, snapshots INTEGER NOT NULL, packages TEXT, triggers TEXT,
  PRIMARY KEY (token, n)) WITHOUT ROWID;
CREATE TABLE fetched (url TEXT NOT NULL, etag TEXT NOT NULL, modified TEXT NOT NULL);
CREATE TABLE known (name TEXT PRIMARY KEY, releases TEXT NOT NULL) WITHOUT ROWID;
"""


class Snapshot(Struct, frozen=True):
    """An index and what it is the index of: release (``3.19`` or ``edge``), repository and architecture."""

    release: str
    repository: str
    arch: str
    index: ApkIndex


def build(snapshots: Path, out: Path) -> None:
    """Build ``out/alpine.sqlite`` from every ``vX.Y-REPOSITORY-ARCH.APKINDEX.tar.gz`` in ``snapshots`` and names.tsv.

    Alpine's public keys are copied to ``out/keys``, for ``index update``.

    Raises:
        IndexFormatError: when a snapshot is malformed or oddly named.

    """
    out.mkdir(parents=True, exist_ok=True)
    found = [read_snapshot(path) for path in sorted(snapshots.glob("*.APKINDEX.tar.gz"))]
    write_database(out / EMBEDDED, found, read_names(snapshots / "names.tsv"))
    keys = out / "keys"
    keys.mkdir(exist_ok=True)
    for key in sorted((snapshots / "keys").glob("*.rsa.pub")):
        (keys / key.name).write_bytes(key.read_bytes())


def read_names(path: Path) -> dict[str, str]:
    """Releases by name, separated by spaces, from lines of ``releases TAB names``."""
    names: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            releases, _, listed = line.partition("\t")
            names.update(dict.fromkeys(listed.split(), releases.replace(",", " ")))
    return names


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in the file ``path``, which is named after it. Signatures are not looked at."""
    found = SNAPSHOT.fullmatch(path.name)
    if found is None:
        raise IndexFormatError(f"{path.name}: not named vX.Y-REPOSITORY-ARCH.APKINDEX.tar.gz")
    release, repository, arch = found.groups()
    return Snapshot(release, repository, arch, read_index(split_streams(path.read_bytes())))


def write_database(
    target: Path,
    snapshots: Sequence[Snapshot],
    known: Mapping[str, str] | None = None,
    fetched: Fetched | None = None,
) -> None:
    """Write ``snapshots`` to ``target``: complete or not at all (a file of its own beside it, then a rename).

    Raises:
        OSError, sqlite3.Error: when the file cannot be written.

    """
    if len(snapshots) > MAX_SNAPSHOTS:
        raise ValueError(f"one database holds {MAX_SNAPSHOTS} snapshots at most")
    handle, name = mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        database = sqlite3.connect(temporary)
        try:
            database.executescript(_TABLES)
            _fill(database, snapshots)
            database.executemany("INSERT INTO known VALUES (?, ?)", sorted((known or {}).items()))
            if fetched is not None:
                database.execute("INSERT INTO fetched VALUES (?, ?, ?)", (fetched.url, fetched.etag, fetched.modified))
            database.commit()
            database.execute("VACUUM")
        finally:
            database.close()
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _fill(database: sqlite3.Connection, snapshots: Sequence[Snapshot]) -> None:
    packages: defaultdict[tuple[str | int | None, ...], int] = defaultdict(int)
    provided: defaultdict[tuple[str | int | None, ...], int] = defaultdict(int)
    for number, snapshot in enumerate(snapshots):
        records = snapshot.index.records
        providers, triggers = _reverse(records)
        names = {record.name for record in records}
        dependants = Counter(name for record in records for name in dict.fromkeys(_names(record.depends)))
        for record in records:
            used = min(dependants[record.name], _MOST_DEPENDANTS)
            packages[_package(record, triggers.get(record.name, ()), used)] |= 1 << number
        for token in providers.keys() | (triggers.keys() - names):
            provided[_provided(token, providers.get(token, ()), triggers.get(token, ()))] |= 1 << number
        index = snapshot.index
        negative = {NEGATIVE_FIRST for record in records if record.install_if.startswith("!")}
        virtual = " ".join(sorted((triggers.keys() - names) | negative))
        kind = (snapshot.release, snapshot.repository, snapshot.arch)
        row = (number, *kind, index.newest, index.description, len(records), virtual)
        database.execute("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    _insert(database, "INSERT INTO package VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", packages)
    _insert(database, "INSERT INTO provided VALUES (?, ?, ?, ?, ?)", provided)


def _insert(database: sqlite3.Connection, statement: str, rows: dict[tuple[str | int | None, ...], int]) -> None:
    """Insert rows of ``(name, ...)`` as ``(name, n, snapshots, ...)``, in the order of the first snapshot they are in.

    Within a snapshot the order of the index is kept: that is what ``dict`` does.
    """
    numbered: defaultdict[str | int | None, int] = defaultdict(int)
    for (name, *values), snapshots in sorted(rows.items(), key=lambda row: str(row[0][0])):
        database.execute(statement, (name, numbered[name], snapshots, *values))
        numbered[name] += 1


def _reverse(records: Iterable[Record]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Packages by what they provide (only names that somebody provides besides its owner) and by ``install_if``."""
    providers: defaultdict[str, list[str]] = defaultdict(list)
    triggers: defaultdict[str, list[str]] = defaultdict(list)
    shared: set[str] = set()
    for record in records:
        provides = dict.fromkeys([record.name, *_names(record.provides)])
        shared.update(list(provides)[1:])
        for name in provides:
            providers[name].append(record.name)
        conditions = [Constraint.parse(token) for token in record.install_if.split()]
        present = dict.fromkeys(condition.name for condition in conditions if not condition.conflict)
        for name in dict.fromkeys(condition.name for condition in conditions):
            others = ",".join(other for other in present if other != name)
            triggers[name].append(f"{record.name}:{others}" if others else record.name)
    return {name: list(dict.fromkeys(providers[name])) for name in shared}, triggers


def _names(tokens: str) -> list[str]:
    return [Constraint.parse(token).name for token in tokens.split()]


def _package(record: Record, triggers: Iterable[str], used: int) -> tuple[str | int | None, ...]:
    lists = (record.depends or None, record.provides or None, record.install_if or None)
    origin = None if record.origin == record.name else record.origin
    return (
        record.name,
        record.version,
        *lists,
        record.priority or None,
        origin,
        " ".join(triggers) or None,
        used or None,
    )


def _provided(token: str, packages: Iterable[str], triggers: Iterable[str]) -> tuple[str | int | None, ...]:
    return (token, " ".join(packages) or None, " ".join(triggers) or None)
