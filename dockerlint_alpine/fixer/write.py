"""Writing a file so that it holds the old bytes or the new ones, whatever interrupts us.

The new text goes to a temporary file in the same folder, which takes over mode, owner and extended attributes and is
renamed over the original (``rename(2)`` is atomic). Links are followed first, so a symbolic link stays one. Where the
folder takes no new file, or the file has several names (hard links) or an owner that the new file can't get, the file
is rewritten in place, with the old bytes kept aside until that is done.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

_NO_RENAME_HERE = frozenset({errno.EACCES, errno.EBUSY, errno.EPERM, errno.EROFS, errno.EXDEV})
"""What a folder says that takes no new file, or a file that is a mount point of its own (``docker run -v``)."""


class WriteError(OSError):
    """The file could not be written; its bytes are the old ones. The text is one line for the user."""


class ChangedOnDiskError(WriteError):
    """Somebody else changed the file since it was read."""


def check_unchanged(path: Path, expected: bytes) -> None:
    """Make sure that ``path`` still holds ``expected`` and may be written.

    Raises ChangedOnDiskError when it does not, and WriteError when it can't be read or is read-only.
    """
    place = Path(os.path.realpath(path))
    try:
        if place.read_bytes() != expected:
            raise ChangedOnDiskError(f"{path}: changed on disk since it was read; not overwritten")
        if not os.access(place, os.W_OK):
            raise WriteError(f"{path}: the file is read-only")
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"{path}: can't be written: {error.strerror or error}") from error


def write_atomically(path: Path, new: bytes, *, expected: bytes) -> None:
    """Replace the content of ``path`` by ``new`` if it still is ``expected``.

    Raises ChangedOnDiskError when it is not, and WriteError when it can't be written.
    """
    check_unchanged(path, expected)
    place = Path(os.path.realpath(path))
    try:
        status = place.stat()
        if status.st_nlink > 1 or not os.access(place.parent, os.W_OK) or not _replace(place, new, status):
            _rewrite_in_place(place, new, expected)
    except OSError as error:
        raise WriteError(f"{path}: can't be written: {error.strerror or error}") from error


def _replace(place: Path, new: bytes, status: os.stat_result) -> bool:
    """Rename a complete copy over the file; false, and nothing done, where that can't be, or not with the same owner."""
    try:
        descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=".tmp")
    except OSError as error:
        if error.errno in _NO_RENAME_HERE:
            return False
        raise
    temporary = Path(name)
    try:
        return _fill(descriptor, place, new, status) and _rename(temporary, place)
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


def _rename(temporary: Path, place: Path) -> bool:
    try:
        temporary.replace(place)
    except OSError as error:
        if error.errno in _NO_RENAME_HERE:
            return False
        raise
    _sync_folder(place.parent)
    return True


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
    """For hard links and folders that take no new file: one write, and back to the old bytes if it fails.

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
