"""What commands of a RUN do to the files of a stage: ``cp``, ``mv``, ``ln``, ``mkdir``, ``sed -i``, redirections."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.stages.copied_distributions import distributions_copied, moved_path, spread
from dockerlint_alpine.stages.files import FromStage, Unread
from dockerlint_alpine.system.paths import absolute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, ExpandedCommand, Instruction

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
    """Files that the command writes or changes: what is in them is known only while building."""
    for redirect in expanded.command.redirects:
        if redirect.op in _WRITING or redirect.op in {">>", "&>>"}:
            for arg in redirect.target.expand(expanded.variables):
                _written(walk, instruction, arg, folder, changed=redirect.op not in _WRITING)
    if expanded.name == "tee":
        appended = any(arg.text in {"-a", "--append"} for arg in expanded.args)
        for arg in expanded.args[1:]:
            _written(walk, instruction, arg, folder, changed=appended)
    if expanded.name == "sed" and any(arg.text.startswith(("-i", "--in-place")) for arg in expanded.args):
        for arg in expanded.args[1:]:
            if walk.files.exists(absolute(arg.text, folder)):
                _written(walk, instruction, arg, folder, changed=True)


def _written(walk: StageWalk, instruction: Instruction, arg: Arg, folder: str, *, changed: bool) -> None:
    if not arg.known or arg.text.startswith(("-", "/dev/")) or arg.text.isdigit():
        return
    place = absolute(arg.text, folder)
    if changed and walk.files.exists(place):
        walk.edited[place] = instruction.line
    elif posixpath.basename(place):
        walk.files = walk.files.place(Unread(place, f"line {instruction.line} writes it while the image is built"))
