"""Our own resolution on an index's metadata: for what uv can't resolve as a whole, and for Pythons that it does not know.

One thing that can't be had costs the answer about that thing alone: each distribution is judged by its own page (PEP 503 and
691) and metadata (PEP 658, else the wheel's METADATA or what the sdist states), and what stays open has its own reason.
"""

from __future__ import annotations

import io
import time
import zipfile
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.python.index.client import AbsentError, IndexAnswerError
from dockerlint_alpine.python.model import Resolution, Unresolved
from dockerlint_alpine.python.requirement import archive_version
from dockerlint_alpine.python.resolve import NOT_THERE, NoAnswerError, ResolverError, resolve
from dockerlint_alpine.python.sources.sdist import SdistError, read_sdist
from dockerlint_alpine.python.tags import tag_of_wheel
from dockerlint_alpine.python.verdict import newest_first
from dockerlint_alpine.python.versions import same_version
from dockerlint_alpine.system.deadline import all_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dockerlint_alpine.python.index.client import IndexFile, SimpleIndex
    from dockerlint_alpine.python.model import Packaged, Release, RequirementSet, Resolved, Target, UnresolvedKind
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

MAX_PAGES = 1500
"""Distributions that one resolution looks at."""
_AT_ONCE = 8
_METADATA = "METADATA"


class IndexFacts:
    """``Facts`` of an index. What is not there yet is noted when it is asked for, and fetched by :meth:`fetch`.

    ``read_source`` reads the sdist of a release; ``day`` is the day of the answers.
    """

    def __init__(
        self, index: SimpleIndex, read_source: Callable[[SimpleIndex, str, str], SourceFacts], day: str
    ) -> None:
        self._index = index
        self._read_source = read_source
        self._day = day
        self._pages: dict[str, Sequence[Release]] = {}
        self._requires: dict[tuple[str, str], Sequence[str] | None] = {}
        self._open_pages: dict[str, None] = {}
        self._open_requires: dict[tuple[str, str], None] = {}
        self.reasons: dict[str, str] = {}
        """Why nothing is known of a distribution, or of what it requires: its name -> one line."""
        self.late = False
        """Whether time ran out before all was fetched."""

    @property
    def as_of(self) -> str:
        """The day of the answers."""
        return self._day

    def releases(self, name: str) -> Sequence[Release]:
        """See :class:`dockerlint_alpine.python.Facts`; empty until it is fetched."""
        if name not in self._pages:
            self._open_pages[name] = None
        return self._pages.get(name, ())

    def requires(self, name: str, version: str) -> Sequence[str] | None:
        """See :class:`dockerlint_alpine.python.Facts`; ``None`` until it is fetched."""
        if (name, version) not in self._requires:
            self._open_requires[name, version] = None
        return self._requires.get((name, version))

    def nearest_requires(self, name: str, version: str) -> Sequence[str] | None:  # noqa: ARG002 - the protocol's
        """Nothing: what a release requires, it says itself."""
        return None

    def pins(self, name: str) -> Sequence[str]:  # noqa: ARG002 - the protocol's
        """Nothing: it serves where metadata is not known."""
        return ()

    def compiled(self, name: str) -> bool:  # noqa: ARG002 - the protocol's
        """Rules are not the index's."""
        return False

    def packaged(self, name: str) -> Packaged | None:  # noqa: ARG002 - the protocol's
        """Alpine's packages are not the index's."""
        return None

    @property
    def silent(self) -> tuple[str, ...]:
        """One line for each host that did not answer."""
        return tuple(self._index.silent.values())

    def fetch(self, deadline: float) -> bool:
        """Fetch what was asked for and is not there, several at once until ``deadline`` (monotonic seconds).

        Tell whether anything new is known now. What is late has that for its reason.
        """
        pages, requires = list(self._open_pages), list(self._open_requires)
        self._open_pages.clear()
        self._open_requires.clear()
        work = {name: partial(self._fetch_page, name) for name in pages}
        work |= {name: partial(self._fetch_requires, name, version) for name, version in requires}
        if self.late or len(self._pages) > MAX_PAGES:
            self.reasons |= dict.fromkeys(work, "the index takes too long")
            return False
        done = all_within(deadline - time.monotonic(), work, at_once=_AT_ONCE)
        for result in done.values():
            if isinstance(result, Exception):  # a mistake of ours is not hidden
                raise result
        self.late = len(done) < len(work)
        self.reasons |= dict.fromkeys(work.keys() - done.keys(), "the index takes too long")
        return bool(work)

    def _fetch_page(self, name: str) -> None:
        self._pages[name] = ()
        try:
            self._pages[name] = newest_first(self._index.releases(name))
        except AbsentError:
            self.reasons[name] = f"{NOT_THERE}{name}"
        except IndexAnswerError as error:
            self.reasons[name] = str(error)
        else:
            if not self._pages[name]:
                self.reasons[name] = f"{NOT_THERE}file of {name}"

    def _fetch_requires(self, name: str, version: str) -> None:
        self._requires[name, version] = None
        try:
            self._requires[name, version] = stated_requires(self._index, name, version, self._read_source)
        except (IndexAnswerError, ResolverError, zipfile.BadZipFile) as error:
            self.reasons[name] = str(error)
        if self._requires[name, version] is None:
            self.reasons.setdefault(name, f"the dependencies of {name} {version} are known only to its build")


