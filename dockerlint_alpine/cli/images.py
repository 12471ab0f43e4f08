"""``check --image``: the image that the user names, in the engine or on disk."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from dockerlint_alpine.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.elf.targets import Progress as Steps
    from dockerlint_alpine.elf.targets import Subject


@contextmanager
def open_image(name: str, platforms: Sequence[str]) -> Iterator[tuple[Subject, Steps]]:
    """Open the image, a path where there is one, else a name of the engine; a bar shows what takes a while.

    ``platforms`` choose among those of an archive that has several. Raises click.ClickException where it can't be read
    (exit code 2).
    """
    from dockerlint_alpine.system.unreadable import UnreadableError

    with Progress(name) as bar:
        try:
            subject = _subject(name, platforms, bar)
        except UnreadableError as error:
            raise click.UsageError(f"--image {error}") from None
        yield subject, bar.update


def _subject(name: str, platforms: Sequence[str], bar: Progress) -> Subject:
    from dockerlint_alpine.elf.engine import open_engine_image
    from dockerlint_alpine.elf.errors import TargetError
    from dockerlint_alpine.elf.opening import open_target
    from dockerlint_alpine.elf.targets import Reading
    from dockerlint_alpine.system.platforms import APK_ARCH
    from dockerlint_alpine.system.unreadable import ArchiveError

    how = Reading(progress=bar.update)
    if not os.path.lexists(name):
        return open_engine_image(name.removeprefix("image:"), how)
    arches = [APK_ARCH[platform] for platform in platforms if platform in APK_ARCH]
    try:
        found = list(open_target(name, replace(how, arch=arches[0] if arches else None)))
    except ArchiveError:
        found = list(open_target(name, how))  # the one platform that it is for
    (subject, *others) = found
    if others or isinstance(subject, Exception) or subject.kind not in ("image", "root"):
        raise TargetError(
            f"{name}: no such image: name a saved image, an OCI layout, a root file system or an image of the engine"
        )
    return subject
