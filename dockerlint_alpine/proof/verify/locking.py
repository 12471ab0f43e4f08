"""One run at a time for each project: two would remove each other's containers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dockerlint_alpine.proof.verify.errors import NotVerifiedError


@contextmanager
def locked(project: str, folder: Path | None = None) -> Iterator[None]:
    """Hold the project's lock; the system frees it when the process ends, however that happens.

    Raises :class:`NotVerifiedError` where another run holds it.
    """
    import fcntl

    folder = folder if folder is not None else Path(tempfile.gettempdir()) / f"alpine-doctor-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / f"{project}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise NotVerifiedError(f"{folder}: {error.strerror or error}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotVerifiedError(
                f"another verification of this project is running (lock {folder / project}.lock)"
            ) from None
        yield
    finally:
        os.close(handle)
