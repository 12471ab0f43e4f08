"""``RUN --mount=type=bind``: files, wheels and interpreters that are there for one instruction only."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.stages.copying import bring
from dockerlint_alpine.stages.files import FromContext
from dockerlint_alpine.syntax import Mount, SourceText
from dockerlint_alpine.system.paths import absolute

if TYPE_CHECKING:
    from dockerlint_alpine.stages.files import Placement
    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Instruction


class BindMounts:
    """The bind mounts of one RUN: there inside ``with``, gone behind it."""

    def __init__(self, walk: StageWalk, instruction: Instruction) -> None:
        mounts = (Mount.parse(flag) for flag in instruction.flags if flag.name == "mount")
        self._mounts = [mount for mount in mounts if mount.type == "bind"]
        self._walk = walk
        self._instruction = instruction
        self._placed: tuple[Placement, ...] = ()
        self._brought: tuple[Installed, ...] = ()
        self._homes: frozenset[str] = frozenset()

    def __enter__(self) -> None:
        if not self._mounts:
            return
        walk = self._walk
        files, installed, homes = len(walk.files.placements), {id(item) for item in walk.installed}, set(walk.homes)
        for mount in self._mounts:
            self._bind(mount)
        self._placed = walk.files.placements[files:]
        self._brought = tuple(item for item in walk.installed if id(item) not in installed)
        self._homes = frozenset(walk.homes.keys() - homes)

    def _bind(self, mount: Mount) -> None:
        walk = self._walk
        place = walk.place(walk.text(SourceText.literal(mount.target or "")))
        source = walk.text(SourceText.literal(mount.source or ""))
        if mount.from_ is not None:
            bring(walk, self._instruction, mount.from_, absolute(source or "/", "/"), place)
            return
        inside = posixpath.normpath(source.lstrip("/")) if source.strip("./") else ""
        is_dir = walk.build.context.is_dir(inside)
        walk.files = walk.files.place(FromContext(inside, place, is_dir))

    def __exit__(self, *_: object) -> None:
        if not self._mounts:
            return
        walk = self._walk
        walk.files = walk.files.without(self._placed)
        brought = {id(item) for item in self._brought}
        walk.installed = [item for item in walk.installed if id(item) not in brought]
        for prefix in self._homes:
            walk.homes.pop(prefix, None)
