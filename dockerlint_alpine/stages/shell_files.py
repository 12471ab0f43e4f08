"""What commands of a RUN do to the files of a stage: ``cp``, ``mv``, ``ln``, ``mkdir``, ``sed -i``, redirections."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.stages.copied_distributions import distributions_copied, moved_path, spread
from dockerlint_alpine.stages.files import FromStage, FromText, Unread
from dockerlint_alpine.stages.pipelines import Printed, content_of, printed
from dockerlint_alpine.stages.text_filters import Edit, sed
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, ExpandedCommand, Instruction

_IN_PLACE = lazy_pattern(r"-[A-Za-z]*i|--in-place")
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
    """Files that the command writes or changes: what is in them is known only at build time, unless it is told."""
    text = None if expanded.conditional else printed(walk, expanded, folder)
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
        for arg in (one for one in expanded.args[1:] if not one.text.startswith("-")):
            if text is not None:
                _told(walk, instruction, arg, folder, text, added=appended)
            else:
                _written(walk, instruction, arg, folder, changed=appended)
    if expanded.name == "sed" and any(_IN_PLACE.match(arg.text) for arg in expanded.args):
        _edit(walk, instruction, expanded, folder)


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
    data = content_of(walk, place)
    if data is None:
        return None
    text = edit.lines(data.decode("utf-8", "surrogateescape"), walk.files.context.steps)
    return text.encode("utf-8", "surrogateescape") if text is not None else None


def _told(walk: StageWalk, instruction: Instruction, arg: Arg, folder: str, text: Printed, *, added: bool) -> None:
    """A file of which it is known what is written there, or ``added`` to one that is known."""
    place = absolute(arg.text, folder)
    before = content_of(walk, place) if added and walk.files.may_have(place) else b""
    plain = arg.known and posixpath.basename(place) and not arg.text.startswith(("-", "/dev/"))
    if before is None or not plain:
        _written(walk, instruction, arg, folder, changed=added)
        return
    data = text.text.encode("utf-8", "surrogateescape")
    fetched = text.fetched or (walk.files.fetched(place) if before else "")
    _put(walk, FromText(before + data, place, fetched, "" if before else text.shown))


def _put(walk: StageWalk, file: FromText | Unread) -> None:
    """A file in place of what was written there before: one that is written again and again is kept once."""
    before = [one for one in walk.files.placements if isinstance(one, (FromText, Unread)) and one.target == file.target]
    walk.files = walk.files.without(one for one in before if not (isinstance(one, Unread) and one.below)).place(file)


def _written(walk: StageWalk, instruction: Instruction, arg: Arg, folder: str, *, changed: bool) -> None:
    if not arg.known or arg.text.startswith(("-", "/dev/")) or arg.text.isdigit():
        return
    place = absolute(arg.text, folder)
    if changed and walk.files.exists(place):
        walk.edited[place] = instruction.line
    elif posixpath.basename(place):
        _put(walk, Unread(place, f"line {instruction.line} writes it at build time"))
