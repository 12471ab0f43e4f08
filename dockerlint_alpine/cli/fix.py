"""``alpine-doctor fix``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.sections import SectionedCommand, section
from dockerlint_alpine.cli.terminal import Refusing, warn, warn_of
from dockerlint_alpine.cli.verify import ENGINE_OPTIONS, code_of
from dockerlint_alpine.model.reports import FileError, Report
from dockerlint_alpine.report.display import printable

if TYPE_CHECKING:
    from dockerlint_alpine.fixer.fix_loop import Preference, Proposal
    from dockerlint_alpine.run.analysis import FixResult
    from dockerlint_alpine.run.config import Configuration, Settings
    from dockerlint_alpine.run.jobs import Job


@click.command(cls=SectionedCommand)
@click.argument("paths", nargs=-1, type=click.Path())
@common.analysis_options
@common.output_options
@click.option("--diff", "as_diff", is_flag=True, help="Print a unified diff and write nothing.")
@click.option(
    "--interactive",
    "-i",
    is_flag=True,
    help="Ask about each cause before changing anything, with a choice of remedies.",
)
@click.option("--unsafe-fixes", is_flag=True, default=None, help="Also apply fixes that remove or rewrite.")
@click.option(
    "--prefer",
    type=click.Choice(["wheel", "packages"]),
    default="packages",
    help="If something is compiled: switch to a wheel (newer pip, other version or Python), or add packages (default).",
)
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 if something was fixed.")
@click.option(
    "--verify", is_flag=True, help="Build and run the old and the new state on an engine; keep the fix only if proven."
)
@section("With --verify", ENGINE_OPTIONS)
@click.option(
    "--stdin-filename", metavar="NAME", type=click.Path(), help="Fix standard input (PATH is -) and print the result."
)
def fix(paths: tuple[str, ...], **given: Any) -> None:
    r"""Put the missing packages into the Dockerfiles, each into the list where its author would have put it.

    \b
    Examples:
      alpine-doctor fix docker/backend.alpine.Dockerfile
      alpine-doctor fix --diff
      alpine-doctor fix --interactive --unsafe-fixes docker-compose.yml
      alpine-doctor fix --verify docker-compose.yml --report verification
      alpine-doctor fix - --stdin-filename docker/Dockerfile < docker/Dockerfile
    """
    from dockerlint_alpine.apk import ApkError
    from dockerlint_alpine.knowledge import KnowledgeError

    from_stdin = paths == ("-",) or (given["stdin_filename"] is not None and not paths)
    if "-" in paths and not from_stdin:
        raise click.UsageError("- means standard input and can't be combined with other paths")
    if given["verify"] and (from_stdin or given["as_diff"]):
        raise click.UsageError("--verify rewrites files: it can't be combined with standard input or --diff")
    if from_stdin and given["interactive"]:
        raise click.UsageError("--interactive asks on standard input, which is the Dockerfile here")
    configured = common.configuration(given)
    run = _fix_stdin if from_stdin else _fix_paths
    with Refusing(ApkError, KnowledgeError):
        code = run(paths, configured, given)
    sys.exit(code)


def _fix_stdin(_: tuple[str, ...], configured: Configuration, given: dict[str, Any]) -> int:
    """Fixed text on standard output; what is left only decides the exit code."""
    from dockerlint_alpine.run.analysis import UnreadableError, fix_builds
    from dockerlint_alpine.run.jobs import Job

    name = given["stdin_filename"] or "Dockerfile"
    data = sys.stdin.buffer.read()
    doctor = common.make_doctor(configured, asked=lambda judge: judge.report_on(data, Job(Path(name), name)))
    try:
        result = fix_builds([doctor], data, Path(name), shown_as=name, only_dockerfile=True)
    except UnreadableError as error:
        warn(f"{name}: {error}")
        return 2
    if given["as_diff"]:
        common.print_diff(name, result.old, result.new, configured.settings.color)
    else:
        sys.stdout.buffer.write(result.new)
        sys.stdout.flush()
    return _code(Report((result.left,)), [result], configured.settings, given)


def _fix_paths(paths: tuple[str, ...], configured: Configuration, given: dict[str, Any]) -> int:
    from dockerlint_alpine.fixer.write import ChangedOnDiskError, WriteError
    from dockerlint_alpine.run.analysis import ChangedLists, UnreadableError, fix_builds
    from dockerlint_alpine.run.jobs import by_file, read_job
    from dockerlint_alpine.run.reading import FragmentError
    from dockerlint_alpine.run.scheduler import merged_reports

    def fixed(builds: list[Job]) -> FixResult:
        job = builds[0]
        result = fix_builds(
            [doctor.for_job(build) for build in builds],
            read_job(job),
            job.path,
            shown_as=job.shown_as,
            changed=lists.new,
            accept=question.about(job.shown_as) if question is not None else None,
            prefer=_preference(given),
        )
        if not given["as_diff"] and not given["verify"]:
            _write(job, result)
        return result

    jobs, errors = common.jobs_for(paths, configured)
    doctor = common.make_doctor(configured, asked=lambda judge: judge.reports(jobs))
    question = _Question(configured.settings) if given["interactive"] else None
    results: list[FixResult] = []
    lists = ChangedLists()
    for builds in by_file(jobs):  # each is fixed once, for all of them
        job = builds[0]
        try:
            try:
                result = fixed(builds)
            except ChangedOnDiskError:  # another fix, or an editor, was quicker: look at what is there now, once
                result = fixed(builds)
            lists.take(result)
            results.append(result)
        except (UnreadableError, WriteError) as error:
            message = str(error).removeprefix(f"{job.path}: ")
            remark = job.walked and isinstance(error, FragmentError)
            errors.append(FileError(job.shown_as, message, isinstance(error, WriteError), remark))
    report = Report.of(merged_reports([result.left for result in results]), errors)
    if given["verify"] and not report.errors:
        from dockerlint_alpine.cli.proving import prove

        by_path = {str(result.path): result for result in results}
        return code_of(lambda: prove(paths, configured, given, by_path, jobs))
    if given["as_diff"]:
        diffs = [(result.left.path, result.old, result.new) for result in results]
        for name, old, new in (*diffs, *((name, old, lists.new[name]) for name, old in lists.old.items())):
            common.print_diff(name, old, new, configured.settings.color)
        warn_of(report.errors)
    else:
        if configured.settings.output_format == ("text",):
            _tell(results)
        common.show(report, configured.settings)
    return _code(report, results, configured.settings, given)


def _preference(given: dict[str, Any]) -> Preference:
    """What ``--prefer`` says; nothing where nobody typed it, so that ``--unsafe-fixes`` may take a way where no package
    helps."""
    from click.core import ParameterSource

    source = click.get_current_context().get_parameter_source("prefer")
    preference: Preference = given["prefer"] if source is not ParameterSource.DEFAULT else ""
    return preference


def _write(job: Job, result: FixResult) -> None:
    """Write the Dockerfile and the lists that changed with it, each of them completely or not at all."""
    from dockerlint_alpine.fixer.write import check_unchanged, write_atomically

    changes = [(Path(change.path), change.old, change.new) for change in result.others]
    if result.old != result.new:
        changes.append((job.path, result.old, result.new))
    for path, old, new in changes:
        check_unchanged(path, old, new)
    for path, old, new in changes:
        write_atomically(path, new, expected=old)


class _Question:
    """Asks about one cause after the other, with the ways out of it, the best first; ``a`` takes for all that follow what
    ``fix`` does by itself, ``q`` nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._answer = ""

    def about(self, shown_as: str) -> Any:
        """The function that asks about the fixes of one file."""
        return lambda proposal: self._accepts(shown_as, proposal)

    def _accepts(self, shown_as: str, proposal: Proposal) -> bool | Proposal:
        from dockerlint_alpine.report.causes import causes, titles

        if self._answer in {"a", "q"}:
            return self._answer == "a"
        for cause in causes(proposal.findings):
            click.echo(printable(f"{shown_as}:{cause.location.line}: {','.join(cause.codes)} {cause.headline}"))
        remedies = dict.fromkeys(way for one in proposal.findings for way in one.remedies)
        ranks = {way.fix: number for number, way in enumerate(remedies)}
        ways = sorted((proposal, *proposal.others), key=lambda one: ranks.get(one.fixes[0], len(ranks)))
        for way in remedies:
            if way.fix is None or not way.fix.edits:
                click.echo(printable(f"by hand: {way.told}"))
        for number, offer in enumerate(ways, 1):
            if len(ways) > 1:
                told = [way.told for way in remedies if way.fix in offer.fixes] or titles(offer.fixes)
                click.echo(printable(f"{number}: {'; '.join(told)}"))
            for path, old, new in offer.changes:
                common.print_diff(path or shown_as, old, new, self._settings.color)
        self._answer = self._ask(printable("; ".join(titles(proposal.fixes))), len(ways))
        if self._answer.isdecimal() and ways[int(self._answer) - 1] is not proposal:
            return ways[int(self._answer) - 1]
        return self._answer not in {"n", "q"}

    @staticmethod
    def _ask(title: str, ways: int) -> str:
        numbers = [str(number) for number in range(1, ways + 1)] if ways > 1 else []
        what = f"Which? [1]-[{ways}]" if numbers else f"{title}? [y]es"
        while True:
            try:
                answer = input(f"{what}, [n]o, [a]ll, [q]uit: ").strip().lower()[:1]
            except EOFError:
                click.echo()
                return "q"
            if answer in {*numbers, *("naq" if numbers else "ynaq")}:
                return answer


def _tell(results: list[FixResult]) -> None:
    """What was written where, one line for each change."""
    for result in results:
        told: dict[str, dict[str, None]] = {}
        for finding in result.applied:
            title = finding.fix.title if finding.fix is not None else finding.message
            told.setdefault(title, {})[finding.code] = None
        for title, codes in told.items():
            click.echo(printable(f"fixed {result.left.path}: {', '.join(codes)} {title}"))


def _code(report: Report, results: list[FixResult], settings: Settings, given: dict[str, Any]) -> int:
    """As ``check`` for what is left; ``--diff`` and ``--exit-non-zero-on-fix`` make a change count too."""
    code = common.exit_code(report, settings)
    changed = any(result.changed for result in results)
    counts = given["as_diff"] or given["exit_non_zero_on_fix"]
    return 1 if code == 0 and changed and counts and not settings.exit_zero else code
