"""Versions that go together, where the newest of each do not: pip's own algorithm (resolvelib) on the facts at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import Resolution

from dockerlint_alpine.python.versions import specifiers
from dockerlint_alpine.system.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

MAX_ROUNDS = 2_000
"""Choices and withdrawals of one search; pip allows 200,000."""
MAX_LOOKED_AT = 20_000
"""Releases that one search looks at: one or two seconds."""


class Want(Struct, frozen=True):
    """A distribution (normalised name) in versions of ``specifier`` (PEP 440 text), and one of its extras or ``""``."""

    name: str
    specifier: str = ""
    extra: str = ""


class Pick(Struct, frozen=True):
    """A release of a distribution, with one of its extras or ``""``; ``version`` is ``None`` where nothing tells it."""

    name: str
    extra: str
    version: str | None


class Releases(Protocol):
    """What is known of the releases that there are."""

    def newest(self, name: str, terms: Set[str], out: Set[str | None]) -> str | None:
        """Return the newest version that ``terms`` admit and that is not among ``out``; ``None`` if it can't be told.

        Raises ``LookupError`` where there is none.
        """

    def wants(self, pick: Pick) -> Iterable[Want]:
        """Yield what a release requires."""


def versions_together(roots: Sequence[Want], releases: Releases) -> dict[str, str | None] | None:
    """Return the version of every distribution of a set that meets all terms; ``None`` where none was found."""
    provider = _Provider(roots, releases)
    try:
        chosen = Resolution(provider, BaseReporter()).resolve(roots, max_rounds=MAX_ROUNDS).mapping
    except (ResolutionImpossible, ResolutionTooDeep):
        return None
    # What is left over of choices that were withdrawn is nobody's. resolvelib's own Resolver looks from there for the roots,
    # and never comes back from a circle (1.2.1: _has_route_to_root).
    queue, found = list(roots), dict[tuple[str, str], Pick]()
    while queue:
        key = provider.identify(queue.pop())
        if key not in found:
            found[key] = chosen[key]
            queue.extend(provider.get_dependencies(chosen[key]))
    return {pick.name: pick.version for pick in found.values() if not pick.extra}


class _Provider(AbstractProvider[Want, Pick, "tuple[str, str]"]):
    """In pip's order (pip 25: ``_internal/resolution/resolvelib/provider.py``), as far as it bears on the result."""

    def __init__(self, roots: Sequence[Want], releases: Releases) -> None:
        self._releases = releases
        self._looked_at = 0
        self._order = {one.name: number for number, one in reversed(list(enumerate(roots)))}

    def identify(self, requirement_or_candidate: Want | Pick) -> tuple[str, str]:
        return requirement_or_candidate.name, requirement_or_candidate.extra

    def get_preference(
        self,
        identifier: tuple[str, str],
        resolutions: Mapping[tuple[str, str], Pick],  # noqa: ARG002 - resolvelib's
        candidates: Mapping[tuple[str, str], Iterator[Pick]],  # noqa: ARG002 - resolvelib's
        information: Mapping[tuple[str, str], Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, bool, bool, int, tuple[str, str]]:
        terms = [specifiers(one.requirement.specifier) for one in information[identifier]]
        pinned = any(term.pin is not None for term in terms)
        bounded = any(operator in term.text for term in terms for operator in ("<", "~=", "=="))
        caused = any(identifier[0] == cause.requirement.name for cause in backtrack_causes)
        return not pinned, not caused, not bounded, self._order.get(identifier[0], len(self._order)), identifier

    def find_matches(
        self,
        identifier: tuple[str, str],
        requirements: Mapping[tuple[str, str], Iterator[Want]],
        incompatibilities: Mapping[tuple[str, str], Iterator[Pick]],
    ) -> Iterable[Pick]:
        asked = list(requirements[identifier])
        terms = {one.specifier for one in asked if one.specifier}
        out = {one.version for one in incompatibilities[identifier]}
        while True:
            pulse()
            self._looked_at += 1
            if self._looked_at > MAX_LOOKED_AT:
                raise ResolutionTooDeep(MAX_ROUNDS)
            try:
                version = self._releases.newest(identifier[0], terms, out)
            except LookupError:
                return
            pick = Pick(*identifier, version)
            if version in out or not all(self.is_satisfied_by(one, pick) for one in asked):
                return  # an exact version is taken at its word, recorded or not
            out.add(version)
            yield pick

    def is_satisfied_by(self, requirement: Want, candidate: Pick) -> bool:
        return candidate.version is None or specifiers(requirement.specifier).contains(candidate.version)

    def get_dependencies(self, candidate: Pick) -> Iterable[Want]:
        if candidate.extra and candidate.version is not None:
            yield Want(candidate.name, f"=={candidate.version}")
        yield from self._releases.wants(candidate)
