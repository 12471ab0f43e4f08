"""From signed index snapshots to the SQLite file that is queried. Needs the standard library only.

One file holds any number of snapshots (a snapshot is the index of one release, repository and architecture); the
embedded file holds them all, a file in the user's cache holds one. Rows are clustered by name and shared by the
snapshots in which they are equal: ``snapshots`` is a bit mask, bit N standing for the snapshot with ``id`` N. So the
data of twenty indexes packs into little more than that of a few.

``package`` has a row for each record, ``n`` telling records of one name apart. ``provided`` says which packages provide
a name that is not (only) a package's own, in the order of the index. ``triggers`` are the packages that have the name
in their ``install_if``, each with the names that must be there besides: ``lz4-doc:docs``. ``known`` tells in which
releases a name exists, for names that are not in all of those that the table was made from (names.tsv); ``named`` has
the releases that it speaks of.

A release without an index gets a derived one (see :mod:`.derive`): ``derived`` says of which snapshots that is so and what
they rest on, ``hold`` how likely a soname that was carried over still holds (in thousandths, where it is less than
certain enough), ``unread`` the packages of which the recipe alone is known.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.apk.constraint import Constraint
from dockerlint_alpine.apk.database import EMBEDDED, NEGATIVE_FIRST, SCHEMA, Fetched
from dockerlint_alpine.apk.snapshot import Derived, Snapshot, read_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dockerlint_alpine.apk.apkindex import Record

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
CREATE TABLE derived (snapshot INTEGER PRIMARY KEY, source TEXT NOT NULL, day TEXT NOT NULL, base TEXT NOT NULL);
CREATE TABLE hold (
  soname TEXT NOT NULL, package TEXT NOT NULL, snapshot INTEGER NOT NULL, exact INTEGER NOT NULL, library INTEGER NOT NULL,
  PRIMARY KEY (package, soname, snapshot)) WITHOUT ROWID;
CREATE TABLE unread (name TEXT PRIMARY KEY, snapshots INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE known (name TEXT PRIMARY KEY, releases TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE named (release TEXT PRIMARY KEY) WITHOUT ROWID;
"""


def build(snapshots: Path, out: Path) -> None:
    """Build ``out/alpine.sqlite`` from every ``vX.Y-REPOSITORY-ARCH.APKINDEX.tar.gz`` in ``snapshots``, the recipes of
    the releases that have none, and names.tsv.

    Alpine's public keys are copied to ``out/keys``, for ``index update``.

    Raises:
        IndexFormatError: when a snapshot is malformed or oddly named.

    """
    out.mkdir(parents=True, exist_ok=True)
    found = [read_snapshot(path) for path in sorted(snapshots.glob("*.APKINDEX.tar.gz"))]
    found += derived_snapshots(snapshots, found)
    write_database(out / EMBEDDED, found, read_names(snapshots / "names.tsv"))
    keys = out / "keys"
    keys.mkdir(exist_ok=True)
    for key in sorted((snapshots / "keys").glob("*.rsa.pub")):
        (keys / key.name).write_bytes(key.read_bytes())


def derived_snapshots(folder: Path, real: Sequence[Snapshot]) -> list[Snapshot]:
    """Snapshots for the releases of which ``folder`` has recipes and ``real`` has no index, from the last release in it."""
    from dockerlint_alpine.apk.derive import derive, read_debian, read_holds, read_recipes

    there = {snapshot.release for snapshot in real}
    files = [path for path in sorted(folder.glob("v*-recipes.tsv.gz")) if _release(path) not in there]
    if not files:
        return []
    history = one_each(real)
    newest = max(there, key=lambda release: int(release.partition(".")[2]))
    base = [snapshot for snapshot in history if snapshot.release == newest]
    debian = read_debian(folder / "debian-sonames.tsv.gz")
    return [
        snapshot
        for path in files
        for snapshot in derive(
            read_recipes(path), base, read_holds(folder / f"v{_release(path)}-sonames.tsv.gz"), history, debian
        )
    ]


def one_each(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """One snapshot for each release and repository: that of x86_64 where there is one."""
    found: dict[tuple[str, str], Snapshot] = {}
    for snapshot in sorted(snapshots, key=lambda one: (one.arch != "x86_64", one.arch)):
        found.setdefault((snapshot.release, snapshot.repository), snapshot)
    return list(found.values())


def _release(path: Path) -> str:
    return path.name.partition("-")[0].removeprefix("v")


def read_names(path: Path) -> dict[str, str]:
    """Releases by name, separated by spaces, from lines of ``releases TAB names``."""
    names: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            releases, _, listed = line.partition("\t")
            names.update(dict.fromkeys(listed.split(), releases.replace(",", " ")))
    return names


def write_database(
    target: Path, snapshots: Sequence[Snapshot], known: Mapping[str, str] | None = None, fetched: Fetched | None = None
) -> None:
    """Write ``snapshots`` to ``target``: complete or not at all (a file of its own beside it, then a rename).

    Raises:
        OSError, sqlite3.Error: when the file cannot be written.

    """
    if len(snapshots) > MAX_SNAPSHOTS:
        raise ValueError(f"one database holds {MAX_SNAPSHOTS} snapshots at most")
    from tempfile import mkstemp

    handle, name = mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        database = sqlite3.connect(temporary)
        try:
            database.executescript(_TABLES)
            _fill(database, snapshots)
            names = known or {}
            database.executemany("INSERT INTO known VALUES (?, ?)", sorted(names.items()))
            named = {release for releases in names.values() for release in releases.split()}
            database.executemany("INSERT INTO named VALUES (?)", [(release,) for release in sorted(named)])
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
        if snapshot.derived is not None:
            _insert_derived(database, number, snapshot.derived, names)
    _insert(database, "INSERT INTO package VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", packages)
    _insert(database, "INSERT INTO provided VALUES (?, ?, ?, ?, ?)", provided)


def _insert_derived(database: sqlite3.Connection, number: int, derived: Derived, names: set[str]) -> None:
    """What is special about a derived snapshot, as far as its own packages (``names``) are concerned."""
    source = (number, f"aports {derived.commit}", derived.day, derived.base)
    database.execute("INSERT INTO derived VALUES (?, ?, ?, ?)", source)
    holds = [
        (soname, package, number, round(hold.exact * 1000), round(hold.library * 1000))
        for (soname, package), hold in sorted(derived.holds.items())
        if package in names
    ]
    database.executemany("INSERT INTO hold VALUES (?, ?, ?, ?, ?)", holds)
    database.executemany(
        "INSERT INTO unread VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET snapshots = snapshots | ?2",
        [(name, 1 << number) for name in sorted(derived.unread & names)],
    )


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
    triggered = " ".join(triggers) or None
    return (record.name, record.version, *lists, record.priority or None, origin, triggered, used or None)


def _provided(token: str, packages: Iterable[str], triggers: Iterable[str]) -> tuple[str | int | None, ...]:
    return (token, " ".join(packages) or None, " ".join(triggers) or None)
