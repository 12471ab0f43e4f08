"""One package of an index."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from dockerlint_alpine.apk.constraint import Constraint, Provide

VIRTUAL = "virtual"
"""The repository of packages that ``apk add --virtual`` makes up."""


class Package(Struct, frozen=True, dict=True):
    """A package record: the fields of APKINDEX that decide what is installed.

    ``arch`` is apk's name of the architecture (``x86_64``, ``aarch64``, ``armv7``), ``priority`` the ``k:`` field,
    ``origin`` the APKBUILD it comes from. ``dependants`` counts the packages of its repository that depend on it by name
    (9: nine or more).
    """

    name: str
    version: str
    repository: str = ""
    arch: str = ""
    provides: tuple[Provide, ...] = ()
    depends: tuple[Constraint, ...] = ()
    install_if: tuple[Constraint, ...] = ()
    priority: int = 0
    origin: str = ""
    dependants: int = 0

    @property
    def spec(self) -> str:
        """``name-version``, as apk prints a package."""
        return f"{self.name}-{self.version}"

    @cached_property
    def ways(self) -> dict[str, tuple[tuple[Package, str | None], ...]]:
        """Every name that it has or provides, with itself and the versions: many worlds are made of the same packages."""
        found: dict[str, tuple[tuple[Package, str | None], ...]] = {self.name: ((self, self.version),)}
        for provide in self.provides:
            found[provide.name] = (*found.get(provide.name, ()), (self, provide.version))
        return found

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The names that it depends on."""
        return tuple(dict.fromkeys(one.name for one in self.depends if not one.conflict))

    @cached_property
    def programs(self) -> tuple[str, ...]:
        """The programs that it brings."""
        return tuple(one.name[4:] for one in self.provides if one.name.startswith("cmd:"))

    @cached_property
    def namespaced(self) -> tuple[str, ...]:
        """The sonames under a namespace among its names: ``so:openblas:libopenblas.so.3``."""
        return tuple(name for name in self.ways if name.startswith("so:") and name.count(":") > 1)

    def provided(self, name: str) -> tuple[Provide, ...]:
        """The ways in which this package stands for ``name``; its own name first."""
        own = (Provide(name, self.version),) if name == self.name else ()
        return own + tuple(provide for provide in self.provides if provide.name == name)
