"""GitHub Actions workflow commands: annotations on the lines of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.report.causes import Cause, causes, told
from dockerlint_alpine.report.display import escaped, scrub
from dockerlint_alpine.report.options import PROGRAM, RenderOptions
from dockerlint_alpine.report.positions import Lines

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Severity
    from dockerlint_alpine.model.reports import FileReport, Report

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
_DATA = {ord("%"): "%25", ord("\r"): "%0D", ord("\n"): "%0A"}
_PROPERTY = {**_DATA, ord(":"): "%3A", ord(","): "%2C"}
"""The escapes of the runner's own toolkit (``command.ts``: ``escapeData``, ``escapeProperty``)."""


def render(report: Report, options: RenderOptions) -> str:
    """One command a line; nothing at all for a report with nothing to say."""
    commands = [command for file in report.files for command in _file(file, options.host_path(file.path))]
    commands += (
        command("error", {"file": options.host_path(error.path), "title": PROGRAM}, error.message)
        for error in report.errors
    )
    commands += (command("notice", {"title": PROGRAM}, note) for note in report.notes)
    return "".join(f"{command}\n" for command in commands)


def command(name: str, properties: dict[str, object], message: str) -> str:
    """One workflow command, escaped so that no text can begin another one."""
    written = ",".join(f"{key}={_escape(str(value), _PROPERTY)}" for key, value in properties.items())
    return f"::{name} {written}::{_escape(message, _DATA)}"


def _escape(text: str, escapes: dict[int, str]) -> str:
    return escaped(scrub(text)).translate(escapes)


def _file(file: FileReport, path: str) -> list[str]:
    lines = Lines(file.source)
    found = [_annotation(path, lines, cause) for cause in causes(file.findings)]
    found += (command("notice", {"file": path, "title": PROGRAM}, note) for note in file.notes)
    return found


def _annotation(path: str, lines: Lines, cause: Cause) -> str:
    """One for each cause. Columns are given for a range within one line only: GitHub refuses them otherwise."""
    place = cause.location
    properties: dict[str, object] = {"file": path, "line": place.line, "endLine": place.end_line}
    if place.line == place.end_line:
        properties["col"] = lines.characters(place.line, place.column)
        properties["endColumn"] = lines.characters(place.line, place.end_column)
    properties["title"] = f"{PROGRAM} {', '.join(cause.codes)} ({cause.lead.name})"
    return command(_COMMANDS[cause.severity], properties, "\n".join(told(cause)))