def stated_requires(
    index: SimpleIndex, name: str, version: str, read_source: Callable[[SimpleIndex, str, str], SourceFacts]
) -> Sequence[str] | None:
    """Return the ``Requires-Dist`` of a release; ``None`` where only its build would tell.

    Asked are a wheel's METADATA (PEP 658), then the sdist by ``read_source``, then a wheel itself. Raises
    ``IndexAnswerError``, ``ResolverError`` where the index has no file of it, and ``zipfile.BadZipFile``.
    """
    files = [one for one in index.files(name) if _is_of_release(one, version)]
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
        files = [one for one in index.files(name) if tag_of_wheel(one.name) is None and _is_of_release(one, version)]
        if not files:
            raise ResolverError(f"{name} {version} has no sdist")
        return read_sdist(index.download(files[0]), files[0].name, variables)
    except (IndexAnswerError, SdistError) as error:
        raise ResolverError(f"{name} {version}: {error}") from None


def requires_of(metadata: bytes) -> tuple[str, ...]:
    """Return the ``Requires-Dist`` of a wheel's METADATA."""
    from email.parser import HeaderParser

    headers = HeaderParser().parsestr(metadata.decode("utf-8", "replace"))
    return tuple(str(value) for value in headers.get_all("Requires-Dist", ()))


def _metadata_of(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next((one for one in archive.namelist() if one.endswith(f".dist-info/{_METADATA}")), None)
        if name is None or archive.getinfo(name).file_size > 4 * 1024 * 1024:
            return b""
        return archive.read(name)


def _is_of_release(file: IndexFile, version: str) -> bool:
    known = archive_version(file.name)
    return known is not None and same_version(known[1], version)


def resolve_by_metadata(
    wanted: RequirementSet, target: Target, facts: IndexFacts, *, as_of: str | None, deadline: float
) -> Resolution:
    """Return what the index's metadata tells of ``wanted`` until ``deadline`` (monotonic seconds), each unknown with its own
    reason. Raises ``NoAnswerError`` where nothing is known because the index does not answer."""
    # An index that is not to be asked is none of the facts'; link pages are, and --no-index is not about them.
    wanted = replace(wanted, options=replace(wanted.options, no_index=False))
    found = resolve(wanted, target, facts, as_of=as_of)
    while facts.fetch(deadline):
        found = resolve(wanted, target, facts, as_of=as_of)
    nothing = found.distributions and all(one.artefact.kind == "unknown" for one in found.distributions)
    if nothing and (facts.silent or facts.late):
        raise NoAnswerError(next(iter(facts.silent), "the index takes too long"))
    source = f"index as of {as_of or facts.as_of}" if as_of or facts.as_of else "index"
    distributions = tuple(_of_index(one, source, facts) for one in found.distributions)
    unresolved = [_with_reason(one, facts) for one in found.unresolved]
    unresolved += _removed(distributions, facts, {one.name for one in unresolved})
    return Resolution(distributions, tuple(unresolved), (*found.notes, *facts.silent))


def _of_index(one: Resolved, source: str, facts: IndexFacts) -> Resolved:
    """The verdict in the index's words: the resolver takes all facts for recorded ones."""
    verdict = one.artefact
    if not verdict.source.startswith("facts"):
        return one
    reason = facts.reasons.get(one.name, verdict.reason) if verdict.kind == "unknown" else verdict.reason
    return replace(one, artefact=replace(verdict, source=source, reason=reason))


def _with_reason(one: Unresolved, facts: IndexFacts) -> Unresolved:
    """The same with the index's own reason, and a kind that is told by its reason."""
    kind: Mapping[UnresolvedKind, UnresolvedKind] = {"unknown": "no-release", "dependencies": "company"}
    if one.name.startswith(("/", ".")):
        return one
    reason = facts.reasons.get(one.name, one.reason).replace(
        "no known release matches ", f"{NOT_THERE}release that matches "
    )
    return replace(
        one, reason=reason, kind="no-release" if reason.startswith(NOT_THERE) else kind.get(one.kind, one.kind)
    )


def _removed(found: Iterable[Resolved], facts: IndexFacts, told: set[str]) -> Iterator[Unresolved]:
    """Versions that somebody asks for and that are not on the index any more: what is known of their neighbours tells how
    they are made, but pip finds nothing."""
    for one in found:
        if (
            one.version is None
            or one.name in told
            or one.url is not None
            or not one.artefact.source.startswith("index")
        ):
            continue
        releases = facts.releases(one.name)
        if releases and not any(same_version(one.version, release.version) for release in releases):
            yield Unresolved(one.name, one.chain, f"{NOT_THERE}{one.name} {one.version} (any more)", "no-release")
