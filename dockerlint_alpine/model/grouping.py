"""Findings with a common cause: they are shown as one, and the user is asked about all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.model.findings import DistributionRef, Finding


_NAMES_SAY_ALL = frozenset({"compile", "implicit"})


def grouped(findings: Sequence[Finding]) -> list[tuple[int, ...]]:
    """The places in ``findings``, those of one file, of what belongs together, in the order of the first of each."""
    groups: dict[object, list[int]] = {}
    for number, one in enumerate(findings):
        topic = one.traits.topic or (one.code, one.message)
        key = (topic, one.stage.index if one.stage is not None else None, one.location)
        groups.setdefault(key, []).append(number)
    _join_loads(groups, findings)
    found: list[tuple[int, ...]] = []
    for numbers in filter(None, groups.values()):
        if any(findings[number].severity != "info" for number in numbers):
            found.append(tuple(numbers))
            continue
        # What is only information is a line of its own, unless a list of names says all.
        listed: dict[object, list[int]] = {}
        for number in numbers:
            one = findings[number]
            listed.setdefault(one.code if one.traits.topic in _NAMES_SAY_ALL else number, []).append(number)
        found.extend(map(tuple, listed.values()))
    return sorted(found)


def about(finding: Finding) -> tuple[DistributionRef, ...]:
    """The distributions that a finding is about."""
    return finding.distributions or ((finding.distribution,) if finding.distribution is not None else ())


def _join_loads(groups: dict[object, list[int]], findings: Sequence[Finding]) -> None:
    """What a distribution lacks where it runs goes with what it lacks where it is compiled, if that is one stage."""
    compiled: dict[tuple[str, int], list[int]] = {}
    for numbers in groups.values():
        for number in numbers:
            one = findings[number]
            if one.stops_compile and one.stage is not None:
                for each in about(one):
                    compiled.setdefault((each.shown, one.stage.index), numbers)
    for numbers in groups.values():
        for number in list(numbers):
            one = findings[number]
            if one.traits.topic != "load" or one.distribution is None or one.stage is None:
                continue
            cause = compiled.get((one.distribution.shown, one.stage.index))
            if cause is not None and about(one) == (one.distribution,):
                numbers.remove(number)
                cause.append(number)
