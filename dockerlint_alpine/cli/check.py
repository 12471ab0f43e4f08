"""``alpine-doctor check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.discovery import Job
from dockerlint_alpine.findings import FileError, FileReport, Report

if TYPE_CHECKING:
    from dockerlint_alpine.config import Configuration


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
    from dockerlint_alpine.apk import ApkError  # noqa: PLC0415 - after --help
    from dockerlint_alpine.knowledge import KnowledgeError  # noqa: PLC0415

    configured = common.configuration(given)
    try:
        report = _report(paths, configured, given["stdin_filename"])
    except (ApkError, KnowledgeError) as error:
        raise click.UsageError(str(error)) from None
    common.show(report, configured.settings)
    sys.exit(common.exit_code(report, configured.settings))


def _report(paths: tuple[str, ...], configured: Configuration, stdin_name: str | None) -> Report:
    from dockerlint_alpine.analysis import UnreadableError  # noqa: PLC0415

    doctor = common.make_doctor(configured)
    named = tuple(path for path in paths if path != "-")
    from_stdin = "-" in paths or (stdin_name is not None and not paths)
    jobs, errors = common.jobs_for(named, configured) if named or not from_stdin else ([], [])
    reports: list[FileReport] = []
    if from_stdin:
        job = Job(Path(stdin_name or "Dockerfile"), stdin_name or "-")
        try:
            reports.append(doctor.check_bytes(sys.stdin.buffer.read(), job.path, shown_as=job.shown_as))
        except UnreadableError as error:
            errors.append(FileError(job.shown_as, str(error)))
    for job in jobs:
        try:
            reports.append(common.for_job(doctor, job).check_file(job.path, shown_as=job.shown_as))
        except UnreadableError as error:
            errors.append(FileError(job.shown_as, str(error)))
    return Report(common.merged_reports(reports), tuple(errors))
