"""Which packages a world asks for: the answer of apk-tools, found the way apk-tools finds it.

apk does not search: it propagates. Names are decided one by one; each decision rules packages out, which makes other
decisions forced. Where a choice is left, the order of decisions and a fixed list of preferences settle it, and what
went wrong is reported, not retried. So the same steps in the same order give the same answer, also where that answer
is an error. The steps were read in src/solver.c of apk-tools (see :mod:`.behaviour` for the versions) and the result
is compared with the real program in tests/apk.

In three phases: *discover* everything reachable from the world, *decide* name by name, *collect* the changes against
what is installed.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.apk.namehash import bucket
from dockerlint_alpine.apk.solver_state import NameState, PackageState, Request, prefer
from dockerlint_alpine.apk.version import ANY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockerlint_alpine.apk.behaviour import Behaviour
    from dockerlint_alpine.apk.catalog import Catalog
    from dockerlint_alpine.apk.constraint import Constraint
    from dockerlint_alpine.apk.package import Package

_LAST = 1 << 30
"""Above every bucket: a package made on the command line is noted last among those that depend on a name."""


class Change(Struct, frozen=True):
    """One package before and after; ``old`` is ``None`` for a new one, ``new`` for one that goes."""

    old: PackageState | None
    new: PackageState | None


Scope: TypeAlias = Literal["all", "near", "near-reluctant"]
"""How much of what apk looks at is looked at. ``all`` includes thousands of names that can never be installed here (every
``-doc`` package of everything reachable); they only sway the order of decisions, by keeping names that they depend on
from being decided early, or by leading to a name with ``install_if`` that is met otherwise. ``near`` leaves them out and
takes it that no name is kept and all such names are found, ``near-reluctant`` takes it the other way round."""


class Solver:
    """One run of the solver. Read ``changes`` and ``errors`` after :meth:`solve`."""

    def __init__(self, catalog: Catalog, behaviour: Behaviour, request: Request, scope: Scope = "all") -> None:
        self._catalog = catalog
        self.behaviour = behaviour
        self._ranks = {name: rank for rank, name in enumerate(request.repositories)}
        self._installed = {(package.name, package.version): package for package in request.installed}
        self._virtual = tuple(request.virtual)
        self._named = request.named
        self._removed = request.removed if behaviour.removal else frozenset()
        self._dialect = behaviour.dialect
        self._by_queue = behaviour.order == "queues"
        self.world = sorted(request.world, key=lambda constraint: (constraint.name.lower(), constraint.name))
        self._names: dict[str, NameState] = {}
        self._packages: dict[tuple[str, str, str, int], PackageState] = {}
        self._by_installed: dict[str, list[Package]] = {}
        self._by_virtual: dict[str, list[Package]] = {}
        self._dirty: deque[NameState] = deque()
        self._unresolved: dict[NameState, None] = {}
        self._ready: deque[NameState] = deque()
        self._queue: list[tuple[bool, bool, bool, int, NameState]] = []
        self._scope = scope
        self._within: frozenset[str] = frozenset()
        self._next_order = 0
        self.errors = 0
        self.changes: list[Change] = []

    def solve(self) -> None:
        """Run all three phases."""
        self._index_extra_packages()
        names = [*(constraint.name for constraint in self.world), *self._extra_names()]
        if self._scope == "all":
            self._catalog.prepare(names, provides=self.behaviour.discover_provides)
        else:
            self._within = self._catalog.reachable(names)
        for constraint in self.world:
            self._discover(self.name(constraint.name))
        if self._scope == "near":
            for text in sorted(self._within):
                self._discover(self.name(text))
        self._note_needs()
        for constraint in self.world:
            self._apply(constraint, self.name(constraint.name))
        self._decide()
        self._collect()

    def result(self) -> frozenset[tuple[str, str]]:
        """Name and version of everything installed in the end."""
        kept = [change.new.package for change in self.changes if change.new is not None]
        return frozenset([(package.name, package.version) for package in kept])

    def name(self, text: str) -> NameState:
        """The state of the name ``text``."""
        found = self._names.get(text)
        if found is None:
            found = self._names[text] = NameState(text)
            found.flagged = text in self._named or text in self._removed
        return found

    def provider_count(self, name: NameState) -> int:
        """How many providers of ``name`` there are, also where it was not looked at itself."""
        return len(name.providers if name.seen else self._provider_list(name.text))

    # -- what is known -------------------------------------------------------------------------------------------

    def _index_extra_packages(self) -> None:
        for packages, by_name in ((self._installed.values(), self._by_installed), (self._virtual, self._by_virtual)):
            for package in packages:
                for name in dict.fromkeys((package.name, *(provide.name for provide in package.provides))):
                    by_name.setdefault(name, []).append(package)

    def _extra_names(self) -> Iterator[str]:
        for package in (*self._installed.values(), *self._virtual):
            yield package.name
            for constraint in package.depends:
                yield constraint.name

    def _provider_list(self, text: str) -> list[tuple[Package, str | None]]:
        """Providers of a name as apk lists them: the installed ones were read first, those made by hand come last."""
        listed = self._catalog.entry(text).providers
        if self._installed:
            here = self._by_installed.get(text, ())
            first = [(package, way.version) for package in here for way in package.provided(text)]
            rest = [found for found in listed if (found[0].name, found[0].version) not in self._installed]
            listed = (*first, *rest)
        last = [(package, way.version) for package in self._by_virtual.get(text, ()) for way in package.provided(text)]
        return [*listed, *last]

    def _package(self, package: Package) -> PackageState:
        key = (package.name, package.version, package.repository, id(package))
        found = self._packages.get(key)
        if found is None:
            installed = (package.name, package.version) in self._installed
            rank = self._ranks.get(package.repository, len(self._ranks))
            found = PackageState(package, self.name(package.name), rank, installed=installed)
            found.depends = [(constraint, self.name(constraint.name)) for constraint in package.depends]
            found.install_if = [(constraint, self.name(constraint.name)) for constraint in package.install_if]
            found.provides = [(self.name(provide.name), provide.version) for provide in package.provides]
            if self._removed:
                found.removed = not self._removed.isdisjoint((package.name, *(way.name for way in package.provides)))
            self._packages[key] = found
        return found

    def provided(
        self,
        constraint: Constraint,
        package: PackageState | None,
        version: str | None,
        owner: PackageState | None = None,
    ) -> bool:
        """Whether a decision (``package``, the version under which it was decided) is what ``constraint`` asks for.

        ``owner`` is whose dependency it is: to apk-tools 3 nothing conflicts with itself.
        """
        if package is None:
            return constraint.conflict
        if constraint.conflict and package is owner and self._dialect == 3:
            return True
        return constraint.matches(version, dialect=self._dialect) != constraint.conflict

    # -- discover ------------------------------------------------------------------------------------------------

    def _discover(self, root: NameState) -> None:
        """Depth first from ``root``; an explicit stack, as chains of dependencies can be long."""
        if root.seen:
            return
        stack = [self._discovery(root)]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif not found.seen:
                stack.append(self._discovery(found))

    def _discovery(self, name: NameState) -> Iterator[NameState]:
        name.seen = True
        name.providers = [(self._package(package), version) for package, version in self._provider_list(name.text)]
        virtual = 0
        for package, _ in name.providers:
            if not package.seen:
                package.seen = True
                for _, other in package.depends:
                    if not other.seen:
                        yield other
                    package.chain = max(package.chain, other.chain + 1)
            name.no_trigger &= package.trigger_failed
            name.chain = max(name.chain, package.chain)
            virtual += package.name is not name
        name.real = virtual != len(name.providers)
        name.priority = 0 if not virtual else 1 if name.real else 2
        yield from self._discovered_by_triggers(name)
        self._next_order += 1
        name.order = self._next_order
        if self.behaviour.exact_triggers:
            for package, _ in name.providers:
                yield from (other for _, other in package.install_if)

    def _discovered_by_triggers(self, name: NameState) -> Iterator[NameState]:
        if not self.behaviour.virtual_triggers:
            yield from self._triggers(name)
            return
        if self.behaviour.exact_triggers:
            yield from self._triggers(name)
        for package, _ in name.providers:
            yield from self._triggers(package.name)
            for other, _ in package.provides:
                if other.seen:
                    continue
                if self.behaviour.discover_provides:
                    yield other
                yield from self._triggers(other)

    def _triggers(self, name: NameState) -> tuple[NameState, ...]:
        """Names whose packages are installed along with ``name``."""
        if name.triggers is None:
            found: Sequence[str] = ()
            if self._catalog.may_trigger(name.text):
                found = self._catalog.triggered(name.text, None if self._scope == "all" else self._within)
            name.triggers = tuple([self.name(text) for text in found])
        return name.triggers

    def _note_needs(self) -> None:
        """Note who depends on what, and who else provides the names that were not discovered themselves."""
        seen = [name for name in self._names.values() if name.seen]
        for name in seen:
            touched = set[NameState]()
            for package, _ in name.providers:
                for _, other in package.depends:
                    if other not in touched:
                        touched.add(other)
                        other.needs.append(name)
        for package in self._packages.values():
            for other, version in package.provides:
                if not other.seen:
                    other.providers.append((package, version))

    def needs(self, name: NameState) -> list[NameState]:
        """Names whose packages depend on ``name``, in the order in which apk keeps them."""
        if not name.sorted:
            virtual = self._by_virtual
            name.needs.sort(key=lambda other: _LAST if other.text in virtual else bucket(other.text))
            name.sorted = True
        return name.needs

    # -- propagate -----------------------------------------------------------------------------------------------

    def _queue_dirty(self, name: NameState) -> None:
        if name.dirty or name.locked or not (name.requirers or name.recheck_trigger):
            return
        name.dirty = True
        self._dirty.append(name)

    def _queue_unresolved(self, name: NameState) -> None:
        if name.locked:
            return
        if self._by_queue:
            self._enqueue(name)
        elif name.requirers or name.triggered:
            if name not in self._unresolved:
                self._unresolved[name] = None
        else:
            self._unresolved.pop(name, None)

    def _enqueue(self, name: NameState) -> None:
        """apk-tools 3: a name stays to be decided, and one that can be decided at once goes before all others for good."""
        if name.ready or not (name in self._unresolved or name.requirers or name.triggered or name.condition):
            return
        if name.fast and name.requirers and name.auto_selectable:
            name.ready = True
            self._ready.append(name)
        heappush(self._queue, (not name.auto_selectable, name.flagged, not name.real, -name.order, name))
        self._unresolved[name] = None

    def _recheck_needs(self, name: NameState) -> None:
        for other in self.needs(name):
            other.recheck_depends = True
            self._queue_dirty(other)

    def _recheck_triggers(self, triggered: Sequence[NameState]) -> None:
        for other in triggered:
            if other.seen and not other.no_trigger:
                other.recheck_trigger = True
                self._queue_dirty(other)

    def _package_triggers(self, package: PackageState) -> tuple[NameState, ...]:
        """Names whose packages are installed along with ``package``, by its own name or another that it provides."""
        if package.triggers is None:
            found = dict.fromkeys(self._triggers(package.name))
            if self.behaviour.virtual_triggers:
                for other, _ in package.provides:
                    if other.triggers != ():
                        found.update(dict.fromkeys(self._triggers(other)))
            package.triggers = tuple(found)
        return package.triggers

    def _disqualify(self, package: PackageState) -> None:
        package.selectable = False
        self._recheck_needs(package.name)
        for other, _ in package.provides:
            self._recheck_needs(other)
        self._recheck_triggers(self._package_triggers(package))

    def _required(self, name: NameState) -> None:
        self._queue_unresolved(name)
        self._recheck_triggers(self._triggers(name))
        self._queue_dirty(name)

    def _apply(self, constraint: Constraint, name: NameState, owner: PackageState | None = None) -> None:
        if not constraint.conflict:
            name.requirers += 1
            if name.requirers == 1:
                self._required(name)
        if constraint.mask == ANY and not constraint.conflict:
            return
        for package, version in name.providers:
            if not self.provided(constraint, package, version, owner):
                package.conflicts += 1
            if package.selectable and package.conflicts:
                self._disqualify(package)

    def _satisfiable(self, owner: PackageState, constraint: Constraint, name: NameState) -> bool:
        if name.locked:
            return self.provided(constraint, name.chosen, name.chosen_version, owner)
        if not name.requirers and constraint.conflict:
            return True
        return any(
            package.selectable and self.provided(constraint, package, version, owner)
            for package, version in name.providers
        )

    def _all_satisfiable(self, package: PackageState) -> bool:
        return all(self._satisfiable(package, constraint, other) for constraint, other in package.depends)

    def _reconsider(self, name: NameState) -> None:
        """Look at the packages of ``name`` again: which are left, and what all of them have in common."""
        recheck_depends, recheck_trigger = name.recheck_depends, name.recheck_trigger
        name.recheck_depends = name.recheck_trigger = False
        options: list[PackageState] = []
        triggered, no_trigger, auto_selectable = False, True, False
        for package, version in name.providers:
            package.merged = False
            if recheck_depends and package.selectable and not self._all_satisfiable(package):
                self._disqualify(package)
            if not package.selectable:
                continue
            if recheck_trigger and not package.triggered and not package.trigger_failed:
                self._check_trigger(package)
            triggered |= package.triggered
            no_trigger &= package.trigger_failed
            auto_selectable |= package.triggered
            if name.requirers:
                self._merge(package, version, len(options))
                options.append(package)
                auto_selectable = auto_selectable or self._auto_selectable(package, version)
        name.has_options = len(options) > 1
        name.auto_selectable = auto_selectable
        name.triggered = triggered
        name.no_trigger = no_trigger
        if not self._by_queue:
            self._queue_unresolved(name)
        if options:
            self._merge_down(name, options)
        name.reverse_done = all(other.locked for other in name.needs)
        name.fast = name.reverse_done and not name.has_options and self._scope != "near-reluctant"
        if self._by_queue:
            self._queue_unresolved(name)

    def _check_trigger(self, package: PackageState) -> None:
        package.triggered = True
        for constraint, other in package.install_if:
            if not other.locked:
                package.triggered = False
                if constraint.conflict and self.behaviour.exact_triggers:
                    other.condition = True
                    self._queue_unresolved(other)
                return
            if not self.provided(constraint, other.chosen, other.chosen_version, package):
                package.triggered = False
                package.trigger_failed = True
                return

    def _merge(self, package: PackageState, version: str | None, count: int) -> None:
        """Count names that each of the first ``count`` options depends on or provides; ``package`` is the next one."""
        package.merged = True
        for constraint, other in package.depends:
            if not constraint.conflict and other.merged_depends == count:
                other.merged_depends += 1
        if package.name.merged_provides == count:
            package.name.merged_provides += 1
            package.name.has_virtual |= version is None
        for other, way in package.provides:
            if other.merged_provides == count:
                other.merged_provides += 1
                other.has_virtual |= way is None

    def _merge_down(self, name: NameState, options: list[PackageState]) -> None:
        """Whatever is chosen for ``name`` depends on and provides what all options have in common."""
        first, count = options[0], len(options)
        for package, _ in name.providers:
            package.used = package.merged
        for constraint, other in first.depends:
            common = other.merged_depends == count
            other.merged_depends = 0
            if not common:
                continue
            if count == 1:
                self._apply(constraint, other, first)
            elif not other.requirers:
                other.requirers += 1
                self._required(other)
        for other in (first.name, *(way for way, _ in first.provides)):
            common = other.merged_provides == count
            other.merged_provides = 0
            if common:
                self._exclude_others(other, name, skip_virtual=other.has_virtual)
        first.name.has_virtual = False
        for other, _ in first.provides:
            other.has_virtual = False

    def _exclude_others(self, name: NameState, must_provide: NameState, *, skip_virtual: bool) -> None:
        """Rule out the packages that would take ``name`` without being an option for ``must_provide``."""
        if name is must_provide:
            return
        for package, version in name.providers:
            if package.name is must_provide or not package.selectable or (skip_virtual and version is None):
                continue
            if not any(other is must_provide or (skip_virtual and way is None) for other, way in package.provides):
                self._disqualify(package)

    def _auto_selectable(self, package: PackageState, version: str | None) -> bool:
        return version is not None or package.package.priority > 0 or package.name.requirers > 0

    # -- decide --------------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        while True:
            while self._dirty:
                name = self._dirty.popleft()
                if name.dirty:
                    name.dirty = False
                    self._reconsider(name)
            if not self._unresolved:
                return
            self._select(self._next_queued() if self._by_queue else self._next_name(_ORDERS[self.behaviour.order]))

    def _next_queued(self) -> NameState:
        """apk-tools 3: the oldest of those that are ready, else of those that can be taken unasked the last discovered."""
        while self._ready:
            name = self._ready.popleft()
            if not name.locked:
                return name
        while True:
            unselectable, _, _, _, name = heappop(self._queue)
            if not name.locked and name.auto_selectable is not unselectable:
                return name

    def _next_name(self, key: Callable[[NameState], tuple[int, ...]]) -> NameState:
        """A name with one option that nothing undecided depends on, else the first by ``key``; the newest comes first.

        The solver that discovers provided names as well asks of the former that it can be taken without being named.
        """
        by_depth = self.behaviour.order == "depth"
        best: NameState | None = None
        best_key: tuple[int, ...] = ()
        for name in reversed(self._unresolved):
            if name.fast and name.requirers and (name.auto_selectable or not by_depth):
                return name
            found = key(name)
            if best is None or found < best_key:
                best, best_key = name, found
        assert best is not None
        return best

    def _select(self, name: NameState) -> None:
        chosen: tuple[PackageState, str | None] | None = None
        for candidate in name.providers:
            if self._eligible(name, *candidate) and (chosen is None or prefer(self.behaviour, candidate, chosen) > 0):
                chosen = candidate
        if chosen is None:
            self._assign(name, None, None)
            if name.requirers:
                self.errors += 1
            return
        package = chosen[0]
        if not package.selectable:
            self._mark_error(package)
        self._assign(package.name, package, package.package.version)
        for other, way in package.provides:
            self._assign(other, package, way)
        for constraint, other in package.depends:
            self._apply(constraint, other, package)

    def _eligible(self, name: NameState, package: PackageState, version: str | None) -> bool:
        if not name.requirers:
            if not name.triggered or not package.triggered:
                return False
            if self.behaviour.sound_triggers and not package.selectable:
                return False
        if self.behaviour.lone_virtual and len(name.providers) == 1:
            return True
        return self._auto_selectable(package, version)

    def _assign(self, name: NameState, package: PackageState | None, version: str | None) -> None:
        if name.locked:
            if version is not None or name.chosen_version is not None:
                self._mark_error(package)
                self._mark_error(name.chosen)
            return
        name.locked = True
        name.chosen, name.chosen_version = package, version
        self._unresolved.pop(name, None)
        name.dirty = False
        if package is not None and package.triggered and not name.requirers and self.behaviour.exact_triggers:
            for constraint, condition in package.install_if:
                if not condition.locked:
                    self._apply(constraint, condition, package)
        for other, way in name.providers:
            if other is not package and (version is not None or way is not None):
                self._disqualify(other)
        self._recheck_needs(name)
        if package is not None and self.behaviour.virtual_triggers:
            self._recheck_triggers(self._package_triggers(package))
        else:
            self._recheck_triggers(self._triggers(name))

    def _mark_error(self, package: PackageState | None) -> None:
        if package is not None and not package.error:
            package.error = True
            self.errors += 1

    # -- collect -------------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Turn the decisions into changes, in the order in which apk would make them."""
        installed = [self._package(package) for package in self._installed.values()]
        for name in self._names.values():
            name.requirers = 0
        for package in installed:
            package.name.installed_package = package
            package.name.installed_name = package.name
            for other, version in package.provides:
                if version is not None:
                    other.installed_name = package.name
        for package in installed:
            self._count_needs(package)
        for package in installed:
            self._remove_if_unneeded(package)
        for constraint in self.world:
            self._collect_need(None, constraint, self.name(constraint.name))
        for package in installed:
            self._collect_name(package.name)

    def _count_needs(self, package: PackageState) -> None:
        for constraint, other in package.depends:
            if not constraint.conflict and other.installed_name is not None:
                other.installed_name.requirers += 1

    def _discount_needs(self, package: PackageState) -> None:
        for constraint, other in package.depends:
            if constraint.conflict or other.installed_name is None:
                continue
            other.installed_name.requirers -= 1
            if other.installed_name.requirers <= 0 and other.installed_package is not None:
                self._collect_removal(other.installed_package)

    def _remove_if_unneeded(self, package: PackageState) -> None:
        if not package.name.requirers and package.name.chosen is None:
            self._collect_removal(package)

    def _collect_need(self, owner: PackageState | None, constraint: Constraint, name: NameState) -> None:
        if not self.provided(constraint, name.chosen, name.chosen_version, owner):
            self._mark_error(owner)
        self._collect_name(name)
        if name.chosen is not None and name.chosen.error:
            self._mark_error(owner)

    def _collect_name(self, name: NameState) -> None:
        if name.entered:
            return
        self._remove_orphans(name)
        package = name.chosen
        if package is None or package.entered:
            return
        package.entered = True
        self._remove_orphans(package.name)
        for other, _ in package.provides:
            self._remove_orphans(other)
        old = package.name.installed_package
        if old is not None:
            for other in self._package_triggers(old):
                self._remove_by_trigger(other)
        for constraint, other in package.depends:
            self._collect_need(package, constraint, other)
        self.changes.append(Change(old, package))
        for other in self._package_triggers(package):
            self._install_by_trigger(other)
        self._count_needs(package)
        if old is not None:
            self._discount_needs(old)

    def _remove_orphans(self, name: NameState) -> None:
        if name.entered:
            return
        name.entered = True
        if name.installed_package is not None and (name.chosen is None or name.chosen.name is not name):
            self._collect_removal(name.installed_package)
        if self.behaviour.virtual_triggers:
            for package, _ in name.providers:
                if package.name.installed_package is package and package.name.chosen is None:
                    self._collect_removal(package)

    def _collect_removal(self, package: PackageState) -> None:
        name = package.name
        if package.entered or (name.chosen is not None and name.chosen.name is name):
            return
        name.removed = package.entered = True
        name.entered |= not self.behaviour.exact_triggers
        for other in (name, *(way for way, _ in package.provides)):
            for dependant in self.needs(other):
                for candidate, _ in dependant.providers:
                    if candidate.installed and any(
                        self.relies(candidate, need, package) for need, _ in candidate.depends
                    ):
                        self._collect_removal(candidate)
        for other in self._package_triggers(package):
            self._remove_by_trigger(other)
        self.changes.append(Change(package, None))
        self._discount_needs(package)

    def relies(self, owner: PackageState | None, constraint: Constraint, package: PackageState) -> bool | None:
        """Whether ``package`` is what ``constraint`` of ``owner`` asks for; ``None``: it has nothing to do with it."""
        ways = package.package.provided(constraint.name)
        return self.provided(constraint, package, ways[0].version, owner) if ways else None

    def _install_by_trigger(self, name: NameState) -> None:
        package = name.chosen
        if package is None or not name.seen or name.entered:
            return
        for constraint, other in package.install_if:
            needed = not (constraint.conflict and self.behaviour.exact_triggers)
            if needed and not other.entered:
                return
            if not self.provided(constraint, other.chosen, other.chosen_version, package):
                return
        self._collect_name(name)

    def _remove_by_trigger(self, name: NameState) -> None:
        package = name.installed_package
        if package is None or name.entered or name.removed or name.chosen is not None:
            return
        exact = self.behaviour.exact_triggers
        if any((other.removed if exact else other.entered) and other.chosen is None for _, other in package.install_if):
            self._remove_if_unneeded(package)


_ORDERS: dict[str, Callable[[NameState], tuple[int, ...]]] = {
    "requirers-priority-chain": lambda name: (not name.requirers, name.priority, -name.chain),
    "flags-priority-chain": lambda name: (not name.flagged, name.priority, -name.chain, not name.requirers),
    "requirers-flags-priority-chain": lambda name: (not name.requirers, not name.flagged, name.priority, -name.chain),
    "depth": lambda name: (not name.auto_selectable, not name.flagged, -name.order),
}
