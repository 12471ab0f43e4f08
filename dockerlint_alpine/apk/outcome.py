"""apk's answer: by the shortcut if that is certain to agree, otherwise by the solver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.apk.shortcut import Pair, Shortcut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.apk.behaviour import Behaviour
    from dockerlint_alpine.apk.catalog import Catalog
    from dockerlint_alpine.apk.solver import Solver
    from dockerlint_alpine.apk.solver_state import Request


class Problem(Struct, frozen=True):
    """One block of apk's answer.

    ``subject`` is its headline without the colon (``nosuch (no such package)``, ``foo-1.2-r0``), ``lines`` are label and
    values below it (``("required by", ("world[nosuch]",))``), ``names`` the package names that it is about.
    """

    subject: str
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The block in one line: ``nosuch (no such package): required by: world[nosuch]``."""
        return f"{self.subject}: " + "; ".join(f"{label}: {' '.join(values)}" for label, values in self.lines)

    def block(self) -> str:
        """The block as apk lays it out, unwrapped."""
        return "\n".join([f"  {self.subject}:", *(f"    {label}: {' '.join(values)}" for label, values in self.lines)])


class Outcome(Struct, frozen=True):
    """What becomes of the packages, and the solver that knows why not all can be had (``None``: they can)."""

    pairs: Sequence[Pair]
    failed: Solver | None = None


def run(catalog: Catalog, behaviour: Behaviour, request: Request) -> Outcome:
    """Work out what apk would do for ``request``.

    Where packages are not found by :class:`.shortcut.Shortcut`, the two narrow scopes of the solver are tried, being some
    thirty times faster than all that apk looks at. Where both lead to the same packages the order of decisions did not
    matter; where they do not, everything is looked at. So it is for errors, which name what was looked at.

    From 2.14.9 on apk discovers the other names of a package as well, and with them nearly the whole index, which takes
    seconds here. The order that it keeps to since then, by depth, hardly differs among the names that are near: that scope
    alone gives its answer.
    """
    pairs = shortcut(catalog, behaviour, request.repositories).answer(request)
    if pairs is not None:
        return Outcome(pairs)
    solver = solved(catalog, behaviour, request)
    pairs = [(one.old.package if one.old else None, one.new.package if one.new else None) for one in solver.changes]
    return Outcome(pairs, solver if solver.errors else None)


def shortcut(catalog: Catalog, behaviour: Behaviour, repositories: Sequence[str]) -> Shortcut:
    """The :class:`.shortcut.Shortcut` of ``catalog``, which is made once and kept there."""
    key = (behaviour, *repositories)
    found = catalog.kept.get(key)
    if not isinstance(found, Shortcut):
        found = catalog.kept[key] = Shortcut(catalog, behaviour, repositories)
    return found


def solved(catalog: Catalog, behaviour: Behaviour, request: Request) -> Solver:
    """Run the solver, in the narrowest scope that gives apk's answer."""
    from dockerlint_alpine.apk.solver import Solver

    near = Solver(catalog, behaviour, request, "near")
    near.solve()
    if behaviour.discover_provides:
        return near
    if not near.errors or not request.exact_errors:
        reluctant = Solver(catalog, behaviour, request, "near-reluctant")
        reluctant.solve()
        if bool(near.errors) == bool(reluctant.errors) and (near.errors or near.result() == reluctant.result()):
            return near
    solver = Solver(catalog, behaviour, request, "all")
    solver.solve()
    return solver
