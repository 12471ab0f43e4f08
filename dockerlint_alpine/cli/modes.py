"""Other modes of ``check``: counting findings, listing files, silencing findings, watching for changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.sections import section
from dockerlint_alpine.cli.terminal import warn_of
from dockerlint_alpine.model.reports import FileError, Report
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.run.jobs import Job, job_settings
from dockerlint_alpine.run.trust import flag
from dockerlint_alpine.system.plural import plural

if TYPE_CHECKING:
    from dockerlint_alpine.cli.watching import Judged
    from dockerlint_alpine.run.config import Settings

_FORMATS = ("text", "json")
_OPTIONS = (
    click.option(
        "--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Number of worker processes (default: automatic)."
    ),
    click.option("--statistics", is_flag=True, help="Count the findings of each code instead of listing them."),
    click.option("--show-files", is_flag=True, help="List the files and builds that would be checked, and exit."),
    click.option("--add-ignore", is_flag=True, help="Write an ignore comment for each finding above its instruction."),
    click.option("--reason", metavar="TEXT", default="", help="The reason in the comments of --add-ignore."),
    click.option("--watch", "-w", is_flag=True, help="Check again whenever an input changes."),
)

mode_options = section("What to do", _OPTIONS)
"""Decorates with the options of this module."""


def run(judged: Judged, paths: tuple[str, ...], given: dict[str, Any]) -> int:
    """Do what the options ask for; returns the exit code."""
    modes = {"statistics": _statistics, "show_files": _show_files, "add_ignore": _add_ignore, "watch": _watch}
    chosen = [name for name in modes if given[name]]
    if len(chosen) > 1:
        raise click.UsageError(f"{flag(chosen[0])} and {flag(chosen[1])} can't be combined")
    if given["reason"] and not given["add_ignore"]:
        raise click.UsageError("--reason requires --add-ignore")
    if not chosen:
        return _show(judged, given)
    if "-" in paths and chosen[0] in {"add_ignore", "watch"}:
        raise click.UsageError(f"{flag(chosen[0])} needs files, and - is standard input")
    return modes[chosen[0]](judged, paths, given)


def _show(judged: Judged, given: dict[str, Any]) -> int:
    configured = common.configuration(given)
    report, _ = judged(configured)
    common.show(report, configured.settings)
    return common.exit_code(report, configured.settings)


def _wants_json(settings: Settings, option: str) -> bool:
    name = settings.output_format[0].partition(":")[0]
    if name not in _FORMATS:
        raise click.UsageError(f"{option} has the formats {' and '.join(_FORMATS)}, not {name}")
    return name == "json"


def _say(text: str, settings: Settings) -> None:
    path = settings.output_format[0].partition(":")[2] or settings.output_file
    if path:
        common.write_text(path, text + "\n")
    else:
        click.echo(text)


def _statistics(judged: Judged, _: tuple[str, ...], given: dict[str, Any]) -> int:
    from dockerlint_alpine.report import statistics

    configured = common.configuration(given)
    as_json = _wants_json(configured.settings, "--statistics")
    report, _paths = judged(configured)
    counted = statistics.count(report)
    _say(statistics.as_json(counted) if as_json else statistics.as_text(counted), configured.settings)
    warn_of(report.errors)
    return common.exit_code(report, configured.settings)


def _show_files(_: Judged, paths: tuple[str, ...], given: dict[str, Any]) -> int:
    configured = common.configuration(given)
    as_json = _wants_json(configured.settings, "--show-files")
    named = tuple(path for path in paths if path != "-")
    jobs, errors = common.jobs_for(named, configured) if named or not paths else ([], [])
    rows = [_build(job, configured.settings) for job in jobs]
    if as_json:
        import json

        _say(json.dumps({"version": 1, "files": rows}, indent=2), configured.settings)
    elif rows:
        _say("\n".join(printable(_build_line(row)) for row in rows), configured.settings)
    warn_of(errors)
    return 2 if any(not one.remark for one in errors) else 0


def _build(job: Job, settings: Settings) -> dict[str, object]:
    """One build, with what a compose file and the settings say of it."""
    own = job_settings(settings, job)
    return {
        "path": job.shown_as,
        "services": list(job.services),
        "context": own.context,
        "target": own.target,
        "build-args": dict(own.build_args),
        "platforms": list(own.platforms),
    }


def _build_line(row: dict[str, Any]) -> str:
    said = [f"service {name}" for name in row["services"]]
    said += [f"{key} {row[key]}" for key in ("context", "target") if row[key]]
    said += [f"{name}={value}" for name, value in row["build-args"].items()]
    return f"{row['path']}  ({', '.join(said)})" if said else str(row["path"])


def _add_ignore(judged: Judged, _: tuple[str, ...], given: dict[str, Any]) -> int:
    from dockerlint_alpine.run.add_ignores import AddIgnoreError, clean_reason

    configured = common.configuration(given)
    try:
        reason = clean_reason(given["reason"])
    except AddIgnoreError as error:
        raise click.UsageError(f"--reason: {error}") from None
    if configured.settings.require_reason and not reason:
        raise click.UsageError("`require-reason` is set: give one with --reason TEXT")
    report, _paths = judged(configured)
    failed = list(report.errors)
    total = files = 0
    for path, count, wrong in _silence(report, reason):
        total += count
        files += count > 0
        if wrong:
            failed.append(FileError(path, wrong))
    warn_of(failed)
    click.echo(f"Added {plural(total, 'comment')} to {plural(files, 'file')}.")
    return 2 if failed else 0


def _silence(report: Report, reason: str) -> list[tuple[str, int, str]]:
    """Write the comments into each file once, however it was named: path, comments, and what went wrong."""
    from pathlib import Path

    from dockerlint_alpine.fixer.write import WriteError, write_atomically
    from dockerlint_alpine.run.add_ignores import AddIgnoreError, add_ignores

    files: dict[str, list[Any]] = {}
    for file in report.files:
        files.setdefault(os.path.realpath(file.path), []).append(file)
    told: list[tuple[str, int, str]] = []
    for reports in files.values():
        path, source = reports[0].path, reports[0].source
        findings = [finding for one in reports for finding in one.findings]
        try:
            new, added = add_ignores(source, findings, reason=reason)
            if new != source:
                write_atomically(Path(path), new, expected=source)
        except (AddIgnoreError, WriteError) as error:
            told.append((path, 0, str(error).removeprefix(f"{path}: ")))
            continue
        for one in added:
            click.echo(f"{printable(path)}:{one.line}: ignores {', '.join(one.codes)}")
        told.append((path, len(added), ""))
    return told


def _watch(judged: Judged, paths: tuple[str, ...], given: dict[str, Any]) -> int:
    from dockerlint_alpine.cli.watching import watch

    return watch(judged, paths, given)
