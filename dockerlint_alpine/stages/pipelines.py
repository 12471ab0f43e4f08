"""What pipelines print: ``echo``, ``printf``, ``pip freeze``, and ``cat``, ``grep`` and ``sed`` of files.

Source: POSIX (cat, echo, grep, printf, sed, sort, tee, uniq).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.stages.package_lists import before_pipe
from dockerlint_alpine.stages.text_filters import GREP, grep, sed
from dockerlint_alpine.syntax import expand_command
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.stages.context import Fetched
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, Command, ExpandedCommand

_MAX_TEXT = 1 << 16
"""Bytes of a file, and of a text, that are looked into."""

_PIP = lazy_pattern(r"pip[23]?(?:\.\d+)?")


class Printed(Struct, frozen=True):
    """A text. ``shown`` is the file, as the user names it, whose lines these are, with empty ones for those left out
    (``gaps``)."""

    text: str
    shown: str = ""
    fetched: Fetched = ""
    gaps: bool = False


def printed(walk: StageWalk, expanded: ExpandedCommand, folder: str) -> Printed | None:
    """What a command prints, with those before its pipe; ``None`` where that can't be told."""
    found: Printed | None = None
    for command in (*before_pipe(expanded.command), expanded.command):
        args = expanded.args if command is expanded.command else expand_command(command, expanded.variables)
        found = _by(walk, command, args, folder, found) if args and all(arg.known for arg in args) else None
        if found is None or len(found.text) > _MAX_TEXT:
            return None
    return found


def content_of(walk: StageWalk, place: str) -> bytes | None:
    """What is in a file so far, where that is known and not much."""
    found = walk.files.content(place) if place not in walk.edited else None
    return found if found is not None and len(found) <= _MAX_TEXT else None


def _by(walk: StageWalk, command: Command, args: Sequence[Arg], folder: str, piped: Printed | None) -> Printed | None:
    """What one command prints of what is ``piped`` to it, or of the files that it names."""
    name, words = args[0].text, [arg.text for arg in args[1:]]
    if name in {"echo", "printf"}:
        text = _told(name, words)
        return Printed(text) if text is not None else None
    by_module = "python" in name and words[:2] == ["-m", "pip"]
    if by_module or _PIP.fullmatch(name):
        text = _frozen(walk, words[2:] if by_module else words)
        return Printed(text) if text is not None else None
    steps = walk.files.context.steps
    sources = [arg for one in command.redirects if one.op == "<" for arg in one.target.expand({})]
    options = {word for word in words if word.startswith("-")}
    operands = [arg for arg in args[1:] if not arg.text.startswith("-")]
    match name:
        case "cat" | "uniq" if not options and not (name == "uniq" and operands[1:]):  # uniq INPUT OUTPUT
            return _source(walk, [*operands, *sources], folder, piped, as_it_is=True)
        case "tee":
            return piped
        case "sort" if options <= {"-u"}:
            found = _source(walk, [*operands, *sources], folder, piped)
            if found is None:
                return None
            lines = found.text.removesuffix("\n").split("\n")
            ordered = sorted({*lines} if options else lines)
            return Printed("".join(f"{one}\n" for one in ordered), "", found.fetched, gaps=found.gaps)
        case "sed":
            edit = sed(args[1:])
            if edit is None or edit.in_place:
                return None
            named = operands[len(operands) - len(edit.files) :]
            found = _source(walk, [*named, *sources], folder, piped)
            if found is None or found.gaps:  # lines have other numbers
                return None
            text = edit.lines(found.text, steps)
            return _with(found, text, gaps=True) if text is not None else None
        case _ if name in GREP:
            named = operands[1:]
            kept = grep(name, args[1:], len(named), steps) if not options & {"-e", "--regexp"} else None
            found = _source(walk, [*named, *sources], folder, piped) if kept is not None else None
            if kept is None or found is None:
                return None
            lines = found.text.removesuffix("\n").split("\n")
            left = [f"{line if kept(line) else ''}\n" for line in lines if found.shown or kept(line)]
            return _with(found, "".join(left), gaps=bool(found.shown)) if left else None
    return None


def _with(found: Printed, text: str, *, gaps: bool) -> Printed:
    return Printed(text, found.shown, found.fetched, gaps=gaps)


def _source(
    walk: StageWalk, named: Sequence[Arg], folder: str, piped: Printed | None, *, as_it_is: bool = False
) -> Printed | None:
    """What a command reads: the files of the stage that it names, one after the other, else what is piped to it."""
    if not named:
        return piped
    found: list[Printed] = []
    left = _MAX_TEXT
    for arg in named:
        pattern = absolute(arg.text, folder)
        for place in (walk.files.glob(pattern) if arg.glob else ()) or (pattern,):
            data = content_of(walk, place)
            left -= len(data or b"")
            if data is None or left < 0 or not walk.files.context.steps.spend(len(data)):
                return None
            text = data.decode("utf-8", "surrogateescape")
            found.append(Printed(text, walk.files.display(place), walk.files.fetched(place)))
    if len(found) == 1:
        return found[0]
    # cat alone glues a last line that does not end to the next one.
    texts = [one.text if as_it_is or one.text.endswith("\n") else f"{one.text}\n" for one in found]
    return Printed("".join(texts), "", next((one.fetched for one in found if one.fetched), ""))


def _told(name: str, words: Sequence[str]) -> str | None:
    """What ``echo`` or ``printf`` prints; ``None`` where that is not plain."""
    words = list(words)
    escapes, end = name == "printf", "" if name == "printf" else "\n"
    while name == "echo" and words and words[0] in {"-n", "-e", "-ne", "-en"}:
        escapes, end = escapes or "e" in words[0], "" if "n" in words[0] else end
        del words[0]
    if name == "printf" and words[:1] == [r"%s\n"]:
        escapes, end, text = False, "", "".join(f"{word}\n" for word in words[1:])
    elif name == "printf" and (len(words) != 1 or "%" in words[0]):
        return None
    else:
        text = " ".join(words)
    if escapes:
        text = text.replace(r"\n", "\n")
        if "\\" in text:
            return None
    return text + end


def _frozen(walk: StageWalk, words: Sequence[str]) -> str | None:
    """What ``pip freeze`` and ``pip list --format=freeze`` print of what is known to be installed; ``None`` for another
    command."""
    listed = words[:1] == ["list"] and "freeze" in " ".join(words[1:])
    if words[:1] != ["freeze"] and not listed:
        return None
    installed = {one.resolved for one in walk.installed if one.wheel_file is None}
    lines = {f"{one.name}=={one.version}" if one.version is not None else one.name for one in installed}
    return "".join(f"{line}\n" for line in sorted(lines)) or None
