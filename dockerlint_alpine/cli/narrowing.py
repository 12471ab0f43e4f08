"""``check --since`` and ``check --baseline``: the new findings of a report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.sections import section
from dockerlint_alpine.cli.terminal import warn
from dockerlint_alpine.model.reports import FileError, FileReport, Report, with_findings
from dockerlint_alpine.system.files import read_file
from dockerlint_alpine.system.plural import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.run.config import Configuration
    from dockerlint_alpine.run.jobs import Job

_MAX_SIZE = 64 * 1024 * 1024

_OPTIONS = (
    click.option(
        "--since",
        metavar="REF",
        help="Report only findings that are new since this git revision: instruction, requirement or cause has changed.",
    ),
    click.option(
        "--baseline",
        type=click.Path(dir_okay=False),
        help="Omit the findings recorded in this file, even if lines have moved.",
    ),
    click.option("--update-baseline", is_flag=True, help="Record all findings in the --baseline file, and exit."),
)

narrowing_options = section("Only new findings", _OPTIONS)
"""Decorates with the options of this module."""


def narrowed(report: Report, paths: Sequence[str], configured: Configuration, given: dict[str, Any]) -> Report:
    """The report without findings that ``--since`` or ``--baseline`` leaves out. Raises click.UsageError."""
    if given["update_baseline"] and not given["baseline"]:
        raise click.UsageError("--update-baseline requires --baseline FILE")
    left = report
    if given["since"] is not None:
        left = _since(left, paths, configured, given["since"])
    if given["baseline"]:
        left = _without_baseline(left, given["baseline"], update=given["update_baseline"])
    if left is report:
        return report
    from dockerlint_alpine.fixer.new_run import of_kept  # with all of stages/: half of a run that the cache answers

    both = zip(report.files, left.files, strict=True)
    files = tuple(with_findings(now, of_kept(before.findings, now.findings)) for before, now in both)
    return replace(left, files=files)


def _since(report: Report, paths: Sequence[str], configured: Configuration, revision: str) -> Report:
    from dockerlint_alpine.sweep.since import without_older
    from dockerlint_alpine.sweep.sources import SourceError

    settings = configured.settings
    here = os.getcwd()  # noqa: PTH109 - a text
    at_home = replace(
        settings,
        rules=tuple(map(os.path.abspath, settings.rules)),
        wheels=tuple(map(os.path.abspath, settings.wheels)),
        context=os.path.relpath(settings.context, here) if settings.context else None,
    )

    def judged(jobs: Sequence[Job]) -> list[FileReport | FileError]:
        return common.make_judge(replace(configured, settings=at_home), use_cache=False).reports(jobs)

    named = [path for path in paths if path != "-"]
    try:
        newer = without_older(report, named, revision, judged)
    except SourceError as error:
        raise click.UsageError(f"--since {revision}: {error}") from None
    gone = len(report.findings) - len(newer.findings)
    return _without(newer, gone, f"{plural(gone, 'finding')} omitted that {revision} also has")


def _without_baseline(report: Report, path: str, *, update: bool) -> Report:
    from dockerlint_alpine.report.baseline import BaselineError, without_known, written

    folder = os.path.dirname(path) or "."  # noqa: PTH120 - as the user wrote it
    if update:
        common.write_text(path, written(report, folder))
        said = f"{plural(len(report.findings), 'finding')} written to {path}"
        files = tuple(replace(file, findings=(), unknown=0) for file in report.files)
        return replace(report, files=files, left_out=(*report.left_out, said))
    try:
        compared = without_known(report, read_file(Path(path), limit=_MAX_SIZE), folder)
    except FileNotFoundError:
        raise click.UsageError(f"--baseline {path}: no such file; --update-baseline writes it") from None
    except OSError as error:
        raise click.UsageError(f"--baseline {path}: {error.strerror or error}") from None
    except BaselineError as error:
        raise click.UsageError(f"--baseline {path}: {error}") from None
    if compared.gone:
        warn(f"{path}: {compared.gone} of its findings are gone; --update-baseline removes them")
    return _without(compared.report, compared.known, f"{plural(compared.known, 'known finding')} omitted: {path}")


def _without(report: Report, number: int, said: str) -> Report:
    """The report with a sentence on the findings that it no longer has, if there are such."""
    return replace(report, left_out=(*report.left_out, said)) if number else report
