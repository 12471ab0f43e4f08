"""``alpine-doctor check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common, modes, narrowing
from dockerlint_alpine.cli.sections import SectionedCommand
from dockerlint_alpine.cli.terminal import warn
from dockerlint_alpine.model.reports import FileError, FileReport, Report
from dockerlint_alpine.run.discovery import names_builds, without_repeats
from dockerlint_alpine.run.jobs import Job, read_job
from dockerlint_alpine.run.pool import data_errors
from dockerlint_alpine.run.reading import UnreadableError
from dockerlint_alpine.run.scheduler import Judge, merged_reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.run.config import Configuration, Settings


@click.command(cls=SectionedCommand)
@click.argument("paths", nargs=-1, type=click.Path())
@modes.mode_options
@common.analysis_options
@narrowing.narrowing_options
@common.output_options
@click.option(
    "--image",
    metavar="NAME|TAR",
    type=click.Path(),
    help="Compare the findings with an image built from this Dockerfile: one in the engine, or a saved one.",
)
@click.option(
    "--show-fix", is_flag=True, help="Show every remedy for a compile as an edit, including a separate build stage."
)
@click.option(
    "--using",
    is_flag=True,
    help="PATHs are requirement or lock files: check the Dockerfiles below this folder that use one of them.",
)
@click.option(
    "--stdin-filename",
    metavar="NAME",
    type=click.Path(),
    help="Name for a Dockerfile read from standard input (PATH is -).",
)
def check(paths: tuple[str, ...], **given: Any) -> None:
    r"""Report what Alpine stages are missing. PATHS are Dockerfiles, folders, compose and bake files (default: this folder).

    \b
    Examples:
      alpine-doctor check
      alpine-doctor check docker/Dockerfile --platform linux/amd64,linux/arm64
      alpine-doctor check --output-format json docker-compose.yml
      alpine-doctor check --watch docker/Dockerfile
      alpine-doctor check --add-ignore --reason "fixed in the next release"
      alpine-doctor check - --stdin-filename docker/Dockerfile < docker/Dockerfile
      alpine-doctor check --using requirements.txt
      alpine-doctor check --since origin/main
      alpine-doctor check Dockerfile --image myapp:latest
      alpine-doctor check Dockerfile --wheels dist/
    """
    sys.exit(modes.run(lambda configured: _judged(paths, configured, given), paths, given))


def _judged(paths: tuple[str, ...], configured: Configuration, given: dict[str, Any]) -> tuple[Report, frozenset[str]]:
    """The report, and the paths that it rests on besides the Dockerfiles."""
    judge = common.make_judge(configured, use_cache=not given["no_cache"], workers=given["jobs"])
    image = given["image"]
    try:
        if image is not None:
            report = _compared(paths, judge, image)
        elif given["using"]:
            report = _of_users(paths, judge)
        else:
            report = _report(paths, judge, given["stdin_filename"])
    except data_errors() as error:
        raise click.UsageError(str(error)) from None
    finally:
        judge.close()
    report = narrowing.narrowed(report, paths, configured, given)
    _tell_beside(report, configured.settings)
    return report, frozenset(judge.looked_at)


_SUMMED_UP = frozenset({"text", "concise", "markdown"})
"""Formats that end with a summary."""


def _tell_beside(report: Report, settings: Settings) -> None:
    """Formats that have findings only don't say why a run without any fails, nor what was left out: that is told beside
    them."""
    formats = {name.partition(":")[0] for name in settings.output_format}
    if settings.quiet or not formats & _SUMMED_UP:
        for said in report.left_out:
            warn(said)
    for file in report.files:
        if file.image is not None and "text" not in formats:
            from dockerlint_alpine.report.comparing import sentence

            warn(f"{file.image.image}: {sentence(file.image)}")


def _compared(paths: tuple[str, ...], judge: Judge, name: str) -> Report:
    """The report on the one Dockerfile that the image was built from."""
    from dockerlint_alpine.cli.images import open_image
    from dockerlint_alpine.proof.check_image import check_image

    if "-" in paths:
        raise click.UsageError(
            "--image needs a Dockerfile that it was built from, with its context, not standard input"
        )
    jobs, errors = common.jobs_for(paths, judge.configured)
    if errors:
        return Report.of((), errors)
    if len(jobs) != 1:
        found = ", ".join(job.shown_as for job in jobs[:4]) or "none"
        raise click.UsageError(f"--image applies to one Dockerfile; name it (found: {found})")
    (job,) = jobs
    doctor = judge.doctors.doctor(judge.configured).for_job(job)
    with open_image(name, judge.configured.settings.platforms) as (image, progress):
        try:
            data = read_job(job)
            report = check_image(doctor, data, job.path, image, shown_as=job.shown_as, progress=progress)
        except UnreadableError as error:
            return Report((), (FileError(job.shown_as, str(error)),))
        return Report((report,))


def _of_users(paths: tuple[str, ...], judge: Judge) -> Report:
    """The reports that rest on one of the files; Dockerfiles and compose files among them stand for themselves."""
    if not paths or "-" in paths:
        raise click.UsageError("--using needs files: requirements, lock files, or others that a Dockerfile copies")
    named = tuple(path for path in paths if names_builds(path))
    jobs, errors = common.jobs_for(named, judge.configured) if named else ([], [])
    errors += [FileError(path, "no such file") for path in paths if path not in named and not Path(path).exists()]
    others = without_repeats([*jobs, *common.jobs_for((), judge.configured)[0]])[len(jobs) :]
    results = [*judge.reports(jobs), *judge.reports_resting_on(others, (path for path in paths if path not in named))]
    return _collected(results, [], errors)


def _report(paths: tuple[str, ...], judge: Judge, stdin_name: str | None) -> Report:
    named = tuple(path for path in paths if path != "-")
    from_stdin = "-" in paths or (stdin_name is not None and not paths)
    jobs, errors = common.jobs_for(named, judge.configured) if named or not from_stdin else ([], [])
    reports: list[FileReport] = []
    if from_stdin:
        typed = judge.report_on(sys.stdin.buffer.read(), Job(Path(stdin_name or "Dockerfile"), stdin_name or "-"))
        reports += [typed] if isinstance(typed, FileReport) else []
        errors += [typed] if isinstance(typed, FileError) else []
    results = judge.reports(jobs)
    if click.get_current_context().params.get("show_fix"):
        results = [_with_build_stages(judge, job, result) for job, result in zip(jobs, results, strict=True)]
    return _collected(results, reports, errors)


def _with_build_stages(judge: Judge, job: Job, result: FileReport | FileError) -> FileReport | FileError:
    from dockerlint_alpine.run.build_stages import with_build_stages

    if isinstance(result, FileError):
        return result
    return with_build_stages(judge.doctors.doctor(judge.configured).for_job(job), result, job.path)


def _collected(
    results: Sequence[FileReport | FileError], reports: Sequence[FileReport], errors: Sequence[FileError]
) -> Report:
    judged = [result for result in results if isinstance(result, FileReport)]
    unread = [result for result in results if isinstance(result, FileError)]
    return Report.of(merged_reports([*reports, *judged]), (*errors, *unread))
