"""``check --watch``: checks again when a Dockerfile or another input of its report has changed.

The paths are asked for their state twice a second: a handful of files, on any file system, network and container mounts
included, where notifications from the kernel do not arrive. A report knows exactly what it rests on, so nothing else
need be watched; new Dockerfiles are found by searching the folders again now and then.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.terminal import warn

if TYPE_CHECKING:
    from dockerlint_alpine.model.reports import Report
    from dockerlint_alpine.run.config import Configuration

_EVERY = 0.5
_SEARCH_EVERY = 5.0
_SETTLED = 0.1

Judged = Callable[["Configuration"], "tuple[Report, frozenset[str]]"]
"""Judges what the command line named: the report, and the paths that it rests on."""

State = dict[str, tuple[int, ...] | None]


def watch(judged: Judged, paths: tuple[str, ...], given: dict[str, Any]) -> int:
    """Judge and show, again and again, until Ctrl-C; returns the exit code of the last report."""
    code = 0
    try:
        while True:
            _clear_screen()
            code, before, files = _round(judged, paths, given)
            click.echo("Watching for changes; Ctrl-C ends it.", err=True)
            _wait(before, files, paths, given)
    except KeyboardInterrupt:
        click.echo(err=True)
        return code


def _round(judged: Judged, paths: tuple[str, ...], given: dict[str, Any]) -> tuple[int, State, list[str]]:
    """One report; the state of all that it rests on as it was then, and the Dockerfiles that there are."""
    started = time.time_ns()
    try:
        configured = common.configuration(given)
    except click.UsageError as error:
        warn(error.message)  # a configuration that is being edited
        return 2, _state(_settings_files(None, given)), _files(paths, None)
    files = _files(paths, configured)
    known = _state([*files, *paths, *_settings_files(configured, given)])
    try:
        report, looked_at = judged(configured)
    except click.UsageError as error:
        warn(error.message)
        return 2, known, files
    common.show(report, configured.settings)
    rests_on = _state(looked_at)  # folders may have changed by the report itself
    late = {path: None for path, state in rests_on.items() if state and stat.S_ISREG(state[0]) and state[2] >= started}
    return common.exit_code(report, configured.settings), {**rests_on, **late, **known}, files


def _settings_files(configured: Configuration | None, given: dict[str, Any]) -> list[str]:
    """Where settings come from, or would, if somebody wrote such a file."""
    from dockerlint_alpine.run.config import FILE_NAME

    if given["isolated"]:
        return []
    found = [str(configured.path)] if configured is not None and configured.path is not None else []
    found += [given["config"]] if given["config"] else []
    return [*found, FILE_NAME, "pyproject.toml"]


def _files(paths: tuple[str, ...], configured: Configuration | None) -> list[str]:
    if configured is None:
        return []
    jobs, _ = common.jobs_for(paths, configured)
    return [str(job.path) for job in jobs]


def _wait(before: State, files: list[str], paths: tuple[str, ...], given: dict[str, Any]) -> None:
    """Return when something is different and has stopped changing."""
    searched = time.monotonic()
    while True:
        time.sleep(_EVERY)
        now = _state(before)
        if now != before:
            while (later := _state(before)) != now:
                now = later
                time.sleep(_SETTLED)
            return
        if time.monotonic() - searched > _SEARCH_EVERY:
            searched = time.monotonic()
            if _searched_anew(paths, given) != files:
                return


def _searched_anew(paths: tuple[str, ...], given: dict[str, Any]) -> list[str]:
    try:
        return _files(paths, common.configuration(given))
    except click.UsageError:
        return []


def _state(paths: Iterable[str]) -> State:
    found: State = {}
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - hundreds of them, twice a second
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
        except (OSError, ValueError):
            found[path] = None
    return found


def _clear_screen() -> None:
    """Start at the top of a terminal; a pipe gets everything one after the other."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        click.echo("\x1b[2J\x1b[3J\x1b[H", nl=False)
