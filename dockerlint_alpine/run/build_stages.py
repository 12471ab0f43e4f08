"""``check --show-fix``: shows moving the compile to a separate build stage as a checked edit.

It is only told where the doctor finds nothing wrong with it any more; the packages in it are the doctor's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.checks.base import locate
from dockerlint_alpine.fixer.build_stage import separated
from dockerlint_alpine.model.findings import Finding, Fix, Location, Remedy, TextEdit
from dockerlint_alpine.run.analysis import Doctor, UnreadableError, fix_bytes
from dockerlint_alpine.stages import InstallStep

if TYPE_CHECKING:
    from pathlib import Path

    from dockerlint_alpine.model.reports import FileReport

_TITLE = "compile in a separate build stage and copy the wheels"


def with_build_stages(doctor: Doctor, report: FileReport, path: Path) -> FileReport:
    """The report on the Dockerfile at ``path`` with that way out for each compile that it holds for."""
    compiled = [one for one in report.findings if one.traits.topic == "compile" and one.fix is not None and one.stage]
    if not compiled:
        return report
    ways: dict[tuple[int, Location], Remedy] = {}
    (timeline, *_) = doctor.timelines(report.source, path, shown_as=report.path)
    for stage in timeline.stages.values():
        for step in stage.steps:
            if not isinstance(step, InstallStep):
                continue
            place = (stage.index, locate(timeline.dockerfile, step.span))
            if any((one.stage.index, one.location) == place for one in compiled if one.stage is not None):
                skeleton = separated(timeline, stage, step)
                written = _judged(doctor, skeleton, path) if skeleton is not None else None
                if written is not None:
                    names = tuple(dict.fromkeys(about.name for one in compiled for about in one.distributions))
                    fix = Fix(_TITLE, "unsafe", (_edit(report.source, written),))
                    ways[place] = Remedy("stage", _TITLE, "no compiler is left in the final image", names, fix)
    return replace(report, findings=tuple(_with(one, ways) for one in report.findings))


def _judged(doctor: Doctor, skeleton: bytes, path: Path) -> bytes | None:
    """The skeleton with its packages; ``None`` where something is still wrong with it."""
    try:
        done = fix_bytes(doctor, skeleton, path)
    except UnreadableError:
        return None
    wrong = any(one.severity == "error" and one.traits.topic for one in done.left.findings)
    return None if wrong else done.new


def _edit(old: bytes, new: bytes) -> TextEdit:
    """The one edit that makes ``new`` of ``old``: what both begin and end with stays."""
    start = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    tail = 0
    while tail < min(len(old), len(new)) - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return TextEdit(start, len(old) - tail, new[start : len(new) - tail].decode("utf-8", "surrogateescape"))


def _with(finding: Finding, ways: dict[tuple[int, Location], Remedy]) -> Finding:
    way = ways.get((finding.stage.index, finding.location)) if finding.stage is not None else None
    if way is None or finding.traits.topic != "compile":
        return finding
    return replace(finding, remedies=(*finding.remedies, way))
