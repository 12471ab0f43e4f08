"""Shared libraries that were copied into a stage by hand: they count as present, without any package.

The folders are those musl's loader searches (ld-musl: ``/lib:/usr/local/lib:/usr/lib``) and ``LD_LIBRARY_PATH``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from dockerlint_alpine.stages.files import FromContext, FromStage, Placement
from dockerlint_alpine.stages.travel import moved_path

if TYPE_CHECKING:
    from dockerlint_alpine.stages.model import Moment, Timeline

_SEARCHED = ("/lib", "/usr/local/lib", "/usr/lib")

Copied = Literal["yes", "maybe", "no"]


def library_copied(timeline: Timeline, moment: Moment, need: str) -> Copied:
    """Whether the object that ``need`` (``so:liblz4.so.1``) names was copied to where the loader finds it.

    ``maybe``: a folder of libraries came from an image that we can't look into.
    """
    soname = need.removeprefix("so:").rpartition(":")[2]
    folders = (*_SEARCHED, *filter(None, (moment.scope.text("LD_LIBRARY_PATH") or "").split(":")))
    answers = {_answer(timeline, placement, soname, need, folders) for placement in moment.files.placements}
    return "yes" if "yes" in answers else "maybe" if "maybe" in answers else "no"


def _answer(timeline: Timeline, placement: Placement, soname: str, need: str, folders: Iterable[str]) -> Copied:
    match placement:
        case FromContext(source=source, target=target):
            # A library that lies in the context itself.
            return _named("yes", posixpath.basename(source), target, soname, folders)
        case FromStage(source=source, target=target, files=None):
            if _named("yes", posixpath.basename(source), target, soname, folders) == "yes":
                return "yes"
            return "maybe" if _brings_folder(source, target, folders) else "no"
        case FromStage(source=source, target=target, stage=index):
            if _named("yes", posixpath.basename(source), target, soname, folders) == "yes":
                return "yes"
            stage = timeline.stages.get(index) if index is not None else None
            if stage is None or stage.end is None or not _brings_folder(source, target, folders):
                return "no"
            if stage.end.world.has(need):
                return "yes"
            return library_copied(timeline, stage.end, need)
        case _:
            return "no"


def _named(answer: Copied, name: str, target: str, soname: str, folders: Iterable[str]) -> Copied:
    """``answer`` when the copied file is called like the object and lands in a searched folder."""
    if ".so" not in name or not (fnmatchcase(soname, name) or name.startswith(f"{soname}.")):
        return "no"
    landed = target if posixpath.basename(target).find(".so") < 0 else posixpath.dirname(target)
    return answer if landed.rstrip("/") in folders else "no"


def _brings_folder(source: str, target: str, folders: Iterable[str]) -> bool:
    """True when the content of a searched folder of the other stage ends up in a searched folder of this one."""
    for folder in _SEARCHED:
        landed = moved_path(folder, source, target, into=False)
        if landed is not None and landed.rstrip("/") in folders:
            return True
    return False
