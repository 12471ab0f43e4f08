"""Why a world cannot be satisfied, in the words of ``apk add``.

After ``ERROR: unable to select packages:`` apk prints a block for each package or name involved. The same blocks are
made here, one :class:`.outcome.Problem` each, from the decisions that the solver was left with (apk_solver_print_errors() in
src/commit.c of apk-tools 2.14 says which).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.apk.constraint import Constraint, Provide
from dockerlint_alpine.apk.outcome import Problem
from dockerlint_alpine.apk.solver_state import NameState, PackageState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.apk.solver import Solver

_PRESENT, _BY_TRIGGER, _VIRTUAL_ONLY = 1, 2, 4


def explain(solver: Solver) -> tuple[Problem, ...]:
    """The blocks that apk would print for a finished run with errors."""
    return tuple(_Explainer(solver).problems())


class _Explainer:
    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._marked = [change.new for change in solver.changes if change.new is not None]
        self._is_marked = set(self._marked)
        self._names: dict[NameState, int] = {}
        self._packages: dict[PackageState, int] = {}
        self._missing: set[NameState] = set()

    def problems(self) -> Iterator[Problem]:
        world = [(constraint, self._solver.name(constraint.name)) for constraint in self._solver.world]
        self._discover(world)
        yield from self._missing_names(world)
        for package in self._marked:
            yield from self._broken(package)
            yield from self._missing_names(package.depends)

    # -- what is there -------------------------------------------------------------------------------------------

    def _discover(self, depends: Sequence[tuple[Constraint, NameState]]) -> None:
        work = [(name, _PRESENT) for constraint, name in reversed(depends) if not constraint.conflict]
        while work:
            name, state = work.pop()
            for package, _ in name.providers:
                if package in self._is_marked:
                    work.extend(self._enter(package, name, state))

    def _enter(self, package: PackageState, name: NameState, state: int) -> list[tuple[NameState, int]]:
        if not (self._solver.behaviour.lone_virtual or package.package.priority or _is_concrete(package, name)):
            state = _VIRTUAL_ONLY
        if self._packages.get(package, 0) & state:
            return []
        self._packages[package] = self._packages.get(package, 0) | state
        self._mark(package.name, state)
        for other, version in package.provides:
            self._mark(other, _VIRTUAL_ONLY if state == _BY_TRIGGER and version is None else state)
        found = [(other, _PRESENT) for constraint, other in package.depends if not constraint.conflict]
        if state != _VIRTUAL_ONLY:
            for other in (package.name, *(way for way, _ in package.provides)):
                found.extend(self._triggered_by(other))
        return found

    def _mark(self, name: NameState, state: int) -> None:
        self._names[name] = self._names.get(name, 0) | state

    def _triggered_by(self, name: NameState) -> Iterator[tuple[NameState, int]]:
        for other in name.triggers or ():
            for package, _ in other.providers:
                if package in self._is_marked and package.install_if and all(map(self._holds, package.install_if)):
                    yield package.name, _BY_TRIGGER
                    yield from ((way, _BY_TRIGGER) for way, _ in package.provides)

    def _holds(self, condition: tuple[Constraint, NameState]) -> bool:
        constraint, name = condition
        return constraint.conflict != bool(self._names.get(name, 0) & (_PRESENT | _BY_TRIGGER))

    # -- what is missing -----------------------------------------------------------------------------------------

    def _missing_names(self, depends: Sequence[tuple[Constraint, NameState]]) -> Iterator[Problem]:
        for constraint, name in depends:
            present = self._names.get(name, 0) & (_PRESENT | _BY_TRIGGER)
            if not constraint.conflict and not present and name not in self._missing:
                self._missing.add(name)
                yield self._missing_name(name)

    def _missing_name(self, name: NameState) -> Problem:
        lines: list[tuple[str, tuple[str, ...]]] = []
        subject = f"{name.text} (no such package)"
        if name.providers:
            subject = f"{name.text} (virtual)"
            if not self._solver.behaviour.lone_virtual:
                lines.append(("note", ("please select one of the 'provided by' packages explicitly",)))
            lines.append(("provided by", tuple(self._owners(name))))
        lines.append(("required by", tuple(self._requirers(name))))
        return Problem(subject, tuple(lines), (name.text,))

    def _requirers(self, name: NameState) -> Iterator[str]:
        for constraint in self._solver.world:
            if constraint.name == name.text and not constraint.conflict:
                yield f"world[{_plain(constraint)}]"
        for package in self._dependants(name):
            for constraint, other in package.depends:
                if other is name and not constraint.conflict:
                    yield f"{package.package.spec}[{constraint}]"
                    break

    def _dependants(self, *names: NameState) -> dict[PackageState, None]:
        """Chosen packages that depend on one of ``names``, in apk's order."""
        return {
            package: None
            for name in names
            for owner in self._solver.needs(name)
            for package, _ in owner.providers
            if package in self._is_marked
        }

    def _owners(self, name: NameState) -> Iterator[str]:
        """The providers of a name: by name where all packages of that name provide it."""
        owners = [package.name for package, _ in name.providers]
        done = set[NameState]()
        for package, _ in name.providers:
            if owners.count(package.name) != self._solver.provider_count(package.name):
                yield package.package.spec
            elif package.name not in done:
                done.add(package.name)
                yield package.name.text

    # -- what is broken ------------------------------------------------------------------------------------------

    def _broken(self, package: PackageState) -> Iterator[Problem]:
        lines = []
        if conflicts := tuple(self._conflicts(package)):
            lines.append(("conflicts", conflicts))
        if breaks := tuple(self._needs_of(package, satisfied=False)):
            lines.append(("breaks", breaks))
        if not lines:
            return
        if satisfies := tuple(self._needs_of(package, satisfied=True)):
            lines.append(("satisfies", satisfies))
        yield Problem(package.package.spec, tuple(lines), (package.package.name,))

    def _conflicts(self, package: PackageState) -> Iterator[str]:
        for other, _ in package.name.providers:
            if other is not package and other in self._is_marked:
                yield other.package.spec
        for name, version in package.provides:
            itself = True
            for other, way in name.providers:
                if other not in self._is_marked or (version is None and way is None):
                    continue
                if itself and other is package and way == version:
                    itself = False
                    continue
                yield f"{other.package.spec}[{Provide(name.text, version)}]"

    def _needs_of(self, package: PackageState, *, satisfied: bool) -> Iterator[str]:
        for constraint in self._solver.world:
            if self._solver.relies(None, constraint, package) is satisfied:
                yield f"world[{_plain(constraint)}]"
        for owner in self._dependants(package.name, *(name for name, _ in package.provides)):
            for constraint, _ in owner.depends:
                if self._solver.relies(owner, constraint, package) is satisfied:
                    yield f"{owner.package.spec}[{constraint}]"


def _is_concrete(package: PackageState, name: NameState) -> bool:
    return package.name is name or any(other is name and version is not None for other, version in package.provides)


def _plain(constraint: Constraint) -> str:
    """A constraint as apk prints it, without its tag."""
    return str(Constraint(constraint.name, constraint.version, constraint.mask, constraint.conflict))
