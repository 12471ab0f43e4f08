"""``alpine-doctor cache``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from dockerlint_alpine.run.folders import cache_folder


@click.group("cache")
def cache_group() -> None:
    r"""Show where the cache is, or empty it. It holds reports, answers of the Python
    index, downloaded Alpine indexes and repositories: nothing that can't be fetched or
    computed again.

    \b
    Examples:
      alpine-doctor cache dir
      alpine-doctor cache clean
    """


@cache_group.command("dir")
def dir_command() -> None:
    """Print the folder of the cache (ALPINE_DOCTOR_CACHE_DIR, else the platform's)."""
    click.echo(cache_folder())


@cache_group.command("clean")
def clean() -> None:
    """Remove what this program keeps in the cache; other files in that folder stay."""
    removed = 0
    for place in _ours():
        try:
            if place.is_dir() and not place.is_symlink():
                removed += sum(one.lstat().st_size for one in place.rglob("*") if one.is_file())
                shutil.rmtree(place)
            else:
                removed += place.lstat().st_size
                place.unlink()
        except OSError as error:
            raise click.UsageError(f"{place}: {error.strerror or error}") from None
    click.echo(f"Removed {removed / 1000:.0f} kB from {cache_folder()}.")


def _ours() -> Iterator[Path]:
    from dockerlint_alpine.run.cache import FILE_NAME

    names = (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", f"{FILE_NAME}-journal", "python", "alpine")
    for name in names:
        place = cache_folder() / name
        if place.exists() or place.is_symlink():
            yield place
