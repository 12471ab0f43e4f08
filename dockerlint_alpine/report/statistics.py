"""How often each code was found, as ``ruff check --statistics`` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.model.reports import Report


class CodeCount(Struct, frozen=True):
    """One code: its findings, and how many of them have a safe fix."""

    code: str
    name: str
    count: int
    fixable: int


def count(report: Report) -> tuple[CodeCount, ...]:
    """Count the findings by code, the most frequent first, then by code."""
    names: dict[str, str] = {}
    counts: dict[str, list[int]] = {}
    for finding in report.findings:
        names[finding.code] = finding.name
        both = counts.setdefault(finding.code, [0, 0])
        both[0] += 1
        both[1] += finding.fix is not None and finding.fix.applicability == "safe"
    rows = [CodeCount(code, names[code], *both) for code, both in counts.items()]
    return tuple(sorted(rows, key=lambda row: (-row.count, row.code)))


def as_text(counted: Sequence[CodeCount]) -> str:
    """A line for each code: how often, code, ``[*]`` all or ``[-]`` some of them fixable, name. No line end behind."""
    if not counted:
        return "Nothing was found."
    width = len(str(max(row.count for row in counted)))
    marks = {row.code: "[*]" if row.fixable == row.count else "[-]" if row.fixable else "[ ]" for row in counted}
    lines = [f"{row.count:>{width}}  {row.code}  {marks[row.code]}  {row.name}" for row in counted]
    if any(row.fixable for row in counted):
        lines.append("[*] fixable with `alpine-doctor fix`" + (", [-] some of them" if "[-]" in marks.values() else ""))
    return "\n".join(lines)


def as_json(counted: Sequence[CodeCount]) -> str:
    """A list with ``code``, ``name``, ``count`` and ``fixable`` of each; no line end behind."""
    import json

    rows = [{"code": row.code, "name": row.name, "count": row.count, "fixable": row.fixable} for row in counted]
    return json.dumps({"version": 1, "statistics": rows}, indent=2)
