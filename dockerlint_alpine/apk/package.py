"""One package of an index."""

from __future__ import annotations

from msgspec import Struct

from dockerlint_alpine.apk.constraint import Constraint, Provide


class Package(Struct, frozen=True):
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

    def provided(self, name: str) -> tuple[Provide, ...]:
        """The ways in which this package stands for ``name``; its own name first."""
        own = (Provide(name, self.version),) if name == self.name else ()
        return own + tuple(provide for provide in self.provides if provide.name == name)
