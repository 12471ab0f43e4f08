"""``alpine-doctor check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.discovery import Job
from dockerlint_alpine.findings import FileError, FileReport, Report


@click.command()
@click.argument("paths", nargs=-1)
@common.analysis_options
@common.output_options
@click.option("--stdin-filename", metavar="NAME", help="What to call a Dockerfile read from standard input (PATH is -).")
def check(paths: tuple[str, ...], **given: Any) -> None:
    """Report what Alpine stages lack: Dockerfiles, folders and compose files; by default what is below the folder.

    \b
    Examples:
      alpine-doctor check
      alpine-doctor check docker/backend.alpine.Dockerfile --platform linux/amd64 --platform linux/arm64
      alpine-doctor check --output-format json docker-compose.yml
      alpine-doctor check - --stdin-filename docker/Dockerfile < docker/Dockerfile
    """
    from dockerlint_alpine.knowledge import KnowledgeError  # noqa: PLC0415 - after --help

    try:
        report = _report(paths, given)
    except KnowledgeError as error:
        raise click.ClickException(str(error)) from None
    common.show(report, given)
    sys.exit(common.exit_code(report, strict=given["strict"], exit_zero=given["exit_zero"]))


def _report(paths: tuple[str, ...], given: dict[str, Any]) -> Report:
    from dockerlint_alpine.analysis import UnreadableError  # noqa: PLC0415

    doctor = common.make_doctor(common.make_options(given), online=given["online"])
    from_stdin = "-" in paths or (given["stdin_filename"] and not paths)
    jobs, errors = common.jobs_for([path for path in paths if path != "-"]) if paths != ("-",) and not (
        from_stdin and not paths
    ) else ([], [])
    reports: list[FileReport] = []
    if from_stdin:
        name = given["stdin_filename"] or "Dockerfile"
        jobs = [Job(Path(name), given["stdin_filename"] or "-"), *jobs]
    for position, job in enumerate(jobs):
        try:
            judge = common.for_job(doctor, job)
            if from_stdin and position == 0:
                data = click.get_binary_stream("stdin").read()
                reports.append(judge.check_bytes(data, job.path, shown_as=job.shown_as))
            else:
                reports.append(judge.check_file(job.path, shown_as=job.shown_as))
        except UnreadableError as error:
            errors.append(FileError(job.shown_as, str(error)))
    return Report(common.merged_reports(reports), tuple(errors))
