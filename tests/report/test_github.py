from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.model.reports import Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.display import escaped
from dockerlint_alpine.report.formats.github import command

from . import scenes

_COMMAND = re.compile(r"::(\w+) ([^:]*)::(.*)", re.DOTALL)


def read(line: str) -> tuple[str, dict[str, str], str]:
    """The runner's reading of a command (``ActionCommand.TryParseV2``): split, then unescape."""
    match = _COMMAND.fullmatch(line)
    assert match
    name, written, data = match.groups()
    properties = dict(pair.split("=", 1) for pair in written.split(",")) if written else {}
    return name, {key: unescape(value) for key, value in properties.items()}, unescape(data)


def unescape(text: str) -> str:
    for written, char in (
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%3A", ":"),
        ("%2C", ","),
        ("%25", "%"),
    ):  # the runner unescapes "%" last
        text = text.replace(written, char)
    return text


@given(st.text(), st.text())
def test_the_runner_reads_what_was_written(value: str, message: str) -> None:
    line = command("error", {"file": value, "line": 1}, message)
    assert "\n" not in line
    assert "\r" not in line
    name, properties, data = read(line)
    assert name == "error"
    # What steers a terminal is told by number, all else arrives as it was.
    assert properties == {"file": escaped(value), "line": "1"}
    assert data == escaped(message)


def test_columns_only_within_one_line() -> None:
    lines = render(Report((scenes.single(),)), "github", options=RenderOptions()).splitlines()
    commands = [read(line) for line in lines]
    for _, properties, _ in commands[:-1]:
        assert ("col" in properties) == (properties["line"] == properties["endLine"])
    assert [name for name, _, _ in commands] == ["error", "error", "warning", "notice", "error", "notice"]


def test_silence_for_nothing() -> None:
    assert render(Report((scenes.CLEAN,)), "github", options=RenderOptions()) == ""
