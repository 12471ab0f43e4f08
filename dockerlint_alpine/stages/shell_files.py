"""What commands of a RUN do to the files of a stage: ``cp``, ``mv``, ``ln``, ``mkdir``, ``sed -i``, redirections."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.stages.copied_distributions import distributions_copied, moved_path, spread
from dockerlint_alpine.stages.files import FromStage, FromText, Unread
from dockerlint_alpine.stages.package_lists import before_pipe
from dockerlint_alpine.stages.text_filters import Edit, grep, sed
from dockerlint_alpine.syntax import expand_command
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, ExpandedCommand, Instruction

_MAX_TEXT = 1 << 16
"""Bytes of a file that commands add to, line by line."""

_IN_PLACE = lazy_pattern(r"-[A-Za-z]*i|--in-place")
_PIP = lazy_pattern(r"pip[23]?(?:\.\d+)?")
_WRITING = frozenset({">", ">|", "&>"})


def make_folders(walk: StageWalk, args: Sequence[Arg], folder: str) -> None:
    """``mkdir [-p] DIR...``."""
    for arg in args[1:]:
        if arg.known and not arg.text.startswith("-"):
            walk.files = walk.files.with_directory(absolute(arg.text, folder))


def copy(walk: StageWalk, instruction: Instruction, args: Sequence[Arg], folder: str) -> None:
    """``cp``, ``mv`` and ``ln``: files, distributions and virtual environments are at a new place, too."""
    written = [arg.text for arg in args[1:] if arg.known and not arg.text.startswith("-")]
    if len(written) < 2 or walk.packages is None:
        return
    *sources, destination = written
    target = absolute(destination, folder)
    exists = target in walk.files.directories or destination.endswith("/") or len(sources) > 1
    before, packages = walk.files, walk.packages.world
    for written_source in sources:
        source = absolute(written_source, folder)
        into = exists and not written_source.endswith("/.")
        for inner, place in spread(before, source, f"{target.rstrip('/')}/" if into else target):
            walk.files = walk.files.place(FromStage(inner, place, before, packages))
        moved = distributions_copied(walk.installed, source, target, instruction, copied_from=None, into=into)
        if args[0].text == "mv":
            walk.installed = [
                item for item in walk.installed if moved_path(item.location, source, "/", into=False) is None
            ]
        walk.install(moved)
        for home in list(walk.homes.values()):
            prefix = moved_path(home.prefix, source, target, into=into)
            if prefix is not None:
                walk.homes[prefix] = replace(home, prefix=prefix)


def watch_writes(walk: StageWalk, instruction: Instruction, expanded: ExpandedCommand, folder: str) -> None:
    """Files that the command writes or changes: what is in them is known only at build time, unless ``echo`` says it."""
    text = None if expanded.conditional else _printed(expanded.args) or _frozen(walk, expanded)
    for redirect in expanded.command.redirects:
        if redirect.op in _WRITING or redirect.op in {">>", "&>>"}:
            for arg in redirect.target.expand(expanded.variables):
                added = redirect.op not in _WRITING
                if text is not None and redirect.fd in {None, 1}:
                    _told(walk, instruction, arg, folder, text, added=added)
                else:
                    _written(walk, instruction, arg, folder, changed=added)
    if expanded.name == "tee":
        appended = any(arg.text in {"-a", "--append"} for arg in expanded.args)
        for arg in expanded.args[1:]:
            _written(walk, instruction, arg, folder, changed=appended)
    if expanded.name == "sed" and any(_IN_PLACE.match(arg.text) for arg in expanded.args):
        _edit(walk, instruction, expanded, folder)


def _printed(args: Sequence[Arg]) -> bytes | None:
    """What ``echo`` or ``printf`` prints; ``None`` where that is not plain."""
    name, words = args[0].text, [arg.text for arg in args[1:]]
    if name not in {"echo", "printf"} or not all(arg.known for arg in args):
        return None
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
    return (text + end).encode("utf-8", "surrogateescape")


def _frozen(walk: StageWalk, expanded: ExpandedCommand) -> bytes | None:
    """What ``pip freeze`` and ``pip list --format=freeze`` print of what is known to be installed, less what ``grep -v``
    takes out; ``None`` for another command."""
    earlier = [expand_command(one, expanded.variables) for one in before_pipe(expanded.command)]
    args, *rest = (*earlier, expanded.args)
    filters: list[Callable[[str], bool]] = []
    for one in rest:
        kept = grep(one[0].text, one[1:], 0, walk.files.context.steps) if one else None
        if kept is None and [arg.text for arg in one] != ["sort"]:
            return None
        filters += [kept] if kept is not None else []
    words = [arg.text for arg in args if arg.known]
    words = words[2:] if words[1:2] == ["-m"] and "python" in words[0] else words
    listed = words[1:2] == ["list"] and "freeze" in " ".join(words[2:])
    if not words or not _PIP.fullmatch(words[0]) or (words[1:2] != ["freeze"] and not listed):
        return None
    installed = {one.resolved for one in walk.installed if one.wheel_file is None}
    lines = {f"{one.name}=={one.version}" if one.version is not None else one.name for one in installed}
    return "".join(f"{line}\n" for line in sorted(lines) if all(kept(line) for kept in filters)).encode() or None


def _edit(walk: StageWalk, instruction: Instruction, expanded: ExpandedCommand, folder: str) -> None:
    """Files that ``sed -i`` changes."""
    edit = sed(expanded.args[1:]) if not expanded.conditional else None
    if edit is not None and not edit.in_place:
        return
    for arg in expanded.args[1:]:
        place = absolute(arg.text, folder)
        if not walk.files.exists(place):
            continue
        text = _edited(walk, place, edit) if edit is not None else None
        if text is None:
            _written(walk, instruction, arg, folder, changed=True)
        else:
            share, shown = walk.files.fetched(place), walk.files.display(place)
            walk.files = walk.files.place(FromText(text, place, share, shown))


def _edited(walk: StageWalk, place: str, edit: Edit) -> bytes | None:
    """What ``sed`` makes of a file; ``None`` where that is not known, or takes too long to find out."""
    data = _content(walk, place)
    if data is None:
        return None
    text = edit.lines(data.decode("utf-8", "surrogateescape"), walk.files.context.steps)
    return text.encode("utf-8", "surrogateescape") if text is not None else None


def _told(walk: StageWalk, instruction: Instruction, arg: Arg, folder: str, text: bytes, *, added: bool) -> None:
    """A file of which the command itself says what is in it, or what is ``added`` to one that is known."""
    place = absolute(arg.text, folder)
    before = _content(walk, place) if added and walk.files.may_have(place) else b""
    plain = arg.known and posixpath.basename(place) and not arg.text.startswith(("-", "/dev/"))
    if before is None or not plain:
        _written(walk, instruction, arg, folder, changed=added)
        return
    if before:  # a file that grows line by line is kept once
        grown = [one for one in walk.files.placements if isinstance(one, FromText) and one.target == place]
        walk.files = walk.files.without(grown)
    walk.files = walk.files.place(FromText(before + text, place, walk.files.fetched(place) if before else ""))


def _content(walk: StageWalk, place: str) -> bytes | None:
    """What is in a file so far, where that is known and not much."""
    found = walk.files.content(place) if place not in walk.edited else None
    return found if found is not None and len(found) <= _MAX_TEXT else None


def _written(walk: StageWalk, instruction: Instruction, arg: Arg, folder: str, *, changed: bool) -> None:
    if not arg.known or arg.text.startswith(("-", "/dev/")) or arg.text.isdigit():
        return
    place = absolute(arg.text, folder)
    if changed and walk.files.exists(place):
        walk.edited[place] = instruction.line
    elif posixpath.basename(place):
        walk.files = walk.files.place(Unread(place, f"line {instruction.line} writes it at build time"))
