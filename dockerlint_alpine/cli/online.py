"""Access to Python's and Alpine's indexes, with caches, a clock and a progress line."""

from __future__ import annotations

import os
import time
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli.progress import Progress
from dockerlint_alpine.cli.terminal import warn
from dockerlint_alpine.python.index.policy import PATIENCE, Access, access_for, is_silent, remember_silence
from dockerlint_alpine.run.folders import cache_folder
from dockerlint_alpine.system.digest import digest
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence, Set
    from datetime import date

    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.apk.renewal import Fetch, Wanted
    from dockerlint_alpine.python.index.cached_resolver import Network
    from dockerlint_alpine.python.index.kept import KeptAnswers
    from dockerlint_alpine.python.index.online import Images, PythonIndex
    from dockerlint_alpine.python.index.questions import Question, Way
    from dockerlint_alpine.python.model import Facts
    from dockerlint_alpine.python.resolve import Resolver
    from dockerlint_alpine.run.config import Settings
    from dockerlint_alpine.run.openers import Openers
    from dockerlint_alpine.system.deadline import Task

_SECONDS = {"quick": PATIENCE, "online": None}
_WAITED_FOR = 60
"""Characters of what is waited for that stand in the progress line."""


def answers_folder() -> Path:
    """Where answers of the Python index are kept."""
    return cache_folder() / "python"


def indexes_folder() -> Path:
    """Where Alpine's indexes are kept."""
    return cache_folder() / "alpine"


def access(settings: Settings) -> Access:
    """Whether this run may ask the indexes. Raises click.UsageError for ``--online`` without uv."""
    found = access_for(settings.online, os.environ, answers_folder(), time.time())
    if found == "online":
        from dockerlint_alpine.python.index.uv_program import find_uv

        if find_uv() is None:
            from dockerlint_alpine.python.index.online import NO_INDEX

            raise click.UsageError(f"--online: {NO_INDEX}")
    return found


def open_resolver(settings: Settings, *, quick: bool = True) -> Resolver | None:
    """The resolver for one file after the other: it asks at once. ``None`` offline.

    Without ``quick`` the index is asked only when the settings say ``online``; kept answers serve all the same.
    """
    found = access(settings)
    if found == "offline":
        return None
    asks = found == "online" or (found == "quick" and quick)
    return _resolver(settings, found, _network(settings, _SECONDS[found]) if asks else None)


def open_store(settings: Settings, *, quick: bool = True) -> IndexStore:
    """Alpine's indexes for one file after the other: what is due is fetched at once, as far as the settings allow."""
    found = access(settings)
    if found == "online" or (found == "quick" and quick):
        return _store(settings, found, set(), fetch=True)
    return _plain_store(found, settings.as_of)


def openers() -> Openers:
    """Both of these."""
    from dockerlint_alpine.run.openers import Openers

    return Openers(open_resolver, open_store)


def gather_resolver(settings: Settings, *, refused: Mapping[str, str], late: Set[str]) -> Resolver | None:
    """The resolver for many files: what is open is noted, to be put by :class:`Reach`."""
    from dockerlint_alpine.python.index.questions import Gathered

    found = access(settings)
    if found == "offline":
        return None
    asks = found in _SECONDS
    return _resolver(settings, found, Gathered(refused, late) if asks else None)


def gather_store(settings: Settings, *, failed: set[Wanted]) -> IndexStore:
    """Alpine's indexes for many files: what is due is noted, to be fetched by :class:`Reach`."""
    found = access(settings)
    return _store(settings, found, failed, fetch=False) if found in _SECONDS else _plain_store(found, settings.as_of)


