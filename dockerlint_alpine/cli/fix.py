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


@click.command()
@click.argument("paths", nargs=-1)
@common.analysis_options
@common.output_options
@click.option("--diff", "as_diff", is_flag=True, help="Print a unified diff and write nothing.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that remove or rewrite.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 when something was fixed.")
@click.option("--stdin-filename", metavar="NAME", help="Fix standard input (PATH is -), print the result.")
def fix(paths: tuple[str, ...], **given: Any) -> None:
    """Put the missing packages into the Dockerfiles, each into the list where its author would have put it.

    \b
    Examples:
      alpine-doctor fix docker/backend.alpine.Dockerfile
      alpine-doctor fix --diff
    """
    from dockerlint_alpine.knowledge import KnowledgeError  # noqa: PLC0415 - after --help

    try:
        if paths == ("-",) or (given["stdin_filename"] and not paths):
            sys.exit(_fix_stdin(given))
        sys.exit(_fix_paths(paths, given))
    except KnowledgeError as error:
        raise click.ClickException(str(error)) from None


def _fix_stdin(given: dict[str, Any]) -> int:
    """Fixed text on standard output, what is left on standard error."""
    from dockerlint_alpine.analysis import UnreadableError, fix_bytes  # noqa: PLC0415

    doctor = _doctor(given)
    name = given["stdin_filename"] or "Dockerfile"
    data = click.get_binary_stream("stdin").read()
    try:
        result = fix_bytes(doctor, data, Path(name), shown_as=name)
    except UnreadableError as error:
        click.echo(f"alpine-doctor: {name}: {error}", err=True)
        return 2
    if given["as_diff"]:
        _print_diff(result, name, given)
    else:
        click.get_binary_stream("stdout").write(result.new)
    report = Report((result.left,))
    return _code(report, [result], given)


def _fix_paths(paths: tuple[str, ...], given: dict[str, Any]) -> int:
    from dockerlint_alpine.analysis import UnreadableError, fix_bytes, read_dockerfile  # noqa: PLC0415
    from dockerlint_alpine.fixer.write import WriteError, write_atomically  # noqa: PLC0415

    doctor = _doctor(given)
    jobs, errors = common.jobs_for(paths)
    results: list[FixResult] = []
    for job in jobs:
        try:
            data = read_dockerfile(job.path)
            result = fix_bytes(common.for_job(doctor, job), data, job.path, shown_as=job.shown_as)
            if result.changed and given["as_diff"]:
                _print_diff(result, job.shown_as, given)
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
        if given["output_format"] == "text":
            _tell(results)
        common.show(report, given)
    return _code(report, results, given)


def _doctor(given: dict[str, Any]) -> Any:
    from dataclasses import replace  # noqa: PLC0415

    options = replace(common.make_options(given), unsafe_fixes=given["unsafe_fixes"])
    return common.make_doctor(options, online=given["online"])


def _print_diff(result: FixResult, name: str, given: dict[str, Any]) -> None:
    from dockerlint_alpine.report.diff import diff  # noqa: PLC0415

    color = common.wants_color(given["color"], sys.stdout.isatty())
    click.get_binary_stream("stdout").write(diff(name, result.old, result.new, color=color))


def _tell(results: list[FixResult]) -> None:
    """What was written where, one line per finding that is gone."""
    for result in results:
        for finding in result.applied:
            title = finding.fix.title if finding.fix is not None else finding.message
            click.echo(f"fixed {result.left.path}: {finding.code} {title}")


def _code(report: Report, results: list[FixResult], given: dict[str, Any]) -> int:
    code = common.exit_code(report, strict=given["strict"], exit_zero=given["exit_zero"])
    fixed = any(result.changed for result in results)
    if given["as_diff"] and fixed and code == 0 and not given["exit_zero"]:
        return 1
    return 1 if code == 0 and fixed and given["exit_non_zero_on_fix"] else code
