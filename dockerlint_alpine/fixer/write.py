"""Writing a file so that it holds the old bytes or the new ones, whatever interrupts us.

The new text goes to a temporary file in the same folder, which takes over mode and owner and is renamed over the
original (``rename(2)`` is atomic). Links are followed first, so a symbolic link stays one. Where the folder does not
allow it, or the file has several names (hard links), the file is rewritten in place.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


class WriteError(OSError):
    """The file could not be written; its bytes are the old ones. The text is one line for the user."""


class ChangedOnDiskError(WriteError):
    """Somebody else changed the file since it was read."""


def write_atomically(path: Path, new: bytes, *, expected: bytes) -> None:
    """Replace the content of ``path`` by ``new`` if it still is ``expected``.

    Raises ChangedOnDiskError when it is not, and WriteError when it can't be written.
    """
    place = Path(os.path.realpath(path))
    try:
        if place.read_bytes() != expected:
            raise ChangedOnDiskError(f"{path}: changed on disk since it was read; not overwritten")
        status = place.stat()
        if not os.access(place, os.W_OK):
            raise WriteError(f"{path}: the file is read-only")
        if status.st_nlink > 1 or not os.access(place.parent, os.W_OK):
            _rewrite_in_place(place, new)
        else:
            _replace(place, new, status)
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"{path}: can't be written: {error.strerror or error}") from error


def _replace(place: Path, new: bytes, status: os.stat_result) -> None:
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(new)
            file.flush()
            with suppress(PermissionError):  # only root may give a file away; the mode matters more
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename last through a power cut, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rewrite_in_place(place: Path, new: bytes) -> None:
    """For hard links and folders that take no new file: as close to all-or-nothing as a single write gets."""
    with place.open("r+b") as file:
        file.write(new)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
