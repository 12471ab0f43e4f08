"""``alpine-doctor sweep``."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.progress import Progress
from dockerlint_alpine.cli.sections import SectionedCommand, section
from dockerlint_alpine.cli.terminal import Refusing

if TYPE_CHECKING:
    from dockerlint_alpine.run.config import Configuration
    from dockerlint_alpine.sweep.plan import Limits, Outcome, Plan, Task
    from dockerlint_alpine.sweep.results import Results
    from dockerlint_alpine.sweep.sources import Source
    from dockerlint_alpine.sweep.summary import Summary

RESULTS = "sweep.sqlite"
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}


class _SweepGroup(click.Group):
    """``sweep SOURCE...`` is ``sweep run SOURCE...``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_SweepGroup, name="sweep")
def sweep_group() -> None:
    r"""Check many repositories: one table of findings, on one machine or on a Dask cluster.

    \b
    Examples:
      alpine-doctor sweep ~/src --results today.sqlite
      alpine-doctor sweep repositories.txt --as alpine=3.24 --jobs 8
      alpine-doctor sweep repositories.txt --resume
      alpine-doctor sweep mirror/*.git --revision main --fix --patch-dir patches
      alpine-doctor sweep repositories.txt --cluster tcp://scheduler:8786
      alpine-doctor sweep report --html sweep.html
    """


_ENGINE = (
    click.option(
        "--jobs", "-j", type=click.IntRange(1), metavar="N", help="Number of processes (default: one per CPU core)."
    ),
    click.option(
        "--cluster", metavar="ADDRESS|local:N", help="Check on this Dask cluster, or on a local one with N processes."
    ),
    click.option(
        "--limit-per-repo",
        "limits",
        multiple=True,
        metavar="NAME=VALUE",
        help="time=60 (seconds), memory=2G or bytes=256M: the limits for one repository. Repeatable.",
    ),
)
_RESULTS = (
    click.option(
        "--results",
        default=RESULTS,
        type=click.Path(dir_okay=False),
        help=f"File for the results (default: {RESULTS}).",
    ),
    click.option("--resume", is_flag=True, help="Continue with the existing results."),
    click.option("--parquet", type=click.Path(dir_okay=False), help="Also write the findings as Parquet."),
    click.option(
        "--html", type=click.Path(dir_okay=False), help="Also write the report as a self-contained HTML page."
    ),
    click.option(
        "--sarif-dir", type=click.Path(file_okay=False), help="Write a SARIF report of each repository to this folder."
    ),
    click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings."),
)
_PATCHES = (
    click.option("--fix", is_flag=True, help="Compute the fixes of each repository; none is applied."),
    click.option(
        "--patch-dir", type=click.Path(file_okay=False), help="Folder for the patches of --fix, one per repository."
    ),
    click.option("--unsafe-fixes", is_flag=True, default=None, help="Include fixes that remove or rewrite."),
)


@sweep_group.command("run", cls=SectionedCommand, short_help="What `sweep SOURCE...` does; --help shows its options.")
@click.argument("sources", nargs=-1, required=True, type=click.Path())
@click.option(
    "--revision", metavar="REV", help="The commit, branch or tag to check; read from git, nothing is checked out."
)
@common.analysis_options
@section("Engine", _ENGINE)
@section("Results", _RESULTS)
@section("Patches", _PATCHES)
def run(sources: tuple[str, ...], **given: Any) -> None:
    """Check every SOURCE: a folder, a bare repository, a bundle, a tar archive, a git URL, or a list of these, one a line
    (a file, or - for standard input)."""
    from dockerlint_alpine.sweep.sources import SourceError, read_sources

    if given["fix"] != bool(given["patch_dir"]):
        raise click.UsageError("--fix and --patch-dir require each other: patches are written there, none is applied")
    configured = common.configuration(given)
    if configured.settings.context is not None:
        raise click.UsageError("--context is for one build; the context of each is found in its repository")
    if configured.settings.online is None:
        configured = replace(configured, settings=replace(configured.settings, online=False))
    with Refusing(SourceError):
        found = read_sources(sources, sys.stdin)
    if not found:
        raise click.UsageError("no sources: the list is empty")
    sys.exit(_swept(found, configured, given))


def _swept(sources: list[Source], configured: Configuration, given: dict[str, Any]) -> int:
    from dockerlint_alpine.model.about import __version__
    from dockerlint_alpine.sweep.child import BrokenInstallationError
    from dockerlint_alpine.sweep.fleet import FleetError
    from dockerlint_alpine.sweep.plan import Plan, Task
    from dockerlint_alpine.sweep.results import Results, ResultsError, numbered

    plan = Plan(
        replace(configured, origins=dict(configured.origins)),
        common.make_doctor,
        __version__,
        given["revision"],
        _limits(given["limits"]),
        fix=given["fix"],
        sarif=given["sarif_dir"] is not None,
    )
    with Refusing(ResultsError):
        results = Results.create(Path(given["results"]), _described(plan), resume=given["resume"])
    files = _Files(given["patch_dir"], given["sarif_dir"])
    tasks = [Task(number, source) for number, source in numbered(sources, results.done())]
    stopped = False
    try:
        with Progress("Sweeping", len(tasks)) as progress:
            told = _Told(progress)
            for outcome in _outcomes(plan, tasks, given):
                results.add(outcome)
                files.write(outcome)
                told.add(outcome)
    except KeyboardInterrupt:
        stopped = True
    except (BrokenInstallationError, FleetError) as error:
        raise click.UsageError(str(error)) from None
    finally:
        results.close()
    return _finish(given, sources, stopped=stopped)


