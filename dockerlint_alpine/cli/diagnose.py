"""``alpine-doctor diagnose``: from the log of a failed build or run to the cause, the packages and the fix."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from dockerlint_alpine.cli import common, spelling
from dockerlint_alpine.cli.terminal import Refusing, text_width

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockerlint_alpine.diagnose import Diagnosis
    from dockerlint_alpine.diagnose.repair import Repair
    from dockerlint_alpine.diagnose.scan import Scan
    from dockerlint_alpine.run.analysis import Doctor
    from dockerlint_alpine.run.config import Configuration
    from dockerlint_alpine.run.jobs import Job

_SHOW_PROGRESS_FROM = 16 * 1024 * 1024
"""Bytes of a log; smaller ones are read before anybody looks."""


@click.command()
@click.argument("log", default="-", metavar="[LOG|-]", type=click.Path())
@spelling.alpine_option("The Alpine release to look packages up in.")
@click.option(
    "--dockerfile", metavar="FILE", type=click.Path(), help="The Dockerfile (or compose file) that was built."
)
@click.option(
    "--service",
    metavar="NAME",
    shell_complete=spelling.completed("services"),
    help="The service, if --dockerfile is a compose file.",
)
@click.option("--fix", "write", is_flag=True, help="Add the packages to the Dockerfile.")
@click.option("--diff", "as_diff", is_flag=True, help="Print what --fix would change and write nothing.")
@click.option(
    "--platform",
    metavar="OS/ARCH",
    default="linux/amd64",
    show_default=True,
    shell_complete=spelling.completed("platforms"),
    help="The platform of the build.",
)
@spelling.BUILD_ARGS
@spelling.target_option("The stage that was built.")
@spelling.CONTEXT
@click.option(
    "--online/--offline",
    default=None,
    help="Query the Python package index for releases with wheels, or never. Default: as in check.",
)
@spelling.CONFIG
@spelling.ISOLATED
@spelling.format_option("text", "json", name="form")
@spelling.OUTPUT_FILE
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
def diagnose(log: str, **given: Any) -> None:
    r"""Read the log of a failed build or run: what failed, which package is missing, and where it goes.

    LOG is a file, or - for standard input (the default). Docker, BuildKit, compose, Podman, Kaniko, Kubernetes, CI
    systems, pip, uv, poetry, pdm and pipenv are understood.

    \b
    Examples:
      docker build . 2>&1 | alpine-doctor diagnose
      alpine-doctor diagnose build.log --dockerfile docker/Dockerfile --diff

    \b
    Exit codes: 0 nothing is left to do, 1 a cause remains, 2 the command was wrong or a file could not be read.
    """
    from dockerlint_alpine.apk import ApkError
    from dockerlint_alpine.diagnose import DiagnoseError
    from dockerlint_alpine.knowledge import KnowledgeError

    if (given["write"] or given["as_diff"]) and not given["dockerfile"]:
        raise click.UsageError("--fix and --diff need --dockerfile")
    if given["service"] and not given["dockerfile"]:
        raise click.UsageError("--service needs --dockerfile compose.yaml")
    try:
        sys.exit(_run(log, given))
    except (ApkError, DiagnoseError, KnowledgeError) as error:
        raise click.ClickException(str(error)) from None


def _run(log: str, given: dict[str, Any]) -> int:
    from dockerlint_alpine.diagnose import diagnose_scan, read_log
    from dockerlint_alpine.knowledge import Knowledge

    job = _job(given)
    configured = _configured(given)
    knowledge = Knowledge.open(extra=[Path(folder) for folder in configured.settings.rules])
    found = _read(log, lambda source, progress: read_log(source, knowledge, progress))
    judge = common.make_judge(configured, use_cache=False)
    if job is None:
        said_by = "as asked" if given["alpine"] else ""
        diagnosis = judge.gather(
            lambda doctor: diagnose_scan(
                found, doctor.knowledge, doctor.store, alpine=given["alpine"], said_by=said_by, resolver=doctor.resolver
            )
        )
        _show(diagnosis, None, log, given)
        return _code(diagnosis, None, given)
    repair = judge.gather(lambda doctor: _repair(doctor.for_job(job), job, found, given))
    if given["as_diff"]:
        _print_diff(repair, job, given)
    else:
        _write(repair, job, given)
        _show(repair.diagnosis, repair, log, given)
    return _code(repair.diagnosis, repair, given)


def _job(given: dict[str, Any]) -> Job | None:
    """The build that the log is of. Raises click.UsageError."""
    if not given["dockerfile"]:
        return None
    from dockerlint_alpine.run.discovery import Search, find_jobs

    jobs, errors = find_jobs([given["dockerfile"]], search=Search(platforms=False))
    if errors:
        raise click.UsageError(f"{errors[0].path}: {errors[0].message}")
    if given["service"]:
        named = [job for job in jobs if given["service"] in job.services]
        if not named:
            services = ", ".join(name for job in jobs for name in job.services) or "none that is built"
            raise click.UsageError(f"{given['dockerfile']}: no service {given['service']!r} (available: {services})")
        return named[0]
    if len(jobs) > 1:
        services = ", ".join(name for job in jobs for name in job.services)
        raise click.UsageError(f"{given['dockerfile']} has several builds: use --service ({services})")
    if not jobs:
        raise click.UsageError(f"{given['dockerfile']}: no such Dockerfile")
    return jobs[0]


def _configured(given: dict[str, Any]) -> Configuration:
    names = ("alpine", "build_args", "target", "context", "online", "config", "isolated")
    asked = {name: given[name] for name in names}
    return common.configuration({**asked, "select": (), "ignore": (), "platforms": (given["platform"],)})


def _read(log: str, read: Callable[[BinaryIO, Callable[[int], object] | None], Scan]) -> Scan:
    """Read the log, with a bar where that takes a while and somebody watches. Raises click.UsageError."""
    if log == "-":
        return read(sys.stdin.buffer, None)
    path = Path(log)
    try:
        with path.open("rb") as source:
            size = path.stat().st_size
            if size < _SHOW_PROGRESS_FROM or not sys.stderr.isatty():
                return read(source, None)
            with click.progressbar(length=size, label=log, file=sys.stderr) as bar:
                return read(source, lambda done: bar.update(done - bar.pos))
    except OSError as error:
        raise click.UsageError(f"{log}: {error.strerror or error}") from None


def _repair(doctor: Doctor, job: Job, found: Scan, given: dict[str, Any]) -> Repair:
    from dockerlint_alpine.diagnose import diagnose_scan
    from dockerlint_alpine.diagnose.repair import DockerfileRepair
    from dockerlint_alpine.run.analysis import UnreadableError, read_dockerfile

    try:
        dockerfile = DockerfileRepair(doctor, read_dockerfile(job.path), job.path, found, job.shown_as)
    except UnreadableError as error:
        raise click.UsageError(f"{job.shown_as}: {error}") from None
    release, said_by = (given["alpine"], "as asked") if given["alpine"] else dockerfile.release()
    diagnosis = diagnose_scan(
        found,
        doctor.knowledge,
        doctor.store,
        alpine=release,
        said_by=said_by,
        arch=dockerfile.arch,
        python=dockerfile.python(),
        resolver=doctor.resolver,
    )
    return dockerfile.repair(diagnosis)


def _print_diff(repair: Repair, job: Job, given: dict[str, Any]) -> None:
    common.print_diff(job.shown_as, repair.old, repair.new, given["color"])
    for item in repair.applied:
        click.echo(f"{'foreseen' if item.foreseen else 'proven'}: {item.title}", err=True)
    for note in repair.notes:
        click.echo(f"not written: {note}", err=True)


def _write(repair: Repair, job: Job, given: dict[str, Any]) -> None:
    if not given["write"] or not repair.changed:
        return
    from dockerlint_alpine.fixer.write import WriteError, write_atomically

    with Refusing(WriteError):
        write_atomically(job.path, repair.new, expected=repair.old)


def _show(diagnosis: Diagnosis, repair: Repair | None, log: str, given: dict[str, Any]) -> None:
    from dockerlint_alpine.diagnose.render import to_json, to_text
    from dockerlint_alpine.report.paint import Paint

    if given["form"] == "json":
        import json

        text = json.dumps(to_json(diagnosis), indent=2, ensure_ascii=False) + "\n"
    else:
        choice = "never" if given["output_file"] and given["color"] == "auto" else given["color"]
        paint = Paint(common.wants_color(choice, sys.stdout.isatty()))
        width = text_width(most=120, to_file=bool(given["output_file"]))
        text = to_text(diagnosis, repair, "log" if log == "-" else log, paint, width, written=given["write"])
    if given["output_file"]:
        common.write_text(given["output_file"], text)
    else:
        click.echo(text, nl=False, color=True)


def _code(diagnosis: Diagnosis, repair: Repair | None, given: dict[str, Any]) -> int:
    """0 when nothing failed or everything proven was written; 1 when a cause remains."""
    if given["exit_zero"] or diagnosis.verdict == "no-failure":
        return 0
    return 0 if repair is not None and given["write"] and repair.complete else 1
