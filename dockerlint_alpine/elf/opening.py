"""From command-line targets to subjects: the kind of each target is determined by its bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from dockerlint_alpine.elf.errors import TargetError
from dockerlint_alpine.elf.objects import is_elf
from dockerlint_alpine.elf.targets import EVERYTHING, Reading, Subject
from dockerlint_alpine.system.unreadable import UnreadableError

IMAGE_PREFIX = "image:"


def open_target(target: str, how: Reading = EVERYTHING) -> Iterator[Subject | UnreadableError]:
    """Give the subjects that a target stands for: one, or for a folder of wheels one for each wheel.

    A target is the path of an object, a wheel, a folder, an image tar or an OCI layout, or ``image:NAME`` of the
    container engine. A wheel of a folder that can't be read is given as its error; all other errors are raised
    (:class:`UnreadableError`).
    """
    if target.startswith(IMAGE_PREFIX) and not os.path.lexists(target):
        from dockerlint_alpine.elf.engine import open_engine_image

        yield open_engine_image(target.removeprefix(IMAGE_PREFIX), how)
        return
    path = Path(target)
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise TargetError(f"{target}: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(status.st_mode):
        yield from _open_folder(path, how)
    elif stat.S_ISREG(status.st_mode):
        yield _open_file(path, how)
    else:
        raise TargetError(f"{target}: neither a file nor a folder")


def _open_file(path: Path, how: Reading) -> Subject:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror}") from None
    if is_elf(head):
        from dockerlint_alpine.elf.folders import open_object

        return open_object(path)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        from dockerlint_alpine.elf.wheels import open_wheel

        return open_wheel(path, sources=how.sources)
    from dockerlint_alpine.elf.streams import is_compressed

    if head[257:262] == b"ustar" or is_compressed(head):
        from dockerlint_alpine.elf.images import open_image_file

        return open_image_file(path, how)
    raise TargetError(f"{path}: not an ELF object, a wheel or an image archive")


def _open_folder(path: Path, how: Reading) -> Iterator[Subject | UnreadableError]:
    from dockerlint_alpine.elf.folders import open_folder
    from dockerlint_alpine.elf.images import is_image_folder, open_image_folder
    from dockerlint_alpine.elf.wheels import open_wheel

    if is_image_folder(path):
        yield open_image_folder(path, how)
        return
    try:
        wheels = sorted(entry for entry in path.iterdir() if entry.suffix == ".whl" and entry.is_file())
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror}") from None
    for wheel in wheels:
        try:
            yield open_wheel(wheel, sources=how.sources)
        except UnreadableError as error:
            yield error
    folder = open_folder(path, how)
    if folder.objects or folder.sources or not wheels:
        yield folder
