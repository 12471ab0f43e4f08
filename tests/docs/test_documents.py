"""What README and the documentation show is what the program prints."""

from __future__ import annotations

import os
import re
import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.cli import app
from dockerlint_alpine.report import FORMATS
from tests.conftest import CHECKOUT
from tests.docs.console import commands, run, updated

DOCUMENTS = sorted(
    path
    for path in (CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md"))
    if "```console\n" in path.read_text(encoding="utf-8")
)
NEEDS_AN_INDEX = {"comparison.md"}
"""They install other programs."""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.slow if path.name in NEEDS_AN_INDEX else (), id=path.name)
        for path in DOCUMENTS
    ],
)
def test_the_commands_print_what_the_document_says(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    session = list(commands(text))
    printed = run(session, tmp_path)
    assert len(printed) == len(session)
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(updated(text, session, printed), encoding="utf-8")
        session = list(commands(path.read_text(encoding="utf-8")))
    for command, shown in zip(session, printed, strict=True):
        assert command.agrees(shown), f"$ {command.text}\n{shown}"


def test_the_documents_that_show_the_program_are_executed() -> None:
    assert {"README.md", "tutorial.md", "comparison.md"} <= {path.name for path in DOCUMENTS}


def test_readme_names_every_code() -> None:
    rows = re.findall(r"^\| (AD.+?) \|", (CHECKOUT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {code for row in rows for code in row.replace("to ", "").split()}
    first, last = "AD901", "AD905"
    assert {check.code for check in CHECKS if not first < check.code < last} == named


def test_readme_and_help_name_every_format() -> None:
    readme = " ".join((CHECKOUT / "README.md").read_text(encoding="utf-8").split())
    listed = re.search(r"Output formats: ([a-z, ]+)\.", readme)
    assert listed is not None
    assert set(listed[1].split(", ")) == set(FORMATS)
    told = CliRunner().invoke(app, ["check", "--help"]).output
    assert all(re.search(rf"\b{name}\b", told) for name in FORMATS)


def test_readme_s_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netra: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    shutil.copytree(netra, tmp_path / "project")
    shutil.copy(netra / "docker" / "backend.alpine.Dockerfile", tmp_path / "project" / "docker" / "Dockerfile")
    monkeypatch.chdir(tmp_path / "project")
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)  # our own document
    assert {finding.code for finding in names["report"].findings} == {"AD103", "AD201"}
    assert b"lz4-libs" in names["result"].new


@pytest.fixture(scope="module")
def pictures() -> Any:
    spec = spec_from_file_location("terminal_svg", CHECKOUT / "tools" / "terminal_svg.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pictures_are_up_to_date(pictures: Any) -> None:
    assert {path.name for path in pictures.IMAGES.glob("*.svg")} == set(pictures.PICTURES)
    for name, command in pictures.PICTURES.items():
        drawn = pictures.draw(command, pictures.printed(command))
        assert (pictures.IMAGES / name).read_text(encoding="utf-8") == drawn, "python tools/terminal_svg.py"


def test_a_picture_shows_all_text_and_only_known_colours(pictures: Any) -> None:
    drawn = pictures.draw("x", "\x1b[31;1mred\x1b[0m <&> \x1b[2mdim\x1b[0m\n")
    assert '<tspan class="b" fill="#ff7b72">red</tspan> &lt;&amp;&gt; <tspan fill="#8b93a1">dim</tspan>' in drawn
    assert "\x1b" not in drawn