class Reach:
    """Puts what the Dockerfiles of a run leave open to the indexes: several at once, within one budget for the run."""

    def __init__(self, settings: Settings) -> None:
        from dockerlint_alpine.run.openers import Openers

        self._settings = settings
        self._seconds = _SECONDS[access(settings)]
        self._refused: dict[str, str] = {}
        self._late: set[str] = set()
        self._failed: set[Wanted] = set()
        self.openers = Openers(
            partial(gather_resolver, refused=self._refused, late=self._late),
            partial(gather_store, failed=self._failed),
        )

    @cached_property
    def _network(self) -> Network:
        """Opened at the first question: a run that the cache answers has none."""
        return _network(self._settings, self._seconds)

    @property
    def doubtful(self) -> bool:
        """Whether something did not answer, or not in full, that may do so in a while."""
        return bool(self._refused) or is_silent(indexes_folder(), time.time())

    def ask(self, questions: Mapping[str, Question], indexes: Iterable[Wanted]) -> bool:
        """Ask and fetch; tell whether judging again leads further."""
        from dockerlint_alpine.apk.renewal import name_of

        tasks = self._network.tasks({key: one for key, one in questions.items() if key not in self._refused})
        names = {name_of(one): one for one in indexes if one not in self._failed}
        if names:
            store = _plain_store("kept")
            for name, one in names.items():
                tasks[name] = _task(name, _fetching(store, one, self._settings, self._seconds))
        if not tasks:
            return False
        wrong = self._network.do_all(tasks)
        self._refused |= {key: reason for key, reason in wrong.items() if key not in names}
        waited_for = {self._network.lost, *self._network.slow}
        self._late |= {key for key, reason in wrong.items() if reason in waited_for}
        self._failed.update(names.values())
        _tell_failures({one: wrong[name] for name, one in names.items() if name in wrong}, self._network.lost)
        return True


def _resolver(settings: Settings, found: Access, way: Way | None) -> Resolver:
    from datetime import timedelta

    from dockerlint_alpine.python.index.cached_resolver import MAX_AGE, CachedResolver

    gaps = found != "online"
    oldest = today() - timedelta(days=MAX_AGE if gaps else 0)
    kept, older = (_index(settings, oldest=one, asks=False, quick=gaps) for one in (oldest.isoformat(), ""))
    return CachedResolver(kept, older, way=way, fills_gaps=gaps)


def _network(settings: Settings, seconds: float | None) -> Network:
    from dockerlint_alpine.apk import ApkError
    from dockerlint_alpine.python.index.cached_resolver import Network
    from dockerlint_alpine.python.model import PythonError

    return Network(
        seconds,
        partial(_asking, settings),
        clock=time.monotonic,
        gave_up=partial(_gave_up, seconds) if seconds is not None else lambda *_: None,
        tick=_Waiting(),
        expected=(ApkError, PythonError, OSError),
    )


def _asking(settings: Settings, seconds: float | None) -> PythonIndex:
    return _index(settings, **({} if seconds is None else {"timeout": seconds, "quick": True}))


def _index(settings: Settings, **how: Any) -> PythonIndex:
    from dockerlint_alpine.python.index.online import PythonIndex
    from dockerlint_alpine.run.config import Settings

    return PythonIndex(
        cache=answers_folder(),
        variables=os.environ,
        facts=partial(_facts, settings),
        day=today().isoformat(),
        as_of=settings.as_of,
        images=partial(_registries, settings),
        source_hosts=settings.source_hosts,
        logged_in=settings.source_hosts != Settings().source_hosts,
        **how,
    )


def _registries(settings: Settings, kept: KeptAnswers, **how: Any) -> Images:
    from dockerlint_alpine.run.config import Settings
    from dockerlint_alpine.run.registries import Registries

    return Registries(kept, hosts=settings.image_hosts, own=settings.image_hosts != Settings().image_hosts, **how)


def _facts(settings: Settings) -> Facts:
    from dockerlint_alpine.knowledge import Knowledge

    return Knowledge.open(extra=[Path(folder) for folder in settings.rules]).facts


def _task(name: str, work: Fetch) -> Task[object]:
    from dockerlint_alpine.system.deadline import Piece, done_by

    return done_by(Piece(name, work, name, -1))


def _plain_store(found: Access, day: str | None = None) -> IndexStore:
    """What is at hand: offline, what is built in alone, so that the answer is the same everywhere."""
    from dockerlint_alpine.apk import IndexStore

    return IndexStore(cache=indexes_folder() if found != "offline" else None, day=day)


