"""A package that is missing from all stages with a common base is added to the base, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.fixer.lists import apk_steps
from dockerlint_alpine.fixer.placement import add_new_run, add_to_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockerlint_alpine.model.findings import Finding, Fix, Purpose
    from dockerlint_alpine.stages.model import Timeline


def share(timeline: Timeline, findings: Iterable[Finding]) -> list[Finding]:
    """The findings, with fixes that serve several stages in their common base where there are such."""
    listed = list(findings)
    lacking: dict[tuple[int, str, Purpose], set[int]] = {}
    for finding in listed:
        key = _key(timeline, finding)
        if key is not None and finding.stage is not None:
            lacking.setdefault(key, set()).add(finding.stage.index)
    shared = {key: fix for key, stages in lacking.items() if (fix := _in_base(timeline, key, stages)) is not None}
    if not shared:
        return listed
    return [_with(finding, shared.get(key) if (key := _key(timeline, finding)) else None) for finding in listed]


def _key(timeline: Timeline, finding: Finding) -> tuple[int, str, Purpose] | None:
    """The base stage, the package and the purpose of a finding that adds one package safely."""
    if finding.fix is None or finding.fix.applicability != "safe" or finding.stage is None:
        return None
    purpose = finding.traits.purpose
    if len(finding.packages) != 1 or purpose is None:
        return None
    stage = timeline.stages.get(finding.stage.index)
    if stage is None or stage.parent is None or stage.parent not in timeline.stages:
        return None
    return stage.parent, finding.packages[0], purpose


def _in_base(timeline: Timeline, key: tuple[int, str, Purpose], lacking: set[int]) -> Fix | None:
    """The fix for the base, when at least two stages are built from it and all of them lack the package."""
    base, package, purpose = key
    children = [stage for stage in timeline.stages.values() if stage.parent == base]
    if len(children) < 2 or lacking != {stage.index for stage in children}:
        return None
    stage = timeline.stages[base]
    placed = add_to_list(timeline, stage, package, purpose)
    if placed is None and not any(step.command.verb == "add" for child in children for step in apk_steps(child)):
        placed = add_new_run(timeline, stage, package)
    return placed[0] if placed is not None else None


def _with(finding: Finding, fix: Fix | None) -> Finding:
    return finding if fix is None else replace(finding, fix=fix)
