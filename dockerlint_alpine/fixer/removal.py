"""Takes packages out of a Dockerfile, or out of the image by way of a virtual list that the same RUN deletes.

A list loses its members, a command that would have none goes, and an instruction that would do nothing goes too.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from dockerlint_alpine.fixer.lists import deletions, listings, package_of
from dockerlint_alpine.model.findings import TextEdit
from dockerlint_alpine.syntax import Command, Dockerfile, Instruction, Span, run_scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.stages.model import ApkStep, Stage, Timeline

VIRTUAL_NAME = ".build-deps"
_LEFTOVERS = frozenset({":", "echo", "set", "sync", "true"})


def remove_packages(
    timeline: Timeline, stage: Stage, step: ApkStep, names: Sequence[str]
) -> tuple[TextEdit, ...] | None:
    """The edits that take ``names`` out of the list of ``step`` and out of what deletes them one by one; ``None`` where
    they can't be taken out without touching anything else."""
    operands = [package_of(operand) for operand in step.command.operands]
    if step.command.unknown or step.written is not None:  # of a script: its place is that of what starts it
        return None
    gone = deletions(stage, step, operands)
    if set(operands) <= set(names):
        return _remove_whole(timeline, step, gone)
    edits = _remove_from_lists(timeline, step, names)
    if edits is None or step.command.virtual is not None:
        return edits
    for deletion in gone:
        listed = {package_of(operand) for operand in deletion.command.operands}
        own = [name for name in names if name in listed]
        if own and not _same_place(timeline, step, deletion):
            more = _remove_command(deletion) if len(own) == len(listed) else None
            more = more or _remove_from_lists(timeline, deletion, own)
            if more is None:
                return None
            edits = (*edits, *more)
    return edits


def into_virtual(timeline: Timeline, step: ApkStep, names: Sequence[str]) -> tuple[TextEdit, ...] | None:
    """The edits that put ``names`` of the list of ``step`` into a virtual package that the end of the RUN deletes."""
    dockerfile, instruction = timeline.dockerfile, step.instruction
    commands = _chain(instruction)
    index = _index(commands, step.span)
    if (
        step.written is not None
        or index is None
        or index + 1 >= len(commands)
        or step.command.virtual is not None
        or step.command.unknown
    ):
        return None
    words = listings(timeline, step)
    if len(words) != 1 or words[0].path is not None or words[0].makeshift:
        return None
    last, before_last = commands[-1], commands[-2]
    ends = _spans((last, before_last, commands[index], commands[index + 1]))
    first = step.command.operands[0].span
    if ends is None or first is None:
        return None
    behind, joiner = ends[0][1], _joiner(dockerfile, ends[1], ends[0])
    deletion = TextEdit(behind, behind, f"{joiner}apk del {VIRTUAL_NAME}")
    options = [word for word in commands[index].words if word.span is not None and word.span[1] <= first[0]]
    if not options or options[-1].span is None:
        return None
    if set(words[0].names) <= set(names):
        place = options[-1].span[1]
        return TextEdit(place, place, f" --virtual {VIRTUAL_NAME}"), deletion
    removal = words[0].remove(names)
    if removal is None:
        return None
    command = " ".join(word.text for word in options)
    wanted = " ".join(one.text for one in step.command.operands if package_of(one) in names)
    following = _joiner(dockerfile, ends[2], ends[3])
    added = TextEdit(ends[2][1], ends[2][1], f"{following}{command} --virtual {VIRTUAL_NAME} {wanted}")
    return removal, added, deletion


def _joiner(dockerfile: Dockerfile, one: Span, other: Span) -> str:
    """How the author joins two commands, with line breaks; a plain ``&&`` where a comment stands between them."""
    text = dockerfile.data[one[1] : other[0]].decode("utf-8", "surrogateescape")
    return " && " if "#" in text else text


def _same_place(timeline: Timeline, step: ApkStep, other: ApkStep) -> bool:
    """True when both take their operands from one variable or file."""
    return any(shared is other for listing in listings(timeline, step) for shared in listing.shared)


