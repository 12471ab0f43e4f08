"""The resolvers that know the Python package index, with their cache, their clock and their progress line."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from dockerlint_alpine.cli.terminal import warn
from dockerlint_alpine.python.index.policy import PATIENCE, Access, access_for, is_silent, remember_silence
from dockerlint_alpine.run.folders import cache_folder

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from dockerlint_alpine.python import Resolver, SparingResolver, UvResolver
    from dockerlint_alpine.run.config import Settings


def answers_folder() -> Path:
    """Where answers of the index are kept."""
    return cache_folder() / "python"


def access(settings: Settings) -> Access:
    """Whether this run may ask the index."""
    return access_for(settings.online, os.environ, answers_folder(), time.time())


def open_resolver(settings: Settings, *, quick: bool = True) -> Resolver | None:
    """The resolver for a run, ``None`` offline. Raises click.UsageError for ``--online`` without uv.

    Without ``quick`` the index is asked only when the settings say ``online``; kept answers serve all the same.
    """
    match access(settings):
        case "offline":
            return None
        case "online":
            return _online(settings.as_of)
        case "quick" | "kept" as found:
            return _sparing(settings.as_of, ask=quick and found == "quick")


def _online(as_of: str | None) -> UvResolver:
    from dockerlint_alpine.python import UvResolver, find_uv

    if find_uv() is None:
        raise click.UsageError("--online needs uv: pip install 'alpine-doctor[online]'")
    return UvResolver(
        cache=answers_folder(),
        variables=os.environ,
        day=_today().isoformat(),
        as_of=as_of,
        progress=_progress if sys.stderr.isatty() else None,
    )


def _sparing(as_of: str | None, *, ask: bool) -> SparingResolver:
    from dockerlint_alpine.python import AnswerCache, Network, SparingResolver

    def quick(seconds: float) -> Resolver:
        from dockerlint_alpine.python import UvResolver

        return UvResolver(
            cache=answers.folder,
            variables=os.environ,
            day=_today().isoformat(),
            as_of=as_of,
            timeout=seconds,
            quick=True,
            progress=_progress if sys.stderr.isatty() else None,
        )

    answers = AnswerCache(answers_folder())
    network = Network(PATIENCE, quick, clock=time.monotonic, gave_up=_gave_up) if ask else None
    return SparingResolver(answers, today=_today(), as_of=as_of, network=network)


def _today() -> date:
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def _gave_up(reason: str) -> None:
    """Say it once, even if several processes find out."""
    if is_silent(answers_folder(), time.time()):
        return
    remember_silence(answers_folder())
    click.echo(
        f"alpine-doctor: package index did not answer ({reason}); using embedded data and not retrying for one hour"
        " (--online waits for it, --offline never asks)",
        err=True,
    )


def _progress(message: str) -> None:
    warn(message)
