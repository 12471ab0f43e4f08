"""``alpine-doctor check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.judging import Judge
from dockerlint_alpine.findings import FileError, FileReport, Report
from dockerlint_alpine.reading import UnreadableError


@click.command()
@click.argument("paths", nargs=-1)
@common.analysis_options
@common.output_options
@click.option(
    "--stdin-filename", metavar="NAME", help="What to call a Dockerfile read from standard input (PATH is -)."
)
def check(paths: tuple[str, ...], **given: Any) -> None:
    r"""Report what Alpine stages lack: Dockerfiles, folders and compose files; by default what is below the folder.

    \b
    Examples:
      alpine-doctor check
      alpine-doctor check docker/backend.alpine.Dockerfile --platform linux/amd64 --platform linux/arm64
      alpine-doctor check --output-format json docker-compose.yml
      alpine-doctor check - --stdin-filename docker/Dockerfile < docker/Dockerfile
    """
    judge = Judge(common.configuration(given), use_cache=not given["no_cache"])
    try:
        report = _report(paths, judge, given["stdin_filename"])
    except common.data_errors() as error:
        raise click.UsageError(str(error)) from None
    finally:
        judge.close()
    settings = judge.configured.settings
    common.show(report, settings)
    sys.exit(common.exit_code(report, settings))


def _report(paths: tuple[str, ...], judge: Judge, stdin_name: str | None) -> Report:
    named = tuple(path for path in paths if path != "-")
    from_stdin = "-" in paths or (stdin_name is not None and not paths)
    jobs, errors = common.jobs_for(named, judge.configured) if named or not from_stdin else ([], [])
    reports: list[FileReport] = []
    if from_stdin:
        name = stdin_name or "-"
        try:
            data, place = sys.stdin.buffer.read(), Path(stdin_name or "Dockerfile")
            reports.append(judge.doctor.check_bytes(data, place, shown_as=name))
        except UnreadableError as error:
            errors.append(FileError(name, str(error)))
    for result in judge.reports(jobs):
        if isinstance(result, FileReport):
            reports.append(result)
        else:
            errors.append(result)
    return Report(common.merged_reports(reports), tuple(errors))
