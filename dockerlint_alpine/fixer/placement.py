"""Chooses the place for a package that a stage lacks: an ``apk add`` that is there, else a new RUN.

A package goes into a list of the same stage that runs before the step that needs it, never into one in a branch,
with another ``--root`` or from another stage. Build packages go to the virtual list if there is one, else to the list
that holds compilers; run-time packages never go to a virtual list, nor to a list whose packages are deleted again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dockerlint_alpine.findings import Fix, TextEdit
from dockerlint_alpine.syntax import LayoutError, list_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.stages import ApkStep, Stage, Timeline
    from dockerlint_alpine.syntax import Edit, Instruction

Purpose = Literal["build", "runtime"]

_COMPILERS = frozenset({"build-base", "gcc", "g++", "musl-dev", "libc-dev", "make", "cmake", "cargo", "rust", "clang"})
_STARTS_WORK = frozenset({"RUN", "COPY", "ADD", "USER", "WORKDIR"})


def add_package(
    timeline: Timeline, stage: Stage, package: str, purpose: Purpose, before: Instruction | None
) -> tuple[Fix, Instruction] | None:
    """The safe fix that adds ``package`` to ``stage``, and the instruction it touches.

    ``before`` is the instruction that needs it (``None``: the end of the stage is early enough).
    """
    step = choose_list(stage, purpose, before)
    if step is not None:
        edit = insert_into(timeline, step, package)
        if edit is not None:
            line = timeline.dockerfile.line_of(step.span[0])
            return _fix(f"add {package} to the apk add in line {line}", edit), step.instruction
    return _new_run(timeline, stage, package, before)


def choose_list(stage: Stage, purpose: Purpose, before: Instruction | None) -> ApkStep | None:
    """The ``apk add`` of ``stage`` that a package of this purpose belongs to, or ``None``."""
    candidates = [
        step
        for step in _apk_steps(stage)
        if step.command.verb == "add"
        and not step.conditional
        and step.command.root is None
        and any(operand.span is not None and operand.path is None for operand in step.command.operands)
        and (before is None or step.instruction.start <= before.start)
    ]
    if purpose == "runtime":
        surviving = [step for step in candidates if step.command.virtual is None and not _deleted_later(stage, step)]
        return max(surviving, key=_runtime_rank, default=None)
    return max(candidates, key=_build_rank, default=None)


def insert_into(timeline: Timeline, step: ApkStep, package: str) -> Edit | None:
    """The insertion of ``package`` into the list of ``step`` in the list's own style; ``None`` where it can't be done."""
    args = [operand.arg for operand in step.command.operands if operand.arg is not None]
    try:
        return list_layout(timeline.dockerfile, args).insert(package)
    except LayoutError:
        return None


def _apk_steps(stage: Stage) -> list[ApkStep]:
    from dockerlint_alpine.stages import ApkStep  # noqa: PLC0415 - a cycle at import only

    return [step for step in stage.steps if isinstance(step, ApkStep)]


def _names(step: ApkStep) -> set[str]:
    return {operand.text.split("=")[0].split("~")[0].split("<")[0].split(">")[0] for operand in step.command.operands}


def _deleted_later(stage: Stage, step: ApkStep) -> bool:
    """True when most of the list is deleted again: it is a build list without a name."""
    names = _names(step)
    later = [other for other in _apk_steps(stage) if other.command.verb == "del" and other.span > step.span]
    deleted = {operand.text for other in later for operand in other.command.operands}
    return len(names & deleted) * 2 > len(names)


def _builds(step: ApkStep) -> bool:
    return any(name in _COMPILERS or name.endswith("-dev") for name in _names(step))


def _runtime_rank(step: ApkStep) -> tuple[bool, int, int]:
    """Prefer lists without build packages, then the longest, then the earliest."""
    return not _builds(step), len(step.command.operands), -step.span[0]


def _build_rank(step: ApkStep) -> tuple[bool, bool, int, int]:
    """Prefer the virtual list, then the one with compilers and -dev packages, then the longest, then the earliest."""
    return step.command.virtual is not None, _builds(step), len(step.command.operands), -step.span[0]


def _new_run(
    timeline: Timeline, stage: Stage, package: str, before: Instruction | None
) -> tuple[Fix, Instruction] | None:
    """A ``RUN apk add --no-cache`` of its own, before the first instruction that does work: best for the layer cache."""
    anchor = _anchor(stage.instructions, before)
    data = timeline.dockerfile.data
    if anchor is None:
        start = stage.from_instruction.end
        at_line_end = data.find(b"\n", start)
        position, lead = (len(data), timeline.dockerfile.eol) if at_line_end < 0 else (at_line_end + 1, "")
    else:
        position, lead = data.rfind(b"\n", 0, anchor.start) + 1, ""
        if data[position : anchor.start].strip():
            return None
    from dockerlint_alpine.syntax import Edit  # noqa: PLC0415 - only where a line is made

    eol = timeline.dockerfile.eol
    tail = "" if lead else eol
    edit = Edit(position, position, f"{lead}RUN apk add --no-cache {package}{tail}")
    where = f"before line {anchor.line}" if anchor is not None else "after FROM"
    return _fix(f"add RUN apk add --no-cache {package} {where}", edit), anchor or stage.from_instruction


def _anchor(instructions: Sequence[Instruction], before: Instruction | None) -> Instruction | None:
    for instruction in instructions:
        if instruction.keyword in _STARTS_WORK or instruction is before:
            return instruction
    return None


def _fix(title: str, edit: Edit) -> Fix:
    return Fix(title, "safe", (TextEdit(edit.start, edit.end, edit.text),))
