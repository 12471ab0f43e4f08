"""Options that several commands share, and how a run is set up from them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec.structs import replace

from dockerlint_alpine.cli import spelling
from dockerlint_alpine.cli.progress import Progress
from dockerlint_alpine.cli.sections import section
from dockerlint_alpine.cli.terminal import Refusing, warn, warn_of
from dockerlint_alpine.model.reports import FileError, Report
from dockerlint_alpine.report import FORMATS, RenderOptions
from dockerlint_alpine.report.options import PROGRAM
from dockerlint_alpine.run.discovery import Search, find_jobs
from dockerlint_alpine.system.files import write_file

if TYPE_CHECKING:
    from dockerlint_alpine.run.analysis import Doctor
    from dockerlint_alpine.run.cache import ReportCache
    from dockerlint_alpine.run.config import Configuration, Settings
    from dockerlint_alpine.run.jobs import Job
    from dockerlint_alpine.run.scheduler import Judge

_Command = TypeVar("_Command", bound=Callable[..., Any])


_CODES: dict[str, Any] = {"multiple": True, "metavar": "CODE", "shell_complete": spelling.completed("codes")}
_SELECTION = (
    click.option("--select", **_CODES, help="Report only these codes (AD2, AD201, ALL); repeatable."),
    click.option("--ignore", **_CODES, help="Ignore these codes; repeatable."),
)
_BUILD = (
    spelling.platforms_option("By default linux/amd64 and those that the project builds for; repeatable."),
    spelling.BUILD_ARGS,
    spelling.target_option("Check only this stage and the stages that it is built from."),
    spelling.CONTEXT,
    spelling.ALPINE,
    spelling.PYTHON,
    click.option(
        "--as",
        "moves",
        multiple=True,
        shell_complete=spelling.completed("moves"),
        metavar="alpine=X.Y",
        help="Check as if FROM named this Alpine release (or python=X.Y): what would break? Repeatable.",
    ),
)
_SOURCES = (
    click.option(
        "--online/--offline",
        default=None,
        help="Query the package indexes, or never. Default: use cached answers; query the index for at most 3 s when"
        " something is unknown.",
    ),
    click.option(
        "--wheels",
        multiple=True,
        metavar="DIR",
        type=click.Path(file_okay=False, exists=True),
        help="A folder of wheels that pip may use, as with --find-links; their content overrides the rules. Repeatable.",
    ),
    click.option("--as-of", metavar="DATE", help="Use the package index as it was on this day, YYYY-MM-DD."),
    spelling.CONFIG,
    spelling.ISOLATED,
    click.option("--no-cache", is_flag=True, help="Ignore the cache and do not write to it."),
    click.option(
        "--respect-gitignore/--no-respect-gitignore", default=None, help="Skip files ignored by git (default)."
    ),
    click.option(
        "--force-exclude", is_flag=True, default=None, help="Apply `exclude` to files named on the command line, too."
    ),
)
_OUTPUT = (
    click.option(
        "--output-format",
        multiple=True,
        metavar="FORMAT[:FILE]",
        shell_complete=spelling.completed("formats"),
        help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]} (default: text); repeatable.",
    ),
    spelling.OUTPUT_FILE,
    click.option("--proof", is_flag=True, help="Text format: show every step behind a finding."),
    click.option("--brief", is_flag=True, help="Text format: one line for each cause."),
    click.option("--no-limit", is_flag=True, help="Text format: show all findings, not only the 20 most severe."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Colours (default: on a terminal)."),
    click.option(
        "--quiet", "-q", is_flag=True, default=None, help="Print findings only: no summary, hint or progress line."
    ),
    click.option("--strict", is_flag=True, default=None, help="Exit with 2 if anything could not be checked."),
    click.option("--exit-zero", is_flag=True, default=None, help="Exit with 0 even if there are findings."),
)


output_options = section("Output", _OUTPUT)
"""Decorates with the options that say how to show the result."""


def analysis_options(command: _Command) -> _Command:
    """Decorate with the options that say how to judge."""
    for title, options in (("Settings and files", _SOURCES), ("The build", _BUILD), ("Codes", _SELECTION)):
        command = section(title, options)(command)
    return command


def configuration(given: dict[str, Any]) -> Configuration:
    """The configuration file nearest to the current folder with the command line on top. Raises click.UsageError."""
    from dockerlint_alpine.run.config import OPTIONS, ConfigError, load

    overrides: dict[str, object] = {name: value for name, value in given.items() if name in OPTIONS}
    overrides["select"] = _listed(given["select"]) or None
    overrides["ignore"] = _listed(given["ignore"]) or None
    overrides["platforms"] = _listed(given["platforms"]) or None
    overrides["build_args"] = _build_args(given["build_args"]) or None
    overrides["moves"] = _moves(given.get("moves", ())) or None
    overrides["wheels"] = given.get("wheels") or None
    overrides["output_format"] = given.get("output_format") or None
    if given["alpine"]:
        overrides["alpine"] = given["alpine"].removeprefix("v")
    with Refusing(ConfigError):
        config = Path(given["config"]) if given["config"] else None
        found = load(Path.cwd(), overrides=overrides, config=config, isolated=given["isolated"], environment=os.environ)
    for line in found.refused:
        warn(line)
    context = click.get_current_context(silent=True)
    paths = context.params.get("paths", ()) if context is not None else ()
    return replace(found, named=frozenset(map(os.path.abspath, filter(os.path.isdir, paths))))


def _build_args(pairs: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE``; a bare NAME takes its value from the environment, as docker build does."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name:
            raise click.UsageError(f"--build-arg {pair!r}: expected NAME=VALUE")
        if equals or name in os.environ:
            found[name] = value if equals else os.environ[name]
    return found


def _moves(values: Sequence[str]) -> dict[str, str]:
    pairs = (value.partition("=") for value in values)
    return {name: release.removeprefix("v") for name, _, release in pairs}


def _listed(values: Sequence[str]) -> tuple[str, ...]:
    """Values one by one or with commas between them."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def make_doctor(configured: Configuration, *, asked: Callable[[Judge], object] | None = None) -> Doctor:
    """Open rules and indexes for a run, and the ways to the indexes that its settings allow.

    ``asked`` lets a judge put the questions of all files first, together; the budget of the run is spent then.
    """
    from dockerlint_alpine.cli.online import access, open_resolver, open_store
    from dockerlint_alpine.run.analysis import Doctor

    settings = configured.settings
    first = asked is not None and access(settings) in {"quick", "online"}
    if asked is not None and first:
        judge = make_judge(configured, use_cache=True)
        asked(judge)
        judge.close()
    return Doctor(
        configured, resolver=open_resolver(settings, quick=not first), store=open_store(settings, quick=not first)
    )


