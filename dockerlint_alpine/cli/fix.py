"""``alpine-doctor fix``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.findings import FileError, Report

if TYPE_CHECKING:
    from dockerlint_alpine.analysis import FixResult
    from dockerlint_alpine.config import Configuration, Settings


@click.command()
@click.argument("paths", nargs=-1)
@common.analysis_options
@common.output_options
@click.option("--diff", "as_diff", is_flag=True, help="Print a unified diff and write nothing.")
@click.option("--unsafe-fixes", is_flag=True, default=None, help="Also apply fixes that remove or rewrite.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 when something was fixed.")
@click.option("--stdin-filename", metavar="NAME", help="Fix standard input (PATH is -), print the result.")
def fix(paths: tuple[str, ...], **given: Any) -> None:
    r"""Put the missing packages into the Dockerfiles, each into the list where its author would have put it.

    \b
    Examples:
      alpine-doctor fix docker/backend.alpine.Dockerfile
      alpine-doctor fix --diff
    """
    from dockerlint_alpine.apk import ApkError  # noqa: PLC0415 - after --help
    from dockerlint_alpine.knowledge import KnowledgeError  # noqa: PLC0415

    configured = common.configuration(given)
    run = _fix_stdin if paths == ("-",) or (given["stdin_filename"] and not paths) else _fix_paths
    try:
        code = run(paths, configured, given)
    except (ApkError, KnowledgeError) as error:
        raise click.UsageError(str(error)) from None
    sys.exit(code)


def _fix_stdin(_: tuple[str, ...], configured: Configuration, given: dict[str, Any]) -> int:
    """Fixed text on standard output; what is left only decides the exit code."""
    from dockerlint_alpine.analysis import UnreadableError, fix_bytes  # noqa: PLC0415

    name = given["stdin_filename"] or "Dockerfile"
    try:
        result = fix_bytes(common.make_doctor(configured), sys.stdin.buffer.read(), Path(name), shown_as=name)
    except UnreadableError as error:
        click.echo(f"alpine-doctor: {name}: {error}", err=True)
        return 2
    if given["as_diff"]:
        _print_diff(result, configured.settings)
    else:
        sys.stdout.buffer.write(result.new)
        sys.stdout.flush()
    return _code(Report((result.left,)), [result], configured.settings, given)


def _fix_paths(paths: tuple[str, ...], configured: Configuration, given: dict[str, Any]) -> int:
    from dockerlint_alpine.analysis import UnreadableError, fix_bytes, read_dockerfile  # noqa: PLC0415
    from dockerlint_alpine.fixer.write import WriteError, write_atomically  # noqa: PLC0415

    doctor = common.make_doctor(configured)
    jobs, errors = common.jobs_for(paths, configured)
    results: list[FixResult] = []
    for job in jobs:
        try:
            data = read_dockerfile(job.path)
            result = fix_bytes(common.for_job(doctor, job), data, job.path, shown_as=job.shown_as)
            if result.changed and given["as_diff"]:
                _print_diff(result, configured.settings)
            elif result.changed:
                write_atomically(job.path, result.new, expected=data)
            results.append(result)
        except (UnreadableError, WriteError) as error:
            errors.append(FileError(job.shown_as, str(error).removeprefix(f"{job.path}: ")))
    report = Report(common.merged_reports([result.left for result in results]), tuple(errors))
    if given["as_diff"]:
        for problem in report.errors:
            click.echo(f"alpine-doctor: {problem.path}: {problem.message}", err=True)
    else:
        if configured.settings.output_format == ("text",):
            _tell(results)
        common.show(report, configured.settings)
    return _code(report, results, configured.settings, given)


def _print_diff(result: FixResult, settings: Settings) -> None:
    from dockerlint_alpine.report.diff import diff  # noqa: PLC0415

    color = common.wants_color(settings.color, sys.stdout.isatty())
    sys.stdout.flush()
    sys.stdout.buffer.write(diff(result.left.path, result.old, result.new, color=color))
    sys.stdout.flush()


def _tell(results: list[FixResult]) -> None:
    """What was written where, one line per finding that is gone."""
    for result in results:
        for finding in result.applied:
            title = finding.fix.title if finding.fix is not None else finding.message
            click.echo(f"fixed {result.left.path}: {finding.code} {title}")


def _code(report: Report, results: list[FixResult], settings: Settings, given: dict[str, Any]) -> int:
    """As ``check`` for what is left; ``--diff`` and ``--exit-non-zero-on-fix`` make a change count too."""
    code = common.exit_code(report, settings)
    changed = any(result.changed for result in results)
    counts = given["as_diff"] or given["exit_non_zero_on_fix"]
    return 1 if code == 0 and changed and counts and not settings.exit_zero else code
