"""Opening files that a stranger may have put there: regular ones only, of bounded size, never through a link that leads
out of the project.

Everything of an analysed project is opened here: Dockerfiles, requirement and package lists, configuration, compose files
and what says which files count. What the user names on the command line may lie anywhere, and is opened here, too.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
from contextlib import suppress

Place: TypeAlias = "str | os.PathLike[str]"

PROJECT_MARKS = (".git", ".hg", ".svn")
"""What the top folder of a project has."""

MAX_SIZE = 64 * 1024 * 1024
"""Bytes; a larger file of a project is refused rather than read."""

TEMPORARY = ".alpine-doctor-tmp"
"""How the names of our own temporary files end: nobody judges them, and old ones are cleaned away."""
_OLD = 600.0
"""Seconds after which a temporary file is one that was left behind."""

_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_CHUNK = 64 * 1024


class FileRefusedError(OSError):
    """A file that is there and is not opened.

    ``reason`` (and ``strerror``) says why, in words that follow "can't be read:".
    """

    def __init__(self, reason: str) -> None:
        """Say why."""
        super().__init__(errno.EPERM, reason)
        self.reason = reason


def read_file(path: Place, *, limit: int, within: Place | None = None) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes. ``within`` is the folder that it must lie in once all links
    are followed; ``None`` for a file that the user named.

    Nothing else is opened, as to open a device or a pipe may do something or wait for ever. Raises FileRefusedError for
    what is there and no such file, and OSError as :func:`open` does.
    """
    try:
        if within is not None:
            path = contained(path, within)
        _check(os.stat(path), limit)  # noqa: PTH116 - no object on the way of every file
        descriptor = os.open(path, _FLAGS)
    except ValueError:  # a NUL in the name
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path)) from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        size = os.fstat(descriptor)
        _check(size, limit)  # it may be another one by now
        data = file.read(size.st_size + 1)
        if len(data) <= size.st_size:
            return data
        return _rest(file.read, data, limit)


def _rest(read: Callable[[int], bytes], data: bytes, limit: int) -> bytes:
    """The whole of a file that holds more than it said (it grows, or the kernel makes it up)."""
    pieces, total = [data], len(data)
    while chunk := read(_CHUNK):
        total += len(chunk)
        if total > limit:
            raise FileRefusedError(_too_large(limit))
        pieces.append(chunk)
    return b"".join(pieces)


def _check(status: os.stat_result, limit: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FileRefusedError("it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise FileRefusedError("it is not a regular file")
    if status.st_size > limit:
        raise FileRefusedError(_too_large(limit))


def _too_large(limit: int) -> str:
    return f"it is larger than {limit // 2**20} MiB"


def temporary_beside(place: Path) -> tuple[int, str]:
    """Make a temporary file in the folder of ``place``, for it to be renamed: an open descriptor, and its path.

    What an interrupted run left there long ago is removed. Raises OSError.
    """
    from tempfile import mkstemp  # 3 ms that a run which writes nothing does without

    descriptor, name = mkstemp(dir=place.parent, prefix=f".{place.name[:100]}.", suffix=TEMPORARY)
    now = os.fstat(descriptor).st_mtime
    with suppress(OSError), os.scandir(place.parent) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(TEMPORARY) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    if now - entry.stat(follow_symlinks=False).st_mtime > _OLD:
                        os.unlink(entry.path)  # noqa: PTH108 - a string
    return descriptor, name


def write_file(path: Place, data: bytes) -> None:
    """Write a file that the user named: beside it, and renamed, so that what was there is there until all is written.

    What is no regular file (``/dev/stdout``, a pipe) is written to as it is, and so is a file in a folder that takes no
    new one. Raises OSError.
    """
    try:
        status: os.stat_result | None = os.stat(path)  # noqa: PTH116 - strings are paths here
    except FileNotFoundError:
        status = None
    place = Path(os.path.realpath(path))
    apart = status is None or (stat.S_ISREG(status.st_mode) and not os.fspath(path).startswith(("/dev/", "/proc/")))
    try:
        descriptor, name = temporary_beside(place) if apart else (-1, "")
    except PermissionError:
        if status is None:
            raise
        apart = False
    if not apart:
        with open(path, "wb") as file:  # noqa: PTH123 - strings are paths here
            file.write(data)
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) if status is not None else 0o666 & ~_umask())
            file.flush()
            os.fsync(descriptor)
        os.replace(name, place)  # noqa: PTH105 - strings are paths here
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def contained(path: Place, within: Place) -> str:
    """``path`` with all links followed. Raises FileRefusedError where that does not lie in ``within``."""
    real = os.path.realpath(path)
    if not is_below(real, os.path.realpath(within)):
        raise FileRefusedError("it is outside the project")
    return real


def lies_within(path: Place, *folders: Place) -> bool:
    """Whether a path, all links followed, lies in one of these folders or is one of them."""
    try:
        real = os.path.realpath(path)
        return any(is_below(real, os.path.realpath(folder)) for folder in folders)
    except (OSError, ValueError):
        return False


def is_below(real: str, folder: str) -> bool:
    """Whether a path is ``folder`` or lies in it, both with all links followed."""
    return real == folder or real.startswith(folder.rstrip(os.sep) + os.sep)


def project_root(folder: Place, named: Collection[str] = ()) -> Path:
    """The top of the project that a folder belongs to: nothing of the project decides about anything outside of it.

    It is the nearest folder at or above that has one of :data:`PROJECT_MARKS`; where none has, the highest of the current
    folder and ``named`` (absolute: what the user said is to be searched) that the folder lies in, else itself. The root
    of the system and a home folder are not the top of what lies below them, even where somebody keeps them in git.
    """
    start = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as they are
    home = os.path.expanduser("~")  # noqa: PTH111 - as above
    at_or_above = [start, *(parent for parent in start.parents if str(parent) not in {home, start.anchor})]
    for parent in at_or_above:
        top = os.path.join(parent, "")  # noqa: PTH118 - asked of every folder above a Dockerfile
        if any(os.path.lexists(top + mark) for mark in PROJECT_MARKS):
            return parent
    current = Path.cwd()
    return [start, *(parent for parent in at_or_above if parent == current or str(parent) in named)][-1]
