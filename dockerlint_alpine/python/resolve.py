"""From what is asked for to what is installed, without a network.

Direct requirements, constraints, markers, extras and the recorded dependency edges, resolved as pip would: the newest
release that everything admits; where a freely chosen release brings a conflict, older ones of it are tried. What is not
known is listed and never guessed.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.python.markers import InvalidMarkerError, applies, environment
from dockerlint_alpine.python.model import (
    ArtefactKind,
    Facts,
    Origin,
    Packaged,
    PythonError,
    Release,
    Requested,
    RequirementSet,
    Resolution,
    Resolved,
    Target,
    Unresolved,
    UnresolvedKind,
    Verdict,
    by_version,
    versions_of,
    without,
)
from dockerlint_alpine.python.requirement import InvalidRequirementError, archive_version, parse_pep508
from dockerlint_alpine.python.tags import lacks_musllinux
from dockerlint_alpine.python.verdict import (
    Choice,
    choose,
    final_versions,
    judge_file,
    merge_releases,
    releases_of_files,
    unrecorded,
)
from dockerlint_alpine.python.versions import (
    InvalidSpecifierError,
    Specifiers,
    same_version,
    sort_versions,
    specifiers,
)
from dockerlint_alpine.system.addresses import redact
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
    from pathlib import Path

    from dockerlint_alpine.python.backtracking import Pick, Want
    from dockerlint_alpine.python.forges import Remote
    from dockerlint_alpine.python.model import IndexOptions
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

_Needs: TypeAlias = "dict[tuple[str, str, frozenset[str]], tuple[Requested, ...]]"
"""Dependencies by distribution, release and extras."""

_OR = lazy_pattern(r"\bor\b")
_HARMLESS = frozenset({"wheel", "installed", "pure"})
"""What pip makes of a distribution where nothing is compiled."""
MAX_ROUNDS = 40
"""Passes over the graph until the choices are stable; more would mean that they go in circles."""

_LATER_THAN_ALL = "99999"
_BESIDE = 3
"""Releases on either side of one that count as its neighbours."""
NOBODY_ASKED = "it is not cached, and the index is not queried"
"""Why a resolver has no answer that asks nobody."""
NOT_THERE = "the index has no "
"""How the reason begins where an index answers and has no such thing."""
OF_SEVERAL = ("file of ", "release that matches ")
"""How such things begin that are none of a distribution's own name."""
_BY_NEIGHBOUR = "where a release's dependencies are not recorded, those of the nearest recorded release are assumed"
EXTRA_NOT_RECORDED = " adds what is not recorded"
_BY_RELEASES = "distributions of which all recorded releases are pure Python are assumed to be pure Python"
_BY_PACKAGE = "distributions that {} packages as pure Python are assumed to be pure Python"


class ResolverError(PythonError):
    """An online resolution failed; the text names the requirement or the cause in one line."""


class NoAnswerError(ResolverError):
    """The index can't be reached or takes too long: there is no use in asking it again soon."""


class Resolver(Protocol):
    """Knows what a package index says, and may ask it.

    ``fills_gaps``: it is to be asked only for what the embedded facts leave open.
    """

    @property
    def fills_gaps(self) -> bool:
        """True for one that nobody asked for by name: the default of the command line."""

    @property
    def looked_at(self) -> set[str]:
        """The files that kept answers were read from, or not found in."""

    @property
    def open(self) -> dict[str, Any]:
        """Questions that were noted and not put, by their keys."""

    @property
    def refusal(self) -> str:
        """Why the last question got no full answer, empty where it did."""

    def resolve(
        self,
        wanted: RequirementSet,
        target: Target,
        facts: Facts,
        *,
        installed: Mapping[str, str] | None = None,
        no_deps: bool = False,
        afresh: bool = False,
    ) -> Resolution:
        """Return what ``wanted`` installs on ``target``, as far as the index and ``facts`` tell.

        ``afresh``: the index's word counts about what the embedded facts leave no gap in, too.

        Raises ``ResolverError`` where the index may not be asked about such a set at all.
        """

    def source_facts(
        self,
        name: str,
        version: str,
        options: IndexOptions,
        variables: tuple[tuple[str, str], ...] = (),
        *,
        only_kept: bool = False,
    ) -> SourceFacts:
        """Return what the sdist of a release says of its build in an environment with ``variables``.

        ``only_kept``: it is not worth a question. Raises ``ResolverError``.
        """

    def repository(self, remote: Remote) -> Path:
        """Return the folder with the files of a repository that a build fetches; raises ``ResolverError``."""

    def image(self, reference: str, platform: str) -> Any:
        """Return what a base image holds on a platform, as the one who opened the index reads them (``ImageContents``);
        raises ``ResolverError``."""


