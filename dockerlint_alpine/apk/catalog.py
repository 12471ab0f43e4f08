"""The names and packages of a set of repositories, fetched as they are asked for.

A catalog is what the solver works on. It reads from one or more layers (one per repository, in the order in which apk
reads them) and keeps what it read, so a second question about the same packages costs no query.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk.constraint import Constraint, Provide
from dockerlint_alpine.apk.database import NEGATIVE_FIRST, Database, Origin, PackageRow
from dockerlint_alpine.apk.namehash import bucket
from dockerlint_alpine.apk.package import Package


class StandIn(Struct, frozen=True):
    """How to read a snapshot that stands in for another release or architecture.

    ``release`` and ``arch`` are what it stands in for, ``names`` the database whose table of names says what that
    release has (``None``: no table does). Names of musl's library hold the architecture; with ``other_release`` sonames may
    have moved as well.
    """

    release: str
    arch: str
    names: Database | None
    other_release: bool

    def absent(self, names: Sequence[str]) -> frozenset[str]:
        """Those of ``names`` that the release is known not to have. What its index for another architecture has, is there,
        whatever the table says: that may be of an earlier day."""
        if self.names is None or not self.other_release:
            return frozenset()
        return self.names.absent(names, self.release)


class Layer(Struct, frozen=True):
    """One snapshot in a database, for one repository. ``arch`` is that of the snapshot, ``origin`` what it was made of where
    it is derived."""

    database: Database
    number: int
    repository: str
    arch: str
    triggers: frozenset[str]
    stand_in: StandIn | None = None
    origin: Origin | None = None

    def theirs(self, name: str) -> str:
        """``name`` as the snapshot spells it."""
        return name.replace(f"musl-{self.stand_in.arch}.", f"musl-{self.arch}.") if self.stand_in else name

    def ours(self, text: str | None) -> str | None:
        """A stored text as the reader wants it."""
        return text.replace(f"musl-{self.arch}.", f"musl-{self.stand_in.arch}.") if self.stand_in and text else text


class Entry(Struct, frozen=True):
    """What is known of one name: its providers in apk's order with the version they provide, and whom it triggers.

    ``triggers`` are packages that have this name in their ``install_if``, with the other names in it.
    """

    name: str
    providers: tuple[tuple[Package, str | None], ...] = ()
    triggers: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Catalog:
    """Entries by name, read from ``layers`` on demand."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(layers)
        self._packages: list[dict[str, tuple[Package, ...]]] = [{} for _ in self._layers]
        self._own_triggers: dict[str, str] = {}
        self._entries: dict[str, Entry] = {}
        self._triggered: dict[str, tuple[str, ...]] = {}
        self._discovered: set[str] = set()
        self._traced: set[str] = set()
        self.kept: dict[Hashable, object] = {}
        """What others have found out about these packages."""
        self.odd_triggers = any(NEGATIVE_FIRST in layer.triggers for layer in self._layers)
        """Whether a list of ``install_if`` begins with a negative condition. None of Alpine's does."""
        self._virtual = frozenset().union(*(layer.triggers for layer in self._layers))

    def entry(self, name: str) -> Entry:
        """What is known of ``name``; an entry without providers where nothing is."""
        found = self._entries.get(name)
        if found is None:
            self.load((name,))
            found = self._entries[name]
        return found

    def load(self, names: Iterable[str]) -> None:
        """Fetch the entries of ``names`` with few queries."""
        new = [name for name in dict.fromkeys(names) if name not in self._entries]
        if not new:
            return
        providers: dict[str, list[tuple[Package, str | None]]] = {name: [] for name in new}
        triggers: dict[str, list[str]] = {name: [] for name in new}
        for at, layer in enumerate(self._layers):
            rows = layer.database.provided([layer.theirs(name) for name in new], layer.number)
            provided = {layer.ours(token): (packages, triggers) for token, packages, triggers in rows}
            listed = {token: packages.split() for token, (packages, _) in provided.items() if packages}
            self._load_packages(at, {*new, *(name for names in listed.values() for name in names)})
            packages = self._packages[at]
            for name in new:
                for owner in listed.get(name, (name,)):
                    for package in packages.get(owner, ()):
                        providers[name].extend((package, way.version) for way in package.provided(name))
                triggers[name].extend((provided.get(name, (None, None))[1] or "").split())
        for name in new:
            own = self._own_triggers.get(name, "").split()
            called = tuple(_trigger(text) for text in dict.fromkeys((*own, *triggers[name])))
            self._entries[name] = Entry(name, tuple(providers[name]), called)

    def triggered(self, name: str, within: frozenset[str] | None = None) -> Sequence[str]:
        """All names of the packages that ``name`` triggers, in apk's order; with ``within`` only those among them."""
        if within is not None:
            owners = [owner for owner, _ in self.entry(name).triggers if owner in within]
            return sorted(self._names_triggered(name, owners), key=bucket)
        found = self._triggered.get(name)
        if found is None:
            owners = [owner for owner, _ in self.entry(name).triggers]
            found = self._triggered[name] = tuple(sorted(self._names_triggered(name, owners), key=bucket))
        return found

    def _names_triggered(self, name: str, owners: Iterable[str]) -> set[str]:
        names = set[str]()
        for owner in owners:
            for package, _ in self.entry(owner).providers:
                if package.name == owner and any(condition.name == name for condition in package.install_if):
                    names.add(owner)
                    names.update([provide.name for provide in package.provides])
        return names

    def may_trigger(self, name: str) -> bool:
        """False where ``name`` certainly is in no ``install_if``: such names are either a package's or listed."""
        return ":" not in name or name in self._virtual

    def matching(self, pattern: str) -> list[str]:
        """Names that match ``pattern`` (``*`` and ``?``), of packages and of what they provide, sorted."""
        found = set[str]()
        for layer in self._layers:
            theirs = layer.theirs(pattern)
            names = layer.database.provided_names(theirs, layer.number)
            if ":" not in pattern:
                names += layer.database.package_names(theirs, layer.number)
            found.update(layer.ours(name) or name for name in names)
        return sorted(found)

    def prepare(self, names: Iterable[str], *, provides: bool) -> None:
        """Fetch everything that a solver can reach from ``names``, level by level.

        ``provides``: it also looks at the other names of the packages that it meets.
        """
        discover, trace = set(names) - self._discovered, set[str]()
        while discover or trace:
            self.load(discover | trace)
            self.load([owner for name in trace for owner, _ in self._entries[name].triggers])
            self._discovered |= discover
            self._traced |= trace
            found = {name for token in trace for name in self.triggered(token)}
            tokens = set[str]()
            for name in discover:
                for package, _ in self._entries[name].providers:
                    found.update(constraint.name for constraint in package.depends)
                    if provides:
                        found.update(provide.name for provide in package.provides)
                        found.update(condition.name for condition in package.install_if)
                    tokens.add(package.name)
                    tokens.update(way.name for way in package.provides if self.may_trigger(way.name))
            discover, trace = found - self._discovered, tokens - self._traced

    def reachable(self, names: Iterable[str]) -> frozenset[str]:
        """The names that a world of ``names`` can require or trigger, fetched on the way.

        That is everything that a candidate depends on, and the names of a package with ``install_if`` as soon as all of
        its conditions are among the names that candidates provide.
        """
        reached, provided, tokens = set[str](), set[str](), set[str]()
        waiting: dict[str, tuple[str, ...]] = {}
        seen = set[int]()
        new = set(names)
        while new:
            self.load(new | tokens)
            for token in tokens:
                waiting.update(self._entries[token].triggers)
            reached |= new
            found, tokens = set[str](), set[str]()
            for name in new:
                for package, _ in self._entries[name].providers:
                    if id(package) in seen:
                        continue
                    seen.add(id(package))
                    tokens.add(package.name)
                    found.update([constraint.name for constraint in package.depends])
                    provides = [way.name for way in package.provides]
                    provided.update(provides)
                    tokens.update(filter(self.may_trigger, provides))
            provided |= tokens
            new = found - reached
            if not new:
                self.load(tokens)
                for token in tokens:
                    waiting.update(self._entries[token].triggers)
                tokens = set()
                new = self._fired(waiting, provided) - reached
        return frozenset(reached)

    def _fired(self, waiting: dict[str, tuple[str, ...]], provided: set[str]) -> set[str]:
        """The names of packages whose last condition is met; they leave ``waiting``."""
        owners = [owner for owner, others in waiting.items() if provided.issuperset(others)]
        self.load(owners)
        names = set(owners)
        for owner in owners:
            del waiting[owner]
            for package, _ in self._entries[owner].providers:
                if package.name == owner:
                    names.update([way.name for way in package.provides])
        return names

    def _load_packages(self, at: int, names: set[str]) -> None:
        layer, known = self._layers[at], self._packages[at]
        new = [name for name in names if name not in known]
        known.update(dict.fromkeys(new, ()))
        if layer.stand_in is not None and layer.stand_in.other_release:
            absent = layer.stand_in.absent(new)
            new = [name for name in new if name not in absent]
            taken = self._taken(new)
            new = [name for name in new if name not in taken]
        for row in layer.database.packages(new, layer.number):
            package = _package(row, layer)
            if layer.stand_in is not None and layer.stand_in.other_release:
                package = replace(package, depends=tuple(self._adapted(package.depends)))
            known[row.name] = (*known[row.name], package)
            if row.triggers:
                self._own_triggers[row.name] = f"{self._own_triggers.get(row.name, '')} {row.triggers}"

    def _taken(self, names: list[str]) -> set[str]:
        """Those of ``names`` that a package of the release's own indexes provides under another name: a package of that
        name in another release has taken over since (``openssl1.1-compat-dev`` in 3.17, ``openssl-dev`` in 3.16)."""
        own = [layer for layer in self._layers if layer.stand_in is None]
        return {
            token
            for layer in own
            for token, packages, _ in layer.database.provided(names, layer.number)
            if packages and token not in packages.split()
        }

    def _adapted(self, depends: Iterable[Constraint]) -> Iterator[Constraint]:
        """The dependencies of a package from another release: a soname that moved becomes the one that is here.

        A library that is not here at all is left out: it would make the package look as if it could not be installed.
        """
        for constraint in depends:
            if not (constraint.name.startswith("so:") and ".so" in constraint.name) or self._is_provided(
                constraint.name
            ):
                yield constraint
            elif (moved := self.moved(constraint.name)) is not None:
                yield Constraint(moved)

    def moved(self, soname: str) -> str | None:
        """Another version of a ``so:`` name, the last that a layer has; ``None`` where there is none."""
        stem, marker, _ = soname.partition(".so")
        for layer in self._layers if soname.startswith("so:") and marker else ():
            theirs = layer.database.provided_names(f"{layer.theirs(stem)}{marker}*", layer.number)
            names = [name for name in (layer.ours(their) or their for their in theirs) if self._is_provided(name)]
            if names:
                return names[-1]
        return None

    def _is_provided(self, name: str) -> bool:
        for layer in self._layers:
            for _, packages, _ in layer.database.provided([layer.theirs(name)], layer.number):
                owners = set((packages or "").split())
                if layer.stand_in is not None:
                    owners -= layer.stand_in.absent(list(owners))
                if owners:
                    return True
        return False


def _package(row: PackageRow, layer: Layer) -> Package:
    return Package(
        row.name,
        row.version,
        layer.repository,
        layer.stand_in.arch if layer.stand_in else layer.arch,
        tuple([_provide(token) for token in (layer.ours(row.provides) or "").split()]),
        _constraints(layer.ours(row.depends)),
        _constraints(layer.ours(row.install_if)),
        row.priority or 0,
        row.origin or row.name,
        row.dependants or 0,
    )


def _trigger(text: str) -> tuple[str, tuple[str, ...]]:
    package, _, others = text.partition(":")
    return package, tuple(others.split(",")) if others else ()


def _constraints(tokens: str | None) -> tuple[Constraint, ...]:
    return tuple([Constraint.parse(token) for token in tokens.split()]) if tokens else ()


def _provide(token: str) -> Provide:
    name, equals, version = token.partition("=")
    return Provide(name, version if equals else None)
