"""GitHub-flavoured Markdown for a pull request comment or a job summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.options import PROGRAM
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.preview import changes
from dockerlint_alpine.report.wording import chain, facts, plural, stage, summary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockerlint_alpine.model.findings import Finding, Fix
    from dockerlint_alpine.model.reports import FileReport, Report
    from dockerlint_alpine.report.options import RenderOptions

LIMIT = 60_000
"""Characters after which details are left out: GitHub refuses a comment of more than 65,536."""

_ICONS = {"error": ":x:", "warning": ":warning:", "info": ":information_source:"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$&])")
_REFERENCE = re.compile(r"([@#])(?=\w)")


def render(report: Report, options: RenderOptions) -> str:
    """Return a heading, the findings as a table, details folded away, and what could not be checked in plain sight."""
    first, *others = summary(report, show_fix_hint=options.show_fix_hint)
    sections = [f"### {PROGRAM}\n\n**{first}** {' '.join(others)}".rstrip()]
    rows = [(file, finding) for file in report.files for finding in file.findings]
    if judged := [(file, finding) for file, finding in rows if not finding.could_not_judge]:
        sections.append(_table(judged, options))
    if unknown := _not_judged(rows, report):
        sections.append("**Could not be checked**\n\n" + "\n".join(unknown))
    if report.errors:
        errors = (f"- {code_span(error.path)}: {escape(error.message)}" for error in report.errors)
        sections.append("**Could not be read**\n\n" + "\n".join(errors))
    used = sum(map(len, sections))
    sections += _details(report, LIMIT - used)
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
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _code(finding: Finding, options: RenderOptions) -> str:
    url = options.link(finding.code)
    return f"[{finding.code}]({url})" if url else finding.code


def _place(file: FileReport, finding: Finding) -> str:
    return code_span(f"{file.path}:{finding.location.line}")


def _table(rows: Iterable[tuple[FileReport, Finding]], options: RenderOptions) -> str:
    lines = ["| | code | where | what | fix |", "|---|---|---|---|---|"]
    for file, finding in rows:
        fix = escape(finding.fix.title) if finding.fix else ""
        cells = (_ICONS[finding.severity], _code(finding, options), _place(file, finding), escape(finding.message), fix)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _not_judged(rows: Iterable[tuple[FileReport, Finding]], report: Report) -> list[str]:
    listed = [
        f"- {_place(file, finding)} {finding.code}: {escape(finding.message)}"
        for file, finding in rows
        if finding.could_not_judge
    ]
    listed += (f"- {code_span(file.path)}: {escape(note)}" for file in report.files for note in file.notes)
    return listed


def _details(report: Report, room: int) -> list[str]:
    """Return a folded section a finding, as many as fit."""
    folded: list[str] = []
    left_out = 0
    for file in report.files:
        lines = Lines(file.source)
        for finding in file.findings:
            if finding.could_not_judge or finding.severity == "info":
                continue
            section = _fold(file, lines, finding)
            if left_out or len(section) > room:
                left_out += 1
                continue
            room -= len(section)
            folded.append(section)
    if left_out:
        folded.append(f"The details of {plural(left_out, 'more finding')} are left out here.")
    return folded


def _fold(file: FileReport, lines: Lines, finding: Finding) -> str:
    title = _html(f"{finding.code} at {file.path}:{finding.location.line}")
    listed = [f"- {escape(fact)}" for fact in (stage(finding), chain(finding)) if fact]
    listed += (f"- {escape(evidence.detail)} ({evidence.kind})" for evidence in facts(finding))
    parts = [f"<details><summary>{title}</summary>", escape(finding.message), "\n".join(listed)]
    if finding.fix:
        parts += (f"Fix ({finding.fix.applicability}): {escape(finding.fix.title)}", _diff(lines, finding.fix))
    return "\n\n".join([*filter(None, parts), "</details>"])


def _diff(lines: Lines, fix: Fix) -> str:
    """Return the lines that change, as a diff block; a fence longer than any in the lines."""
    body = [
        f"{sign}{printable(line.decode('utf-8', 'surrogateescape'))}"
        for change in changes(lines, fix)
        for sign, side in (("-", change.old), ("+", change.new))
        for line in side
    ]
    if not body:
        return ""
    longest = max((len(run) for line in body for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}diff", *body, fence])
