"""The table of a sweep: one SQLite file, written as outcomes come, and the same as Parquet.

Ten thousand repositories are some megabytes. A file is the result of one sweep: another plan needs another file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec.structs import astuple

if TYPE_CHECKING:
    from dockerlint_alpine.sweep.plan import Outcome
    from dockerlint_alpine.sweep.sources import Source

LAYOUT = 1
"""``PRAGMA user_version`` of the file."""

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "repository": "the source as it was given",
        "revision": "the commit that was checked; empty where none is known",
        "file": "the Dockerfile, relative to the repository",
        "line": "1-based",
        "code": "the code of the finding",
        "name": "the name of the code",
        "severity": "error, warning or info",
        "confidence": "certain, likely or possible",
        "package": "the apk packages that are missing or concerned, separated by spaces",
        "distribution": "the Python distribution behind it, normalised",
        "version": "its version",
        "need": "so:…, pc:…, cmd:… or a header",
        "alpine": "the Alpine release of the stage, X.Y",
        "python": "its Python, X.Y",
        "base": "its base image as written",
        "platform": "the platforms for which it holds, separated by spaces",
        "cause": "identical for identical problems: code, distribution, need and packages",
        "fix": "safe, unsafe, display, or empty where there is none",
        "when": "today, then (only on the releases of --as) or both",
        "message": "the message of the finding",
    }
)
"""The columns of ``finding`` (and of the Parquet file), with their meaning."""

_OWN_COLUMNS = tuple(COLUMNS)[2:]
"""Those that are not of the repository."""

_TABLES = f"""
PRAGMA user_version = {LAYOUT};
CREATE TABLE plan (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE repository (
  number INTEGER PRIMARY KEY, repository TEXT NOT NULL, place TEXT NOT NULL UNIQUE, revision TEXT NOT NULL,
  status TEXT NOT NULL, message TEXT NOT NULL, dockerfiles INTEGER NOT NULL, stages INTEGER NOT NULL,
  unknown INTEGER NOT NULL, unreadable INTEGER NOT NULL, seconds REAL NOT NULL, judging REAL NOT NULL);
CREATE TABLE finding (
  number INTEGER NOT NULL, n INTEGER NOT NULL,
  {", ".join(f'"{name}" {"INTEGER" if name == "line" else "TEXT"} NOT NULL' for name in _OWN_COLUMNS)},
  PRIMARY KEY (number, n)) WITHOUT ROWID;
CREATE VIEW findings AS SELECT repository, revision, {", ".join(f'finding."{name}"' for name in _OWN_COLUMNS)}
  FROM finding JOIN repository USING (number) ORDER BY number, n;
"""  # noqa: S608 - names of ours
_COMMIT_EVERY = 64


class ResultsError(Exception):
    """A file of results that can't be used; the text is one line."""


class Results:
    """The file of one sweep."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._pending = 0

    @classmethod
    def create(cls, path: Path, plan: Mapping[str, object], *, resume: bool) -> Results:
        """Make the file for a sweep by ``plan``; with ``resume`` go on with the one that is there.

        Raises:
            ResultsError: it is there and ``resume`` was not asked for, it is no file of ours, or was made by another plan.

        """
        there = path.exists()
        if there and not resume:
            raise ResultsError(f"{path}: already exists; --resume continues it, --results names another file")
        try:
            connection = sqlite3.connect(path)
            if not there:
                connection.executescript(_TABLES)
                rows = [(key, json.dumps(value)) for key, value in plan.items()]
                connection.executemany("INSERT INTO plan VALUES (?, ?)", rows)
                connection.commit()
        except sqlite3.Error as error:
            raise ResultsError(f"{path}: {error}") from None
        found = cls(connection, path)
        found.check()
        if (kept := found.plan()) != json.loads(json.dumps(plan)):
            changed = ", ".join(sorted(name for name in {*kept, *plan} if kept.get(name) != plan.get(name)))
            raise ResultsError(f"{path}: made by another plan ({changed}): --resume needs the same")
        return found

    @classmethod
    def open(cls, path: Path) -> Results:
        """Open a file for reading. Raises ResultsError."""
        if not path.is_file():
            raise ResultsError(f"{path}: no such file")
        try:
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise ResultsError(f"{path}: {error}") from None
        found = cls(connection, path)
        found.check()
        return found

    def check(self) -> None:
        """Raise ResultsError where the file is none of ours."""
        try:
            layout = self._connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise ResultsError(f"{self._path}: {error}") from None
        if layout != LAYOUT:
            raise ResultsError(f"{self._path}: no results of a sweep by this version")

    def plan(self) -> dict[str, Any]:
        """How the repositories were judged."""
        return {key: json.loads(value) for key, value in self._connection.execute("SELECT key, value FROM plan")}

    def done(self) -> set[str]:
        """The places of the sources that have an outcome."""
        return {place for (place,) in self._connection.execute("SELECT place FROM repository")}

    def add(self, outcome: Outcome) -> None:
        """Keep the outcome of one repository."""
        task, source = outcome.task, outcome.task.source
        self._connection.execute(
            "INSERT OR REPLACE INTO repository VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(task.number, _text(source.name), _text(source.place), outcome.revision, outcome.status),
                *(_text(outcome.message), outcome.dockerfiles, outcome.stages, outcome.unknown, outcome.unreadable),
                *(round(outcome.seconds, 6), round(outcome.judging, 6)),
            ),
        )
        rows = [(task.number, n, *map(_value, astuple(row))) for n, row in enumerate(outcome.rows)]
        marks = ", ".join("?" * len(COLUMNS))
        self._connection.executemany(f"INSERT INTO finding VALUES ({marks})", rows)  # noqa: S608 - marks
        self._pending += 1
        if self._pending >= _COMMIT_EVERY:
            self.commit()

    def commit(self) -> None:
        """Commit the rows that were added."""
        self._connection.commit()
        self._pending = 0

    def close(self) -> None:
        """Commit the rows that were added, and close the file."""
        self._connection.commit()
        self._connection.close()

    def query(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        return self._connection.execute(statement, values).fetchall()

    def findings(self) -> Iterator[tuple[Any, ...]]:
        """The rows of ``findings``, in the order of the sources."""
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        yield from self._connection.execute(f"SELECT {names} FROM findings")  # noqa: S608 - names of ours

    def write_parquet(self, path: Path) -> None:
        """Write ``findings`` as Parquet (the ``fleet`` extra). Raises ResultsError."""
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError:
            raise ResultsError("Parquet needs pyarrow: pip install 'alpine-doctor[fleet]'") from None
        kinds = {name: pa.int32() if name == "line" else pa.string() for name in COLUMNS}
        schema = pa.schema([pa.field(name, kinds[name], metadata={"meaning": text}) for name, text in COLUMNS.items()])
        try:
            with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
                rows = self.findings()
                while batch := list(islice(rows, 50_000)):
                    values = zip(zip(*batch, strict=True), schema.types, strict=True)
                    columns = [pa.array(list(column), kind) for column, kind in values]
                    writer.write_table(pa.table(columns, schema=schema))
        except OSError as error:
            raise ResultsError(f"{path}: {error.strerror or error}") from None


def numbered(sources: Sequence[Source], done: set[str]) -> Iterator[tuple[int, Source]]:
    """The sources that are left to judge, with their place among all."""
    yield from ((number, source) for number, source in enumerate(sources) if _text(source.place) not in done)


def _text(text: str) -> str:
    """Names may hold bytes that are no UTF-8; SQLite takes none of them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _value(value: object) -> object:
    return _text(value) if isinstance(value, str) else value
