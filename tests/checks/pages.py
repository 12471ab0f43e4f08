"""Reads a check's page as a program does: its sections, and the project and command that each example consists of."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from click.testing import CliRunner
from jsonschema import Draft202012Validator

from dockerlint_alpine.checks import Check
from dockerlint_alpine.cli import app

REPORT = Draft202012Validator(json.loads(files("dockerlint_alpine.report").joinpath("schema.json").read_text()))
SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n)*)", re.MULTILINE)
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """One project of a page: its files, and the options of the command."""

    files: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=lambda: ["Dockerfile"])


def sections(check: Check) -> dict[str, str]:
    """The page's headings, in order, with their text."""
    return dict(SECTION.findall(check.page))


def examples(check: Check, heading: str) -> list[Example]:
    """The projects of a section, in order: each begins with its Dockerfile."""
    found: list[Example] = []
    for language, title, text in FENCE.findall(sections(check).get(heading, "")):
        if language == "dockerfile" and not title:
            found.append(Example({"Dockerfile": text}))
        elif language == "sh" and not title:
            program, command, *found[-1].arguments = shlex.split(text)
            assert (program, command) == ("alpine-doctor", "check")
        else:
            assert title not in found[-1].files, "no file twice"
            found[-1].files[title] = text
    return found


def example(check: Check, heading: str) -> Example:
    """The first project of a section."""
    return examples(check, heading)[0]


def write(files: dict[str, str], root: Path) -> None:
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def judge(project: Example, code: str, root: Path) -> list[dict[str, object]]:
    """What ``alpine-doctor check`` finds of this code in the project, in a process like any other."""
    write(project.files, root)
    command = ["check", *project.arguments, "--select", code, "--output-format", "json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code in {0, 1}, result.output
    document = json.loads(result.stdout)
    REPORT.validate(document)
    (file,) = document["files"]
    return [finding for finding in file["findings"] if finding["code"] == code]