def make_judge(configured: Configuration, *, use_cache: bool, workers: int | None = 1) -> Judge:
    """One run's way from Dockerfiles to reports, with what the command line has: cache, clock, network, progress line."""
    from dockerlint_alpine.cli.online import Reach, access, openers, valid_with
    from dockerlint_alpine.run.scheduler import Judge

    settings = configured.settings
    reach = Reach(settings) if access(settings) in {"quick", "online"} else None
    return Judge(
        configured,
        openers=reach.openers if reach is not None else openers(),
        access=lambda: access(settings),
        reach=reach,
        valid_with=valid_with(),
        cache=_open_cache() if use_cache else None,
        workers=workers,
        progress=partial(Progress, quiet=configured.settings.quiet),
    )


def _open_cache() -> ReportCache:
    """The cache in the platform's folder; what goes wrong with it is one line on standard error."""
    from dockerlint_alpine.run.cache import ReportCache
    from dockerlint_alpine.run.folders import cache_folder

    return ReportCache(cache_folder(), warn, clock=time.time_ns)


def jobs_for(paths: Sequence[str], configured: Configuration) -> tuple[list[Job], list[FileError]]:
    """What to judge, and which paths lead nowhere. What ``exclude`` and git leave out is judged where it was named."""
    settings = configured.settings
    with Progress("Searching folders", quiet=settings.quiet) as progress:
        search = Search(
            excludes=configured.excludes if settings.exclude else lambda _: False,
            respect_gitignore=settings.respect_gitignore,
            everywhere=settings.force_exclude,
            platforms=not configured.names_platforms,
            step=progress.step,
        )
        jobs, errors = find_jobs(paths, search=search)
    named = set(paths)
    kept = [job for job in jobs if job.shown_as in named or not search.excludes(str(job.path))]
    return kept, [FileError(error.path, error.message, remark=error.empty) for error in errors]


