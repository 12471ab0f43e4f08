"""What an index's metadata tells, as facts: each distribution by its own page (PEP 503 and 691) and the metadata of its
releases (PEP 658, else the wheel's METADATA or what the sdist states).

One thing that can't be had costs the answer about that thing alone, and what stays open has its own reason.
"""

from __future__ import annotations

import urllib.parse
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dockerlint_alpine.python.index.client import MAX_METADATA, AbsentError, IndexAnswerError, IndexFile, NotKeptError
from dockerlint_alpine.python.requirement import requires_of
from dockerlint_alpine.python.resolve import NOT_THERE, Choices, ResolverError, lists
from dockerlint_alpine.python.sources.sdist import SdistError, read_sdist
from dockerlint_alpine.python.sources.source_facts import SourceFacts
from dockerlint_alpine.python.tags import tag_of_wheel
from dockerlint_alpine.python.versions import same_version
from dockerlint_alpine.system.deadline import Piece
from dockerlint_alpine.system.unreadable import ArchiveError
from dockerlint_alpine.system.zipread import ZipDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from dockerlint_alpine.python.index.client import SimpleIndex
    from dockerlint_alpine.python.index.kept import KeptAnswers
    from dockerlint_alpine.python.model import Facts, Packaged, Release
    from dockerlint_alpine.python.verdict import Choice

MAX_PAGES = 1500
"""Distributions that one resolution looks at."""
ONLY_BUILT = "known only to its build"
"""How the reason ends where a release does not state what it requires."""
_METADATA = "METADATA"
_PAGE, _REQUIRES, SOURCE = range(3)
"""The order in which things are asked for: the small one that answers most comes first, then sdists, large ones last: those
of a rank above ``SOURCE`` are not asked for as long as there is anything else to ask."""
_LARGE = 4 * 1024 * 1024
"""Bytes of an sdist that may not come within the time of a quick query."""


class Stated(Struct, frozen=True):
    """What a release requires, as it states itself; ``None``, with the reason, where only its build tells."""

    requires: tuple[str, ...] | None
    reason: str = ""


class _Begun(Struct, frozen=True):
    """That a large file was asked for on a ``day``: where nothing is known of it, it did not come in time."""

    day: str


