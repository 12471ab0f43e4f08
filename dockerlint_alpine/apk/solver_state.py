"""What the solver is asked, what it knows of names and packages while it runs, and which of two providers it prefers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.apk.version import GREATER, LESS, Dialect, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.apk.behaviour import Behaviour
    from dockerlint_alpine.apk.constraint import Constraint
    from dockerlint_alpine.apk.package import Package


class Request(Struct):
    """What to solve.

    ``world`` holds one constraint a name, ``named`` the names given to ``apk add`` on this command line (up to 2.14 apk
    decides them early), ``removed`` those given to ``apk del`` that are the names of installed packages, ``installed`` the
    packages that are there, ``virtual`` the packages made by ``--virtual`` on this command line.
    Without ``exact_errors`` an error is explained from what was looked at first, which is much faster.
    """

    world: Sequence[Constraint]
    named: frozenset[str] = frozenset()
    installed: Sequence[Package] = ()
    virtual: Sequence[Package] = ()
    repositories: Sequence[str] = ("main", "community")
    exact_errors: bool = True
    removed: frozenset[str] = frozenset()


class NameState:
    """What the solver knows of one name while it runs."""

    __slots__ = (
        "auto_selectable", "chain", "chosen", "chosen_version", "condition", "dirty", "entered", "fast", "flagged",
        "has_options", "has_virtual", "installed_name", "installed_package", "locked", "merged_depends",
        "merged_provides", "needs", "no_trigger", "order", "priority", "providers", "ready", "real",
        "recheck_depends", "recheck_trigger", "removed", "requirers", "reverse_done", "seen", "sorted", "text",
        "triggered", "triggers",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        self.text = text
        self.providers: list[tuple[PackageState, str | None]] = []
        self.needs: list[NameState] = []  # names whose packages depend on this one
        self.triggers: tuple[NameState, ...] | None = None  # names whose packages have this one in install_if
        self.chosen: PackageState | None = None
        self.chosen_version: str | None = None
        self.installed_package: PackageState | None = None
        self.installed_name: NameState | None = None
        self.requirers = self.chain = self.priority = self.order = self.merged_depends = self.merged_provides = 0
        self.seen = self.locked = self.dirty = self.flagged = self.sorted = self.entered = self.fast = False
        self.no_trigger = True
        self.triggered = self.has_options = self.has_virtual = self.auto_selectable = False
        self.recheck_depends = self.recheck_trigger = self.reverse_done = False
        self.condition = self.ready = self.real = self.removed = False


class PackageState:
    """What the solver knows of one package while it runs."""

    __slots__ = (
        "chain", "conflicts", "depends", "entered", "error", "install_if", "installed", "merged", "name", "package",
        "provides", "rank", "removed", "seen", "selectable", "trigger_failed", "triggered", "triggers", "used",
    )  # fmt: skip

    def __init__(self, package: Package, name: NameState, rank: int, *, installed: bool) -> None:
        self.package = package
        self.name = name
        self.rank = rank
        self.installed = installed
        self.depends: list[tuple[Constraint, NameState]] = []
        self.install_if: list[tuple[Constraint, NameState]] = []
        self.provides: list[tuple[NameState, str | None]] = []
        self.triggers: tuple[NameState, ...] | None = None
        self.conflicts = self.chain = 0
        self.selectable = True
        self.trigger_failed = not package.install_if
        self.seen = self.triggered = self.merged = self.used = self.error = self.entered = self.removed = False


def prefer(behaviour: Behaviour, a: tuple[PackageState, str | None], b: tuple[PackageState, str | None]) -> int:
    """Above zero where apk prefers provider ``a`` to ``b``, each a package and the version under which it provides."""
    (left, left_version), (right, right_version) = a, b
    removal = (left.removed or right.removed) and behaviour.removal
    installed = 0 if removal == "neutral" else left.installed - right.installed
    swappable = behaviour.removal == "neutral" and left.name is not right.name
    dialect = behaviour.dialect
    return (
        (right.removed - left.removed if removal == "avoid" else 0)
        or left.selectable - right.selectable
        or left.used - right.used
        or right.conflicts - left.conflicts
        or (0 if swappable and left_version is right_version is None else installed)
        or _newer(left_version, right_version, dialect)
        or (_newer(left.package.version, right.package.version, dialect) if left.name is right.name else 0)
        or left.package.priority - right.package.priority
        or installed
        or right.rank - left.rank
    )


def _newer(left: str | None, right: str | None, dialect: Dialect) -> int:
    """Above zero where ``left`` is newer. No version is as new as any other to apk-tools 2, older to apk-tools 3."""
    if left is None or right is None:
        return (left is not None) - (right is not None) if dialect == 3 else 0
    result = compare(left, right, dialect=dialect)
    return (result == GREATER) - (result == LESS)
