"""The view on Alpine's packages for one release, architecture and set of repositories."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.apk.behaviour import Behaviour, behaviour_of
from dockerlint_alpine.apk.catalog import Catalog, Layer
from dockerlint_alpine.apk.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dockerlint_alpine.apk.database import Origin
    from dockerlint_alpine.apk.package import Package

SourceKind: TypeAlias = Literal["embedded", "cached", "derived", "stand-in"]

_OWN = ("embedded", "cached")


class IndexSource(Struct, frozen=True):
    """Where one repository's packages come from.

    ``release``, ``repository`` and ``arch`` say whose index it is; for a ``stand-in`` that is not what was asked for,
    and ``note`` says what stands in for what. ``date`` is the day of the newest build in it, ``fetched`` that on which a
    cached one was last the mirror's. ``derived`` says what it was made of where it is not Alpine's own: the names and
    explicit facts are the release's, the rest is carried over.
    """

    release: str
    repository: str
    arch: str
    date: str
    description: str
    packages: int
    kind: SourceKind
    note: str = ""
    derived: Origin | None = None
    fetched: str = ""


class Provider(Struct, frozen=True):
    """A package that has what was asked for: under which name it does, and in one line why it is this one."""

    package: Package
    capability: str
    reason: str


Rank: TypeAlias = "Callable[[Index, str], tuple[Provider, ...]]"
"""Puts the packages that meet a need in order: :func:`dockerlint_alpine.apk.preference.ranked`."""


class Index:
    """Packages of a release (``3.19``) on an architecture (``x86_64``), read as they are asked for.

    ``sources`` says where each of the ``repositories`` comes from, ``behaviour`` which apk-tools decides; ``catalog`` is
    what the solver reads. ``rank`` orders what :meth:`find` gives. Not for use by several threads at once.
    """

    def __init__(
        self,
        release: str,
        arch: str,
        sources: Sequence[IndexSource],
        layers: Sequence[Layer],
        behaviour: Behaviour | None = None,
        *,
        rank: Rank,
    ) -> None:
        self.behaviour = behaviour or behaviour_of(release)
        self.release = release
        self.arch = arch
        self.sources = tuple(sources)
        self.repositories = tuple(layer.repository for layer in layers)
        self.catalog = Catalog(layers)
        self._rank = rank
        self._layers = {layer.repository: layer for layer in layers}
        self._databases = tuple({id(layer.database): layer.database for layer in self._layers.values()}.values())
        self._found: dict[str, tuple[Provider, ...]] = {}

    @property
    def exact(self) -> bool:
        """True where Alpine's own indexes of the release and architecture answer for all repositories: none is derived, and
        no other's stands in."""
        return all(source.kind in _OWN for source in self.sources)

    @property
    def names_known(self) -> bool:
        """True where all repositories tell the names that the release has on this architecture, and their versions."""
        return all(source.kind != "stand-in" for source in self.sources)

    @property
    def derived(self) -> Origin | None:
        """What a derived index among the sources was made of; ``None`` where none is derived."""
        return next((source.derived for source in self.sources if source.derived is not None), None)

    def source_of(self, package: Package) -> IndexSource | None:
        """Where the record of ``package`` comes from; ``None`` for a package that ``apk add --virtual`` made up."""
        return next((source for source in self.sources if source.repository == package.repository), None)

    def vouches_for(self, packages: Iterable[Package]) -> bool:
        """True where the release's own indexes say what these packages are: none comes from a stand-in or is derived."""
        if self.exact:
            return True
        borrowed = {source.repository for source in self.sources if source.kind not in _OWN}
        return not any(package.repository in borrowed for package in packages)

    def trust(self, need: str, name: str) -> float:
        """The chance that the package ``name`` really meets ``need``: below 1 where a soname was carried over from another
        release and the library's version has changed. A soname with ``*`` for its version asks for the library alone."""
        found = self.package(name)
        layer = self._layers.get(found.repository) if found is not None else None
        if layer is None or layer.origin is None or not need.startswith("so:"):
            return 1.0
        wanted, any_version = layer.theirs(need), need.endswith("*")
        holds = [
            library if any_version else exact
            for soname, exact, library in layer.database.holds(name, layer.number)
            if fnmatchcase(soname, wanted)
        ]
        return max(holds, default=1.0)

    def unread(self, packages: Iterable[Package]) -> tuple[str, ...]:
        """The names of those packages of which a derived index knows the recipe alone: they may need and bring more."""
        names: dict[str, list[str]] = {}
        for package in packages:
            names.setdefault(package.repository, []).append(package.name)
        return tuple(
            sorted(
                name
                for repository, listed in names.items()
                if (layer := self._layers.get(repository)) is not None and layer.origin is not None
                for name in layer.database.unread(listed, layer.number)
            )
        )

    def elsewhere(self, name: str) -> tuple[str, ...]:
        """The releases beside which this one's data lies, and that have a package of this name."""
        return tuple(dict.fromkeys(release for database in self._databases for release in database.releases_with(name)))

    def heard_of(self, name: str) -> bool:
        """True where some release has ``name``, by its index or the table of names. True as well where that table does not
        cover this release: it may have names that no other has."""
        covered = all(layer.stand_in is None or layer.stand_in.names is not None for layer in self._layers.values())
        return not covered or any(database.heard_of(name) for database in self._databases)

    def packages(self, name: str) -> tuple[Package, ...]:
        """All packages of this name (an index can hold several versions), newest first."""
        found = [package for package, _ in self.catalog.entry(name).providers if package.name == name]
        if len(found) > 1:
            found.sort(key=lambda package: Version(package.version), reverse=True)
        return tuple(found)

    def package(self, name: str) -> Package | None:
        """The newest package of this name."""
        found = self.packages(name)
        return found[0] if found else None

    def providers(self, token: str) -> tuple[Package, ...]:
        """The packages that provide ``token`` (``so:…``, ``pc:…``, ``cmd:…`` or a name), in apk's order."""
        return tuple(dict.fromkeys(package for package, _ in self.catalog.entry(token).providers))

    def at_hand(self, need: str) -> str | None:
        """``need`` where a package provides it; ``None`` where none does. Where another release stands in, the ``so:`` name
        of its day that took the place of one that has moved (``so:libffi.so.7`` for ``so:libffi.so.6``)."""
        if self.catalog.entry(need).providers:
            return need
        moved = self.catalog.moved(need)
        return moved if moved is not None and not self.exact else None

    def names(self, prefix: str) -> tuple[str, ...]:
        """Every name that starts with ``prefix`` (taken literally) and that a package has or provides, sorted."""
        escaped = "".join(f"[{char}]" if char in "*?[" else char for char in prefix)
        return tuple(self.catalog.matching(f"{escaped}*"))

    def find(self, need: str) -> tuple[Provider, ...]:
        """The packages that meet ``need``, the one to install first, each with the reason for its place.

        ``need`` is ``so:…``, ``pc:…``, ``cmd:…`` or a name, with ``*`` where any will do (``so:liblz4.so.*``).
        """
        found = self._found.get(need)
        if found is None:
            found = self._found[need] = self._rank(self, need)
        return found

    def best(self, *needs: str) -> Provider | None:
        """The package to install for the first of ``needs`` that the release has, as :meth:`find` ranks them."""
        return next((found[0] for need in needs if (found := self.find(need))), None)

    def best_name(self, *needs: str) -> str | None:
        """The name of the package that :meth:`best` gives; ``None`` where the release has none of ``needs``."""
        best = self.best(*needs)
        return best.package.name if best is not None else None

    def development_of(self, library: Package) -> Package | None:
        """The -dev package of a library's package, by the names that aports gives them: one that depends on it."""
        stems = dict.fromkeys((library.name, library.origin, library.name.removesuffix("-libs")))
        candidates = (self.package(f"{stem}-dev") for stem in stems)
        return next((dev for dev in candidates if dev and any(one.name == library.name for one in dev.depends)), None)

    def standing_for(self, name: str) -> Package | None:
        """What ``apk add`` of a name installs: its own package, or of those that provide it the one with the highest
        ``provider_priority``."""
        return self.package(name) or max(self.providers(name), key=lambda package: package.priority, default=None)

    def search(self, pattern: str) -> tuple[Provider, ...]:
        """Packages for a need, or whose name matches: ``*`` as in a shell, else any name that holds ``pattern``."""
        found = self.find(pattern)
        if ":" in pattern:
            return found
        names = self.catalog.matching(pattern if "*" in pattern else f"*{pattern}*")
        first = {provider.package.name for provider in found}
        packages = [self.package(name) for name in names if ":" not in name and name not in first]
        return (*found, *(Provider(package, package.name, "by name") for package in packages if package))
