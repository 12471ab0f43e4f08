"""Requirements without their locations, so that the same requirements in two projects are equal queries."""

from __future__ import annotations

from msgspec.structs import replace

from dockerlint_alpine.python.model import Origin, Requested, RequirementSet, Resolution
from dockerlint_alpine.system.patterns import lazy_pattern

_TOKEN = lazy_pattern("\x00([0-9]+)\x00")
"""Stands for where a requirement was written."""


def without_origins(wanted: RequirementSet) -> tuple[RequirementSet, list[Requested]]:
    """``wanted`` with a token in place of each origin, and what the tokens stand for."""
    origins = [*wanted.requested, *wanted.constraints]
    plain = [
        replace(one, origin=Origin(f"\x00{number}\x00"), chain=(f"\x00{number}\x00",))
        for number, one in enumerate(origins)
    ]
    first = len(wanted.requested)
    return (
        RequirementSet(
            requested=tuple(plain[:first]),
            constraints=tuple(plain[first:]),
            options=wanted.options,
            locked=wanted.locked,
            wheelhouse=wanted.wheelhouse,
        ),
        origins,
    )


def with_origins(found: Resolution, origins: list[Requested]) -> Resolution:
    """Return an answer to a set of :func:`without_origins` with the origins put back in."""

    def text(value: str) -> str:
        return _TOKEN.sub(lambda token: str(origins[int(token[1])].origin), value)

    def chain(names: tuple[str, ...]) -> tuple[str, ...]:
        first = _TOKEN.fullmatch(names[0]) if names else None
        return (*origins[int(first[1])].chain, *names[1:]) if first is not None else names

    def origin(value: Origin) -> Origin:
        token = _TOKEN.fullmatch(value.path)
        return origins[int(token[1])].origin if token is not None else value

    return Resolution(
        tuple(replace(one, chain=chain(one.chain), origin=origin(one.origin)) for one in found.distributions),
        tuple(replace(one, chain=chain(one.chain), reason=text(one.reason)) for one in found.unresolved),
        tuple(text(note) for note in found.notes),
        found.assumed,
        found.everywhere,
    )