class IndexPages:
    """What is known of one index, and how the rest is fetched. What is fetched is shared by all who ask in a run.

    ``kept`` keeps what releases state, for good: a release never changes. ``asks``: what is not kept may be fetched.
    ``only_once``: where a large file did not come in time, it is left alone for the rest of this day.
    """

    def __init__(self, index: SimpleIndex, kept: KeptAnswers, *, asks: bool, only_once: str = "") -> None:
        self._index = index
        self._kept = kept
        self.asks = asks
        self._only_once = only_once
        self._releases: dict[str, Sequence[Release]] = {}
        self._stated: dict[tuple[str, str], Stated] = {}
        self.reasons: dict[str, str] = {}
        """Why nothing is known about a distribution, or of what it requires: its name -> one line."""
        self.choices = Choices()
        """What was chosen of distributions before, with who told of each."""
        self.lacks: set[tuple[str, ...]] = set()
        """What was asked for and is not kept, where nobody may be asked."""

    @property
    def silent(self) -> tuple[str, ...]:
        """One line for each host that did not answer."""
        return tuple(self._index.silent.values())

    @property
    def answered(self) -> bool:
        """Whether anything came from it."""
        return self._index.answered

    def day_of(self, name: str) -> str:
        """The day on which the index said what is known of ``name``."""
        return self._index.day_of(name)

    def releases(self, name: str) -> Sequence[Release] | None:
        """The releases of ``name``, empty where the index has none or does not answer; ``None``: not known yet."""
        if name not in self._releases and not self.asks and (name,) not in self.lacks:
            self._fetch_page(name)
        return self._releases.get(name)

    def stated(self, name: str, version: str) -> Stated | None:
        """What a release requires, or the wheel at a URL in place of a ``version``; ``None``: not known yet."""
        key = (name, version)
        if key not in self._stated and key not in self.lacks:
            kept = self._kept.get(Stated, *self._places(name, version))
            if kept is not None:
                self._stated[key] = kept
            elif not self.asks:
                late = self._why_late(name, version)
                if late:
                    return Stated(None, late)
                self.lacks.add(key)
        return self._stated.get(key)

    def page(self, name: str) -> Piece:
        """The work that makes :meth:`releases` known."""
        return Piece((id(self), _PAGE, name), lambda: self._fetch_page(name), name, _PAGE)

    def statement(self, name: str, version: str) -> Piece:
        """The work that makes :meth:`stated` known."""
        sdist_only = not any(tag_of_wheel(one.name) for one in _files(self._index, name, version))
        rank = self.rank_of_sdist(name, version) if sdist_only else _REQUIRES
        return Piece((id(self), _REQUIRES, name, version), lambda: self._fetch_stated(name, version), name, rank)

    def rank_of_sdist(self, name: str, version: str) -> int:
        """When the sdist of a release is asked for, by its size where that is known."""
        return SOURCE + self._size_of_sdist(name, version) // _LARGE

    def _size_of_sdist(self, name: str, version: str) -> int:
        if name not in self._releases:
            return 0
        return max(
            (one.size for one in _files(self._index, name, version) if tag_of_wheel(one.name) is None), default=0
        )

    def _fetch_page(self, name: str) -> None:
        try:
            found: Sequence[Release] = self._index.releases(name)
        except NotKeptError:
            self.lacks.add((name,))
            return
        except AbsentError:
            found, self.reasons[name] = (), f"{NOT_THERE}{name}"
        except IndexAnswerError as error:
            found, self.reasons[name] = (), str(error)
        else:
            if not found:
                self.reasons[name] = f"{NOT_THERE}file of {name}"
        self._releases[name] = found

    def _fetch_stated(self, name: str, version: str) -> None:
        try:
            requires = stated_requires(self._index, name, version, lambda _, *release: self.source(*release))
        except (IndexAnswerError, ResolverError, ArchiveError) as error:  # of today: not kept
            self._stated[name, version] = Stated(None, str(error))
            return
        only_built = f"the dependencies of {name} {version} are {ONLY_BUILT}" if requires is None else ""
        found = Stated(tuple(requires) if requires is not None else None, only_built)
        self._stated[name, version] = found
        self._kept.put(found, *self._places(name, version))

    def look_again(self) -> None:
        """What was not kept may be there by now."""
        self.lacks.clear()

    def source(self, name: str, version: str, variables: tuple[tuple[str, str], ...] = ()) -> SourceFacts:
        """What the sdist of a release says of its build in an environment. Raises ``ResolverError``."""
        given = (*self._places("sdist", name, version), "--", *(part for pair in variables for part in pair))
        facts = self._kept.get(SourceFacts, *given)
        if facts is None:
            self._begin(name, version)
            facts = sdist_facts(self._index, name, version, dict(variables))
            self._kept.put(facts, *given)
        return facts

    def _begin(self, name: str, version: str) -> None:
        """Raise ``ResolverError`` where a large sdist did not come earlier this day."""
        late = self._why_late(name, version)
        if late:
            raise ResolverError(late)
        if self._only_once and self.asks and self._size_of_sdist(name, version) >= _LARGE:
            self._kept.put(_Begun(self._only_once), *self._places("begun", name, version))

    def _why_late(self, name: str, version: str) -> str:
        """What is said of a large sdist that did not come earlier this day; empty for any other."""
        size = self._size_of_sdist(name, version) if self._only_once else 0
        begun = self._kept.get(_Begun, *self._places("begun", name, version)) if size >= _LARGE else None
        if begun is None or begun.day != self._only_once:
            return ""
        return f"the sdist of {name} {version} ({size / 1e6:.0f} MB) took too long for a quick query: --online waits for it"

    def _places(self, *asked: str) -> tuple[str, ...]:
        return (*self._index.urls, "--", *asked)


