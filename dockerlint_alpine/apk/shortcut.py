"""The solver's answer when there is nothing to decide, without running it.

Most package sets need no search: every name that is asked for has one provider, or one that is preferred whatever else
happens; nothing in the set conflicts; and what ``install_if`` brings along is plain. Then the answer is the set of packages
that is reached from the world, and no order of decisions leads elsewhere. :class:`Shortcut` finds that set, checks that it
is such a one, and answers ``None`` where it is not sure: then the solver decides.

Why the solver can't answer otherwise. Let S be the set that was reached, N the names that its packages and the world ask
for. The checks establish:

* for every n in N, one package p(n) of S provides it. It may be taken without being named, it is preferred to every other
  provider of n by what never changes while the solver runs (:func:`.solver_state.prefer` with all else equal), and no other
  provider of n is in S or installed (*rivals*);
* every constraint of the world and of S on a name is met by every package of S that provides that name (*foes* are the
  packages that would break one that begins with ``!``);
* no name is provided by two packages of S (*shared* are the names where that could be);
* a package all of whose conditions in ``install_if`` hold in S is in S and the first choice for its name, its conditions are
  names of packages, and nothing that could be brought along has a negative condition. (apk-tools 3 decides the names of
  negative conditions as it comes to them. Where a list begins with one that may be long before the others hold; indexes
  with such a list are left to the solver.)

By induction over the steps of the solver, then: only names of N are ever required; no package of S is disqualified or
counted as in conflict (its constraints are met, the options of n always include p(n), and what all options of n provide is
provided by p(n), so by no other package of S); hence p(n) wins whenever n is decided, be it first or last, and only packages
of S are chosen. What was looked at, and in which order, makes no difference. tests/apk/test_shortcut.py compares it with
the solver on the recorded answers of apk-tools and on generated sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from dockerlint_alpine.apk.namehash import bucket
from dockerlint_alpine.apk.package import Package
from dockerlint_alpine.apk.solver_state import NameState, PackageState, Request, prefer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

    from dockerlint_alpine.apk.behaviour import Behaviour
    from dockerlint_alpine.apk.catalog import Catalog
    from dockerlint_alpine.apk.constraint import Constraint


class Known:
    """What is kept of one package; all of it follows from the index.

    ``needs`` are the packages that its dependencies come to, in their order; ``None`` where that is not certain. ``visits``
    also has those that it must not conflict with (``passed``): apk comes to them here, too, if they are chosen. ``rivals``
    must be neither chosen nor installed beside it, ``foes`` not chosen: they would break a constraint, or share a name with
    it; ``favoured`` are the needs that have rivals. ``wakes`` are the packages that have one of its names (``tokens``) in
    their ``install_if``, each with all names that must be there. ``closure`` is kept once it is known.
    """

    __slots__ = (
        *("closure", "favoured", "filled", "foes", "needs", "package", "passed", "rivals", "tokens", "visits", "wakes"),
    )

    def __init__(self, package: Package) -> None:
        self.package = package
        self.filled = False
        self.needs: tuple[Known, ...] | None = None
        self.visits: tuple[Known, ...] = ()
        self.passed: frozenset[Known] = frozenset()
        self.rivals: frozenset[Known] = frozenset()
        self.foes: frozenset[Known] = frozenset()
        self.favoured: tuple[Known, ...] = ()
        self.tokens: frozenset[str] = frozenset()
        self.wakes: frozenset[tuple[str, frozenset[str]]] = frozenset()
        self.closure: Closure | None = None


class Closure:
    """A package with all that it needs, in the order in which apk comes to an end with each, and what is known of them
    together, as of one in :class:`Known`.

    A closure that is known already is taken over whole. That changes no order: unless it holds a package that is not done
    with, what is done with of it is closed under needs, and apk would pass it over.
    """

    __slots__ = ("foes", "order", "passed", "rivals", "tokens", "wakes")

    def __init__(self, known: Known) -> None:
        """Follow the needs of ``known``. Raises _UnsureError where one of them is not certain."""
        self.order: dict[Known, None] = {}
        parts: list[Known | Closure] = []
        begun = dict.fromkeys([known])
        stack = [(known, iter(_sure(known)))]
        while stack:
            visited, rest = stack[-1]
            for need in rest:
                if need in self.order or need in begun:
                    continue
                if (whole := need.closure) is not None and whole.order.keys().isdisjoint(begun):
                    parts.append(whole)
                    self.order.update(whole.order)
                    continue
                begun[need] = None
                stack.append((need, iter(_sure(need))))
                break
            else:
                stack.pop()
                del begun[visited]
                parts.append(visited)
                self.order[visited] = None
        self.foes: frozenset[Known] = _EMPTY.union(*[one.foes for one in parts])
        self.passed: frozenset[Known] = _EMPTY.union(*[one.passed for one in parts])
        self.rivals: frozenset[Known] = _EMPTY.union(*[one.rivals for one in parts])
        self.tokens: frozenset[str] = frozenset[str]().union(*[one.tokens for one in parts])
        self.wakes: frozenset[tuple[str, frozenset[str]]] = frozenset[Any]().union(*[one.wakes for one in parts])


_EMPTY = frozenset[Known]()


class _Choice:
    """Which package stands for a name, and under which version; ``rivals`` are the others that provide it."""

    __slots__ = ("known", "rivals", "version")

    def __init__(self, known: Known, version: str | None, rivals: frozenset[Known] = frozenset()) -> None:
        self.known = known
        self.version = version
        self.rivals = rivals


Pair: TypeAlias = tuple["Package | None", "Package | None"]
"""A package before and after: ``None`` first for a new one, ``None`` last for one that goes."""


class _UnsureError(Exception):
    """It takes the solver to tell."""


class Shortcut:
    """Answers for the packages of one catalog, as one apk-tools sees them. What it finds out about a package is kept."""

    def __init__(self, catalog: Catalog, behaviour: Behaviour, repositories: Sequence[str]) -> None:
        self._catalog = catalog
        self._behaviour = behaviour
        self._ranks = {name: rank for rank, name in enumerate(repositories)}
        self.seen: dict[int, Known] = {}
        """What is known of packages of the catalog, by their identity."""
        self._choices: dict[str, _Choice | None] = {}
        self._prepared = set[str]()

    def answer(self, request: Request) -> list[Pair] | None:
        """What becomes of the packages: what is there in the end, in the order in which apk comes to it, then what goes.
        ``None`` where only the solver can tell, and where there is an error."""
        if self._behaviour.exact_triggers and self._catalog.odd_triggers:
            return None
        try:
            return _Question(self, request).answer()
        except _UnsureError:
            return None

    def known(self, package: Package) -> Known | None:
        """What is known of a package of this catalog; ``None`` for any other."""
        there = any(package is one for one, _ in self._catalog.entry(package.name).providers)
        return self._of(package) if there else None

    def provided(self, name: str) -> bool:
        """Whether a package of the catalog provides ``name``."""
        return bool(self._catalog.entry(name).providers)

    def prepare(self, names: Iterable[str]) -> None:
        """Find out about everything that is reached from ``names``, level by level: few queries instead of many."""
        new: dict[Known, None] = {}
        done = self._prepared
        level = set(names) - done
        while level:
            self._catalog.load(level)
            done |= level
            found = set[str]()
            for name in level:
                choice = self.choice(name)
                if choice is not None and not choice.known.filled and choice.known not in new:
                    new[choice.known] = None
                    depends = choice.known.package.depends
                    found.update([constraint.name for constraint in depends if not constraint.conflict])
            level = found - done
        if new:
            self._catalog.load([name for known in new for name in _names(known.package)])
            for known in new:
                self.fill(known)

    def fill(self, known: Known, by_hand: dict[str, Known] | None = None) -> None:
        """Find out about ``known`` itself. ``by_hand`` are packages that are not in the catalog, by name."""
        known.filled = True
        package = known.package
        names = dict.fromkeys(_names(package))
        if len(names) <= len(package.provides):
            return  # a name that it has twice: which of them counts, the solver knows
        entry = self._catalog.entry
        known.tokens = frozenset([name for name in names if self._catalog.may_trigger(name)])
        known.wakes = frozenset(
            [(owner, frozenset((name, *others))) for name in known.tokens for owner, others in entry(name).triggers]
        )
        self.resolve(known, package.depends, by_hand or {})
        shares = [self._of(one) for name in names for one, _ in entry(name).providers if one is not package]
        known.foes = known.foes.union(shares)

    def resolve(self, known: Known, constraints: Iterable[Constraint], by_hand: dict[str, Known]) -> None:
        """What ``constraints`` of ``known`` come to."""
        needs: list[Known] = []
        visits: list[Known] = []
        rivals: list[Known] = []
        foes: list[Known] = []
        favoured: list[Known] = []
        dialect = self._behaviour.dialect
        for constraint in constraints:
            made = by_hand.get(constraint.name)
            if constraint.conflict:
                providers = [*self._catalog.entry(constraint.name).providers]
                foes += [self._of(one) for one, way in providers if constraint.matches(way, dialect=dialect)]
                foes += [made] if made is not None else []
                visits += [self._of(one) for one, _ in providers]
                continue
            choice = self.choice(constraint.name) if made is None else _Choice(made, made.package.version)
            if choice is None or not constraint.matches(choice.version, dialect=dialect):
                return
            needs.append(choice.known)
            visits.append(choice.known)
            if choice.rivals:
                rivals += choice.rivals
                favoured.append(choice.known)
        if dialect == 3:
            foes = [one for one in foes if one is not known]  # nothing conflicts with itself
        known.needs = tuple(needs)
        known.visits = tuple(visits)
        known.passed = frozenset(visits).difference(needs)
        known.rivals, known.foes, known.favoured = frozenset(rivals), frozenset(foes), tuple(favoured)

    def choice(self, name: str) -> _Choice | None:
        """Which package the solver takes for ``name`` whenever it decides; ``None`` where that depends."""
        try:
            return self._choices[name]
        except KeyError:
            found = self._choices[name] = self._chosen(self._catalog.entry(name).providers)
            return found

    def _chosen(self, providers: Sequence[tuple[Package, str | None]]) -> _Choice | None:
        alone = len(providers) == 1
        sure = [
            at
            for at, (package, version) in enumerate(providers)
            if version is not None or package.priority > 0 or (alone and self._behaviour.lone_virtual)
        ]
        if not sure or len({id(package) for package, _ in providers}) < len(providers):
            return None
        best = sure[0]
        if not alone:
            names: dict[str, NameState] = {}
            states = [(self._state(package, names), version) for package, version in providers]
            for at in sure[1:]:
                if prefer(self._behaviour, states[at], states[best]) > 0:
                    best = at
            # The first of equals stays.
            if any(prefer(self._behaviour, states[best], other) <= 0 for other in states[:best]) or any(
                prefer(self._behaviour, other, states[best]) > 0 for other in states[best + 1 :]
            ):
                return None
        others = [self._of(package) for at, (package, _) in enumerate(providers) if at != best]
        return _Choice(self._of(providers[best][0]), providers[best][1], frozenset(others))

    def _state(self, package: Package, names: dict[str, NameState]) -> PackageState:
        name = names.setdefault(package.name, NameState(package.name))
        return PackageState(package, name, self._ranks.get(package.repository, len(self._ranks)), installed=False)

    def _of(self, package: Package) -> Known:
        found = self.seen.get(id(package))
        if found is None:
            found = self.seen[id(package)] = Known(package)
        return found

    def woken(self, owner: str, own: dict[str, Known], asked: set[str]) -> tuple[Known, frozenset[Known]] | None:
        """The package ``owner``, if its ``install_if`` holds where the packages ``own`` are and the names ``asked`` were
        asked for, and its rivals. Raises _UnsureError."""
        packages = [package for package, _ in self._catalog.entry(owner).providers if package.name == owner]
        if len(packages) != 1:
            raise _UnsureError
        for condition in packages[0].install_if:
            holder = own.get(condition.name)
            if condition.conflict or holder is None:
                raise _UnsureError
            if not condition.matches(holder.package.version, dialect=self._behaviour.dialect):
                return None
        if self.minds_names and asked.isdisjoint([one.name for one in packages[0].install_if]):
            raise _UnsureError  # such a package was found if apk came upon one of these names, not upon their packages
        choice = self.choice(owner)
        if choice is None or choice.known.package is not packages[0]:
            raise _UnsureError
        if not choice.known.filled:
            self.prepare((owner,))
        return choice.known, choice.rivals

    @property
    def minds_names(self) -> bool:
        """Whether ``install_if`` brings a package along only where one of its names was asked for."""
        return not self._behaviour.virtual_triggers

    @property
    def avoids_removed(self) -> bool:
        """Whether naming a package to ``apk del`` makes others preferred to it."""
        return self._behaviour.removal == "avoid"


class _Question:
    """One request while it is answered."""

    def __init__(self, shortcut: Shortcut, request: Request) -> None:
        self._shortcut = shortcut
        self._request = request
        self._by_hand: dict[str, Known] = {}

    def answer(self) -> list[Pair]:
        """The answer. Raises _UnsureError."""
        shortcut, request = self._shortcut, self._request
        seen = shortcut.seen
        installed = [seen.get(id(one)) or shortcut.known(one) or self._made(one) for one in request.installed]
        for package in request.virtual:
            self._made(package)
        world = sorted(request.world, key=lambda constraint: (constraint.name.lower(), constraint.name))
        needed = [*world, *(need for known in self._by_hand.values() for need in known.package.depends)]
        shortcut.prepare([constraint.name for constraint in needed if constraint.name not in self._by_hand])
        for known in self._by_hand.values():
            shortcut.fill(known, self._by_hand)
        top = Known(_WORLD)
        shortcut.resolve(top, world, self._by_hand)
        for need in _sure(top):
            closure_of(need)
        whole = Closure(top)
        del whole.order[top]
        woken = self._with_woken(whole)
        self._check(whole, installed, [*top.favoured, *woken])
        before = set(installed)
        pairs: list[Pair] = [
            (known.package if known in before else None, known.package) for known in _ordered(top, whole, woken)
        ]
        return pairs + [(known.package, None) for known in installed if known not in whole.order]

    def _made(self, package: Package) -> Known:
        """A package that ``apk add --virtual`` makes or has made."""
        made_before = package.name in self._by_hand
        if made_before or package.provides or package.install_if or self._shortcut.provided(package.name):
            raise _UnsureError
        found = self._by_hand[package.name] = Known(package)
        return found

    def _with_woken(self, whole: Closure) -> dict[Known, tuple[Known, ...]]:
        """Extend ``whole`` by what that brings along by ``install_if``: these packages, each with its conditions."""
        woken: dict[Known, tuple[Known, ...]] = {}
        seen = set[str]()
        while new := self._holding(whole) - seen:
            seen |= new
            own = {known.package.name: known for known in whole.order}
            asked = set[str]()
            if self._shortcut.minds_names:
                asked.update(need.name for known in whole.order for need in known.package.depends)
                asked.update(constraint.name for constraint in self._request.world)
            for owner in new:
                found = self._shortcut.woken(owner, own, asked)
                if found is None:
                    continue
                known, rivals = found
                woken[known] = tuple([own[condition.name] for condition in known.package.install_if])
                part = closure_of(known)
                whole.order |= part.order
                whole.foes |= part.foes
                whole.passed |= part.passed
                whole.rivals |= part.rivals | rivals
                whole.tokens |= part.tokens
                whole.wakes |= part.wakes
        return woken

    def _holding(self, whole: Closure) -> set[str]:
        """The packages all of whose conditions are names of the set."""
        if len(dict(whole.wakes)) < len(whole.wakes):
            raise _UnsureError  # a name that is in the list of one condition and not of another: a negative one
        tokens = whole.tokens
        return {owner for owner, names in whole.wakes if names <= tokens}

    def _check(self, whole: Closure, installed: Iterable[Known], favoured: Iterable[Known]) -> None:
        """That nothing in the set stands against it. ``favoured`` are chosen as the needs of the set that have rivals are:
        those of the world, and what may have some. Raises _UnsureError."""
        found = whole.order.keys()
        if not found.isdisjoint(whole.foes) or not found.isdisjoint(whole.rivals):
            raise _UnsureError
        if not whole.rivals.isdisjoint(installed):
            raise _UnsureError
        removed = self._request.removed
        if removed and self._shortcut.avoids_removed:
            for one in {*favoured, *(need for known in found for need in known.favoured)}:
                if not removed.isdisjoint(_names(one.package)):
                    raise _UnsureError


_WORLD = Package("", "")
"""Stands for the world file, whose constraints are like dependencies."""


def _names(package: Package) -> list[str]:
    return [package.name, *[provide.name for provide in package.provides]]


def _sure(known: Known) -> tuple[Known, ...]:
    """What it needs. Raises _UnsureError where that is not certain."""
    if known.needs is None:
        raise _UnsureError
    return known.needs


def closure_of(known: Known) -> Closure:
    """What is kept of ``known`` with all that it needs. Raises _UnsureError."""
    if known.closure is None:
        known.closure = Closure(known)
    return known.closure


def _ordered(top: Known, whole: Closure, woken: Mapping[Known, tuple[Known, ...]]) -> Iterable[Known]:
    """The packages in the order in which apk installs them: what is needed first, what is brought along as soon as all its
    conditions have been come upon. Raises _UnsureError."""
    waiting: dict[Known, list[Known]] = {}
    for known, conditions in woken.items():
        for condition in conditions:
            waiting.setdefault(condition, []).append(known)
    for listed in waiting.values():
        _sort(listed)
    members = whole.order.keys()
    straight = members.isdisjoint(whole.passed)
    order: dict[Known, None] = {}
    ahead = set(waiting)
    for need in top.visits:
        part = need.closure
        if need in order or need not in members:
            continue
        if straight and part is not None and ahead.isdisjoint(part.order):
            order |= part.order
        else:
            _walk(need, order, members, waiting, woken)
            ahead.difference_update(order)
    return order


def _walk(
    start: Known,
    order: dict[Known, None],
    members: Set[Known],
    waiting: Mapping[Known, Sequence[Known]],
    woken: Mapping[Known, Sequence[Known]],
) -> None:
    """Add to ``order`` what apk comes to from ``start``, ``waiting`` being what each package may bring along in the end."""
    begun = {start}
    stack: list[tuple[Known | None, Iterator[Known]]] = [(start, iter(start.visits))]
    while stack:
        visited, rest = stack[-1]
        for one in rest:
            if one in begun or one in order or one not in members:
                continue
            if visited is None and not all(held in begun or held in order for held in woken[one]):
                continue
            begun.add(one)
            stack.append((one, iter(one.visits)))
            break
        else:
            stack.pop()
            if visited is not None:
                order[visited] = None
                if visited in waiting:
                    stack.append((None, iter(waiting[visited])))


def _sort(woken: list[Known]) -> None:
    """In the order in which apk comes to what one name brings along: by the names that it has. Raises _UnsureError."""
    if len(woken) > 1:
        if any(way.version is None for known in woken for way in known.package.provides):
            raise _UnsureError  # whether it stands for such a name in the end depends
        woken.sort(key=lambda known: min(map(bucket, _names(known.package))))
