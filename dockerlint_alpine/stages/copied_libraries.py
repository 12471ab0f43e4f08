"""Shared libraries that were copied into a stage by hand: they count as present, without any package, where the loader
searches (:mod:`dockerlint_alpine.stages.loader_path`)."""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from dockerlint_alpine.stages.copied_distributions import moved_path
from dockerlint_alpine.stages.files import Access, FromContext, FromStage, Placement, StageFiles, Unread
from dockerlint_alpine.stages.loader_path import DEFAULT, loader_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockerlint_alpine.stages.model import Moment, Stage, Timeline

_OF_PACKAGES = ("/lib", "/usr/lib")
"""Where Alpine's packages put libraries; nothing of theirs is in /usr/local."""

Copied = Literal["yes", "maybe", "no"]
_Answer = Literal["yes", "maybe", "closed", "no"]
"""``closed``: it is there, and only root may read it."""

_ROOT = frozenset({"", "0", "root"})


def library_copied(timeline: Timeline, stage: Stage, moment: Moment, need: str) -> Copied:
    """Whether the object that ``need`` (``so:liblz4.so.1``) names was copied to where the loader finds it.

    ``maybe``: a folder of libraries came from an image that we can't look into, or what the loader searches is not known.
    """
    found, _ = _searched(timeline, stage, moment, need)
    return "yes" if found == "closed" else found


def closed_by(timeline: Timeline, stage: Stage, moment: Moment, need: str) -> Access | None:
    """What keeps the user of ``moment`` from reading the only copy of the object that ``need`` names.

    ``None`` where it is not there, may be read, or nobody can tell. musl goes on behind a file that it may not open
    (ldso/dynlink.c, ``path_open``).
    """
    if moment.user in _ROOT:
        return None
    found, search = _searched(timeline, stage, moment, need)
    return search.closed if found == "closed" else None


def _searched(timeline: Timeline, stage: Stage, moment: Moment, need: str) -> tuple[_Answer, _Search]:
    searched = loader_path(timeline, stage, moment)
    search = _Search(need.removeprefix("so:").rpartition(":")[2], need)
    found = _best(search.folder(moment.files, folder) for folder in searched.folders)
    return ("maybe" if found in {"no", "closed"} and searched.open else found), search


def _best(answers: Iterable[_Answer]) -> _Answer:
    found = set(answers)
    ranks: tuple[_Answer, ...] = ("yes", "maybe", "closed")
    return next((rank for rank in ranks if rank in found), "no")


class _Search:
    """The search for one object; copies of copies are looked at once."""

    def __init__(self, soname: str, need: str) -> None:
        self.soname = soname
        self.need = need
        self._answers: dict[tuple[int, str], _Answer] = {}
        self.closed: Access | None = None
        """What lets only root read a copy."""

    def folder(self, files: StageFiles, folder: str) -> _Answer:
        """Whether ``folder`` of this view got the object."""
        key = (id(files), folder)
        if key not in self._answers:
            self._answers[key] = _best(self._readable(files, placement, folder) for placement in files.placements)
        return self._answers[key]

    def _readable(self, files: StageFiles, placement: Placement, folder: str) -> _Answer:
        """Whether one placement brings the object into ``folder``, by the mode that it has there."""
        found = self._brought(files, placement, folder)
        access = placement.access if isinstance(placement, FromContext | FromStage) else None
        if access is None or found in {"no", "maybe"}:
            return found
        if not access.root_only:
            return "yes"
        self.closed = access
        return "closed"

    def _brought(self, files: StageFiles, placement: Placement, folder: str) -> _Answer:
        """Whether one placement brings the object into ``folder``."""
        match placement:
            case FromContext(source=source, target=target, is_dir=False):
                return "yes" if _lands(source, target, folder, self.soname) else "no"
            case FromContext(source=source, target=target):
                return "yes" if self._in_context(files, moved_path(folder, target, source or ".", into=False)) else "no"
            case FromStage(source=source, target=target) if _lands(source, target, folder, self.soname):
                return "yes"
            case FromStage(source=source, target=target, files=None):
                return "maybe" if moved_path(folder, target, source, into=False) in DEFAULT else "no"
            case FromStage(source=source, target=target, files=other, packages=packages) if other is not None:
                inner = moved_path(folder, target, source, into=False)
                if inner is None:
                    return "no"
                if inner in _OF_PACKAGES and packages is not None and packages.has(self.need):
                    return "yes"
                return self.folder(other, inner)
            case Unread(target=target, below=True):
                return "maybe" if moved_path(folder, target, "/", into=False) is not None else "no"
            case _:
                return "no"

    def _in_context(self, files: StageFiles, folder: str | None) -> bool:
        if folder is None:
            return False
        found = files.context.glob(posixpath.join(folder, f"{self.soname}*"))
        return any(_is_object(posixpath.basename(path), self.soname) for path in found)


def _lands(source: str, target: str, folder: str, soname: str) -> bool:
    """True when the file ``source`` ends up in ``folder`` under the name that the loader opens: what is copied as
    ``liblz4.so.1.9.4`` keeps that name, and nobody makes the link ``liblz4.so.1``."""
    name, given = posixpath.basename(source), posixpath.basename(target)
    if not _is_object(name, soname):
        return False
    renamed = ".so" in given
    landed = posixpath.dirname(target) if renamed else target
    opened = fnmatchcase(soname, given if renamed else name)
    return landed.rstrip("/") == folder and opened


def _is_object(name: str, soname: str) -> bool:
    """True for the object's own name, a wildcard that means it (``liblz4*``), and the file its name links to
    (``liblz4.so.1.9.4``)."""
    means_it = ".so" in name or name.startswith("lib")
    return means_it and (fnmatchcase(soname, name) or name.startswith(f"{soname}."))