def _store(settings: Settings, found: Access, failed: set[Wanted], *, fetch: bool) -> IndexStore:
    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.apk.renewal import Renewal, Renewer, name_of

    if found == "quick" and is_silent(indexes_folder(), time.time()):
        return _plain_store(found, settings.as_of)
    store = IndexStore(cache=indexes_folder(), day=settings.as_of)
    network = _network(settings, _SECONDS[found])

    def bring(due: list[Wanted]) -> None:
        plain = _plain_store(found)
        work = {name_of(one): _task(name_of(one), _fetching(plain, one, settings, _SECONDS[found])) for one in due}
        wrong = network.do_all(work)
        _tell_failures({one: wrong[name_of(one)] for one in due if name_of(one) in wrong}, network.lost)

    # What was so on another day is not nearer to today's index than to the one at hand.
    days = settings.alpine_index_days if settings.as_of is None else 100_000
    store.renewer = Renewer(Renewal(today().isoformat(), days), failed, bring if fetch else None)
    return store


def _fetching(store: IndexStore, one: Wanted, settings: Settings, seconds: float | None) -> Fetch:
    from dockerlint_alpine.apk.renewal import fetching, quick
    from dockerlint_alpine.apk.update import MIRROR

    policy = quick(seconds) if seconds is not None else None
    return fetching(store.sources(), store.keys(), indexes_folder(), one, settings.alpine_mirror or MIRROR, policy)


def valid_with() -> str:
    """What an answer of the index holds for: the day, and what the environment says of indexes, as a digest."""
    said = sorted((name, value) for name, value in os.environ.items() if name.startswith(("UV_", "PIP_")))
    return f"{today().isoformat()} {digest(repr(said).encode('utf-8', 'surrogateescape'))}"


def today() -> date:
    """The day in UTC."""
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def _gave_up(seconds: float, reason: str, answered: bool) -> None:
    """Say it once, even if several processes find out; an index that answers, if slowly, is asked again in the next run."""
    if is_silent(answers_folder(), time.time()):
        return
    if answered:
        warn(
            f"package index takes more than {seconds:g} seconds for all queries ({reason}); the answers so far are used, and"
            " the next run queries the rest (--online waits, --offline never queries)"
        )
        return
    remember_silence(answers_folder())
    warn(
        f"package index did not answer ({reason}); using embedded data and not retrying for one minute"
        " (--online waits, --offline never queries)"
    )


def _tell_failures(wrong: Mapping[Wanted, str], lost: str | None) -> None:
    """Say which of Alpine's indexes could not be had; without ``--online`` the mirror is left alone for a while."""
    told: dict[str, list[Wanted]] = {}
    for wanted, reason in wrong.items():
        if reason != lost:
            told.setdefault(reason.rpartition("APKINDEX.tar.gz: ")[2], []).append(wanted)
    for reason, some in told.items():
        warn(f"{_named(some)} could not be fetched: {reason}; using the indexes that are available")
    if wrong:
        remember_silence(indexes_folder())


def _named(some: Sequence[Wanted]) -> str:
    from dockerlint_alpine.apk.releases import release_key
    from dockerlint_alpine.apk.renewal import name_of

    if len(some) == 1:
        return f"the index of {name_of(some[0])}"
    releases = sorted({release for release, _, _ in some}, key=release_key)
    return f"{len(some)} indexes of Alpine {listed(releases, _RELEASES)}"


_RELEASES = 6


class _Waiting:
    """A bar and what is waited for, on a terminal, once that takes more than a second."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def __call__(self, done: int, total: int, waiting: str) -> None:
        if not total:
            if self._progress is not None:
                self._progress.__exit__(None, None, None)
            self._progress = None
            return
        if self._progress is None:
            self._progress = Progress("Querying the indexes", total)
        shown = waiting if len(waiting) <= _WAITED_FOR else f"{waiting[:_WAITED_FOR]}..."
        self._progress.told = f" {shown}" if shown else ""
        self._progress.update(done, total)
