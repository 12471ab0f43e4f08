"""Reads a Dockerfile from disk, or says why it can't be checked."""

from __future__ import annotations

from pathlib import Path

from dockerlint_alpine.system.files import FileRefusedError, read_file

MAX_DOCKERFILE_SIZE = 4 * 1024 * 1024
"""Bytes. A larger file is refused: it is no Dockerfile that anybody wrote."""


class UnreadableError(Exception):
    """A Dockerfile that can't be judged at all; the text is one line for the user, without the path."""


class FragmentError(UnreadableError):
    """A text without any FROM: part of a Dockerfile, or something else."""


def read_dockerfile(path: Path) -> bytes:
    """The bytes of a Dockerfile. Raises UnreadableError for anything that is no readable, reasonable text file."""
    try:
        data = read_file(path, limit=MAX_DOCKERFILE_SIZE)
    except FileRefusedError as error:
        raise UnreadableError(f"{error.reason.removeprefix('it ')}: not a Dockerfile") from None
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None
    if b"\0" in data[:8192]:
        raise UnreadableError("is a binary file, not a Dockerfile")
    return data
