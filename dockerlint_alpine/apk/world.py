"""What is installed at one point: the world file of apk, closed under dependencies.

A :class:`World` never changes; each ``apk add`` or ``apk del`` makes the next one from it, solved against what the one
before had installed, as apk does it.
"""

from __future__ import annotations

from collections import deque
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk.constraint import Constraint
from dockerlint_alpine.apk.errors import ConstraintError
from dockerlint_alpine.apk.outcome import Outcome, Problem, run
from dockerlint_alpine.apk.package import VIRTUAL, Package
from dockerlint_alpine.apk.solver_state import Request
from dockerlint_alpine.apk.version import ANY, EQUAL
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dockerlint_alpine.apk.index import Index

_NUMBERS = dict.fromkeys(map(ord, "0123456789."))


class PackageChange(Struct, frozen=True):
    """A package before and after one command: ``old`` is ``None`` if it is new, ``new`` if it goes."""

    old: Package | None
    new: Package | None


class Solution(Struct, frozen=True):
    """The answer to one question.

    ``packages`` is everything installed afterwards, by name; ``changes`` what this command did (packages that stay as
    they are left out). With ``problems`` apk would have changed nothing; ``packages`` then is what can be had without
    the constraints in ``dropped``.
    """

    packages: Mapping[str, Package]
    changes: tuple[PackageChange, ...] = ()
    problems: tuple[Problem, ...] = ()
    dropped: tuple[Constraint, ...] = ()

    @property
    def ok(self) -> bool:
        """True where apk would have succeeded."""
        return not self.problems


_SPELT = lazy_pattern(r"[*?\[]")
_SPEC = lazy_pattern(r"(.+)-(\d[^-]*-r\d+)")
"""``name-version-rN``, as ``apk info -v`` prints a package."""


def solve(index: Index, add: Iterable[str], *, installed: Iterable[str] = ()) -> Solution:
    """What ``apk add`` of the constraints ``add`` does in a root where ``installed`` was added before.

    ``installed`` are constraints too; ``name=version`` and ``name-version`` may name a version that the index does not
    have (any more). What they depend on is installed as the index has it.

    Raises:
        ConstraintError: for an argument that apk would refuse.

    """
    return _root(index, installed).add(*add, exact_errors=True).solution


def _root(index: Index, installed: Iterable[str]) -> World:
    names: list[str] = []
    versions: dict[str, str] = {}
    for spec in installed:
        found = _SPEC.fullmatch(spec)
        if found is not None and not index.catalog.entry(spec).providers:
            spec = f"{found[1]}={found[2]}"  # noqa: PLW2901 - the same package in the other notation
        constraint = Constraint.parse(spec)
        known = [package.version for package in index.packages(constraint.name)]
        if constraint.mask == EQUAL and constraint.version and known and constraint.version not in known:
            versions[constraint.name] = constraint.version
            spec = constraint.name  # noqa: PLW2901 - its version is put in below
        names.append(spec)
    world = World.of(index, names)
    packages = {
        name: _at_version(package, versions[name]) if name in versions else package
        for name, package in world.packages.items()
    }
    return World(index, world.constraints, replace(world.solution, packages=MappingProxyType(packages)))


def _at_version(package: Package, version: str) -> Package:
    """The record of ``package`` as it would read at another version: packages of one build name each other's."""
    provides = [replace(one, version=version) if one.version == package.version else one for one in package.provides]
    depends = [replace(one, version=version) if one.version == package.version else one for one in package.depends]
    return replace(package, version=version, provides=tuple(provides), depends=tuple(depends))


