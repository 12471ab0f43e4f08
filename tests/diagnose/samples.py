"""Holds the patterns of ``rules/errors.toml`` against their samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dockerlint_alpine.diagnose.errors import PatternError
from dockerlint_alpine.diagnose.patterns import PatternSet
from dockerlint_alpine.diagnose.wrappers import unwrap


def validate(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is wrong with ``errors.toml``, one line each: its schema, and samples that their pattern misses."""
    try:
        patterns = PatternSet.parse(raw)
    except PatternError as error:
        return (str(error),)
    return tuple(_sample_problems(patterns))


def _sample_problems(patterns: PatternSet) -> Iterator[str]:
    for pattern in patterns.patterns:
        lines = [unwrap(line).text for line in pattern.sample.strip("\n").splitlines()]
        taken = [match.pattern.id for line in lines if (match := patterns.read(line)) is not None]
        if pattern.id not in taken:
            yield f"rules/errors.toml: {pattern.id}: its sample is read as {', '.join(taken) or 'nothing'}"
    for system in patterns.systems:
        if not system.fits(unwrap(system.sample).text):
            yield f"rules/errors.toml: system {system.name}: its regex does not fit its sample"