def _outcomes(plan: Plan, tasks: list[Task], given: dict[str, Any]) -> Iterator[Outcome]:
    if given["cluster"]:
        from dockerlint_alpine.sweep import fleet

        return fleet.sweep(plan, tasks, given["cluster"])
    from dockerlint_alpine.run.pool import cpu_count
    from dockerlint_alpine.sweep import local

    return local.sweep(plan, tasks, min(given["jobs"] or cpu_count(), len(tasks) or 1))


def _finish(given: dict[str, Any], sources: list[Source], *, stopped: bool) -> int:
    """Say what was found, or what is left to do."""
    from dockerlint_alpine.sweep.results import Results, ResultsError, numbered
    from dockerlint_alpine.sweep.summary import as_text, summarized

    results = Results.open(Path(given["results"]))
    summary = summarized(results)
    if stopped:
        left = sum(1 for _ in numbered(sources, results.done()))
        counted = f"{summary.repositories:,} done, {left:,} left"
        click.echo(f"alpine-doctor: stopped: {counted}; --resume continues with {given['results']}", err=True)
        return 130
    with Refusing(ResultsError):
        _write(results, summary, given)
    click.echo(as_text(summary), nl=False)
    if given["exit_zero"]:
        return 0
    return 2 if summary.failures else 1 if summary.errors + summary.warnings else 0


def _write(results: Results, summary: Summary, given: dict[str, Any]) -> None:
    from dockerlint_alpine.sweep.page import as_html

    if given["parquet"]:
        results.write_parquet(Path(given["parquet"]))
    if given["html"]:
        common.write_text(given["html"], "".join(as_html(summary, results)))


@sweep_group.command("report")
@click.argument("results", default=RESULTS, type=click.Path(dir_okay=False))
@click.option("--html", type=click.Path(dir_okay=False), help="Write the report as a self-contained HTML page.")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write the summary as Markdown.")
@click.option("--parquet", type=click.Path(dir_okay=False), help="Write the findings as Parquet.")
def report(results: str, **given: Any) -> None:
    r"""Show the results of a sweep: on the terminal, as a page, as Markdown or as Parquet.

    \b
    Examples:
      alpine-doctor sweep report
      alpine-doctor sweep report today.sqlite --html today.html --parquet today.parquet
    """
    from dockerlint_alpine.sweep.results import Results, ResultsError
    from dockerlint_alpine.sweep.summary import as_markdown, as_text, summarized

    with Refusing(ResultsError):
        found = Results.open(Path(results))
        summary = summarized(found)
        _write(found, summary, given)
    if given["markdown"]:
        common.write_text(given["markdown"], as_markdown(summary))
    if not (given["html"] or given["markdown"] or given["parquet"]):
        click.echo(as_text(summary), nl=False)


def _described(plan: Plan) -> dict[str, object]:
    """What must be the same for two runs to belong together."""
    from dockerlint_alpine.run.config import as_dict

    settings = plan.configuration.settings
    told = as_dict(settings)
    return {
        "version": plan.version,
        "revision": plan.revision,
        "moves": " ".join(f"{name}={release}" for name, release in settings.moves),
        "settings": {
            name: told[name] for name in sorted(told) if name not in {"output-format", "output-file", "color"}
        },
    }


def _limits(values: Iterable[str]) -> Limits:
    from dockerlint_alpine.sweep.plan import Limits

    found: dict[str, float | int] = {}
    for value in values:
        name, _, amount = value.partition("=")
        fitted = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", amount.lower())
        if name not in {"time", "memory", "bytes"} or fitted is None or not float(fitted[1]):
            raise click.UsageError(f"--limit-per-repo {value!r}: expected time=60, memory=2G or bytes=256M")
        number = float(fitted[1]) * _UNITS.get(fitted[2], 1)
        if name == "time":
            found["seconds"] = number
        else:
            found[name] = int(number)
    return Limits(**found)  # type: ignore[arg-type]


class _Told:
    """The progress bar's count of what was found and how fast."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._start = time.monotonic()
        self._done = self._found = self._failed = 0

    def add(self, outcome: Outcome) -> None:
        """Count one repository."""
        self._done += 1
        self._found += sum(row.severity != "info" for row in outcome.rows)
        self._failed += outcome.status not in {"judged", "no-dockerfile"}
        rate = self._done / max(time.monotonic() - self._start, 1e-9)
        self._progress.told = f" {rate:.1f}/s, {self._found:,} findings, {self._failed:,} failed"
        self._progress.step()


class _Files:
    """Patches and SARIF reports, one a repository."""

    def __init__(self, patches: str | None, sarif: str | None) -> None:
        self._patches, self._sarif = patches, sarif
        for folder in (patches, sarif):
            if folder is not None:
                try:
                    Path(folder).mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise click.UsageError(f"{folder}: {error.strerror or error}") from None

    def write(self, outcome: Outcome) -> None:
        """Write the patch and the SARIF report of one repository, where it has them."""
        name = f"{outcome.task.number:06}-{_file_name(outcome.task.source.name)}"
        try:
            if self._patches is not None and outcome.patch:
                (Path(self._patches) / f"{name}.patch").write_bytes(outcome.patch)
            if self._sarif is not None and outcome.sarif:
                (Path(self._sarif) / f"{name}.sarif").write_text(outcome.sarif, "utf-8")
        except OSError as error:
            raise click.UsageError(f"{error.filename}: {error.strerror or error}") from None


def _file_name(source: str) -> str:
    last = os.path.basename(source.rstrip("/")) or "repository"  # noqa: PTH119 - it may be a URL
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last)[:80]