class FactsOfIndex:
    """``Facts`` of an index, laid over ``others``: of the distributions in ``asked`` (``None``: of all) the index tells, as
    far as it does; the wheels at the URLs of ``direct`` (by distribution) tell of themselves. ``alone``: there is nothing
    that the index does not have. What is not known yet is noted in ``open``."""

    def __init__(
        self,
        pages: IndexPages,
        others: Facts,
        asked: set[str] | None,
        direct: Mapping[str, str] | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self._pages = pages
        self._others = others
        self._alone = alone
        self._asked = asked
        self._direct = direct or {}
        self.open: dict[object, Piece] = {}

    @property
    def as_of(self) -> str:
        """The day of the other facts."""
        return self._others.as_of

    def tells(self, name: str) -> bool:
        """Whether the index is who tells of ``name``."""
        return bool(self._listed(name))

    def _listed(self, name: str) -> Sequence[Release]:
        if self._asked is not None and name not in self._asked:
            return ()
        found = self._pages.releases(name)
        if found is None and self._pages.asks:
            self._note(self._pages.page(name))
        return found or ()

    def _note(self, piece: Piece) -> None:
        self.open[piece.key] = piece

    def releases(self, name: str) -> Sequence[Release]:
        """See :class:`dockerlint_alpine.python.Facts`."""
        return self._listed(name) or (() if self._alone else self._others.releases(name))

    def requires(self, name: str, version: str) -> Sequence[str] | None:
        """See :class:`dockerlint_alpine.python.Facts`."""
        url = self._direct.get(name)
        if url is None and not lists(self._listed(name), version):
            return self._others.requires(name, version)
        found = self._pages.stated(name, url or version)
        if found is None and self._pages.asks:
            self._note(self._pages.statement(name, url or version))
        if found is not None and found.requires is not None:
            return found.requires
        return self._others.requires(name, version)

    def why(self, name: str, version: str | None) -> str | None:
        """Why something of a release is not known, in the index's words."""
        if self._asked is not None and name not in self._asked:
            return None
        stated = self._pages.stated(name, version) if version is not None and self.tells(name) else None
        return (stated.reason if stated is not None else "") or self._pages.reasons.get(name)

    def nearest_requires(self, name: str, version: str) -> Sequence[str] | None:
        """What a release of the index requires, it says itself."""
        return None if self.tells(name) else self._others.nearest_requires(name, version)

    def pins(self, name: str) -> Sequence[str]:
        """It serves where metadata is not known."""
        return () if self.tells(name) else self._others.pins(name)

    def compiled(self, name: str, version: str | None) -> bool:
        """Rules are not the index's."""
        return not self._alone and self._others.compiled(name, version)

    def packaged(self, name: str) -> Packaged | None:
        """Alpine's packages are not the index's."""
        return None if self._alone else self._others.packaged(name)


class ChoicesOfIndex(Choices):
    """Choices that hold for all sets that ask one index: a page that is known does not change."""

    def __init__(self, pages: IndexPages, facts: FactsOfIndex) -> None:
        super().__init__()
        self._shared = pages.choices
        self._facts = facts

    def finals(self, *question: Any) -> Iterable[str]:
        """See :class:`Choices`."""
        return self._shared.finals(*question)

    def recall(self, name: str, question: Hashable, make: Callable[[], Choice]) -> Choice:
        """See :class:`Choices`."""
        return self._shared.recall(name, (question, self._facts.tells(name)), make)


def stated_requires(
    index: SimpleIndex, name: str, version: str, read_source: Callable[[SimpleIndex, str, str], SourceFacts]
) -> Sequence[str] | None:
    """Return the ``Requires-Dist`` of a release, or of the wheel at a URL in place of a ``version``; ``None`` where only a
    build would tell.

    Asked are a wheel's METADATA (PEP 658), then the sdist by ``read_source``, then a wheel itself. Raises
    ``IndexAnswerError``, ``ResolverError`` where the index has no file of it, and ``ArchiveError``.
    """
    files = _files(index, name, version)
    if not files:
        raise ResolverError(f"{NOT_THERE}{name} {version} (any more)")
    wheels = [one for one in files if tag_of_wheel(one.name) is not None]
    alone = next((one for one in wheels if one.metadata), None)
    if alone is not None:
        with suppress(IndexAnswerError):
            return requires_of(index.metadata(alone))
    if len(wheels) < len(files):
        stated = read_source(index, name, version).requires
        if stated is not None:
            return stated
    return requires_of(_metadata_of(index.download(wheels[0]))) if wheels else None


def sdist_facts(index: SimpleIndex, name: str, version: str, variables: Mapping[str, str] | None = None) -> SourceFacts:
    """Read the sdist of a release in an environment of ``variables``. Raises ``ResolverError``."""
    try:
        file = next((one for one in _files(index, name, version) if tag_of_wheel(one.name) is None), None)
        if file is None:
            raise ResolverError(f"{name} {version} has no sdist")
        return read_sdist(index.download(file), file.name, variables)
    except (IndexAnswerError, SdistError) as error:
        raise ResolverError(f"{name} {version}: {error}") from None


def _files(index: SimpleIndex, name: str, version: str) -> list[IndexFile]:
    if "://" in version:
        parts = urllib.parse.urlsplit(version)
        digest = next((one[7:] for one in parts.fragment.split("&") if one.startswith("sha256=")), "")
        return [IndexFile(urllib.parse.unquote(parts.path.rpartition("/")[2]), version, sha256=digest)]
    with suppress(AbsentError):
        files = index.files(name)
        own = files.get(version)
        return [*own] if own else [one for other in files if same_version(other, version) for one in files[other]]
    return []


def _metadata_of(wheel: bytes) -> bytes:
    archive = ZipDirectory(wheel)
    stated = next((one for one in archive.members if one.name.endswith(f".dist-info/{_METADATA}")), None)
    return archive.read(stated) if stated is not None and stated.size <= MAX_METADATA else b""
