"""Options that several commands share, and how a run is set up from them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dockerlint_alpine.discovery import Job, find_jobs
from dockerlint_alpine.findings import FileError, FileReport, Report

if TYPE_CHECKING:
    from dockerlint_alpine.analysis import Doctor, Options
    from dockerlint_alpine.report import RenderOptions

_Command = TypeVar("_Command", bound=Callable[..., Any])
_RELEASE = re.compile(r"(?:v?3\.\d+|edge)\Z")
_PYTHON = re.compile(r"\d+\.\d+(?:\.\d+)?\Z")


def analysis_options(command: _Command) -> _Command:
    """Decorate with the options that say how to judge."""
    for option in reversed(
        (
            click.option("--select", multiple=True, metavar="CODE", help="Only these codes (AD2, AD201, ALL); repeatable."),
            click.option("--ignore", multiple=True, metavar="CODE", help="Not these codes; repeatable."),
            click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="linux/amd64 by default; repeatable."),
            click.option("--build-arg", "build_args", multiple=True, metavar="K=V", help="A value for an ARG; repeatable."),
            click.option("--target", metavar="STAGE", help="Judge only this stage and what it is made of."),
            click.option("--context", type=click.Path(file_okay=False, exists=True), help="The build context."),
            click.option("--alpine", metavar="X.Y", callback=_release, help="The Alpine release of unknown bases."),
            click.option("--python", metavar="X.Y", callback=_python, help="The Python of unknown bases."),
            click.option("--online/--offline", default=False, help="Ask the Python package index. Default: offline."),
            click.option("--as-of", metavar="DATE", help="Judge as if it were YYYY-MM-DD.", callback=_date),
        )
    ):
        command = option(command)
    return command


def output_options(command: _Command) -> _Command:
    """Decorate with the options that say how to show the result."""
    for option in reversed(
        (
            click.option("--output-format", default="text", show_default=True, metavar="FORMAT", callback=_format,
                         help="text, concise, json, sarif, github, gitlab, junit, checkstyle, rdjson or markdown."),
            click.option("--output-file", type=click.Path(dir_okay=False), help="Write there instead of standard output."),
            click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours."),
            click.option("--strict", is_flag=True, help="What can't be judged fails the run (exit code 2)."),
            click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found."),
        )
    ):
        command = option(command)
    return command


def _release(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _RELEASE.match(value):
        raise click.BadParameter(f"{value!r} is no Alpine release: say 3.19 or edge")
    return value.removeprefix("v") if value else None


def _python(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _PYTHON.match(value):
        raise click.BadParameter(f"{value!r} is no Python version: say 3.12")
    return value


def _date(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise click.BadParameter(f"{value!r} is no date: say YYYY-MM-DD")
    return value


def _format(_: click.Context, __: click.Parameter, value: str) -> str:
    from dockerlint_alpine.report import FORMATS  # noqa: PLC0415 - after --help

    if value not in FORMATS:
        raise click.BadParameter(f"{value!r} is no format: choose from {', '.join(FORMATS)}")
    return value


def make_options(given: dict[str, Any]) -> Options:
    """The library's options from the command line's. Raises click.UsageError."""
    from dockerlint_alpine.analysis import Options  # noqa: PLC0415 - after --help
    from dockerlint_alpine.stages import APK_ARCH  # noqa: PLC0415

    args: dict[str, str] = {}
    for pair in given["build_args"]:
        name, equals, value = pair.partition("=")
        if not name:
            raise click.UsageError(f"--build-arg {pair!r}: say NAME=VALUE")
        if equals:
            args[name] = value
        elif name in os.environ:
            args[name] = os.environ[name]
    platforms = tuple(part for value in given["platforms"] for part in value.split(",") if part)
    for platform in platforms:
        if platform not in APK_ARCH:
            raise click.UsageError(f"--platform {platform!r}: choose from {', '.join(APK_ARCH)}")
    return Options(
        platforms=platforms or ("linux/amd64",),
        build_args=args,
        target=given["target"],
        context=Path(given["context"]) if given["context"] else None,
        alpine=given["alpine"],
        python=given["python"],
        select=_codes(given["select"]),
        ignore=_codes(given["ignore"]),
        as_of=given["as_of"],
    )


def _codes(values: Sequence[str]) -> tuple[str, ...]:
    """Codes given one by one or with commas; names of checks work too. Raises click.UsageError for unknown ones."""
    from dockerlint_alpine.checks import CHECKS  # noqa: PLC0415

    by_name = {check.name: check.code for check in CHECKS}
    found = [by_name.get(part, part.upper()) for value in values for part in value.split(",") if part]
    for code in found:
        if code != "ALL" and not any(check.code.startswith(code) for check in CHECKS):
            raise click.UsageError(f"{code} is no code and no beginning of one")
    return tuple(found)


def make_doctor(options: Options, *, online: bool) -> Doctor:
    """Open rules and indexes for a run; ``online`` asks the Python package index."""
    from dockerlint_alpine.analysis import Doctor  # noqa: PLC0415

    resolver = None
    if online:
        from dockerlint_alpine.cli.online import open_resolver  # noqa: PLC0415 - only with a network

        resolver = open_resolver()
    return Doctor(options, resolver=resolver)


def jobs_for(paths: Sequence[str]) -> tuple[list[Job], list[FileError]]:
    """What to judge, and which paths lead nowhere."""
    jobs, errors = find_jobs(paths, environment=os.environ)
    return jobs, [FileError(error.path, error.message) for error in errors]


def for_job(doctor: Doctor, job: Job) -> Doctor:
    """``doctor`` with the context, arguments and target of a compose service, where the command line gave none."""
    from dockerlint_alpine.analysis import Doctor  # noqa: PLC0415

    options = doctor.options
    changed = replace(
        options,
        context=options.context or job.context,
        build_args={**job.build_args, **options.build_args},
        target=options.target or job.target,
    )
    if changed == options:
        return doctor
    other = Doctor(changed, resolver=doctor.resolver, store=doctor.store)
    other.__dict__["knowledge"] = doctor.knowledge  # shared: opened once for all files
    return other


def merged_reports(reports: Sequence[FileReport]) -> tuple[FileReport, ...]:
    """One report per file: a Dockerfile that two services build says each thing once."""
    by_path: dict[str, FileReport] = {}
    for report in reports:
        first = by_path.get(report.path)
        if first is None:
            by_path[report.path] = report
            continue
        new = tuple(finding for finding in report.findings if finding not in first.findings)
        by_path[report.path] = replace(
            first,
            findings=tuple(sorted((*first.findings, *new), key=lambda f: (f.location.line, f.location.column, f.code))),
            unknown=max(first.unknown, report.unknown),
            notes=tuple(dict.fromkeys((*first.notes, *report.notes))),
        )
    return tuple(by_path.values())


def render_options(color: str) -> RenderOptions:
    """How to render for where the output goes."""
    from dockerlint_alpine import __version__  # noqa: PLC0415
    from dockerlint_alpine.report import RenderOptions  # noqa: PLC0415

    return RenderOptions(color=wants_color(color, sys.stdout.isatty()), version=__version__, code_docs=_code_doc)


def _code_doc(code: str) -> Any:
    from dockerlint_alpine.checks import check_by_topic  # noqa: PLC0415 - formats that carry docs ask for it
    from dockerlint_alpine.report import CodeDoc  # noqa: PLC0415

    check = check_by_topic(code)
    if check is None:
        return CodeDoc(code, code.lower(), code)
    return CodeDoc(check.code, check.name, check.summary, check.page, check.severity)


def wants_color(choice: str, terminal: bool) -> bool:  # noqa: FBT001 - a fact, not a switch
    """``--color`` first, then NO_COLOR and FORCE_COLOR (no-color.org, force-color.org), then the terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def show(report: Report, given: dict[str, Any]) -> None:
    """Render the report to standard output or ``--output-file``; what could not be read goes to standard error."""
    from dockerlint_alpine.report import render  # noqa: PLC0415

    options = render_options("never" if given["output_file"] and given["color"] == "auto" else given["color"])
    text = render(report, given["output_format"], options=options)
    if given["output_file"]:
        try:
            Path(given["output_file"]).write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{given['output_file']}: {error.strerror or error}") from None
    else:
        click.echo(text, nl=False, color=options.color)
    for problem in report.errors:
        click.echo(f"alpine-doctor: {problem.path}: {problem.message}", err=True)


def exit_code(report: Report, *, strict: bool, exit_zero: bool) -> int:
    """0 clean, 1 findings, 2 something could not be read, or judged with ``--strict``."""
    if report.errors or (strict and report.unknown):
        return 2
    found = report.count("error") + report.count("warning")
    return 1 if found and not exit_zero else 0