def _remove_from_lists(timeline: Timeline, step: ApkStep, names: Sequence[str]) -> tuple[TextEdit, ...] | None:
    """One edit for each place that ``names`` are kept in; ``None`` where one of them would be left empty or is used by
    another stage too."""
    left = dict.fromkeys(names)
    edits: list[TextEdit] = []
    for listing in listings(timeline, step):
        own = [name for name in left if name in listing.names]
        if not own or listing.makeshift:
            continue
        if any(other.stage != step.stage for other in listing.shared):
            return None
        edit = listing.remove(own)
        if edit is None:
            return None
        edits.append(edit)
        left = {name: None for name in left if name not in own}
    return tuple(edits) if not left else None


def _remove_command(step: ApkStep) -> tuple[TextEdit, ...] | None:
    """Without one command of a chain of several."""
    commands = _chain(step.instruction)
    index = _index(commands, step.span)
    span = _command_with_joiner(commands, index) if index is not None else None
    return (TextEdit(*span, ""),) if span is not None else None


def _remove_whole(timeline: Timeline, step: ApkStep, gone: Sequence[ApkStep]) -> tuple[TextEdit, ...] | None:
    """Without the command and what deletes its packages; without the instruction when nothing else is in it."""
    instruction = step.instruction
    commands = _chain(instruction)
    doomed = [step, *gone]
    if any(one.instruction is not instruction or one.span == (instruction.start, instruction.end) for one in doomed):
        return None
    if any(operand.path is not None for operand in step.command.operands):
        return None
    indexes = [_index(commands, one.span) for one in doomed]
    if None in indexes or any(len(one.command.operands) != 1 and one.command.verb == "del" for one in gone):
        return None
    kept = [command for index, command in enumerate(commands) if index not in indexes]
    if all(_does_nothing(command) for command in kept):
        return (_without_instruction(timeline.dockerfile, instruction),)
    edits: list[TextEdit] = []
    for index in indexes:
        assert index is not None
        span = _command_with_joiner(commands, index)
        if span is None:
            return None
        edits.append(TextEdit(*span, ""))
    ordered = sorted(edits, key=lambda edit: edit.start)
    return None if any(one.end > two.start for one, two in pairwise(ordered)) else tuple(ordered)


def _chain(instruction: Instruction) -> tuple[Command, ...]:
    """The commands of a RUN that is one plain list of commands, empty for anything else."""
    scripts = run_scripts(instruction)
    if instruction.json is not None or len(scripts) != 1 or scripts[0].problems:
        return ()
    commands = scripts[0].commands
    plain = all(
        command.joined_by in {"", "&&", ";", "\n"}
        and not command.conditional
        and not command.subshell
        and not command.background
        and command.function is None
        and command.span is not None
        for command in commands
    )
    return commands if plain else ()


def _index(commands: Sequence[Command], span: Span) -> int | None:
    return next((index for index, command in enumerate(commands) if command.span == span), None)


def _spans(commands: Sequence[Command]) -> list[Span] | None:
    spans = [command.span for command in commands if command.span is not None]
    return spans if len(spans) == len(commands) else None


def _does_nothing(command: Command) -> bool:
    """True for what only made sense beside the command that goes: cleaning apk's cache, ``set -ex``."""
    words = [word.text for word in command.words]
    if words[:1] == ["rm"]:
        return all(word.startswith(("-", "/var/cache/apk")) for word in words[1:])
    return words[:2] == ["apk", "update"] or (bool(words) and words[0] in _LEFTOVERS)


def _command_with_joiner(commands: Sequence[Command], index: int) -> Span | None:
    """A command up to the next one, or from the one before it where it is the last."""
    own = commands[index].span
    if own is None:
        return None
    if index + 1 < len(commands):
        following = commands[index + 1].span
        return (own[0], following[0]) if following is not None else None
    before = commands[index - 1].span if index else None
    return (before[1], own[1]) if before is not None else None


def _without_instruction(dockerfile: Dockerfile, instruction: Instruction) -> TextEdit:
    """With its line ends, the comments right above it, and one of two empty lines around it."""
    data = dockerfile.data
    start = data.rfind(b"\n", 0, instruction.start) + 1
    while start:
        line = data.rfind(b"\n", 0, start - 1) + 1
        if not data[line:start].lstrip(b" \t").startswith(b"#"):
            break
        start = line
    newline = data.find(b"\n", instruction.end)
    end = len(data) if newline < 0 else newline + 1
    above = data[data.rfind(b"\n", 0, max(start - 1, 0)) + 1 : start]
    below = data.find(b"\n", end)
    if not above.strip() and below >= 0 and not data[end:below].strip():
        end = below + 1
    return TextEdit(start, end, "")
