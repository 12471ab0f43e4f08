"""Caches the report on a Dockerfile until one of its inputs changes.

The key is everything that is said: program and data, settings, the current folder, the path and its bytes. Beside the
report stands what was looked at on disk while judging (requirement files, folders, files that were not there), each with
its size, time of change and number; a report is used only if all of them are as they were, and not longer than it was said
to last, and not stored if one changed while it was made. SQLite with one table, written once at the end; what is corrupt or
can't be written is done without.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode
from msgspec.structs import replace

from dockerlint_alpine.model.about import __version__
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.system.digest import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from sqlite3 import Connection

    from dockerlint_alpine.run.config import Configuration

FILE_NAME = "reports.sqlite"
State: TypeAlias = tuple[int, int, int, int]
"""Mode, size, time of change in nanoseconds and number of a file."""
_LAYOUT = 4
_MAX_ROWS = 20_000
_PACKAGE = Path(__file__).resolve().parent.parent
_ONLY_SHOWN = {
    "output_format": ("text",),
    "output_file": None,
    "color": "auto",
    "quiet": False,
    "docs_url": None,
    "exit_zero": False,
    "strict": False,
    "exclude": (),
    "force_exclude": False,
    "respect_gitignore": True,
}
"""Settings that change which files are judged or how that is shown, but no report; with the defaults in their place."""


class _Basis(Struct, frozen=True):
    """What a report rests on: paths with their state then, and for how long and until when it lasts, in nanoseconds."""

    states: tuple[tuple[str, State | None], ...]
    until: tuple[int, int] | None = None


class ReportCache:
    """Reports in ``folder`` (made when needed). ``warn`` gets one line if the cache is of no use.

    ``clock`` tells the time in nanoseconds of the epoch. A report that rests on a file that changed after the cache was
    made, with the run, is not stored: nobody knows whether the old or the new file was read.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None], *, clock: Callable[[], int]) -> None:
        self._folder = folder
        self._warn = warn
        self._clock = clock
        self._since = clock()
        self._connection: Connection | None = None
        self._aside = False
        self._new: list[tuple[str, bytes, bytes]] = []
        self._program = _program_state()

    def begin(self) -> None:
        """Look at files anew: reports from now on rest on their present state."""
        self._since = self._clock()

    def key(self, configuration: Configuration, path: str, data: bytes) -> str:
        """The key of judging ``data`` as the Dockerfile at ``path`` with these settings from the current folder."""
        settings = replace(configuration.settings, **_ONLY_SHOWN)
        root = str(configuration.root) if settings.per_file_ignores else None
        named = [folder for folder in map(str, Path(path).absolute().parents) if folder in configuration.named]
        basis = (settings, root, named if settings.context is None else (), configuration.others)
        said = repr((_LAYOUT, __version__, self._program, basis, str(Path.cwd()), path))
        return digest(said.encode("utf-8", "surrogateescape") + b"\0" + data)

    def get(self, key: str, source: bytes) -> tuple[FileReport, frozenset[str]] | None:
        """The report stored under ``key`` with ``source`` put back in, and the paths that it rests on.

        ``None`` where there is none, or something that it rests on has changed.
        """
        row = self._stored(key)
        if row is None:
            return None
        try:
            basis = decode(row[0], type=_Basis)
            until = basis.until
            if until is not None and not 0 <= until[1] - self._clock() <= until[0]:
                return None
            if any(state_of(path) != state for path, state in basis.states):
                return None
            return replace(decode(row[1], type=FileReport), source=source), frozenset(path for path, _ in basis.states)
        except (MsgspecError, ValueError, TypeError):
            return None

    def put(self, key: str, report: FileReport, looked_at: Iterable[str], *, lasts: int | None = None) -> None:
        """Remember ``report`` under ``key`` with the present state of the paths that were looked at.

        It is used for ``lasts`` nanoseconds at most (``None``: for as long as nothing changes).
        """
        states = tuple((path, state_of(path)) for path in sorted(set(looked_at)))
        if all(state is None or state[2] < self._since for _, state in states):
            basis = _Basis(states, (lasts, self._clock() + lasts) if lasts is not None else None)
            try:
                self._new.append((key, encode(basis), encode(replace(report, source=b""))))
            except UnicodeEncodeError:
                return  # a path or a name with bytes that are no UTF-8: rare enough to be judged each time

    def close(self) -> None:
        """Write everything out and let go of the file; the next question opens it again."""
        import sqlite3

        try:
            if self._new and self._folder is not _NOWHERE:
                connection = self._connected()
                connection.executemany("INSERT OR REPLACE INTO report VALUES (?, ?, ?)", self._new)
                oldest = "DELETE FROM report WHERE rowid <= (SELECT max(rowid) FROM report) - ?"
                connection.execute(oldest, (_MAX_ROWS,))
                connection.commit()
            if self._connection is not None:
                self._connection.close()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
        self._new.clear()
        self._connection = None

    def _stored(self, key: str) -> tuple[Any, ...] | None:
        if self._folder is _NOWHERE:
            return None
        import sqlite3

        try:
            found = self._connected().execute("SELECT looked_at, report FROM report WHERE key = ?", (key,))
            row: tuple[Any, ...] | None = found.fetchone()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return None
        return row

    def _failed(self, error: Exception) -> None:
        """Begin anew where the file is damaged: nothing in it is worth more than another run. Else do without it."""
        import sqlite3

        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        if isinstance(error, sqlite3.OperationalError):  # another table than ours; the rest is about locks and disks
            damaged = error.sqlite_errorcode == sqlite3.SQLITE_ERROR
        try:
            if self._connection is not None:
                self._connection.close()
            if damaged and not self._aside:
                self._set_aside()
                return
        except (sqlite3.Error, OSError) as another:
            error = another
        self._warn(f"the cache in {self._folder} can't be used ({error}); continuing without it")
        self._folder = _NOWHERE

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _set_aside(self) -> None:
        self._connection, self._aside = None, True
        place = self._folder / FILE_NAME
        broken = place.with_name(f"{FILE_NAME}.broken")
        place.replace(broken)
        for ending in ("-wal", "-shm"):
            place.with_name(FILE_NAME + ending).unlink(missing_ok=True)
        self._warn(f"the cache {place} was damaged; a new one was started, and the old one is kept as {broken.name}")

    def _open(self) -> Connection:
        import sqlite3

        self._folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._folder / FILE_NAME, timeout=5)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS report (key TEXT UNIQUE, looked_at BLOB, report BLOB)")
        return connection


_NOWHERE = Path()


def _program_state() -> tuple[object, ...]:
    """What tells one build of program and data from another; in a checkout, every source file."""
    data = [state_of(str(_PACKAGE / "data" / name)) for name in ("rules.sqlite", "alpine/alpine.sqlite")]
    if not (_PACKAGE.parent / "rules").is_dir():
        return tuple(data)
    newest = max(entry.stat().st_mtime_ns for entry in _sources(str(_PACKAGE)))
    return (*data, newest)


def _sources(folder: str) -> Iterable[os.DirEntry[str]]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            if entry.name not in {"data", "__pycache__"}:
                yield from _sources(entry.path)
        elif entry.name.endswith(".py"):
            yield entry


def state_of(path: str) -> State | None:
    """What of a file or folder changes when it does; ``None`` where there is nothing."""
    try:
        status = os.stat(path)  # noqa: PTH116 - asked for every path of every report
    except (OSError, ValueError):
        return None
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino
