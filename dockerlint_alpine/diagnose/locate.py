"""Finds the instruction of a Dockerfile that a step of a log is, and the stage that a cause belongs in.

BuildKit marks the line itself (``>>>``); else the text of the step is compared, variables in it standing for anything;
else its number is counted the way its engine counts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.diagnose.steps import Step, same_command
from dockerlint_alpine.installers.registry import mention_of_any
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.diagnose.model import Cause
    from dockerlint_alpine.diagnose.scan import Scan
    from dockerlint_alpine.stages import Stage, Timeline
    from dockerlint_alpine.syntax import Instruction

_MAKES_LAYER = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})
_VARIABLE = lazy_pattern(r"\\\$\\\{[^}]*\\\}|\\\$\w+")
_SHORTEST = 6
"""Characters of a command that may still be compared by its beginning."""


class Place(Struct, frozen=True):
    """Where something failed; ``instruction`` is ``None`` where only the stage is known."""

    stage: Stage
    instruction: Instruction | None


def failed_place(timeline: Timeline, found: Scan, failed: Step | None) -> Place | None:
    """The step that broke the build, ``None`` when the log shows no step of this Dockerfile."""
    for line in reversed(found.marked_lines):
        place = _at_line(timeline, line)
        if place is not None:
            return place
    for failure in reversed(found.failures):
        said = [step for step in found.steps if same_command(step, failure) and step.line <= failure.line]
        place = step_place(timeline, said[-1]) if said else _by_text(timeline, failure.text, None)
        if place is not None:
            return place
    return step_place(timeline, failed) if failed is not None else None


def step_place(timeline: Timeline, step: Step) -> Place | None:
    """The instruction that a step of the log is: the one of its number where that has its text, else one with its text."""
    stages = _stages_named(timeline, step.stage)
    text = re.sub(r"^\w+\s+", "", step.text)
    numbered = _by_number(timeline, step, stages)
    if numbered is not None and numbered.instruction is not None:
        value, wanted = _bare(_command(numbered.instruction)), _bare(text)
        if any(same(value, wanted) for same in (_equal, _fits, _begins)):
            return numbered
    return _by_text(timeline, text, stages, step.keyword) or numbered


def cause_place(timeline: Timeline, cause: Cause, failed: Place | None) -> Place | None:
    """Where a cause is to be fixed: the failing step while building, else the stage whose image runs.

    ``None`` for a Dockerfile without an Alpine stage that the cause could be of.
    """
    own = step_place(timeline, cause.step) if cause.step is not None else None
    place = own or failed
    if place is not None and (cause.moment != "run" or place.instruction is not None):
        return place
    if cause.moment == "run":
        running = [stage for stage in _alpine(timeline) if stage.runs]
        if running:
            return Place(running[-1], None)
    building = [stage for stage in _alpine(timeline) if any(_installs(item) for item in stage.instructions)]
    candidates = building or list(_alpine(timeline))
    if not candidates:
        return None
    installs = [item for item in candidates[0].instructions if _installs(item)]
    return Place(candidates[0], installs[0] if installs else None)


def _alpine(timeline: Timeline) -> Iterator[Stage]:
    for _, stage in sorted(timeline.stages.items()):
        if stage.packages is not None:
            yield stage


def _installs(instruction: Instruction) -> bool:
    return instruction.keyword == "RUN" and re.search(mention_of_any(), instruction.value) is not None


def _at_line(timeline: Timeline, line: int) -> Place | None:
    for stage in timeline.stages.values():
        for instruction in stage.instructions:
            if instruction.line <= line <= instruction.end_line:
                return Place(stage, instruction)
    return None


def _stages_named(timeline: Timeline, name: str | None) -> list[Stage] | None:
    """Stages by BuildKit's name (``builder``, ``stage-1``) or podman's number; ``None`` where the name is not a stage's."""
    if name is None:
        return None
    number = name.removeprefix("stage-")
    found = [
        stage
        for stage in timeline.stages.values()
        if (stage.name or "").lower() == name.lower() or (number.isdigit() and stage.index == int(number))
    ]
    return found or None


def _by_text(timeline: Timeline, text: str, stages: Iterable[Stage] | None, keyword: str = "RUN") -> Place | None:
    wanted = _bare(text)
    within = list(stages) if stages is not None else list(timeline.stages.values())
    for same in (_equal, _fits, _begins):
        for stage in within:
            for instruction in stage.instructions:
                if instruction.keyword == keyword and same(_bare(_command(instruction)), wanted):
                    return Place(stage, instruction)
    return None


def _command(instruction: Instruction) -> str:
    """What the engine prints of an instruction: its value, or the here-document it runs."""
    body = "".join(heredoc.content for heredoc in instruction.heredocs)
    return instruction.value + body


def _equal(value: str, wanted: str) -> bool:
    return bool(wanted) and value == wanted


def _fits(value: str, wanted: str) -> bool:
    """Whether ``wanted`` is ``value`` with its variables replaced."""
    if "$" not in value:
        return False
    pattern = _VARIABLE.sub(".*", re.escape(value))
    return re.fullmatch(pattern, wanted) is not None


def _begins(value: str, wanted: str) -> bool:
    """Engines cut long commands with dots."""
    cut = wanted.removesuffix("...").removesuffix("…")
    return len(cut) >= _SHORTEST and (value.startswith(cut) or (len(value) >= _SHORTEST and cut.startswith(value)))


def _bare(text: str) -> str:
    text = re.sub(r"^(?:--\w+=\S+\s+)+", "", text.strip())
    text = re.sub(r"^/bin/(?:ba|a)?sh -\w*c ", "", text)
    return re.sub(r"[\s\\\"']+", "", text)


def _by_number(timeline: Timeline, step: Step, stages: list[Stage] | None) -> Place | None:
    if step.number is None:
        return None
    if step.engine == "docker":
        return _by_number_in_file(timeline, step)
    counted = stages or list(timeline.stages.values())[:1]
    for stage in counted:
        rows = [stage.from_instruction, *stage.instructions]
        if step.engine == "buildkit":
            # BuildKit counts what makes a layer, and FROM only where it is an image.
            rows = [
                item
                for item in rows
                if item.keyword in _MAKES_LAYER or (item.keyword == "FROM" and stage.parent is None)
            ]
        if step.number <= len(rows) and rows[step.number - 1].keyword == step.keyword:
            return Place(stage, rows[step.number - 1])
    return None


def _by_number_in_file(timeline: Timeline, step: Step) -> Place | None:
    """Classic Docker counts every instruction of the file."""
    assert step.number is not None
    rows = timeline.dockerfile.instructions
    if step.number > len(rows) or rows[step.number - 1].keyword != step.keyword:
        return None
    wanted = rows[step.number - 1]
    for stage in timeline.stages.values():
        if wanted in stage.instructions:
            return Place(stage, wanted)
    return None
