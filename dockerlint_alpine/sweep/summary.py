"""Counts of a sweep's results for the terminal, for Markdown, and for the HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.system.plural import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.sweep.results import Results

TOP = 10
_UNCHECKED = ", ".join(f"'{check.code}'" for check in CHECKS if check.could_not_judge)
_WRONG = f"severity <> 'info' AND code NOT IN ({_UNCHECKED})"


class Count(Struct, frozen=True):
    """How often something was found, and in how many repositories."""

    label: str
    findings: int
    repositories: int


class Cause(Struct, frozen=True):
    """One thing that is wrong in several repositories."""

    cause: str
    code: str
    message: str
    distribution: str
    package: str
    findings: int
    repositories: int
    fixable: int


class Summary(Struct, frozen=True):
    """The counts of one sweep. ``dying`` are the repositories with an error: what they build stops, or dies when it runs.

    ``broken_then`` are those that have an error on the releases of ``moves`` and none today. ``failures`` are the
    repositories that could not be checked, with the reason, in the order of the sources.
    """

    moves: str
    repositories: int
    judged: int
    without: int
    dockerfiles: int
    stages: int
    unknown: int
    errors: int
    warnings: int
    dying: int
    broken_then: int
    fixable: int
    seconds: float
    judging: float
    codes: tuple[Count, ...]
    packages: tuple[Count, ...]
    bases: tuple[Count, ...]
    releases: tuple[Count, ...]
    causes: tuple[Cause, ...]
    failures: tuple[tuple[str, str, str], ...]


def summarized(results: Results) -> Summary:
    """Count the rows of ``results``."""
    repositories = results.query(
        "SELECT count(*), sum(status = 'judged'), sum(status = 'no-dockerfile'), sum(dockerfiles), sum(stages),"
        " sum(unknown), sum(seconds), sum(judging) FROM repository"
    )[0]
    count, judged, without, dockerfiles, stages, unknown, seconds, judging = (value or 0 for value in repositories)
    found = results.query(
        f"SELECT sum(severity = 'error'), sum(severity = 'warning' AND code NOT IN ({_UNCHECKED})), sum(fix = 'safe'),"  # noqa: S608 - codes of our own checks
        " count(DISTINCT CASE WHEN severity = 'error' AND \"when\" <> 'then' THEN number END),"
        " count(DISTINCT CASE WHEN severity = 'error' THEN number END) FROM finding"
    )[0]
    errors, warnings, fixable, dying, ever = (value or 0 for value in found)
    return Summary(
        moves=str(results.plan().get("moves") or ""),
        repositories=count,
        judged=judged,
        without=without,
        dockerfiles=dockerfiles,
        stages=stages,
        unknown=unknown,
        errors=errors,
        warnings=warnings,
        dying=dying,
        broken_then=ever - dying,
        fixable=fixable,
        seconds=seconds,
        judging=judging,
        codes=_counts(results, "code || ' ' || name", "1"),
        packages=_counts(results, "package", f"package <> '' AND {_WRONG}"),
        bases=_counts(results, "base", f"base <> '' AND {_WRONG}"),
        releases=_counts(results, "'Alpine ' || alpine", f"alpine <> '' AND {_WRONG}"),
        causes=_causes(results),
        failures=tuple(
            results.query(
                "SELECT repository, status, message FROM repository WHERE status NOT IN ('judged', 'no-dockerfile')"
                " ORDER BY number"
            )
        ),
    )


def _counts(results: Results, label: str, where: str) -> tuple[Count, ...]:
    rows = results.query(
        f"SELECT {label} AS label, count(*), count(DISTINCT number) FROM finding WHERE {where}"  # noqa: S608 - of ours
        " GROUP BY label ORDER BY 3 DESC, 2 DESC, 1"
    )
    return tuple(Count(*row) for row in rows)


def _causes(results: Results) -> tuple[Cause, ...]:
    columns = "cause, min(code), min(message), min(distribution), min(package), count(*), count(DISTINCT number)"
    fixable = "count(DISTINCT CASE WHEN fix = 'safe' THEN number END)"
    order = f"GROUP BY cause ORDER BY 7 DESC, 6 DESC, 1 LIMIT {TOP}"
    rows = results.query(f"SELECT {columns}, {fixable} FROM finding WHERE {_WRONG} {order}")  # noqa: S608 - of ours
    return tuple(Cause(*row) for row in rows)


def headline(summary: Summary) -> str:
    """The result in one sentence or two."""
    text = (
        f"{plural(summary.repositories, 'repository')}: {summary.judged:,} with"
        f" {plural(summary.dockerfiles, 'Dockerfile')} checked, {summary.without:,} without any,"
        f" {len(summary.failures):,} failed. {summary.dying:,} {'has' if summary.dying == 1 else 'have'} an error."
    )
    if summary.moves:
        text += f" With {summary.moves}, {summary.broken_then:,} more would."
    return text


def _found(summary: Summary) -> str:
    return (
        f"{plural(summary.errors, 'error')} and {plural(summary.warnings, 'warning')}, {summary.fixable:,} of them"
        f" fixable; {plural(summary.unknown, 'item')} could not be checked."
    )


def as_text(summary: Summary) -> str:
    """The summary for a terminal."""
    return "\n".join(_text_lines(summary)) + "\n"


def _text_lines(summary: Summary) -> Iterator[str]:
    yield headline(summary)
    yield _found(summary)
    for title, counts in _tables(summary):
        yield ""
        yield f"{title:<52}{'repositories':>14}{'findings':>10}"
        yield from (f"  {_cut(one.label, 48):<50}{one.repositories:>14,}{one.findings:>10,}" for one in counts[:TOP])
    if summary.causes:
        yield ""
        yield "Most widespread causes"
        for number, cause in enumerate(summary.causes, 1):
            yield f"{number:>3}. {cause.code} {_cut(cause.message, 90)}"
            yield f"     {plural(cause.repositories, 'repository')}, {cause.fixable:,} of them fixable  [{cause.cause}]"
    if summary.failures:
        yield ""
        yield "Not checked"
        yield from (_cut(f"  {name}: {status}: {message}", 140) for name, status, message in summary.failures[:TOP])
        if len(summary.failures) > TOP:
            yield f"  and {len(summary.failures) - TOP:,} more"


def as_markdown(summary: Summary) -> str:
    """The summary for a wiki page or a pull request."""
    return "\n".join(_markdown_lines(summary)) + "\n"


def _markdown_lines(summary: Summary) -> Iterator[str]:
    yield "# Sweep"
    yield ""
    yield headline(summary)
    yield ""
    yield _found(summary)
    if summary.causes:
        yield from ("", "## Most widespread causes", "", "| | | repositories | fixable |", "|---|---|---:|---:|")
        for cause in summary.causes:
            yield f"| {cause.code} | {_cell(cause.message)} | {cause.repositories:,} | {cause.fixable:,} |"
    for title, counts in _tables(summary):
        yield from ("", f"## {title}", "", "| | repositories | findings |", "|---|---:|---:|")
        yield from (f"| {_cell(one.label)} | {one.repositories:,} | {one.findings:,} |" for one in counts[:TOP])
    if summary.failures:
        yield from ("", "## Not checked", "", "| repository | | why |", "|---|---|---|")
        yield from (f"| {_cell(name)} | {status} | {_cell(why)} |" for name, status, why in summary.failures)


def _tables(summary: Summary) -> Iterator[tuple[str, Sequence[Count]]]:
    named = (("Codes", summary.codes), ("Packages", summary.packages), ("Base images", summary.bases))
    for title, counts in (*named, ("Releases", summary.releases)):
        if counts:
            yield title, counts


def _cell(text: str) -> str:
    """A text within a table of Markdown: names and messages hold what a repository wrote."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return "".join(f"\\{char}" if char in "|`*_<>[]\\" else char for char in plain)


def _cut(text: str, width: int) -> str:
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"
