"""GitHub-flavoured Markdown for a pull request comment or a job summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.report.causes import Cause, causes, titles
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.preview import Change, Preview
from dockerlint_alpine.report.wording import chain, facts, stage, summary, unchecked
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.plural import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.model.reports import FileReport, Report

LIMIT = 60_000
"""Characters after which details are left out: GitHub refuses a comment of more than 65,536."""

_ICONS = {"error": ":x:", "warning": ":warning:", "info": ":information_source:"}
_SPECIAL = lazy_pattern(r"([\\`*_{}\[\]<>|~$&])")
_REFERENCE = lazy_pattern(r"([@#])(?=\w)")


def render(report: Report, options: RenderOptions) -> str:
    """Return a heading, the findings as a table, details folded away, and what could not be checked in plain sight."""
    first, *others = summary(report, show_fix_hint=options.show_fix_hint)
    sections = [f"### {PROGRAM}\n\n**{first}** {' '.join(others)}".rstrip()]
    found = [(file, causes([one for one in file.findings if not one.could_not_judge])) for file in report.files]
    if rows := [(file, cause) for file, listed in found for cause in listed]:
        sections.append(_table(rows, options))
    for title, entries in unchecked(report):
        sections.append(f"**{title}**\n\n" + "\n".join(f"- {escape(entry)}" for entry in entries))
    if report.errors:
        errors = (f"- {code_span(error.path)}: {escape(error.message)}" for error in report.errors)
        sections.append("**Could not be read**\n\n" + "\n".join(errors))
    used = sum(map(len, sections))
    sections += _details(found, LIMIT - used)
    return "\n\n".join(sections) + "\n"


def escape(text: str) -> str:
    """Text that means itself: no markup, no mention of a user, no link to an issue, one line."""
    return _REFERENCE.sub(r"\1<!-- -->", _SPECIAL.sub(r"\\\1", printable(text)))


def _html(text: str) -> str:
    """Text inside an HTML element, where Markdown's own escapes do not count."""
    written = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _REFERENCE.sub(r"\1<!-- -->", written)


def code_span(text: str) -> str:
    """Text in code, whatever backticks it holds (CommonMark 6.1); a table cell's ``|`` must still be escaped."""
    text = printable(text).replace("|", "\\|")
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def fenced(text: str, language: str = "text") -> str:
    """Lines as a block of code, in a fence longer than any in them (CommonMark 4.5)."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return "\n".join([f"{fence}{language}", *map(printable, text.splitlines()), fence])


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _codes(cause: Cause, options: RenderOptions) -> str:
    urls = ((code, options.link(code)) for code in cause.codes)
    return ", ".join(f"[{code}]({url})" if url else code for code, url in urls)


def _table(rows: Iterable[tuple[FileReport, Cause]], options: RenderOptions) -> str:
    lines = ["| | code | where | what | fix |", "|---|---|---|---|---|"]
    for file, cause in rows:
        place = code_span(f"{file.path}:{cause.location.line}")
        fixes = "; ".join(map(escape, titles(cause.fixes)))
        cells = (_ICONS[cause.severity], _codes(cause, options), place, escape(cause.headline), fixes)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _details(found: Iterable[tuple[FileReport, Sequence[Cause]]], room: int) -> list[str]:
    """Return a folded section a cause, as many as fit."""
    folded: list[str] = []
    left_out = 0
    for file, listed in found:
        lines = Lines(file.source)
        preview = Preview(lines, file.findings)
        for cause in listed:
            if cause.severity == "info":
                continue
            section = _fold(file, cause, preview)
            if left_out or len(section) > room:
                left_out += len(cause.findings)
                continue
            room -= len(section)
            folded.append(section)
    if left_out:
        folded.append(f"The details of {plural(left_out, 'more finding')} are left out here.")
    return folded


def _fold(file: FileReport, cause: Cause, preview: Preview) -> str:
    title = _html(f"{', '.join(cause.codes)} at {file.path}:{cause.location.line}")
    parts = [f"<details><summary>{title}</summary>", escape(cause.headline)]
    listed = [f"- {escape(fact)}" for fact in (stage(cause.lead, cause.platforms), *cause.why) if fact]
    for number, remedy in enumerate((*cause.better, *cause.besides)):
        listed.append(f"- **{'or' if number or not cause.better else 'better'}**: {escape(remedy.told)}")
    listed += (f"- {escape(said)}" for said in cause.stuck)
    parts.append("\n".join(listed))
    if cause.rows:
        rows = (
            f"| {code_span(' '.join(row.packages))} | {escape(row.whom)} | {escape(row.note)} |" for row in cause.rows
        )
        parts.append("\n".join(["| add | for | |", "|---|---|---|", *rows]))
    proof = dict.fromkeys(
        f"- {escape(fact)}"
        for one in cause.findings
        for fact in (chain(one), *(f"{evidence.detail} ({evidence.kind})" for evidence in facts(one)))
        if fact
    )
    parts.append("\n".join(["Proof:", "", *proof]))
    for safety in ("safe", "unsafe", "display"):
        fixes = cause.fixes_of(safety)
        if fixes:
            made, before = preview.of(fixes)
            above = ", shown above" if before and not made else ""
            parts += (f"Fix ({safety}): {'; '.join(map(escape, titles(fixes)))}{above}", _diff(made))
    return "\n\n".join([*filter(None, parts), "</details>"])


def _diff(made: Iterable[Change]) -> str:
    """Return the lines that change, as a diff block."""
    body = [
        f"{sign}{printable(line.decode('utf-8', 'surrogateescape'))}"
        for change in made
        for sign, side in (("-", change.old), ("+", change.new))
        for line in side
    ]
    return fenced("\n".join(body), "diff") if body else ""
