"""The answer of the solver where there is nothing to decide, found without it.

Most package sets need no search: every name that is asked for has one provider, or one that is preferred whatever else
happens; nothing in the set conflicts; and what ``install_if`` brings along is plain. Then the answer is the set of packages
that is reached from the world, and no order of decisions leads elsewhere. :class:`Shortcut` finds that set, checks that it
is such a one, and answers ``None`` where it is not sure: then the solver decides.

Why the solver can't answer otherwise. Let S be the set that was reached, N the names that its packages and the world ask
for. The checks establish:

* for every n in N, one package p(n) of S provides it. It may be taken without being named, it is preferred to every other
  provider of n by what never changes while the solver runs (:func:`.solver.prefer` with all else equal), and no other
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

from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from dockerlint_alpine.apk.namehash import bucket
from dockerlint_alpine.apk.package import Package
from dockerlint_alpine.apk.solver import NameState, PackageState, prefer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.apk.behaviour import Behaviour
    from dockerlint_alpine.apk.catalog import Catalog
    from dockerlint_alpine.apk.constraint import Constraint
    from dockerlint_alpine.apk.solver import Request


class Known:
    """What is kept of one package; all of it follows from the index.

    ``needs`` are the packages that its dependencies come to, in their order; ``None`` where that is not certain. ``visits``
    also has those that it must not conflict with: apk comes to them here, too, if they are chosen. ``rivals`` must be
    neither chosen nor installed beside it, ``foes`` not chosen; ``favoured`` are the needs that have rivals.
    ``shared`` are the names that it provides and another package, too; ``wakes`` the packages that have one of its names in
    their ``install_if``, each with all names that must be there.
    """

    __slots__ = ("favoured", "filled", "foes", "needs", "package", "rivals", "shared", "tokens", "visits", "wakes")

    def __init__(self, package: Package) -> None:
        self.package = package
        self.filled = False
        self.needs: tuple[Known, ...] | None = None
        self.visits: tuple[Known, ...] = ()
        self.rivals: frozenset[Known] = frozenset()
        self.foes: frozenset[Known] = frozenset()
        self.favoured: tuple[Known, ...] = ()
        self.shared: tuple[str, ...] = ()
        self.tokens: tuple[str, ...] = ()
        self.wakes: tuple[tuple[str, frozenset[str]], ...] = ()


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
        self._known: dict[int, Known] = {}
        self._choices: dict[str, _Choice | None] = {}

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
        found = self._known.get(id(package))
        if found is None and any(package is one for one, _ in self._catalog.entry(package.name).providers):
            found = self._of(package)
        return found

    def provided(self, name: str) -> bool:
        """Whether a package of the catalog provides ``name``."""
        return bool(self._catalog.entry(name).providers)

    def prepare(self, names: Iterable[str]) -> None:
        """Find out about everything that is reached from ``names``, level by level: few queries instead of many."""
        new: dict[Known, None] = {}
        done = set[str]()
        level = set(names)
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
        known.shared = tuple([name for name in names if len(entry(name).providers) > 1])
        known.tokens = tuple([name for name in names if self._catalog.may_trigger(name)])
        known.wakes = tuple(
            [(owner, frozenset((name, *others))) for name in known.tokens for owner, others in entry(name).triggers]
        )
        self.resolve(known, package.depends, by_hand or {})

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
        found = self._known.get(id(package))
        if found is None:
            found = self._known[id(package)] = Known(package)
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
        self._rivals = set[Known]()

    def answer(self) -> list[Pair]:
        """The answer. Raises _UnsureError."""
        shortcut, request = self._shortcut, self._request
        installed = [shortcut.known(package) or self._made(package) for package in request.installed]
        for package in request.virtual:
            self._made(package)
        world = sorted(request.world, key=lambda constraint: (constraint.name.lower(), constraint.name))
        needed = [*world, *(need for known in self._by_hand.values() for need in known.package.depends)]
        shortcut.prepare([constraint.name for constraint in needed if constraint.name not in self._by_hand])
        for known in self._by_hand.values():
            shortcut.fill(known, self._by_hand)
        top = Known(_WORLD)
        shortcut.resolve(top, world, self._by_hand)
        found, woken = self._with_woken(top)
        self._check(found, installed)
        before = set(installed)
        order = _ordered(top, found, woken)
        pairs: list[Pair] = [(known.package if known in before else None, known.package) for known in order]
        return pairs + [(known.package, None) for known in installed if known not in found]

    def _made(self, package: Package) -> Known:
        """A package that ``apk add --virtual`` makes or has made."""
        made_before = package.name in self._by_hand
        if made_before or package.provides or package.install_if or self._shortcut.provided(package.name):
            raise _UnsureError
        found = self._by_hand[package.name] = Known(package)
        return found

    def _with_woken(self, top: Known) -> tuple[set[Known], set[Known]]:
        """Everything that is reached from ``top`` with what that brings along by ``install_if``; and the latter alone."""
        found = _closure([top])
        woken = set[Known]()
        while new := self._woken(found) - woken:
            woken |= new
            found |= _closure(new)
        return found, woken

    def _woken(self, found: set[Known]) -> set[Known]:
        tokens = set(chain.from_iterable([known.tokens for known in found]))
        waiting: dict[str, frozenset[str]] = {}
        for known in found:
            for owner, names in known.wakes:
                if waiting.setdefault(owner, names) != names:
                    raise _UnsureError  # a name that is in the list of one condition and not of another: a negative one
        owners = [owner for owner, names in waiting.items() if names <= tokens]
        if not owners:
            return set()
        own = {known.package.name: known for known in found}
        asked = set[str]()
        if self._shortcut.minds_names:
            asked.update(need.name for known in found for need in known.package.depends)
            asked.update(constraint.name for constraint in self._request.world)
        woken = [one for owner in owners if (one := self._shortcut.woken(owner, own, asked)) is not None]
        self._rivals.update(rival for _, rivals in woken for rival in rivals)
        return {known for known, _ in woken}

    def _check(self, found: set[Known], installed: Iterable[Known]) -> None:
        """That nothing in the set stands against it. Raises _UnsureError."""
        present = found.union(installed)
        shared = set[str]()
        if not present.isdisjoint(self._rivals):
            raise _UnsureError
        for known in found:
            if known.rivals and not present.isdisjoint(known.rivals):
                raise _UnsureError
            if known.foes and not found.isdisjoint(known.foes):
                raise _UnsureError
            if known.shared:
                if not shared.isdisjoint(known.shared):
                    raise _UnsureError
                shared.update(known.shared)
        removed = self._request.removed
        if removed and self._shortcut.avoids_removed:
            for known in found:
                if any(not removed.isdisjoint(_names(one.package)) for one in known.favoured):
                    raise _UnsureError


_WORLD = Package("", "")
"""Stands for the world file, whose constraints are like dependencies."""


def _names(package: Package) -> list[str]:
    return [package.name, *[provide.name for provide in package.provides]]


def _closure(roots: Iterable[Known]) -> set[Known]:
    """``roots`` and all that they need. Raises _UnsureError."""
    found = set(roots)
    work = list(found)
    while work:
        needs = work.pop().needs
        if needs is None:
            raise _UnsureError
        for need in needs:
            if need not in found:
                found.add(need)
                work.append(need)
    return found


def _ordered(top: Known, members: set[Known], woken: Iterable[Known]) -> list[Known]:
    """The ``members`` in the order in which apk installs them: what is needed first, what is brought along as soon as all
    its conditions have been come upon. Raises _UnsureError."""
    by_condition: dict[str, list[Known]] = {}
    for known in woken:
        for condition in known.package.install_if:
            by_condition.setdefault(condition.name, []).append(known)
    for waiting in by_condition.values():
        _sort(waiting)
    order: list[Known] = []
    entered, names = {top}, set[str]()
    stack: list[tuple[Known | None, Iterator[Known]]] = [(top, iter(top.visits))]
    while stack:
        visited, rest = stack[-1]
        for need in rest:
            if need in entered or need not in members or (visited is None and not _awake(need, names)):
                continue
            entered.add(need)
            names.add(need.package.name)
            stack.append((need, iter(need.visits)))
            break
        else:
            stack.pop()
            if visited is not None and visited is not top:
                order.append(visited)
                if visited.package.name in by_condition:
                    stack.append((None, iter(by_condition[visited.package.name])))
    return order


def _sort(woken: list[Known]) -> None:
    """In the order in which apk comes to what one name brings along: by the names that it has. Raises _UnsureError."""
    if len(woken) > 1:
        if any(way.version is None for known in woken for way in known.package.provides):
            raise _UnsureError  # whether it stands for such a name in the end depends
        woken.sort(key=lambda known: min(map(bucket, _names(known.package))))


def _awake(known: Known, names: set[str]) -> bool:
    return all(condition.name in names for condition in known.package.install_if)
