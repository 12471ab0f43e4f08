"""What holds for every format alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

import dockerlint_alpine.report
from dockerlint_alpine.model.reports import Report
from dockerlint_alpine.report import FORMATS, RenderOptions, UnknownFormatError, render

from . import scenes
from .snapshots import assert_snapshot


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("scene", ["netra", "everything", "nothing"])
def test_snapshot(format_: str, scene: str, request: pytest.FixtureRequest, options: RenderOptions) -> None:
    documented = replace(options, code_docs=scenes.code_doc, docs_url="https://docs.example/")
    text = render(request.getfixturevalue(scene), format_, options=documented if scene == "everything" else options)
    assert_snapshot(f"{scene}.{format_}", text)


@pytest.mark.parametrize("format_", FORMATS)
def test_can_be_written_and_ends_in_a_newline(format_: str, everything: Report, options: RenderOptions) -> None:
    text = render(everything, format_, options=options)
    assert text.encode("utf-8").endswith(b"\n")


@pytest.mark.parametrize("format_", FORMATS)
def test_names_every_code_and_every_unreadable_file(format_: str, everything: Report, options: RenderOptions) -> None:
    text = render(everything, format_, options=options)
    for finding in everything.findings:
        assert finding.code in text
    assert "gone/Dockerfile" in text
    assert "no such file" in text


@pytest.mark.parametrize("format_", sorted(set(FORMATS) - {"json", "junit"}))
def test_names_what_could_not_be_judged(format_: str, options: RenderOptions) -> None:
    text = render(Report((scenes.single(),)), format_, options=options)
    assert "nothing is known about the image" in text


def test_unknown_format(nothing: Report, options: RenderOptions) -> None:
    with pytest.raises(
        UnknownFormatError, match="unknown output format 'xml'; choose from checkstyle, concise, github"
    ):
        render(nothing, "xml", options=options)


@pytest.mark.parametrize("format_", ["text", "concise", "json"])
def test_the_usual_formats_import_nothing_heavy(format_: str) -> None:
    heavy = {"difflib", "textwrap", "hashlib", "urllib", "xml", "unicodedata", "inspect", "click", "importlib.metadata"}
    code = (
        "import sys, msgspec; before = set(sys.modules)\n"
        "from dockerlint_alpine.model.findings import Finding, Location, Evidence\n"
        "from dockerlint_alpine.model.reports import Report, FileReport\n"
        "from dockerlint_alpine.report import RenderOptions, render\n"
        "finding = Finding('AD201', 'x', 'error', 'certain', 'm', Location(1, 1, 1, 5), (Evidence('rule', 'd'),))\n"
        f"render(Report((FileReport('D', (finding,), b'FROM x'),)), {format_!r}, options=RenderOptions())\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_root())
    imported = set(run.stdout.split())
    assert imported & heavy == set()


def _root() -> Path:
    return Path(dockerlint_alpine.report.__file__).parents[2]
