"""The packages of a stage while it runs: what ``apk add`` and ``apk del`` make of them, certain and merely possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.apk import Constraint, ConstraintError, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.stages.world_cache import WorldCache


class Packages(Struct, frozen=True):
    """The packages in three readings.

    ``world`` is what is there if no branch runs that may not run; ``possible`` also holds what branches may have added,
    ``lasting`` lacks what they may have deleted. ``cache`` knows the worlds that were solved before.
    """

    cache: WorldCache
    world: World
    possible: World
    lasting: World

    @classmethod
    def of(cls, cache: WorldCache, index: Index, needs: Iterable[str]) -> Packages:
        """The packages of an image that holds ``needs``; those that the index can't meet are skipped."""
        listed = tuple(needs)

        def solve() -> World:
            index.catalog.load(listed)  # at once, not one by one
            return World.of(index, [found for need in listed if (found := index.at_hand(need)) is not None])

        world = cache.recall((index, listed), solve)
        return cls(cache, world, world, world)

    def add(self, specs: Sequence[str], virtual: str | None, *, conditional: bool) -> Packages:
        """After ``apk add``; in a branch the packages are only possible."""
        possible = self._added(self.possible, specs, virtual)
        if conditional:
            return Packages(self.cache, self.world, possible, self.lasting)
        world = possible if self.world is self.possible else self._added(self.world, specs, virtual)
        lasting = world if self.lasting is self.world else self._added(self.lasting, specs, virtual)
        return Packages(self.cache, world, possible, lasting)

    def delete(self, names: Sequence[str], *, conditional: bool) -> Packages:
        """After ``apk del``; in a branch the packages may or may not be gone."""
        lasting = self._deleted(self.lasting, names)
        if conditional:
            return Packages(self.cache, self.world, self.possible, lasting)
        world = lasting if self.lasting is self.world else self._deleted(self.world, names)
        possible = world if self.possible is self.world else self._deleted(self.possible, names)
        return Packages(self.cache, world, possible, lasting)

    def _added(self, world: World, specs: Sequence[str], virtual: str | None) -> World:
        question = (world, "add", tuple(specs), virtual)
        return self.cache.recall(question, lambda: _as_far_as_possible(world, specs, virtual))

    def _deleted(self, world: World, names: Sequence[str]) -> World:
        return self.cache.recall((world, "del", tuple(names)), lambda: world.remove(*names))


def _as_far_as_possible(world: World, specs: Sequence[str], virtual: str | None) -> World:
    """Apk refuses a whole command for one bad package; what fits is kept, so that the rest can be judged."""
    after = world.add(*specs, virtual=virtual)
    if virtual is None or not after.problems:
        return after
    refused = set(after.solution.dropped)
    return world.add(*(spec for spec in specs if Constraint.parse(spec) not in refused), virtual=virtual)


class Sorted(Struct, frozen=True):
    """The operands of an ``apk add``: what this release's index knows, what comes from elsewhere, what apk refuses."""

    known: tuple[str, ...]
    foreign: tuple[str, ...]
    refused: tuple[str, ...]


def sort_operands(index: Index, operands: Iterable[str]) -> Sorted:
    """Tell the operands of an ``apk add`` apart.

    A pin that no package of the index meets, or one on a tagged repository, counts as its bare name: the build needs
    the package in whatever version it gets, and other findings are about the pin. What is tagged comes from elsewhere, too.
    """
    known: list[str] = []
    foreign: list[str] = []
    refused: list[str] = []
    listed = tuple(operands)
    index.catalog.load(listed)  # at once, not one by one; most are plain names
    for operand in listed:
        if operand.endswith(".apk"):
            foreign.append(operand)
            continue
        try:
            constraint = Constraint.parse(operand)
        except ConstraintError:
            refused.append(operand)
            continue
        if constraint.conflict:
            known.append(f"!{constraint.name}")
        elif not index.providers(constraint.name):
            foreign.append(constraint.name)
        elif constraint.tag is not None:
            known.append(constraint.name)
            foreign.append(constraint.name)
        elif can_be_met(index, constraint):
            known.append(operand)
        else:
            known.append(constraint.name)
    return Sorted(tuple(known), tuple(foreign), tuple(refused))


def can_be_met(index: Index, constraint: Constraint) -> bool:
    """True where some package of the index provides what ``constraint`` asks for."""
    dialect = index.behaviour.dialect
    return any(
        constraint.matches(version, dialect=dialect) for _, version in index.catalog.entry(constraint.name).providers
    )
