"""Reading a Dockerfile from disk, and what makes one impossible to judge."""

from __future__ import annotations

import stat
from pathlib import Path

MAX_DOCKERFILE_SIZE = 4 * 1024 * 1024
"""Bytes. A larger file is refused: it is no Dockerfile that anybody wrote."""


class UnreadableError(Exception):
    """A Dockerfile that can't be judged at all; the text is one line for the user, without the path."""


def read_dockerfile(path: Path) -> bytes:
    """The bytes of a Dockerfile. Raises UnreadableError for anything that is no readable, reasonable text file."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableError("is a folder, not a Dockerfile")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("is not a regular file")
        if status.st_size > MAX_DOCKERFILE_SIZE:
            raise UnreadableError(f"is larger than {MAX_DOCKERFILE_SIZE // 2**20} MiB: not a Dockerfile")
        data = path.read_bytes()
    except UnreadableError:
        raise
    except (OSError, ValueError) as error:
        raise UnreadableError(getattr(error, "strerror", None) or str(error)) from None
    if b"\0" in data[:8192]:
        raise UnreadableError("is a binary file, not a Dockerfile")
    return data
