"""Where indexes come from: the data built into this package, and what ``index update`` has put into the cache."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.apk.behaviour import BEHAVIOURS
from dockerlint_alpine.apk.catalog import Layer, StandIn
from dockerlint_alpine.apk.database import EMBEDDED, Database, SnapshotInfo
from dockerlint_alpine.apk.errors import IndexFormatError, UnknownReleaseError
from dockerlint_alpine.apk.index import Index, IndexSource, SourceKind
from dockerlint_alpine.apk.preference import ranked
from dockerlint_alpine.apk.releases import is_release, release_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.apk.renewal import Renewer

EMBEDDED_DATA = Path(__file__).resolve().parent.parent / "data" / "alpine"
"""The folder that the build hook fills."""
REPOSITORIES = ("main", "community")
"""The repositories that Alpine enables, in the order of ``/etc/apk/repositories``."""
STABLE_ARCHES = ("x86_64", "aarch64", "armv7", "armhf", "x86", "ppc64le", "s390x", "riscv64", "loongarch64")
_TWIN = {"3.13": "3.12"}
"""The neighbour that stands in where two are equally near and it is not the newer one: both have Python 3.8."""
_FARTHEST = 12
"""Releases apart at most for a stand-in: an index that is older tells little."""


class IndexStore:
    """Opens indexes.

    ``data`` is the folder of the embedded database, ``cache`` a folder of downloaded ones that take precedence
    (``None``: there is none). ``renewer`` is told which release is opened, and may put newer ones there. With a ``day``
    (``YYYY-MM-DD``) the nearer one takes precedence. Nothing is read before it is needed. Not for several threads at once.
    """

    def __init__(
        self,
        data: Path = EMBEDDED_DATA,
        cache: Path | None = None,
        renewer: Renewer | None = None,
        day: str | None = None,
    ) -> None:
        self._day = day
        self._data = data
        self._cache = cache
        self.renewer = renewer
        self._databases: dict[Path, Database] = {}
        self._snapshots: tuple[tuple[Database, SnapshotInfo, SourceKind], ...] | None = None
        self._open: dict[tuple[str, str, tuple[str, ...], str | None], Index] = {}
        self._unreadable: list[str] = []

    def releases(self) -> tuple[str, ...]:
        """Releases with an index of Alpine's own, oldest first."""
        return tuple(sorted({one.release for one in self.sources() if one.derived is None}, key=release_key))

    def derived_releases(self) -> tuple[str, ...]:
        """Releases of which there is no index, but one made of their recipes, oldest first."""
        found = {one.release for one in self.sources() if one.derived is not None} - set(self.releases())
        return tuple(sorted(found, key=release_key))

    def sources(self) -> tuple[IndexSource, ...]:
        """Every index at hand, cached ones in place of the embedded ones that they renew."""
        found = [
            _source(info, kind, fetched=_fetched_on(database.path) if kind == "cached" else "")
            for database, info, kind in self._all()
        ]
        return tuple(sorted(found, key=lambda one: (release_key(one.release), one.repository, one.arch)))

    def keys(self) -> dict[str, bytes]:
        """Alpine's public keys in PEM by name."""
        from dockerlint_alpine.apk.signature import read_keys

        return read_keys(self._data / "keys")

    def at_hand(self, release: str, arch: str, repositories: Sequence[str] = REPOSITORIES) -> tuple[str, ...]:
        """Those of ``repositories`` of which Alpine's own index is there."""
        found = {
            info.repository
            for _, info, kind in self._all()
            if (info.release, info.arch) == (release, arch) and kind != "derived"
        }
        return tuple(repository for repository in repositories if repository in found)

    @property
    def cache(self) -> Path | None:
        """The folder of downloaded indexes; what is opened depends on what lies there."""
        return self._cache

    @property
    def unreadable(self) -> tuple[str, ...]:
        """One line for each cached index that was passed over because it is damaged; known once something was opened."""
        return tuple(self._unreadable)

    def open(
        self,
        release: str,
        arch: str = "x86_64",
        repositories: Sequence[str] = REPOSITORIES,
        *,
        tools: str | None = None,
    ) -> Index:
        """The packages of ``release`` (``3.19`` or ``edge``) on ``arch`` (apk's name) in ``repositories``, in that order.

        Opened once, then shared. ``tools`` chooses another version of apk-tools to decide with than the release's.

        Raises:
            UnknownReleaseError: when there is neither an index nor a stand-in, or no such version of apk-tools.
            IndexFormatError: when the embedded data is missing or damaged.

        """
        key = (release, arch, tuple(repositories), tools)
        found = self._open.get(key)
        if found is None and self._renewed(release, arch, repositories):
            self._snapshots = None
            self._databases = {path: one for path, one in self._databases.items() if path.parent == self._data}
        if found is None:
            found = self._open[key] = self._opened(*key)
        return found

    def _renewed(self, release: str, arch: str, repositories: Sequence[str]) -> bool:
        known = is_release(release) and arch in STABLE_ARCHES
        return known and self.renewer is not None and self.renewer.renew(self.sources(), release, arch, repositories)

    def _opened(self, release: str, arch: str, repositories: tuple[str, ...], tools: str | None) -> Index:
        if not is_release(release):
            raise UnknownReleaseError(f"'{release}' is not an Alpine release (3.19, edge)")
        if arch not in STABLE_ARCHES:
            raise UnknownReleaseError(f"'{arch}' is not an Alpine architecture ({', '.join(STABLE_ARCHES)})")
        if tools is not None and tools not in BEHAVIOURS:
            raise UnknownReleaseError(f"apk-tools {tools} is not known here ({', '.join(BEHAVIOURS)})")
        chosen = [self._choice(release, repository, arch) for repository in repositories]
        behaviour = BEHAVIOURS[tools] if tools else None
        return Index(
            release, arch, [source for _, source in chosen], [layer for layer, _ in chosen], behaviour, rank=ranked
        )

    def _choice(self, release: str, repository: str, arch: str) -> tuple[Layer, IndexSource]:
        """The snapshot itself, else the nearest: Alpine's own for another architecture of the release, the one that was
        derived for it, then the release next to it."""
        candidates = [found for found in self._all() if found[1].repository == repository]
        asked = release_key(release)[-1] if release != "edge" else self._newest() + 1

        def distance(found: tuple[Database, SnapshotInfo, SourceKind]) -> tuple[bool, int, bool, bool, bool, int, int]:
            info = found[1]
            number = self._newest() + 1 if info.release == "edge" else release_key(info.release)[-1]
            arches = STABLE_ARCHES.index(info.arch) if info.arch in STABLE_ARCHES else len(STABLE_ARCHES)
            other = info.release != release
            twin, made = info.release != _TWIN.get(release), info.derived is not None
            return other, abs(number - asked), twin, made, info.arch != arch, arches, -number

        best = min(candidates, key=distance, default=None)
        if best is None or distance(best)[1] > _FARTHEST:
            raise UnknownReleaseError(f"no index of Alpine {release} {repository} for {arch}, and none near it")
        database, info, kind = best
        if (info.release, info.arch) == (release, arch):
            layer = Layer(database, info.number, repository, arch, info.triggers, origin=info.derived)
            return layer, _source(info, kind, _made_of(info))
        names = self._embedded() if info.derived is None and self._embedded().knows_names_of(release) else None
        note = f"Alpine {info.release} {repository} {info.arch} stands in for {release} {repository} {arch}"
        if info.derived is not None:
            note += f", derived from {info.derived}"
        if info.release != release and names is not None:
            note += f", names checked against those of {release}"
        stand_in = StandIn(release, arch, names, other_release=info.release != release)
        layer = Layer(database, info.number, repository, info.arch, info.triggers, stand_in, info.derived)
        return layer, _source(info, "stand-in", note)

    def _newest(self) -> int:
        """The minor number of the newest release that an index or the table of names knows of."""
        stable = [release_key(info.release)[-1] for _, info, _ in self._all() if info.release != "edge"]
        newest = max(stable, default=0)
        while self._embedded().knows_names_of(f"3.{newest + 1}"):
            newest += 1
        return newest

    def _all(self) -> tuple[tuple[Database, SnapshotInfo, SourceKind], ...]:
        if self._snapshots is None:
            found: dict[tuple[str, str, str], tuple[Database, SnapshotInfo, SourceKind]] = {}
            for info in self._embedded().snapshots():
                kind: SourceKind = "embedded" if info.derived is None else "derived"
                found[info.release, info.repository, info.arch] = self._embedded(), info, kind
            for database, info in self._cached():
                known = found.get((info.release, info.repository, info.arch))
                if known is not None and known[2] == "embedded" and self._is_nearer(known[1].date, info.date):
                    continue
                found[info.release, info.repository, info.arch] = database, info, "cached"
            self._snapshots = tuple(found.values())
        return self._snapshots

    def _is_nearer(self, date_: str, than: str) -> bool:
        """Whether one index is nearer to the day that is asked about than another; without a day, none is."""
        if self._day is None:
            return False
        try:
            wanted, one, other = (date.fromisoformat(text) for text in (self._day, date_, than))
        except ValueError:
            return False
        return abs(one - wanted) <= abs(other - wanted)

    def _embedded(self) -> Database:
        return self._database(self._data / EMBEDDED)

    def _cached(self) -> Iterator[tuple[Database, SnapshotInfo]]:
        if self._cache is None or not self._cache.is_dir():
            return
        for path in sorted(self._cache.glob("v*.sqlite")):
            try:
                database = self._database(path)
                yield from ((database, info) for info in database.snapshots())
            except IndexFormatError as error:
                self._unreadable.append(str(error))

    def _database(self, path: Path) -> Database:
        found = self._databases.get(path)
        if found is None:
            found = self._databases[path] = Database(path)
        return found


def _source(info: SnapshotInfo, kind: SourceKind, note: str = "", fetched: str = "") -> IndexSource:
    facts = (info.release, info.repository, info.arch, info.date, info.description, info.packages)
    return IndexSource(*facts, kind, note, info.derived, fetched)


def _fetched_on(path: Path) -> str:
    """The day on which a cached index was last known to be the mirror's, ``""`` where nothing tells."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    except (OSError, OverflowError, ValueError):
        return ""


def _made_of(info: SnapshotInfo) -> str:
    """What is said of an index that Alpine did not publish."""
    if info.derived is None:
        return ""
    return (
        f"no index of Alpine {info.release} {info.repository} {info.arch} is available: names, versions and explicit"
        f" dependencies are from {info.derived}, what the packages link is carried over from {info.derived.base}"
    )
