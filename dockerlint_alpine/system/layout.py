"""Files of a repository or an archive, written into a folder that was empty.

No path or link leads out of the folder, and what a file system can't hold is left out.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

MAX_DEPTH = 100
OTHERS_CODE = frozenset({"vendor", "node_modules", "third_party"})
"""Folders of other people's code: they count as a whole, but for the Dockerfiles in them."""
_BATCH = 16 * 1024 * 1024
_BATCH_FILES = 4096


class Entry(Struct, frozen=True):
    """A file or link: its path, its size in bytes, what its content is asked for by, and whether it is a link."""

    path: str
    size: int
    key: str
    link: bool = False


def is_safe(path: str) -> bool:
    """Whether a path stays below the folder that it is relative to, and names nothing of git's own."""
    parts = path.split("/")
    if "\0" in path or len(parts) > MAX_DEPTH:
        return False
    return not any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts)


def lay_out(
    files: Iterable[Entry],
    wanted: Collection[Entry],
    links: Sequence[Entry],
    read: Callable[[Sequence[Entry]], Iterable[bytes | None]],
    root: Path,
) -> None:
    """Write ``wanted`` with their contents into ``root``; of other ``files`` only the name, as ``COPY`` and its wildcards
    ask for names alone. Paths must be safe. ``read`` gives contents in order, ``None`` for what can't be had, and where a
    link leads for ``links``. Raises OSError where the folder can't be written.
    """
    folders = _Folders(str(root))
    known = set(wanted)
    for entry in files:
        if entry not in known:
            folders.write(entry.path, b"")
    for batch in _batches(wanted):
        for entry, data in zip(batch, read(batch), strict=True):
            if data is not None:
                folders.write(entry.path, data)
    for entry, target in zip(links, read(links) if links else (), strict=True):
        if target is not None:
            _link(root, entry.path, os.fsdecode(target))


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.size
        if size > _BATCH or len(batch) >= _BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Folders:
    """Writes files below a folder that was empty. A tree may name a file and something below it, or a name twice on this
    file system: the first one stays."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._made: dict[str, bool] = {"": True}

    def write(self, path: str, data: bytes) -> None:
        """Write one file; in a folder of other people's code only the folder."""
        folder, _, name = path.rpartition("/")
        if not data and not OTHERS_CODE.isdisjoint(folder.lower().split("/")):
            parts = folder.split("/")
            folder = "/".join(parts[: 1 + min(parts.index(part) for part in parts if part.lower() in OTHERS_CODE)])
            self._made_folder(folder)
            return
        if not self._made_folder(folder):
            return
        try:
            file = os.open(f"{self._root}/{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return
        except OSError as error:
            if error.errno in {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}:
                return  # a name that this file system has no room for
            raise
        try:
            if data and os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        finally:
            os.close(file)

    def _made_folder(self, folder: str) -> bool:
        made = self._made.get(folder)
        if made is None:
            above = folder.rpartition("/")[0]
            made = self._made_folder(above)
            if made:
                try:
                    os.mkdir(f"{self._root}/{folder}")  # noqa: PTH102 - no object for each of many
                except OSError as error:
                    if error.errno not in {errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}:
                        raise
                    made = False
            self._made[folder] = made
        return made


def _link(root: Path, path: str, target: str) -> None:
    """Links are made last, so that nothing is written through one, and only where they stay inside."""
    place = root / path
    leads = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120 - text, not a place
    if os.path.isabs(target) or leads == ".." or leads.startswith("../"):  # noqa: PTH117 - text, not a place
        return
    if any((root / above).is_symlink() for above in Path(path).parents):
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
    except OSError:
        return