_DOCUMENTED = frozenset({"sarif", "rdjson", "markdown", "gitlab"})
"""Formats that carry the documentation of codes; for the others the checks need not be imported."""


_HOST_ROOTS = {"gitlab": "CI_PROJECT_DIR", "github": "GITHUB_WORKSPACE"}
"""Format -> the variable in which its host names the folder that it counts paths from."""


def wants_color(choice: str, terminal: bool) -> bool:
    """``--color`` first, then NO_COLOR and FORCE_COLOR (no-color.org, force-color.org), then the terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def show(report: Report, settings: Settings) -> None:
    """Render the report in every format asked for, to standard output or to files.

    How much the text tells is asked on the command line alone.
    """
    from dockerlint_alpine.report import render

    for wanted in settings.output_format:
        name, _, path = wanted.partition(":")
        path = path or settings.output_file or ""
        text = render(report, name, options=_render_options(settings, name, to_file=bool(path)))
        if path:
            write_text(path, text)
        else:
            print_bytes(text.encode())
        if name == "github":  # a clean run prints nothing there
            warn_of(report.errors)


def print_bytes(data: bytes) -> None:
    """Write to standard output as it is, behind what was printed so far."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def print_diff(path: str, old: bytes, new: bytes, color: str) -> None:
    """Print the difference as a unified diff, for eyes on a terminal and else for ``patch``; ``color`` as ``--color``."""
    from dockerlint_alpine.report.diff import diff

    terminal = sys.stdout.isatty()
    print_bytes(diff(path, old, new, color=wants_color(color, terminal), for_eyes=terminal))


def write_text(path: str, text: str) -> None:
    """Write a report to a file. Raises click.UsageError."""
    try:
        write_file(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror or error}") from None


def _render_options(settings: Settings, name: str, *, to_file: bool) -> RenderOptions:
    from shlex import join

    from dockerlint_alpine.cli.terminal import follows_links, text_width
    from dockerlint_alpine.model.about import DOCS_URL, __version__
    from dockerlint_alpine.run.codes import code_doc

    context = click.get_current_context(silent=True)
    asked = context.params if context is not None else {}
    terminal, documented = sys.stdout.isatty() and not to_file, name in _DOCUMENTED
    links = follows_links(os.environ, terminal=terminal) and settings.color != "never" and not to_file
    return RenderOptions(
        color=wants_color(settings.color, terminal),
        hyperlinks=links,
        file_root=os.getcwd(),  # noqa: PTH109 - no object on the way of every run
        docs_url=settings.docs_url or (DOCS_URL if documented or links else None),
        version=__version__,
        width=text_width(most=120, to_file=to_file),
        code_docs=code_doc if documented else None,
        proof=bool(asked.get("proof")),
        brief=bool(asked.get("brief")),
        show_fix=bool(asked.get("show_fix")),
        limit=0 if asked.get("no_limit") or asked.get("proof") else RenderOptions().limit,
        command=join((PROGRAM, "check", *asked.get("paths", ()))),  # not how to judge and to show them
        quiet=settings.quiet,
        host_root=os.environ.get(_HOST_ROOTS.get(name, "")),
    )


def exit_code(report: Report, settings: Settings) -> int:
    """0 clean, 1 findings, 2 something could not be read, or judged with ``--strict``."""
    if report.errors or (settings.strict and report.unknown):
        return 2
    found = report.count("error") + report.count("warning")
    images = (file.image for file in report.files if file.image is not None)
    # With --strict an image must also have the predicted packages and distributions.
    wrong = any(not (one.holds and (one.same_content or not settings.strict)) for one in images)
    return 1 if (found or wrong) and not settings.exit_zero else 0
