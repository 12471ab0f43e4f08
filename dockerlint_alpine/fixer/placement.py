"""Chooses the place for a package that a stage lacks: an ``apk add`` that is there, else a new RUN.

A package goes into a list of the same stage that runs before the step that needs it, never into one in a branch, one that
may fail (``|| true``), one of an ONBUILD, with another root or with repositories of its own. Build packages go to the list
that is deleted again (the virtual one), else to the one that holds compilers; run-time packages only go to a list that is
not deleted. A list that a variable or a file holds is edited there, unless another stage uses it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.fixer.lists import Listing, apk_steps, deletions, is_build_package, listings, package_of
from dockerlint_alpine.fixer.new_run import NEW_RUN, new_run
from dockerlint_alpine.fixer.pins import pinned_like
from dockerlint_alpine.model.findings import Fix, Purpose, TextEdit
from dockerlint_alpine.stages.model import ApkStep, Stage, Timeline
from dockerlint_alpine.syntax.shell.failure import goes_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.syntax import Instruction


def add_package(
    timeline: Timeline, stage: Stage, package: str, purpose: Purpose, before: Instruction | None
) -> tuple[Fix, Instruction] | None:
    """The safe fix that adds ``package`` to ``stage``, and the instruction it touches.

    ``before`` is the instruction that needs it (``None``: the end of the stage is early enough).
    """
    return (
        add_to_list(timeline, stage, package, purpose, before)
        or _add_to_base(timeline, stage, package, purpose)
        or add_new_run(timeline, stage, package, before)
    )


def add_to_list(
    timeline: Timeline, stage: Stage, package: str, purpose: Purpose, before: Instruction | None = None
) -> tuple[Fix, Instruction] | None:
    """The fix that puts ``package`` into a list that ``stage`` has; ``None`` where none is fit for it."""
    for listing in candidates(timeline, stage, purpose, before):
        edits = _insertions(timeline, stage, listing, package, purpose)
        if edits:
            where = listing.path or f"the apk add in line {timeline.dockerfile.line_of(listing.step.span[0])}"
            lasts = purpose == "runtime" or not deletions(stage, listing.step, listing.names)
            fix = Fix(f"add {package} to {where}", "safe", edits, (package,), where, lasts)
            return fix, listing.step.instruction
    return None


def add_new_run(
    timeline: Timeline, stage: Stage, package: str, before: Instruction | None = None
) -> tuple[Fix, Instruction] | None:
    """The fix that gives ``stage`` a ``RUN apk add`` of its own."""
    if stage.packages is None or (before is not None and before.start <= stage.from_instruction.start):
        return None  # ONBUILD of its base needs it: nothing of the stage itself runs before
    own = [operand.text for step in apk_steps(stage) for operand in step.command.operands]
    placed = new_run(timeline, stage, pinned_like(own, stage.packages, package), before)
    if placed is None:
        return None
    edit, anchor = placed
    where = f"before line {anchor.line}" if anchor.start >= edit.start else f"after line {anchor.end_line}"
    return Fix(f"{NEW_RUN} {package} {where}", "safe", (edit,), (package,), where), anchor


def candidates(timeline: Timeline, stage: Stage, purpose: Purpose, before: Instruction | None) -> list[Listing]:
    """The lists of ``stage`` that a package of this purpose may join, the best first."""
    found = [
        listing
        for step in _fit(timeline, stage, before)
        for listing in listings(timeline, step)
        if not _deleted_too_early(stage, listing, before) and not _misused_elsewhere(timeline, listing, purpose)
    ]
    if purpose == "runtime":
        staying = [one for one in found if _keeps_some(stage, one)]
        return sorted(staying, key=lambda one: _runtime_rank(stage, one), reverse=True)
    return sorted(found, key=lambda one: _build_rank(stage, one), reverse=True)


def _fit(timeline: Timeline, stage: Stage, before: Instruction | None) -> Iterator[ApkStep]:
    """The ``apk add`` commands that certainly do their work in this stage, before the first step that has the need."""
    for step in apk_steps(stage):
        command = step.command
        if command.verb != "add" or step.conditional or command.root is not None or command.repositories:
            continue
        written = timeline.dockerfile.instruction_at(step.instruction.start)
        if written is None or written.keyword != "RUN" or written not in stage.instructions:
            continue
        if step.written is None and goes_on(timeline.dockerfile.data, step.span[1]):
            continue
        if _in_time(stage, step, before):
            yield step


def _in_time(stage: Stage, step: ApkStep, before: Instruction | None) -> bool:
    """Whether a command of apk runs before the need first arises: the first command of ``before`` that installs or starts
    Python."""
    if before is None:
        return True
    order = [
        one
        for one in stage.steps
        if one is step or (one.instruction.start == before.start and not isinstance(one, ApkStep))
    ]
    if len(order) > 1:
        return order[0] is step
    return step.span < (before.end, before.end)


def _deleted_too_early(stage: Stage, listing: Listing, before: Instruction | None) -> bool:
    if before is None:
        return False
    return any(_in_time(stage, gone, before) for gone in deletions(stage, listing.step, listing.names))


def _misused_elsewhere(timeline: Timeline, listing: Listing, purpose: Purpose) -> bool:
    """True when a list that several commands share must not take a package of this purpose: a build package would
    reach a final image."""
    if purpose == "runtime":
        return any(other.command.verb == "del" for other in listing.shared)
    own = listing.step.stage
    return any(timeline.stages[other.stage].runs for other in listing.shared if other.stage != own)


def _keeps_some(stage: Stage, listing: Listing) -> bool:
    """Whether what joins the list stays: nobody deletes it, or one by one only what its author needs for building."""
    gone = deletions(stage, listing.step, listing.names)
    named = {package_of(operand) for step in gone for operand in step.command.operands}
    return not gone or (
        listing.step.command.virtual is None
        and any(name not in named and not is_build_package(name) for name in listing.names)
    )


def _runtime_rank(stage: Stage, listing: Listing) -> tuple[bool, bool, bool, bool, bool, int, int]:
    """Prefer lists of this stage alone, of which nothing is deleted, without build packages and without a name, then the
    longest, the earliest."""
    step = listing.step
    return (
        _own(listing),
        not listing.makeshift,
        not deletions(stage, step, listing.names),
        not listing.builds,
        step.command.virtual is None,
        len(listing.names),
        -step.span[0],
    )


def _build_rank(stage: Stage, listing: Listing) -> tuple[bool, bool, bool, bool, bool, int, int]:
    """Prefer the list that is deleted again, then the one with compilers and -dev packages, a virtual one, the longest,
    the earliest."""
    step = listing.step
    return (
        _own(listing),
        not listing.makeshift,
        bool(deletions(stage, step, listing.names)),
        listing.builds,
        step.command.virtual is not None,
        len(listing.names),
        -step.span[0],
    )


def _own(listing: Listing) -> bool:
    return all(other.stage == listing.step.stage for other in listing.shared)


def _insertions(
    timeline: Timeline, stage: Stage, listing: Listing, package: str, purpose: Purpose
) -> tuple[TextEdit, ...]:
    """Puts ``package`` into the list and, when its members are deleted one by one, into that list too."""
    if stage.packages is None or package in listing.names:
        return ()
    text = pinned_like([operand.text for operand in listing.step.command.operands], stage.packages, package)
    edit = listing.insert(text) or listing.insert(package)
    if edit is None:
        return ()
    if purpose == "runtime" or listing.step.command.virtual is not None:
        return (edit,)
    return (edit, *_into_deletion(timeline, stage, listing, package))


def _into_deletion(timeline: Timeline, stage: Stage, listing: Listing, package: str) -> tuple[TextEdit, ...]:
    gone = deletions(stage, listing.step, listing.names)
    if not gone or any(shared is gone[0] for shared in listing.shared):
        return ()
    for other in listings(timeline, gone[0]):
        edit = other.insert(package) if other.path is None else None
        if edit is not None:
            return (edit,)
    return ()


def _add_to_base(timeline: Timeline, stage: Stage, package: str, purpose: Purpose) -> tuple[Fix, Instruction] | None:
    """The list of the stage that this one is built from, when all other stages built from it have the package anyway."""
    base = timeline.stages.get(stage.parent) if stage.parent is not None else None
    if base is None or base.packages is None:
        return None
    others = [one for one in timeline.stages.values() if one.parent == base.index and one is not stage]
    if not all(one.end is not None and one.end.world.has(package) for one in others):
        return None
    if any(one.index != base.index and one.runs and purpose == "build" for one in (stage, *others)):
        return None
    return add_to_list(timeline, base, package, purpose)
