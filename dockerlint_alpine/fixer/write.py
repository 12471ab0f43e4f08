"""Writing a file so that it holds the old bytes or the new ones, whatever interrupts us.

The new text goes to a temporary file in the same folder, which takes over mode, owner and extended attributes and changes
places with the original. What was there is compared once more, and put back if somebody else wrote it meanwhile. Links are
followed first, so a symbolic link stays one. A file with several names (hard links) is refused: a new file would part the
names, and a text written into the old one is torn where we are killed. Where the folder takes no new file (a file that is
mounted into a container), or none with the same owner, the file is rewritten in place, with the old bytes kept aside until
that is done: there, nothing else can be done.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from dockerlint_alpine.system.files import MAX_SIZE, read_file, temporary_beside

_CHANGED = "changed on disk since it was read; not overwritten"
_AT_FDCWD = -100
"""<fcntl.h>"""
_RENAME_EXCHANGE = 2
"""<linux/fs.h>"""

_NO_RENAME_HERE = frozenset({errno.EACCES, errno.EBUSY, errno.EPERM, errno.EROFS, errno.EXDEV})
"""What a folder says that takes no new file, or a file that is a mount point of its own (``docker run -v``)."""


class WriteError(OSError):
    """The file could not be written; its bytes are the old ones. The text is one line for the user."""


class ChangedOnDiskError(WriteError):
    """Somebody else changed the file since it was read."""


def check_unchanged(path: Path, expected: bytes, new: bytes | None = None) -> bool:
    """Make sure that ``path`` still holds ``expected`` and may be written; false where it holds ``new`` already, so that
    nothing is left to do.

    Raises ChangedOnDiskError when it holds something else, and WriteError when it can't be read, is read-only or has
    several names.
    """
    place = Path(os.path.realpath(path))
    try:
        found = read_file(place, limit=MAX_SIZE)
        if found == new != expected:
            return False
        if found != expected:
            raise ChangedOnDiskError(f"{path}: {_CHANGED}")
        if not os.access(place, os.W_OK):
            raise WriteError(f"{path}: can't be written: the file is read-only")
        names = place.stat().st_nlink
        if names > 1:
            raise WriteError(
                f"{path}: can't be written: the file has {names} hard links, which a new file would separate;"
                f" make a separate copy first (cp {place.name} copy && mv copy {place.name})"
            )
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"{path}: can't be written: {error.strerror or error}") from error
    return True


def write_atomically(path: Path, new: bytes, *, expected: bytes) -> None:
    """Replace the content of ``path`` by ``new`` if it still is ``expected``; if it is ``new``, it stays.

    Raises ChangedOnDiskError when it is something else, and WriteError when it can't be written.
    """
    if not check_unchanged(path, expected, new):
        return
    place = Path(os.path.realpath(path))
    try:
        if not os.access(place.parent, os.W_OK) or not _replace(place, new, expected, place.stat()):
            _rewrite_in_place(place, new, expected)
    except _ForeignChangeError:
        if not check_unchanged(path, expected, new):
            return
        raise ChangedOnDiskError(f"{path}: {_CHANGED}") from None
    except OSError as error:
        raise WriteError(f"{path}: can't be written: {error.strerror or error}") from error


class _ForeignChangeError(Exception):
    """Somebody else wrote the file while we did; it holds what they wrote."""


def _replace(place: Path, new: bytes, expected: bytes, status: os.stat_result) -> bool:
    """Put a complete copy in the file's place; false, and nothing done, where that can't be, or not with the same owner."""
    try:
        descriptor, name = temporary_beside(place)
    except OSError as error:
        if error.errno in _NO_RENAME_HERE:
            return False
        raise
    temporary = Path(name)
    try:
        return _fill(descriptor, place, new, status) and _rename(temporary, place, expected)
    finally:
        temporary.unlink(missing_ok=True)


def _fill(descriptor: int, place: Path, new: bytes, status: os.stat_result) -> bool:
    """Write the copy and make it like the original; false where it can't have the same owner."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(new)
        file.flush()
        if not _same_owner(file.fileno(), status):
            return False
        os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
        _copy_attributes(place, file.fileno())
        os.fsync(file.fileno())
    return True


def _rename(temporary: Path, place: Path, expected: bytes) -> bool:
    """Raises _ForeignChangeError where the file does not hold ``expected`` any more."""
    try:
        if _exchange(temporary, place):
            if read_file(temporary, limit=MAX_SIZE) != expected:
                _exchange(temporary, place)
                raise _ForeignChangeError
        elif read_file(place, limit=MAX_SIZE) != expected:
            raise _ForeignChangeError
        else:
            temporary.replace(place)
    except OSError as error:
        if error.errno in _NO_RENAME_HERE:
            return False
        raise
    _sync_folder(place.parent)
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Let two files of one folder change places, in one step (renameat2(2), Linux); false where the system can't."""
    if sys.platform != "linux":
        return False
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return call is not None and call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


def _same_owner(descriptor: int, status: os.stat_result) -> bool:
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) == (status.st_uid, status.st_gid):
        return True
    try:
        os.fchown(descriptor, status.st_uid, status.st_gid)
    except PermissionError:
        return False
    return True


def _copy_attributes(place: Path, descriptor: int) -> None:
    """Labels and ACLs, where the system has them; what may not be read or set is left to it."""
    if not hasattr(os, "listxattr"):
        return
    with suppress(OSError):
        for name in os.listxattr(place):
            with suppress(OSError):
                os.setxattr(descriptor, name, os.getxattr(place, name))


def _sync_folder(folder: Path) -> None:
    """Make the rename last through a power cut, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rewrite_in_place(place: Path, new: bytes, old: bytes) -> None:
    """For folders that take no new file: one write, and back to the old bytes if it fails.

    A shorter text is padded with empty lines until the file is cut, so that an interruption leaves no old line behind.
    """
    with place.open("r+b", buffering=0) as file:
        try:
            _write_all(file.fileno(), new.ljust(len(old), b"\n"))
        except BaseException:
            _write_all(file.fileno(), old)
            raise
        os.ftruncate(file.fileno(), len(new))
        os.fsync(file.fileno())


def _write_all(descriptor: int, data: bytes) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.ftruncate(descriptor, len(data))
