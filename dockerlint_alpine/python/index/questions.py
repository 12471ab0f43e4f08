"""Index queries as values: sent at once, or collected from many Dockerfiles and sent together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.python.index.facts import MAX_PAGES, ONLY_BUILT, SOURCE, ChoicesOfIndex, FactsOfIndex
from dockerlint_alpine.python.model import RequirementSet, Resolution, Resolved, Target, Unresolved
from dockerlint_alpine.python.origins import with_origins, without_origins
from dockerlint_alpine.python.resolve import NOT_THERE, ResolverError, lists, open_names, resolve
from dockerlint_alpine.python.verdict import NO_MATCH
from dockerlint_alpine.system.addresses import redact
from dockerlint_alpine.system.deadline import Piece
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence, Set
    from pathlib import Path

    from dockerlint_alpine.python.forges import Remote
    from dockerlint_alpine.python.index.facts import IndexPages
    from dockerlint_alpine.python.index.online import PythonIndex
    from dockerlint_alpine.python.model import Facts, IndexOptions, UnresolvedKind
    from dockerlint_alpine.python.sources.source_facts import SourceFacts
    from dockerlint_alpine.system.deadline import Task

NOT_YOURS = "is not queried: the project names it, but your own configuration of pip or uv does not"
"""What is said of a place where an installer would look, too."""

_Found = TypeVar("_Found")
Variables: TypeAlias = "tuple[tuple[str, str], ...]"
"""Variables of a build's environment that its scripts look at, with their values."""


class WhatIsInstalled(Struct, frozen=True):
    """What these requirements resolve to. ``gaps``: the index tells only what the facts leave open."""

    wanted: RequirementSet
    target: Target
    installed: tuple[tuple[str, str], ...] = ()
    no_deps: bool = False
    gaps: bool = False

    @property
    def key(self) -> str:
        """Equal for equal questions, wherever their requirements are written."""
        return _digest("installed", repr(replace(self, wanted=without_origins(self.wanted)[0])))

    def steps(self, index: PythonIndex, facts: Facts | None = None, *, hasty: bool = False) -> Task[Resolution]:
        """Resolve with what is known, yield what has to be fetched, and again, until nothing is missing.

        ``hasty``: where something is missing that nobody fetches, the answer is not the last one, and need not be the best.
        Raises ``ResolverError`` where the index may not be asked.
        """
        pages, others = index.pages(self.wanted.options), facts if facts is not None else index.facts
        plain, origins = without_origins(self.wanted)
        # Here, link pages are part of the index, and --no-index is not about them.
        plain = replace(plain, options=replace(plain.options, no_index=False))
        direct = {one.name: one.url for one in plain.requested if one.name and one.url and index.may_follow(one.url)}
        asked: set[str] | None = set() if self.gaps else None
        told: set[object] = set()
        while True:
            laid = FactsOfIndex(pages, others, asked, {} if self.gaps else direct, alone=self.wanted.options.no_index)

            def waits(laid: FactsOfIndex = laid) -> bool:
                return (hasty and bool(pages.lacks)) or (len(told) < MAX_PAGES and not told.issuperset(laid.open))

            found = resolve(
                plain,
                self.target,
                laid,
                installed=dict(self.installed),
                as_of=index.as_of,
                no_deps=self.no_deps,
                choices=ChoicesOfIndex(pages, laid),
                waits=waits,
            )
            new = open_names(found) - asked if asked is not None else set()
            if asked is not None:
                asked |= new
            for name in new:
                laid.tells(name)
            pieces = [piece for key, piece in laid.open.items() if key not in told] if len(told) < MAX_PAGES else []
            pieces = [piece for piece in pieces if piece.rank <= SOURCE] or pieces
            told.update(piece.key for piece in pieces)
            if pieces:
                yield pieces
            elif not new:
                left_out = index.left_out(self.wanted.options)
                finished = _finished(found, laid, pages, index.as_of, left_out)
                said = () if self.gaps else tuple(f"{place} {NOT_YOURS}" for place in left_out)
                return with_origins(replace(finished, notes=(*finished.notes, *said)), origins)


class WhatSourcesSay(Struct, frozen=True):
    """What the sdist of this release says of its build."""

    name: str
    version: str
    options: IndexOptions
    variables: Variables = ()

    @property
    def key(self) -> str:
        """Equal for equal questions."""
        return _digest("sdist", self.name, self.version, repr(self.options), repr(self.variables))

    def steps(self, index: PythonIndex, _: Facts | None = None) -> Task[SourceFacts]:
        """Read it. Raises ``ResolverError``."""
        pages = index.pages(self.options)
        read = partial(pages.source, self.name, self.version, self.variables)
        rank = pages.rank_of_sdist(self.name, self.version)
        return (yield from _found_by(self.key, read, f"the sdist of {self.name}", rank))


class WhatRepositoryHolds(Struct, frozen=True):
    """The files of a repository that a build fetches."""

    remote: Remote

    @property
    def key(self) -> str:
        """Equal for equal questions."""
        return _digest("repository", self.remote.url, self.remote.revision or "")

    def steps(self, index: PythonIndex, _: Facts | None = None) -> Task[Path]:
        """Fetch them. Raises ``ResolverError``."""
        fetch = partial(index.repositories.files, self.remote)
        return (yield from _found_by(self.key, fetch, self.remote.name, 3))


class WhatImageHolds(Struct, frozen=True):
    """The contents of a base image on a platform."""

    reference: str
    platform: str

    @property
    def key(self) -> str:
        """Equal for equal questions."""
        return _digest("image", self.reference, self.platform)

    def steps(self, index: PythonIndex, _: Facts | None = None) -> Task[Any]:
        """Read them. Raises ``ResolverError``."""
        read = partial(index.images.contents, self.reference, self.platform)
        return (yield from _found_by(self.key, read, self.reference, 3))


