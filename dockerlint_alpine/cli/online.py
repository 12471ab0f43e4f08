"""The resolver that asks the Python package index, with its cache, its clock and its progress line."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from dockerlint_alpine.cli.folders import cache_folder

if TYPE_CHECKING:
    from dockerlint_alpine.python import UvResolver


def open_resolver(as_of: str | None = None) -> UvResolver:
    """The resolver for ``--online``; ``as_of`` leaves out younger releases. Raises click.UsageError without uv."""
    from dockerlint_alpine.python import UvResolver, find_uv  # noqa: PLC0415

    if find_uv() is None:
        raise click.UsageError("--online needs uv: pip install 'alpine-doctor[online]'")
    return UvResolver(
        cache=cache_folder() / "python",
        variables=os.environ,
        day=datetime.now(UTC).date().isoformat(),
        as_of=as_of,
        progress=_progress if sys.stderr.isatty() else None,
    )


def _progress(message: str) -> None:
    click.echo(f"alpine-doctor: {message}", err=True)