class _Releases:
    """What a resolution knows, for :mod:`dockerlint_alpine.python.backtracking`."""

    def __init__(self, resolution: _Offline, constraints: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        self._resolution = resolution
        self._constraints = constraints
        self._own = {one.name: one for one in resolution.wanted.requested}

    def newest(self, name: str, terms: Set[str], out: Set[str | None]) -> str | None:
        torn = self._resolution.torn
        if name in torn and torn[name] not in out:
            return torn[name]
        node = _Node(name, (name,), Origin(name), self._own.get(name))
        node.terms = [(term, "", None) for term in (*terms, *(text for text, _ in self._constraints.get(name, ())))]
        return self._resolution.version(node, out, told=None not in out)

    def wants(self, pick: Pick) -> Iterator[Want]:
        if pick.version is None:
            return
        node = _Node(pick.name, (pick.name,), Origin(pick.name), None)
        node.extras = {pick.extra} if pick.extra else set()
        for need in self._resolution.active(node, self._resolution.facts.requires(pick.name, pick.version) or ()):
            if need.name is not None:
                yield from (self._resolution.want(need, extra) for extra in ("", *need.extras))


class _Node(Struct, eq=False):
    """One distribution in the graph of one round: who asks for it and on what terms.

    ``terms`` are (specifier, who says so, the distribution whose release says so or ``None`` for a file).
    """

    name: str
    chain: tuple[str, ...]
    origin: Origin
    requested: Requested | None
    terms: list[tuple[str, str, str | None]] = []
    extras: set[str] = set()
    loose: str | None = None
    """Who asks for one exact version of it that is not recorded."""

    floor: str | None = None
    """The version that an older release of that asked for."""

    @property
    def base(self) -> tuple[str, ...]:
        """The chain that this node's dependencies continue."""
        return self.chain if self.requested is None else (*self.chain, self.name)

    @property
    def specifier(self) -> str:
        """All terms together."""
        return ",".join(sorted({term[0] for term in self.terms if term[0]}))

    def on(self, terms: list[tuple[str, str, str | None]]) -> _Node:
        """The same distribution on other terms."""
        return replace(self, terms=terms)


_MAX_LISTS = 512
"""Lists of versions that are kept for many resolutions."""


class _Replay:
    """What an iterator yields, asked for when it is needed and kept for the next who asks."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._kept: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for place in itertools.count():
            if place == len(self._kept):
                following = next(self._source, None)
                if following is None:
                    return
                self._kept.append(following)
            yield self._kept[place]


class Choices:
    """What many resolutions ask of the same facts: which release and file is taken of a distribution, by everything that
    decides it but the facts, which are taken one after the other, and what a release needs on a target with some of its
    extras."""

    def __init__(self, limit: int = 8192) -> None:
        self._limit = limit
        self._found: dict[Hashable, Choice] = {}
        self._needs: defaultdict[Target, _Needs] = defaultdict(dict)
        self._finals: dict[Hashable, tuple[Sequence[Release], _Replay]] = {}

    def finals(
        self,
        name: str,
        specifier: str,
        releases: Sequence[Release],
        target: Target,
        options: IndexOptions,
        as_of: str | None,
    ) -> Iterable[str]:
        """What :func:`final_versions` yields, found once."""
        key = (name, specifier, id(releases), target, options, as_of)  # they are kept: nothing else has that id
        found = self._finals.get(key)
        if found is None:
            if len(self._finals) >= _MAX_LISTS:
                self._finals.clear()
            versions = final_versions(name, specifier, releases, target, options, as_of)
            found = self._finals[key] = (releases, _Replay(versions))
        return found[1]

    def recall(self, name: str, question: Hashable, make: Callable[[], Choice]) -> Choice:
        """The answer to ``question`` about the distribution ``name``, worked out by ``make`` if it is not known."""
        key = (name, question)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= self._limit:
                self._found.clear()
            found = self._found[key] = make()
        return found

    def needs(self, target: Target) -> _Needs:
        """What is known of the needs on ``target``, to be added to."""
        if sum(map(len, self._needs.values())) >= self._limit:
            self._needs.clear()
        return self._needs[target]


class _Offline(Struct, eq=False, dict=True):
    """One resolution: what is asked for, and the choices of the last round."""

    wanted: RequirementSet
    target: Target
    facts: Facts
    installed: Mapping[str, str]
    as_of: str | None
    choices: Choices
    follow: bool
    waits: Callable[[], bool]
    chosen: dict[str, Choice] = {}
    excluded: dict[str, set[str]] = {}
    torn: dict[str, str | None] = {}
    """Distributions on which firm terms contradict each other, with the versions that they are taken in."""

    unresolved: dict[tuple[str, str], Unresolved] = {}
    notes: list[str] = []
    assumed: list[str] = []
    cache: dict[tuple[str, str, frozenset[str]], Choice] = {}
    parsed: dict[str, Requested | None] = {}
    known: dict[str, Sequence[Release]] = {}

    @cached_property
    def values(self) -> Mapping[str, str]:
        """What markers are held against."""
        return environment(self.target)

    @cached_property
    def known_needs(self) -> _Needs:
        """What is known of the needs on the target."""
        return self.choices.needs(self.target)

    def run(self) -> Resolution:
        constraints: dict[str, list[tuple[str, str]]] = {}
        for one in self.wanted.constraints:
            if one.name is not None and self.holds(one.marker, one.shown, one.chain):
                constraints.setdefault(one.name, []).append((one.specifier, str(one.origin)))
        nodes: dict[str, _Node] = {}
        settled = False
        for number in range(2 * MAX_ROUNDS):
            nodes = self.graph(constraints)
            previous, self.chosen = self.chosen, {name: self.taken(node, nodes) for name, node in nodes.items()}
            if previous != self.chosen:
                if number == MAX_ROUNDS and not settled and self.follow and not self.waits():
                    settled = True  # a release asks for what asks for another release of it
                    self.settle(constraints)
                continue
            if settled or not self.follow or self.waits() or not any(map(self.conflict, nodes.values())):
                break
            settled = True
            if not self.settle(constraints):
                firm = (self.firm(node, nodes) for node in nodes.values())
                self.torn = {
                    node.name: self.choice(self.agreeing(node)).version for node in firm if self.conflict(node)
                }
                if not self.torn:
                    break
                self.settle(constraints)  # the rest may go together
        else:
            self.notes.append("the versions did not settle: requirements depend on each other in circles")
        return self.answer(nodes)

    # -- the graph of one round -------------------------------------------------------------------------------------

    def graph(self, constraints: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, _Node]:
        nodes: dict[str, _Node] = {}
        queue: deque[tuple[str, frozenset[str]]] = deque()
        for one in self.wanted.requested:
            if one.name is None or not self.holds(one.marker, one.shown, one.chain):
                continue
            node = nodes.setdefault(one.name, _Node(one.name, one.chain, one.origin, one))
            node.terms.append((one.specifier, str(one.origin), None))
            node.extras.update(one.extras)
        queue.extend((name, frozenset(node.extras)) for name, node in nodes.items())
        seen: set[tuple[str, frozenset[str]]] = set()
        while queue and self.follow:
            entry = queue.popleft()
            if entry in seen:
                continue
            seen.add(entry)
            parent = nodes[entry[0]]
            if parent.name not in self.chosen:  # by what is known of it so far, so that few rounds have to follow
                self.chosen[parent.name] = self.choice(parent)
            for need in self.needs(parent):
                assert need.name is not None
                node = nodes.get(need.name) or _Node(need.name, (*parent.base, need.name), parent.origin, None)
                nodes[need.name] = node
                specifier = need.specifier
                if specifier and self.is_old(parent):
                    node.loose = parent.name if "==" in specifier else node.loose
                    specifier = _at_least(specifier)
                if not specifier and need.name in self.facts.pins(parent.name):
                    said = self.said_before(parent, need.name)
                    if said is None or said.pin is not None:
                        node.loose, node.floor = parent.name, said.pin if said is not None else None
                term = (specifier, parent.name, parent.name)
                if term not in node.terms:
                    node.terms.append(term)
                node.extras.update(need.extras)
                queue.append((need.name, frozenset(node.extras)))
        for name, node in nodes.items():
            node.terms.extend((specifier, origin, None) for specifier, origin in constraints.get(name, ()))
        return nodes

    def is_old(self, node: _Node) -> bool:
        """Tell whether nobody asks for the release that is taken, and it may be years old: a list that gives no day had it,
        most often a dump of 2023. A later one has since raised what it admits at most."""
        choice = self.chosen[node.name]
        if choice.version is None or self.is_pinned(node):
            return False
        taken = by_version(self.releases(node.name)).get(choice.version)
        return taken is not None and taken.upload_date is None and (taken.partial or taken.source is not None)

    def said_before(self, node: _Node, child: str) -> Specifiers | None:
        """What the last release up to the one that is taken of ``node`` says of the version of ``child``, where one is
        recorded with what it says."""
        taken = self.chosen[node.name].version
        order = sort_versions(versions_of(self.releases(node.name)))
        for version in reversed(order[: order.index(taken) + 1] if taken in order else order):
            for text in self.facts.requires(node.name, version) or ():
                near = text[:1].lower() == child[:1] and not _only_for_an_extra(text)
                need = self.parse(text, node) if near else None
                if need is not None and need.name == child and need.specifier:
                    return specifiers(need.specifier)
        return None

    def needs(self, node: _Node) -> Iterable[Requested]:
        """Return the dependencies of the release chosen for ``node`` in the last round."""
        choice = self.chosen[node.name]
        if choice.version is None:
            return ()
        key = (node.name, choice.version, frozenset(node.extras))
        found = self.known_needs.get(key)
        if found is None:
            found = tuple(self.active(node, self.facts.requires(node.name, choice.version) or ()))
            if not self.notes and not self.unresolved:  # else one of them may be told of, which every resolution has to
                self.known_needs[key] = found
        return found

    def active(self, node: _Node, requires: Sequence[str]) -> Iterator[Requested]:
        """Yield those of ``requires`` whose markers hold with the extras of ``node``."""
        for text in requires:
            if not node.extras and _only_for_an_extra(text):
                continue  # most of what distributions state; none of it need be parsed
            need = self.parse(text, node)
            if need is not None and self.holds(need.marker, text, node.chain, node.extras):
                yield need

    def parse(self, text: str, node: _Node) -> Requested | None:
        if text not in self.parsed:
            try:
                self.parsed[text] = parse_pep508(text, Origin(node.name))
            except InvalidRequirementError as error:
                self.notes.append(f"{node.name} states an invalid dependency: {error}")
                self.parsed[text] = None
        return self.parsed[text]

    def holds(self, marker: str | None, text: str, chain: tuple[str, ...], extras: set[str] | None = None) -> bool:
        if marker is None:
            return True
        try:
            return applies(marker, self.values, sorted(extras or ()))
        except InvalidMarkerError as error:
            self.tell(text, chain, f"the marker can't be evaluated: {error}", "unknown")
            return False

    # -- the choice for one node ------------------------------------------------------------------------------------

    def releases(self, name: str) -> Sequence[Release]:
        if name not in self.known:
            found: Sequence[Release] = () if self.wanted.options.no_index else self.facts.releases(name)
            if self.wanted.wheelhouse:
                found = merge_releases(found, releases_of_files(self.wanted.wheelhouse, name))
            self.known[name] = found
        return self.known[name]

    def choice(self, node: _Node) -> Choice:
        """The choice for a node, without the versions that conflicts have excluded."""
        specifier, out = node.specifier, frozenset(self.excluded.get(node.name, ()))
        key = (node.name, specifier, out)
        if key not in self.cache:
            try:
                self.cache[key] = self.unlisted(node, self.fresh_choice(node, specifier, out))
            except InvalidSpecifierError as error:
                self.cache[key] = Choice(None, Verdict("unknown", str(error), "requirement"))
        return self.cache[key]

    def version(self, node: _Node, out: Set[str | None], *, told: bool) -> str | None:
        """The version of :meth:`choice`, for a search; ``told``: one that nothing tells will do. Raises ``LookupError``."""
        own = node.requested
        direct = own is not None and (own.url or own.path or own.artefacts is not None)
        excluded = self.excluded.get(node.name, set())
        try:
            if not (direct or node.name in self.installed or self.wanted.wheelhouse):
                finals = self.finals(node.name, node.specifier)
                found = next((one for one in finals if one not in out and one not in excluded), None)
                if found is not None:
                    return found
            left_out = frozenset(excluded.union(one for one in out if one is not None))
            choice = self.fresh_choice(node, node.specifier, left_out)
            version, there_is_none = choice.version, choice.verdict.kind == "none"
        except InvalidSpecifierError:
            version, there_is_none = None, False
        if version is None and (there_is_none or self.releases(node.name) or not told):
            raise LookupError(node.name)
        return version

    def finals(self, name: str, specifier: str) -> Iterable[str]:
        """The versions that are taken one after the other as those before are left out."""
        return self.choices.finals(name, specifier, self.releases(name), self.target, self.wanted.options, self.as_of)

    def fresh_choice(self, node: _Node, specifier: str, out: frozenset[str]) -> Choice:
        own = node.requested
        if own is not None and (own.url or own.path):
            return _direct(own, self.target)
        if own is not None and own.artefacts is not None:
            listed = releases_of_files(own.artefacts, node.name)
            return choose(node.name, specifier, listed, self.target, self.wanted.options, source="lock file")
        present = self.installed.get(node.name)
        if present is not None and specifiers(specifier).contains(present):
            return Choice(
                present, Verdict("installed", f"{node.name} {present} is already installed there", "installed")
            )
        releases = self.releases(node.name)
        if out:
            releases = without(releases, out)
        pin = specifiers(specifier).pin
        house = bool(releases_of_files(self.wanted.wheelhouse, node.name)) if self.wanted.wheelhouse else False
        as_of = min(filter(None, (self.as_of, self.facts.as_of))) if self.as_of else self.facts.as_of
        source = "wheelhouse" if house else f"facts as of {as_of}"
        if not releases and not (house or self.wanted.options.no_index):
            return Choice(pin, Verdict("unknown", f"nothing is recorded about {node.name}", source))
        if pin is not None and not lists(releases, pin):
            if house or self.wanted.options.no_index:
                return Choice(pin, Verdict("unknown", f"{node.name} {pin} is not among the recorded releases", source))
            return unrecorded(node.name, pin, releases, self.target, self.wanted.options, source=source)
        if house:
            return choose(
                node.name, specifier, releases, self.target, self.wanted.options, source=source, as_of=self.as_of
            )
        question = (specifier, self.target, self.wanted.options, self.as_of)
        facts = (node.name, specifier, releases, self.target, self.wanted.options)
        ordered = not self.wanted.wheelhouse
        fresh = partial(choose, *facts, source=source, as_of=self.as_of, ordered=ordered)
        # A search leaves versions out, and asks much that nobody asks again.
        return fresh() if out else self.choices.recall(node.name, question, fresh)

    def unlisted(self, node: _Node, choice: Choice) -> Choice:
        """The choice, or where no wheel of the distribution is recorded at all, what its package or a rule says. A rule for
        a release that is not recorded knows more than that all which are recorded are pure."""
        own = node.requested
        direct = own is not None and (own.url or own.path)
        extrapolated = choice.verdict.kind == "pure" and choice.verdict.confidence == "likely" and choice.version
        if extrapolated and self.facts.compiled(node.name, choice.version):
            return Choice(choice.version, self.by_rule(node.name, choice.version))
        if choice.verdict.kind not in {"unknown", "sdist"} or direct or self.wanted.options.no_index:
            return choice
        releases = self.releases(node.name)
        packaged = None if any(map(_is_extension, releases)) else self.facts.packaged(node.name)
        if packaged is not None:
            return Choice(choice.version, _pure(node.name, packaged))
        recorded = choice.verdict.kind != "unknown" or any(release.wheels for release in releases)
        if recorded or not self.facts.compiled(node.name, choice.version):
            return choice
        return Choice(choice.version, self.by_rule(node.name, choice.version))

    def by_rule(self, name: str, pin: str | None) -> Verdict:
        """The verdict on a distribution of which only a rule tells, how it is compiled: pip compiles it where it takes no
        wheel; whether there is one that fits is not known."""
        wheels, sdists = self.wanted.options.allows(name)
        if not wheels:
            shared = "--no-binary asks for the source"
            return Verdict("sdist", f"{shared} of {name}", "requirement", shared=shared)
        if not sdists:
            return Verdict("unknown", f"nothing is recorded about {name}", "rules")
        why = lacks_musllinux(self.target) if self.target.musl is not None else None
        if why is not None:
            reason = f"{why}, and {name} has native code"
            return Verdict("sdist", reason, "rules", confidence="likely")
        shown = f"{name} {pin}" if pin is not None else name
        shared = "no wheel is recorded"
        return Verdict("sdist", f"no wheel of {shown} is recorded", "rules", confidence="possible", shared=shared)

    def settled(self, node: _Node, choice: Choice) -> Choice:
        """The choice for a distribution of which somebody asks for one exact version that is not recorded: what all its
        releases have in common that this may be, else nothing."""
        if node.loose is None or choice.verdict.kind not in {"wheel", "sdist"} or any(term[0] for term in node.terms):
            return choice
        if self.kinds(node.name, since=node.floor) == {choice.verdict.kind}:
            return Choice(None, replace(choice.verdict, confidence="likely"))
        reason = f"{node.loose} asks for one exact version of {node.name}, which is not recorded"
        return Choice(None, Verdict("unknown", reason, choice.verdict.source))

    def kinds(self, name: str, near: str | None = None, since: str | None = None) -> set[ArtefactKind]:
        """What pip makes of the recorded releases of ``name`` that it may take here at all, or of those next to ``near``, or
        not older than ``since``.

        Sdists of what had wheels for everywhere alone, as soon as it had any, are pure Python, too.
        """
        usable = [one for one in self.releases(name) if not one.yanked]
        listed = [one for one in usable if one.wheels]
        if listed and all(one.pure for one in listed):
            usable = listed
        if near is not None:
            order = sort_versions({near, *(one.version for one in usable)})
            at = order.index(near) if near in order else 0
            usable = [one for one in usable if one.version in order[max(0, at - _BESIDE) : at + _BESIDE + 1]]
        if since is not None:
            usable = [one for one in usable if specifiers(f">={since}").contains(one.version)]
        found = {
            choose(name, f"=={one.version}", [one], self.target, self.wanted.options).verdict.kind for one in usable
        }
        return found - {"none"}

    # -- conflicts --------------------------------------------------------------------------------------------------

    def is_pinned(self, node: _Node) -> bool:
        """Tell whether a file asks for one version of it."""
        return any(parent is None and specifiers(term).pin is not None for term, _, parent in node.terms)

    def firm(self, node: _Node, nodes: Mapping[str, _Node]) -> _Node:
        """The node on those terms alone that no other release can change: of files, and of releases that a file asks for.

        Where a release is free to choose, and all that are recorded are in conflict with a file, there is a newer one.
        """
        return node.on([term for term in node.terms if term[2] is None or self.is_pinned(nodes[term[2]])])

    def taken(self, node: _Node, nodes: Mapping[str, _Node]) -> Choice:
        """The choice for a node of this round."""
        return self.choice(self.agreeing(self.firm(node, nodes)) if node.name in self.torn else node)

    def agreeing(self, node: _Node) -> _Node:
        """The node on as many of its terms as go together: what files say comes before what releases say, a pin before a
        range. An installer refuses the whole set; what each distribution is and needs is known all the same."""
        found = node.on([])
        for term in sorted(node.terms, key=lambda one: (one[2] is not None, "==" not in one[0])):
            found.terms.append(term)
            if self.conflict(found):
                found.terms.pop()
        return found

    def conflict(self, node: _Node) -> bool:
        """Tell whether the terms of a node exclude each other, as far as that is known."""
        terms = {term[0] for term in node.terms if term[0]}
        if len(terms) < 2 or (node.requested is not None and (node.requested.url or node.requested.path)):
            return False
        try:
            pins = [pin for term in terms if (pin := specifiers(term).pin) is not None]
            if pins:
                return not all(specifiers(term).contains(pins[0]) for term in terms)
            versions = versions_of(self.releases(node.name))
            together = specifiers(",".join(sorted(terms)))
            if not versions or any(together.contains(version) for version in versions):
                return False
            return all(any(specifiers(term).contains(version) for version in versions) for term in terms)
        except InvalidSpecifierError:
            return False

    def want(self, need: Requested, extra: str) -> Want:
        """What is asked of one distribution, for the search; nothing of one that is torn."""
        from dockerlint_alpine.python.backtracking import Want

        assert need.name is not None
        return Want(need.name, "" if need.name in self.torn else need.specifier, extra)

    def settle(self, constraints: Mapping[str, Sequence[tuple[str, str]]]) -> bool:
        """Look for versions that go together, and leave out what is newer than those; tell whether there are any."""
        from dockerlint_alpine.python.backtracking import versions_together

        asked = [one for one in self.wanted.requested if self.holds(one.marker, one.shown, one.chain)]
        roots = [self.want(one, extra) for one in asked if one.name is not None for extra in ("", *one.extras)]
        found = versions_together(roots, _Releases(self, constraints))
        for name, version in (found or {}).items():
            if version is not None:
                order = sort_versions(versions_of(self.releases(name)))
                self.excluded[name] = set(order[order.index(version) + 1 :] if version in order else ())
        return found is not None

    # -- the answer -------------------------------------------------------------------------------------------------

    def answer(self, nodes: Mapping[str, _Node]) -> Resolution:
        found: list[Resolved] = []
        for name in sorted(nodes):
            node, choice = nodes[name], self.chosen[name]
            if self.conflict(node):
                node = self.firm(node, nodes)
                torn = self.conflict(node)
                if torn:
                    self.tell(name, node.chain, _conflict_text(node), "conflict")
                    node = self.agreeing(node)
                choice = self.choice(node)
                # Whoever wrote that will change it, one way or the other.
                if torn and choice.verdict.confidence == "certain":
                    choice = replace(choice, verdict=replace(choice.verdict, confidence="likely"))
            choice = self.settled(node, choice)
            verdict = choice.verdict
            if verdict.confidence == "possible":
                self.tell(name, node.chain, verdict.reason, "unknown")
            if verdict.kind == "unknown":
                self.tell(name, node.chain, verdict.reason, "unknown")
            elif verdict.kind == "none":
                self.tell(name, node.chain, verdict.reason, "no-release")
            elif self.follow:
                self.doubt(node, choice, nodes)
            url = node.requested.url if node.requested is not None else None
            found.append(
                Resolved(name, choice.version, tuple(sorted(node.extras)), node.chain, node.origin, choice.verdict, url)
            )
        for one in self.wanted.requested:
            if one.name is None and self.holds(one.marker, one.shown, one.chain):
                what = one.path if one.path is not None else one.shown
                self.tell(what, one.chain, "its name and dependencies are known only after building it", "unknown")
        notes = tuple(dict.fromkeys(self.notes))
        return Resolution(tuple(found), tuple(self.unresolved.values()), notes, tuple(self.assumed))

    def doubt(self, node: _Node, choice: Choice, nodes: Mapping[str, _Node]) -> None:
        """Say where it is not known what else a distribution brings along."""
        own, verdict, version = node.requested, choice.verdict, choice.version
        if version is None and own is not None and own.url and own.path is None:
            self.doubt_unrecorded(node, None, nodes)
        elif verdict.kind == "pure" and (version is None or not self.releases(node.name)):
            self.doubt_packaged(node, nodes)
        elif (
            version is not None
            and (verdict.kind != "installed" or node.extras)
            and verdict.confidence != "possible"  # that is told already
            and self.facts.requires(node.name, version) is None
        ):
            self.doubt_unrecorded(node, version, nodes)
        elif node.extras and version is not None:
            self.doubt_extras(node, version)

    def doubt_unrecorded(self, node: _Node, version: str | None, nodes: Mapping[str, _Node]) -> None:
        """The dependencies of this release, or of what a URL is (``None``), are not recorded: those of the nearest one
        that is, or of the newest, tell what may come along."""
        if self.chosen[node.name].verdict.kind == "installed":  # without extras it has all that it requires
            reason = f"what the extra {','.join(sorted(node.extras))} adds is not recorded; --online queries it"
            self.tell(node.name, node.chain, reason, "company")
            return
        nearest = self.facts.nearest_requires(node.name, version or _LATER_THAN_ALL)
        if nearest is not None:
            needs = [need for need in self.active(node, nearest) if need.name is not None]
            if all(need.name in nodes or self.is_harmless(need) for need in needs):
                self.notes.append(_BY_NEIGHBOUR)
                self.assumed.append(node.name)
                return
        if version is None and node.requested is not None:
            self.tell(
                redact(node.requested.url or node.name),
                node.chain,
                "its dependencies are known only after downloading it",
                "unknown",
            )
            return
        reason = f"the dependencies of {node.name} {version} are not recorded"
        self.tell(node.name, node.chain, reason, "dependencies")

    def doubt_packaged(self, node: _Node, nodes: Mapping[str, _Node]) -> None:
        """Only the package of a distribution is known. What that depends on is the packager's choice and no statement of
        what the distribution requires: where it brings something that would be compiled, the distribution may."""
        packaged = self.facts.packaged(node.name)
        if node.extras:
            extras = ",".join(sorted(node.extras))
            self.tell(node.name, node.chain, f"{node.name}[{extras}]{EXTRA_NOT_RECORDED}", "company")
        elif packaged is not None and any(self.may_compile(name) for name in packaged.brings if name not in nodes):
            reason = f"what {node.name} requires is not recorded, and {packaged.system}'s package brings native code"
            self.tell(node.name, node.chain, reason, "dependencies")
        else:
            self.assumed.append(node.name)
            self.notes.append(_BY_PACKAGE.format(packaged.system) if packaged is not None else _BY_RELEASES)

    def doubt_extras(self, node: _Node, version: str) -> None:
        """A lock lists what an extra adds only where its project asks for that extra."""
        recorded = by_version(self.releases(node.name)).get(version)
        if recorded is None or not recorded.partial:
            return
        stated = " ".join(self.facts.requires(node.name, version) or ()).replace("'", '"')
        unknown = [extra for extra in sorted(node.extras) if f'"{extra}"' not in stated]
        if unknown:
            extras = ",".join(unknown)
            self.tell(node.name, node.chain, f"{node.name}[{extras}]{EXTRA_NOT_RECORDED}", "company")

    def is_harmless(self, need: Requested) -> bool:
        """Tell whether nothing would be compiled if ``need`` of a neighbouring release came along: in its newest version,
        and where that release asks for one exact version, in that and those next to it."""
        assert need.name is not None
        pin = specifiers(need.specifier).pin
        if pin is None:
            return self.newest(need.name).verdict.kind in _HARMLESS
        kinds = self.kinds(need.name, pin)
        return bool(kinds) and kinds <= _HARMLESS

    def may_compile(self, name: str) -> bool:
        """Whether the newest release of a distribution would be compiled, and not only where that can be."""
        choice = self.newest(name)
        return choice.verdict.kind not in _HARMLESS and self.facts.compiled(name, choice.version)

    def newest(self, name: str) -> Choice:
        """What would be chosen of a distribution of which nobody says more than the name."""
        return self.choice(_Node(name, (), Origin(name), None))

    def tell(self, name: str, chain: tuple[str, ...], reason: str, kind: UnresolvedKind) -> None:
        self.unresolved.setdefault((name, kind), Unresolved(name, chain, reason, kind))


def _at_least(specifier: str) -> str:
    """What is left of a demand of an old release: a later one has other upper bounds and other pins."""
    return ",".join(clause for clause in specifier.split(",") if clause.lstrip().startswith(">"))


def _is_extension(release: Release) -> bool:
    """Tell whether its wheels say that code is compiled for CPython; ``py3-none-PLATFORM`` holds a program, if anything."""
    return not release.pure and any(tag.split("-")[1] != "none" for tag in release.wheels)


def lists(releases: Sequence[Release], version: str) -> bool:
    """Tell whether ``version`` is among ``releases``, most often as it is spelt there."""
    known = versions_of(releases)
    return version in known or any(same_version(version, one) for one in known)


@lru_cache(maxsize=65536)
def _only_for_an_extra(text: str) -> bool:
    """Tell whether a dependency plainly asks for an extra: ``extra == "x"`` in a marker without ``or``."""
    marker = text.partition(";")[2]
    return ("extra ==" in marker or "extra==" in marker) and _OR.search(marker) is None


def answers_itself(wanted: RequirementSet) -> bool:
    """Tell whether a lock names the files too, so that no index can add anything (Pipfile.lock has only hashes)."""
    return wanted.locked and all(one.artefacts is not None or one.url or one.path for one in wanted.requested)


def _direct(own: Requested, target: Target) -> Choice:
    """Return the choice for a URL, archive or folder, which is taken as it is."""
    pin = specifiers(own.specifier).pin
    if own.artefacts:
        named = archive_version(own.artefacts[0]) if own.artefacts[0].endswith(".whl") else None
        return Choice(pin or (named[1] if named is not None else None), judge_file(own.artefacts[0], target))
    what = f"the folder {own.path}" if own.path is not None else own.shown
    return Choice(pin, Verdict("sdist", f"built from {what}", "requirement"))


def _pure(name: str, packaged: Packaged) -> Verdict:
    reason = f"{name} is pure Python: nothing in {packaged.package} {packaged.version} of {packaged.system} is compiled"
    source = f"{packaged.system} {packaged.release}"
    return Verdict("pure", reason, source, confidence="certain" if packaged.system == "Alpine" else "likely")


def _conflict_text(node: _Node) -> str:
    return f"no version meets all of {listed(f'{node.name}{term[0]} ({term[1]})' for term in node.terms if term[0])}"


def resolve(
    wanted: RequirementSet,
    target: Target,
    facts: Facts,
    *,
    installed: Mapping[str, str] | None = None,
    as_of: str | None = None,
    no_deps: bool = False,
    choices: Choices | None = None,
    waits: Callable[[], bool] = lambda: False,
) -> Resolution:
    """Return what ``wanted`` installs on ``target``.

    ``installed`` are distributions (normalised name -> version) that the interpreter already sees, from apk for instance.
    ``as_of`` (``YYYY-MM-DD``) leaves out later uploads. ``choices`` are what was found out from the same facts before.
    ``waits``: more of the facts is still to come, and versions that go together are not looked for before.

    Raises ``PythonError`` only for an impossible ``target``.
    """
    follow = not (wanted.locked or no_deps or wanted.options.require_hashes)
    return _Offline(wanted, target, facts, installed or {}, as_of, choices or Choices(), follow, waits).run()


def open_names(found: Resolution) -> set[str]:
    """The distributions of which an index could tell more: they, their files or their dependencies are not recorded."""
    kinds = {one.name: one.artefact.kind for one in found.distributions if one.url is None}
    open_kinds = {"unknown", "dependencies", "company"}
    told = {one.name for one in found.unresolved if one.kind in open_kinds and one.name in kinds}
    return told | {name for name, kind in kinds.items() if kind == "unknown"} | set(found.assumed)