class World:
    """Constraints and the packages that they amount to. Immutable; see :meth:`add` and :meth:`remove`."""

    def __init__(self, index: Index, constraints: Sequence[Constraint] = (), solution: Solution | None = None) -> None:
        self.index = index
        self.constraints = tuple(constraints)
        self.solution = solution or Solution(MappingProxyType({}))

    @classmethod
    def of(cls, index: Index, constraints: Iterable[str] = ()) -> World:
        """The world of a root file system where ``constraints`` were added in one go.

        Raises:
            ConstraintError: for a constraint that apk would refuse.

        """
        return cls(index).add(*constraints)

    @property
    def packages(self) -> Mapping[str, Package]:
        """Everything installed, by package name (virtual packages too)."""
        return self.solution.packages

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the last command would have failed; empty where it would not."""
        return self.solution.problems

    @cached_property
    def explicit(self) -> frozenset[str]:
        """Names asked for: those of the world, and the members of its virtual packages."""
        names = set[str]()
        for constraint in self.constraints:
            names.add(constraint.name)
            package = self.packages.get(constraint.name)
            if package is not None and package.repository == VIRTUAL:
                names.update(member.name for member in package.depends if not member.conflict)
        return frozenset(names)

    def add(self, *specs: str, virtual: str | None = None, exact_errors: bool = False) -> World:
        """After ``apk add SPEC...``, with ``virtual`` after ``apk add --virtual NAME SPEC...``.

        ``exact_errors``: should it fail, let the explanation name all that apk's would, which takes longer.

        Raises:
            ConstraintError: for an argument that apk would refuse.

        """
        wanted = _merged((), [Constraint.parse(spec) for spec in specs])
        added = self._added(wanted, None if virtual is None else Constraint.parse(virtual))
        outcome = self._run(added, exact_errors=exact_errors)
        if outcome.failed is None and not any(constraint.tag for constraint in wanted):
            return World(self.index, added.constraints, _solution(outcome))
        problems = tuple(_untagged(wanted))
        if outcome.failed is not None:
            from dockerlint_alpine.apk.explain import explain

            problems += explain(outcome.failed)
        return self._without_broken(wanted, added.name, problems)

    def remove(self, *names: str) -> World:
        """After ``apk del NAME...``: the names leave the world, and with them what nothing else needs.

        A name may hold ``*``. Names that are not in the world change nothing, as with apk.
        """
        plain = {Constraint.parse(name).name for name in names if "*" not in name}
        patterns = [name for name in names if "*" in name]

        def goes(name: str) -> bool:
            return name in plain or any(fnmatchcase(name, pattern) for pattern in patterns)

        kept = [one for one in self.constraints if not goes(one.name)]
        removed = frozenset(filter(goes, self.packages))
        return World(self.index, kept, _solution(self._run(_Addition(tuple(kept)), removed=removed)))

    def has(self, need: str) -> bool:
        """True where something installed provides ``need``: see :meth:`provider`."""
        return self.provider(need) is not None

    def provider(self, need: str) -> Package | None:
        """The installed package that provides ``need``.

        ``need`` is a constraint (``so:liblz4.so.1``, ``pc:liblz4``, ``cmd:pg_config``, ``lz4-dev``, ``pc:liblz4>=1.9``)
        or a pattern with ``*`` in its name. A soname is also found under a namespace (``so:openblas:libopenblas.so.3``).
        """
        try:
            constraint = Constraint.parse(need)
        except ConstraintError:
            return None
        name = constraint.name
        spelt = self._capabilities.get(name, ())
        if spelt and constraint.mask == ANY:
            return spelt[0][0]
        if not spelt and "*" not in name and not name.startswith("so:"):
            return None
        for name in self._matching(constraint.name):
            for package, version in self._capabilities[name]:
                if constraint.matches(version, dialect=self.index.behaviour.dialect):
                    return package
        return None

    def why(self, name: str) -> tuple[str, ...]:
        """The shortest way from the world to the package ``name``: ``("postgresql-dev", "postgresql16-dev", "lz4-dev")``.

        The first is the name as it stands in the world, the others are packages. Empty where it is not installed.
        """
        asked, before, work = self._search
        while work and name not in before:
            current = work.popleft()
            for found in self._pulled_in(current):
                if found not in before:
                    before[found] = current
                    work.append(found)
        if name not in before:
            return ()
        path = [name]
        while (by := before[path[-1]]) is not None:
            path.append(by)
        first = asked[path[-1]]
        return (*((first,) if first != path[-1] else ()), *reversed(path))

    @cached_property
    def _search(self) -> tuple[Mapping[str, str], dict[str, str | None], deque[str]]:
        """How far :meth:`why` has come: what the world asks for, under which name; who brought each package that was come
        upon; and those whose own needs are not looked at yet."""
        asked: dict[str, str] = {}
        for constraint in self.constraints:
            for package in self._providers_of(constraint):
                asked.setdefault(package.name, constraint.name)
        return asked, dict.fromkeys(asked), deque(asked)

    def may_hide(self, program: str) -> bool:
        """Whether a package that tells of no file may have a program of this name: one that was asked for, one of the origin
        of a package that has it in PATH or of another version of that, or one that is named after the program. Where no
        package has it, any may."""
        if not self._silent:
            return False
        known = self.index.best(f"cmd:{program}")
        family = _family(known.package.origin) if known is not None else None
        return any(
            one.name in self.explicit or family in {None, _family(one.origin)} or program in one.name
            for one in self._silent
        )

    @cached_property
    def _silent(self) -> Sequence[Package]:
        """Packages that have compiled files of which the index tells nothing: neither a library nor a program in PATH.
        Those of Python distributions are extension modules."""
        return [
            package
            for package in self.packages.values()
            if not package.provides
            and not package.name.startswith(("py3-", "py2-", "py-"))
            and any(constraint.name.startswith("so:") for constraint in package.depends)
        ]

    @cached_property
    def _capabilities(self) -> Mapping[str, Sequence[tuple[Package, str | None]]]:
        """Installed packages by every name that they provide."""
        alone: dict[str, tuple[tuple[Package, str | None], ...]] = {}
        ways = [package.ways for package in self.packages.values()]
        for each in ways:
            alone |= each
        if sum(map(len, ways)) == len(alone):  # as in most worlds: no two packages have a name in common
            return alone
        found: dict[str, list[tuple[Package, str | None]]] = {}
        for package in self.packages.values():
            found.setdefault(package.name, []).insert(0, (package, package.version))
            for provide in package.provides:
                found.setdefault(provide.name, []).append((package, provide.version))
        return found

    def holders(self, name: str) -> Iterator[str]:
        """Names of the installed packages that are called ``name`` or provide it, in whatever version."""
        for package, _ in self._capabilities.get(name, ()):
            yield package.name

    def lost_without(self, names: Iterable[str]) -> frozenset[str]:
        """The packages that are there only because ``names`` were asked for, these included; virtual ones are left out."""
        kept: set[str] = set()
        has, packages, needed = self._capabilities.get, self.packages, self._needed
        pending = [name for name in self.explicit.difference(names) for name in self.holders(name)]
        while pending:
            name = pending.pop()
            if name not in kept and packages[name].repository != VIRTUAL:
                kept.add(name)
                if name not in needed:
                    needed[name] = [held.name for need in packages[name].needed for held, _ in has(need, ())]
                pending += needed[name]
        return frozenset(one.name for one in packages.values() if one.name not in kept and one.repository != VIRTUAL)

    @cached_property
    def _needed(self) -> dict[str, list[str]]:
        """What :meth:`lost_without` has come upon: by package, the installed ones that have what it depends on."""
        return {}

    @cached_property
    def _namespaced(self) -> list[str]:
        """Sonames under a namespace: ``so:openblas:libopenblas.so.3``."""
        return list(dict.fromkeys(name for package in self.packages.values() for name in package.namespaced))

    @cached_property
    def _by_trigger(self) -> dict[str, list[str]]:
        """Installed packages by the names in their ``install_if``."""
        found: dict[str, list[str]] = {}
        for package in self.packages.values():
            for condition in package.install_if:
                found.setdefault(condition.name, []).append(package.name)
        return found

    def _matching(self, name: str) -> Iterator[str]:
        if "*" in name:
            start = _SPELT.split(name, maxsplit=1)[0]
            yield from (one for one in self._capabilities if one.startswith(start) and fnmatchcase(one, name))
        elif name in self._capabilities:
            yield name
        if name.startswith("so:") and name.count(":") == 1:
            pattern = f"so:*:{name[3:]}"
            yield from (found for found in self._namespaced if fnmatchcase(found, pattern))

    def _providers_of(self, constraint: Constraint) -> Iterator[Package]:
        if not constraint.conflict:
            for package, version in self._capabilities.get(constraint.name, ()):
                if constraint.matches(version, dialect=self.index.behaviour.dialect):
                    yield package

    def _pulled_in(self, name: str) -> tuple[str, ...]:
        """Names of the installed packages that the installed package ``name`` brings along."""
        found = self._brought.get(name)
        if found is None:
            package = self.packages[name]
            brought = [held.name for constraint in package.depends for held in self._providers_of(constraint)]
            if not self._by_trigger.keys().isdisjoint(package.ways):
                brought += [one for way in package.ways for one in self._by_trigger.get(way, ())]
            found = self._brought[name] = tuple(dict.fromkeys(brought))
        return found

    @cached_property
    def _brought(self) -> dict[str, tuple[str, ...]]:
        return {}

    def _added(self, wanted: Sequence[Constraint], name: Constraint | None) -> _Addition:
        """The world with ``wanted`` in it, as the dependencies of the virtual package ``name`` if there is one."""
        if name is None:
            named = frozenset(constraint.name for constraint in wanted)
            return _Addition(_merged(self.constraints, wanted), named)
        if name.conflict or name.tag:
            raise ConstraintError(f"{name}: bad package specifier")
        before = self.packages.get(name.name)
        version = name.version or (f"{int(before.version) + 1}" if before and before.version.isdecimal() else "0")
        package = Package(name.name, version, VIRTUAL, "noarch", depends=tuple(wanted), origin=name.name)
        constraint = Constraint(package.name, package.version, EQUAL)
        return _Addition(_merged(self.constraints, [constraint]), frozenset({package.name}), package, name)

    def _without_broken(
        self, wanted: Sequence[Constraint], virtual: Constraint | None, problems: tuple[Problem, ...]
    ) -> World:
        """The world that is left when each constraint that cannot be had beside those before it is dropped."""
        kept = self._possible([], [constraint for constraint in wanted if not constraint.tag], virtual)
        added = self._added(kept, virtual)
        partial = _solution(self._run(added))
        dropped = tuple(constraint for constraint in wanted if constraint not in kept)
        return World(self.index, added.constraints, replace(partial, problems=problems, dropped=dropped))

    def _possible(
        self, before: list[Constraint], wanted: Sequence[Constraint], virtual: Constraint | None
    ) -> list[Constraint]:
        """``before`` and those of ``wanted`` that can be had beside it, an earlier one before a later one.

        What can be had together is found in one go, so that a few bad names in a long list cost few questions.
        """
        together = [*before, *wanted]
        if not wanted or not self._run(self._added(together, virtual)).failed:
            return together
        if len(wanted) == 1:
            return before
        middle = len(wanted) // 2
        return self._possible(self._possible(before, wanted[:middle], virtual), wanted[middle:], virtual)

    def _run(self, added: _Addition, *, exact_errors: bool = False, removed: frozenset[str] = frozenset()) -> Outcome:
        request = Request(
            added.constraints,
            added.named,
            tuple(self.packages.values()),
            (added.virtual,) if added.virtual else (),
            self.index.repositories,
            exact_errors,
            removed,
        )
        return run(self.index.catalog, self.index.behaviour, request)


class _Addition(Struct, frozen=True):
    """What one command makes of the world: its constraints, the names it gave, the virtual package it made and from what."""

    constraints: tuple[Constraint, ...]
    named: frozenset[str] = frozenset()
    virtual: Package | None = None
    name: Constraint | None = None


def _family(origin: str) -> str:
    """An origin without the numbers of its version: clang16 and clang17 are one."""
    return origin.translate(_NUMBERS)


def _untagged(wanted: Iterable[Constraint]) -> Iterator[Problem]:
    """Tagged constraints: apk knows a tag only where /etc/apk/repositories gives it to a repository."""
    for constraint in wanted:
        if constraint.tag:
            lines = (("required by", (f"world[{constraint}]",)),)
            yield Problem(f"{constraint} (missing repository tag)", lines, (constraint.name,))


def _solution(outcome: Outcome) -> Solution:
    packages = {new.name: new for _, new in outcome.pairs if new is not None}
    changes = tuple(PackageChange(old, new) for old, new in outcome.pairs if old is not new)
    return Solution(MappingProxyType(packages), changes)


def _merged(constraints: Iterable[Constraint], added: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """One constraint a name: a later one replaces an earlier one in its place."""
    merged = {constraint.name: constraint for constraint in constraints}
    merged.update({constraint.name: constraint for constraint in added})
    return tuple(merged.values())
