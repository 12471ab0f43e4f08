"""Versions that go together: whatever is found meets every term, and it is found where trying all of them finds any."""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.python.backtracking import Pick, Want, versions_together
from dockerlint_alpine.python.versions import specifiers

NAMES = ("a", "b", "c", "d")
VERSIONS = ("3", "2", "1")
wants = st.builds(Want, st.sampled_from(NAMES), st.sampled_from(("", "<2", "<3", ">=2", "==1", "==2", "!=3")))
worlds = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(VERSIONS)), st.lists(wants, max_size=2), max_size=8
)


class World:
    """Releases in memory: every name in every version."""

    def __init__(self, requires: dict[tuple[str, str], list[Want]]) -> None:
        self.requires = requires

    def newest(self, name: str, terms: Set[str], out: Set[str | None]) -> str | None:
        del name
        for version in VERSIONS:
            if version not in out and all(specifiers(term).contains(version) for term in terms):
                return version
        raise LookupError

    def wants(self, pick: Pick) -> Iterator[Want]:
        yield from self.requires.get((pick.name, pick.version or ""), ())


def holds(roots: list[Want], world: World, chosen: dict[str, str | None]) -> bool:
    """Whether all that is asked for, directly or not, is chosen in a version that is asked for."""
    queue, seen = list(roots), set()
    while queue:
        want = queue.pop()
        version = chosen.get(want.name)
        if version is None or not specifiers(want.specifier).contains(version):
            return False
        if want.name not in seen:
            seen.add(want.name)
            queue.extend(world.wants(Pick(want.name, "", version)))
    return True


@given(st.lists(wants, min_size=1, max_size=4), worlds)
def test_it_is_found_where_there_is_one(roots: list[Want], requires: dict[tuple[str, str], list[Want]]) -> None:
    world = World(requires)
    found = versions_together(roots, world)
    if found is None:
        assert not any(holds(roots, world, dict(zip(NAMES, one, strict=True))) for one in product(VERSIONS, repeat=4))
    else:
        assert holds(roots, world, found)


def test_a_circle_that_is_left_over_of_a_choice_ends_nothing() -> None:
    """d 3 asks for a, and a for itself and another d: d 3 is withdrawn, and nobody asks for a any more."""
    requires = {("d", "3"): [Want("c", ">=2"), Want("a", "!=3")], ("a", "2"): [Want("a", "!=3"), Want("d", "==1")]}
    found = versions_together([Want("d")], World(requires))
    assert found is not None
    assert found.keys() == {"d"}