def _found_by(key: str, find: Callable[[], _Found], shown: str, rank: int) -> Task[_Found]:
    """A task that is one piece of work, and returns what that finds."""
    found: list[_Found] = []
    yield (Piece(key, lambda: found.append(find()), shown, rank),)
    return found[0]


Question: TypeAlias = WhatIsInstalled | WhatSourcesSay | WhatRepositoryHolds | WhatImageHolds


class Way(Protocol):
    """Somebody who puts questions to the index. Raises ``ResolverError``."""

    def resolution(self, question: WhatIsInstalled, facts: Facts) -> Resolution:
        """Ask what is installed; the index's answers are laid over ``facts``."""

    def answer(self, question: Question) -> Any:
        """Ask anything else."""


class NotYetError(ResolverError):
    """The question is noted, and will be put."""


class Gathered:
    """A way that asks nobody: what is asked is ``open`` by its key, to be put later. ``refused`` has what was put and not
    answered in full: its key -> why. What was ``late`` alone stays open: another run may have it answered."""

    def __init__(self, refused: Mapping[str, str], late: Set[str] = frozenset()) -> None:
        self.open: dict[str, Question] = {}
        self._refused = refused
        self._late = late

    def resolution(self, question: WhatIsInstalled, facts: Facts) -> Resolution:  # noqa: ARG002 - the protocol's
        """Note it."""
        self._note(question)

    def answer(self, question: Question) -> Any:
        """Note it."""
        self._note(question)

    def _note(self, question: Question) -> NoReturn:
        key = question.key
        if key not in self._refused or key in self._late:
            self.open[key] = question
        if key in self._refused:
            raise ResolverError(self._refused[key])
        raise NotYetError("not asked yet")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(map(redact, parts)).encode("utf-8", "replace")).hexdigest()[:32]


def _finished(
    found: Resolution, facts: FactsOfIndex, pages: IndexPages, as_of: str | None, left_out: Sequence[str]
) -> Resolution:
    """The answer in the index's words: the resolver takes all facts for recorded ones. ``left_out`` are places where an
    installer looks besides."""
    but = f", and {listed(left_out)} {NOT_YOURS}" if left_out else ""
    distributions = tuple(_of_index(one, facts, pages, as_of, but) for one in found.distributions)
    versions = {one.name: one.version for one in found.distributions}
    unresolved = [_with_reason(one, facts, versions.get(one.name)) for one in found.unresolved]
    told = {one.name for one in unresolved if one.kind == "conflict"}
    removed = {one.name: one for one in _removed(distributions, facts, told)}
    kept = (one for one in unresolved if one.name not in removed)
    open_ones = tuple(
        replace(one, reason=one.reason + but) if one.kind == "no-release" else one for one in (*kept, *removed.values())
    )
    everywhere = not left_out and not pages.silent
    return Resolution(
        distributions, open_ones, (*found.notes, *pages.silent), assumed=found.assumed, everywhere=everywhere
    )


def _of_index(one: Resolved, facts: FactsOfIndex, pages: IndexPages, as_of: str | None, but: str) -> Resolved:
    """The same in the index's words. What it has not, no installer takes, unless there is elsewhere to look (``but``)."""
    verdict = one.artefact
    if not verdict.source.startswith("facts"):
        return one
    reason = facts.why(one.name, None) or verdict.reason
    if verdict.kind == "unknown":
        absent = reason.startswith(NOT_THERE) or (facts.tells(one.name) and reason.startswith(NO_MATCH))
        verdict = replace(verdict, kind="none" if absent else "unknown", reason=reason)
    if verdict.kind == "none" and but:
        verdict = replace(verdict, kind="unknown", reason=verdict.reason + but)
    if facts.tells(one.name):
        day = as_of or pages.day_of(one.name)
        verdict = replace(verdict, source=f"index as of {day}" if day else "index")
    return replace(one, artefact=verdict)


def _with_reason(one: Unresolved, facts: FactsOfIndex, version: str | None) -> Unresolved:
    """The same with the index's own reason, and a kind that is told by its reason."""
    reason = facts.why(one.name, version if one.kind == "dependencies" else None)
    if reason is None and (one.kind == "dependencies" or not facts.tells(one.name)):
        return one
    kind: Mapping[UnresolvedKind, UnresolvedKind] = {"unknown": "no-release", "dependencies": "company"}
    said = (reason or one.reason).replace(NO_MATCH, f"{NOT_THERE}release that matches ")
    if said.endswith(ONLY_BUILT):
        return replace(one, reason=said)
    return replace(one, reason=said, kind="no-release" if said.startswith(NOT_THERE) else kind.get(one.kind, one.kind))


def _removed(found: Iterable[Resolved], facts: FactsOfIndex, told: set[str]) -> Iterator[Unresolved]:
    """What somebody asks for and that is not on the index (any more): what is known of its neighbours, or from elsewhere,
    tells how it is made, but an installer finds nothing."""
    for one in found:
        if one.name in told or one.url is not None or one.artefact.kind == "installed":
            continue
        why = facts.why(one.name, None)
        if why is not None and why.startswith(NOT_THERE):
            yield Unresolved(one.name, one.chain, why, "no-release")
        elif one.version is not None and facts.tells(one.name) and not lists(facts.releases(one.name), one.version):
            reason = f"{NOT_THERE}{one.name} {one.version} (any more)"
            yield Unresolved(one.name, one.chain, reason, "no-release")
