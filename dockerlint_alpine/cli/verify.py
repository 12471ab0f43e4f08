"""``alpine-doctor verify``: the only command that reaches an engine to run anything of a project."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common, spelling
from dockerlint_alpine.cli.sections import SectionedCommand, section
from dockerlint_alpine.run.pool import data_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.elf.targets import Subject
    from dockerlint_alpine.proof.verify.engine import Engine
    from dockerlint_alpine.proof.verify.keeping import FixWriter
    from dockerlint_alpine.proof.verify.machine import Phase
    from dockerlint_alpine.proof.verify.model import VerifyReport
    from dockerlint_alpine.proof.verify.redact import Redactor
    from dockerlint_alpine.proof.verify.run import Plan, Request
    from dockerlint_alpine.run.analysis import Doctor

FORMATS = ("text", "markdown", "json", "junit")
_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")

ENGINE_OPTIONS = (
    click.option(
        "--level",
        metavar="LEVEL",
        shell_complete=spelling.completed("levels"),
        help="The last level: loader, import, start, health or probes.",
    ),
    click.option("--timeout", default="30m", show_default=True, metavar="SPAN", help="Time limit for the whole run."),
    click.option("--build-timeout", default="15m", show_default=True, metavar="SPAN", help="Time limit for one build."),
    click.option(
        "--engine", metavar="URL", help="The engine's address (default: the one that the docker command uses)."
    ),
    click.option("--compose", default="auto", show_default=True, metavar="auto|CMD|none", help="The compose program."),
    click.option("--keep", is_flag=True, help="Leave the services running, and print how to remove them."),
    click.option(
        "--allow",
        multiple=True,
        metavar="WORD",
        shell_complete=spelling.completed("allowances"),
        help="Permit what is refused otherwise: bind, privileged, host-network, socket, external, pull, remote; repeatable.",
    ),
    click.option(
        "--report",
        "report_folder",
        metavar="DIR",
        help="Write report.md, .json, .xml and evidence.jsonl to this folder.",
    ),
)
_BUILD_OPTIONS = (
    spelling.platforms_option("The engine's own by default."),
    spelling.BUILD_ARGS,
    spelling.target_option("The stage to build."),
    spelling.CONTEXT,
    spelling.ALPINE,
    spelling.PYTHON,
    click.option("--online/--offline", default=None, help="Query the Python package index for the findings, or never."),
    spelling.CONFIG,
    spelling.ISOLATED,
)


@click.command(cls=SectionedCommand)
@click.argument(
    "words",
    nargs=-1,
    metavar="[COMPOSE|DOCKERFILE|image:NAME] [SERVICE...]",
    shell_complete=spelling.completed("verified"),
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Print what would be built, started and probed, without an engine."
)
@click.option("--clean", is_flag=True, help="Remove what earlier runs left behind (found by label), and nothing else.")
@section("The engine", ENGINE_OPTIONS)
@section("The build", _BUILD_OPTIONS)
@click.option(
    "--output-format", multiple=True, default=("text",), metavar="FORMAT[:FILE]", help="text, markdown, json or junit."
)
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours (default: on a terminal)."
)
def verify(words: tuple[str, ...], **given: Any) -> None:
    r"""Build and run this project's code on a container engine, and prove what `check` says: images built, musl's loader
    asked about every extension module, services started, their health and answers tested.

    \b
    Examples:
      alpine-doctor verify docker-compose.yml --plan
      alpine-doctor verify docker-compose.yml --report verification
      alpine-doctor verify docker/backend.alpine.Dockerfile
      alpine-doctor verify image:app:latest --level loader
      alpine-doctor verify --clean

    \b
    Exit codes: 0 all as expected, 1 red or unexpectedly green, 2 the command, the compose file or a probe was wrong,
    3 not verified (no engine, something refused, out of time, interrupted).
    """
    try:
        sys.exit(code_of(lambda: _clean(given) if given["clean"] else _verify(words, given)))
    except data_errors() as error:
        raise click.UsageError(str(error)) from None


def code_of(work: Callable[[], int]) -> int:
    """Do a verification, and give its exit code: its own, or that of the error that ended it, which is said."""
    from dockerlint_alpine.proof.verify.errors import VerifyError

    try:
        return work()
    except VerifyError as error:
        click.echo(f"alpine-doctor: {error}", err=True)
        return error.code


def _verify(words: tuple[str, ...], given: dict[str, Any]) -> int:
    from dockerlint_alpine.proof.verify.redact import Redactor

    formats = formats_of(given["output_format"])
    redactor = Redactor()
    plan, listed = _planned(words, given, redactor)
    if given["only_plan"]:
        from dockerlint_alpine.proof.verify.planning import described

        for line in described(plan, listed):
            click.echo(redactor.text(line))
        return 0
    report = execute(plan, given, redactor)
    show(report, formats, redactor, given["color"])
    return report.exit_code


def formats_of(given: Sequence[str]) -> list[tuple[str, str]]:
    """``FORMAT[:FILE]`` as pairs. Raises click.UsageError."""
    found = []
    for text in given:
        name, _, path = text.partition(":")
        if name not in FORMATS:
            raise click.UsageError(f"--output-format {name}: choose from {', '.join(FORMATS)}")
        found.append((name, path))
    return found


def _planned(
    words: tuple[str, ...], given: dict[str, Any], redactor: Redactor
) -> tuple[Plan, Callable[[], Sequence[str]]]:
    """The plan for what was named, and what more there is to list of it."""
    from dockerlint_alpine.proof.verify.planning import plan_dockerfile, plan_image, requested

    request = requested(given)
    configured = common.configuration({**given, "select": (), "ignore": (), "output_format": ()})
    target, services = (words[0], words[1:]) if words else (_default_target(), ())
    if target.startswith("image:") and not os.path.lexists(target):
        if services:
            raise click.UsageError("SERVICE arguments require a compose file")
        return plan_image(target.removeprefix("image:"), common.make_doctor(configured), request), tuple
    jobs, errors = common.jobs_for([target], configured)
    doctor = common.make_doctor(configured, asked=lambda judge: judge.reports(jobs))
    if is_compose(target):
        return planned_compose(target, services, doctor, redactor, request, given)
    if errors:
        raise click.UsageError(f"{errors[0].path}: {errors[0].message}")
    if len(jobs) != 1 or services:
        names = ", ".join(job.shown_as for job in jobs[:4])
        raise click.UsageError(f"verify takes one Dockerfile, compose file or image; name it (found: {names})")
    return plan_dockerfile(jobs[0], doctor.for_job(jobs[0]), redactor, request), tuple


def planned_compose(
    target: str, services: Sequence[str], doctor: Doctor, redactor: Redactor, request: Request, given: dict[str, Any]
) -> tuple[Plan, Callable[[], Sequence[str]]]:
    """The plan for a compose file, and the lines that tell what would run."""
    from dockerlint_alpine.proof.verify.compose_cli import find_compose
    from dockerlint_alpine.proof.verify.planning import plan_compose

    plan, lines = plan_compose(
        Path(target),
        services,
        doctor.for_job,
        redactor,
        request,
        compose=find_compose(given["compose"]),
        variables=os.environ,
        keep=given["keep"],
        refuse=not given.get("only_plan"),
    )
    return plan, lambda: lines


def is_compose(target: str) -> bool:
    """Whether a path is taken for a compose file: by its suffix."""
    return Path(target).suffix in {".yml", ".yaml"}


def _default_target() -> str:
    for name in (*_COMPOSE, "Dockerfile"):
        if Path(name).is_file():
            return name
    raise click.UsageError("name a compose file, a Dockerfile or image:NAME (there is none here)")


def connected(given: dict[str, Any]) -> Engine:
    """The engine that the options lead to. Raises NotVerifiedError."""
    from dockerlint_alpine.elf.address import find_engine
    from dockerlint_alpine.proof.verify.engine import Engine
    from dockerlint_alpine.proof.verify.errors import NotVerifiedError
    from dockerlint_alpine.proof.verify.planning import allowances

    address = find_engine(given["engine"], os.environ)
    if address.remote and not given["engine"] and "remote" not in allowances(given["allow"]):
        raise NotVerifiedError(
            f"{address.url} ({address.said_by}) is another machine: name it with --engine, or use --allow remote"
        )
    return Engine(address)


def execute(plan: Plan, given: dict[str, Any], redactor: Redactor, writer: FixWriter | None = None) -> VerifyReport:
    """Run a plan with the options of the command line, and write the report folder."""
    from dockerlint_alpine.proof.verify.locking import locked
    from dockerlint_alpine.proof.verify.run import Run

    signals = _Signals()
    run = Run(
        plan,
        lambda: connected(given),
        redactor,
        lambda text: click.echo(f"alpine-doctor: {text}", err=True),
        writer=writer,
        index=_index,
        on_phase=signals.enter,
    )
    with locked(plan.project), signals:
        report = run.go()
    if given["report_folder"]:
        from dockerlint_alpine.proof.verify.folder import write_folder

        write_folder(Path(given["report_folder"]), report, run.journal, redactor)
    return report


def _index(subject: Subject) -> Index | None:
    """The embedded index of an image's release; ``None`` where it is not known."""
    from dockerlint_alpine.apk import IndexStore, UnknownReleaseError

    if subject.alpine is None:
        return None
    try:
        return IndexStore().open(subject.alpine, subject.apk_arch or "x86_64")
    except UnknownReleaseError:
        return None


class _Signals:
    """Ctrl-C and SIGTERM: the first one ends the phase that runs, and what was made is removed; the second one ends all."""

    def __init__(self) -> None:
        self._inside = False
        self._ending = False
        self._asked = False
        self._old: dict[int, Any] = {}

    def enter(self, phase: Phase | None) -> None:
        """Be told which phase begins, or that it has ended: from ``collect`` on nothing is given up any more.

        Raises KeyboardInterrupt where somebody asked between two phases.
        """
        from dockerlint_alpine.proof.verify.machine import ENDING

        self._inside, self._ending = phase is not None, phase in ENDING
        if self._asked and self._inside and not self._ending:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._old[number] = signal.signal(number, self._asked_to_end)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _asked_to_end(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            os.write(2, b"alpine-doctor: ended at once; remove what is left with: alpine-doctor verify --clean\n")
            os._exit(3)
        self._asked = True
        if self._inside and not self._ending:
            raise KeyboardInterrupt


def kept_folder() -> Path:
    """Where old bytes lie while a fix is being proven."""
    from dockerlint_alpine.run.folders import cache_folder

    return cache_folder() / "verify"


def _clean(given: dict[str, Any]) -> int:
    from dockerlint_alpine.proof.verify.engine import label_filter
    from dockerlint_alpine.proof.verify.keeping import recover

    for line in recover(kept_folder()):
        click.echo(line)
    engine = connected(given)
    try:
        gone = engine.remove(label_filter())
    finally:
        engine.close()
    for line in gone:
        click.echo(f"removed {line}")
    if not gone:
        click.echo("Nothing was left behind.")
    return 0


def show(report: VerifyReport, formats: Sequence[tuple[str, str]], redactor: Redactor, color: str) -> None:
    """Print the report, or write it into files, every secret taken out."""
    for name, path in formats:
        text = redactor.text(rendered(report, name, color=color if not path else "never", redactor=redactor))
        if path:
            common.write_text(path, text)
        else:
            common.print_bytes(text.encode("utf-8", "backslashreplace"))


def rendered(report: VerifyReport, name: str, *, color: str, redactor: Redactor) -> str:
    """The report in one format."""
    if name == "json":
        from dockerlint_alpine.proof.verify.document import to_json
        from dockerlint_alpine.report.encoding import json_text

        return json_text(redactor.value(to_json(report)))
    if name == "junit":
        from dockerlint_alpine.proof.verify.junit import render

        return render(report)
    from dockerlint_alpine.proof.verify.render import to_markdown, to_text
    from dockerlint_alpine.report.paint import Paint

    if name == "markdown":
        return to_markdown(report)
    return to_text(report, Paint(common.wants_color(color, sys.stdout.isatty())))
