"""What ``check`` shows is what ``fix`` writes, in every format: each is read as a stranger would and applied to the file."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given

from dockerlint_alpine.model.reports import FileReport, Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.display import ShownLine
from dockerlint_alpine.run.analysis import Doctor, configure, fix_bytes
from tests.fixer.shapes import Shape, shapes

CASES = Path(__file__).parent / "cases"
NAMES = sorted(folder.name for folder in CASES.iterdir())
DOCTOR = Doctor(configure())
OPTIONS = RenderOptions(width=20_000, limit=0)
ON_A_TERMINAL = re.compile(r" +\d+ ([-+])(?: (.*))?")


def rendered(report: FileReport, format_: str) -> str:
    return render(Report((report,)), format_, options=OPTIONS)


def applied(source: bytes, edits: set[tuple[int, int, str]]) -> bytes:
    """Edits by offset, the last first; what comes to one place in the order of the words."""
    for start, end, text in sorted(edits, key=lambda edit: (edit[0], edit[1], edit[2].strip()), reverse=True):
        source = source[:start] + text.encode("utf-8", "surrogateescape") + source[end:]
    return source


def by_json(report: FileReport) -> bytes:
    findings = json.loads(rendered(report, "json"))["files"][0]["findings"]
    fixes = [one["fix"] for one in findings if one["fix"] and one["fix"]["applicability"] == "safe"]
    edits = {(edit["start"], edit["end"], edit["text"]) for fix in fixes for edit in fix["edits"] if "path" not in edit}
    return applied(report.source, edits)


def by_sarif(report: FileReport, safe: set[str]) -> bytes:
    text = report.source.decode("utf-8", "surrogateescape")
    starts = [0, *(index + 1 for index, char in enumerate(text) if char == "\n")]

    def offset(line: int, column: int) -> int:
        return len(text[: starts[line - 1] + column - 1].encode("utf-8", "surrogateescape"))

    edits = set()
    for result in json.loads(rendered(report, "sarif"))["runs"][0]["results"]:
        for fix in result.get("fixes", ()) if safe & set(result["properties"]["packages"]) else ():
            for replacement in (one for change in fix["artifactChanges"] for one in change["replacements"]):
                region: Any = replacement["deletedRegion"]
                if "startLine" in region:
                    start = offset(region["startLine"], region["startColumn"])
                    end = offset(region["endLine"], region["endColumn"])
                    edits.add((start, end, replacement["insertedContent"]["text"]))
    return applied(report.source, edits)


def lines_of(old: bytes, new: bytes) -> Counter[tuple[str, str]]:
    """The lines that go and come, as a terminal shows them."""
    before, after = ([one.removesuffix(b"\r") for one in data.split(b"\n")] for data in (old, new))
    texts = [[ShownLine(one, 1, 20_000).text.strip() for one in side] for side in (before, after)]
    found = [line for line in unified_diff(*texts, n=0, lineterm="") if not line.startswith(("---", "+++", "@@"))]
    return Counter((line[0], line[1:]) for line in found)


def by_text(report: FileReport) -> Counter[tuple[str, str]]:
    shown = (ON_A_TERMINAL.fullmatch(line) for line in rendered(report, "text").splitlines())
    return Counter((match[1], (match[2] or "").strip()) for match in shown if match is not None)


def by_markdown(report: FileReport) -> Counter[tuple[str, str]]:
    blocks = re.findall(r"```+diff\n(.*?)\n```+", rendered(report, "markdown"), re.DOTALL)
    lines = (line for block in blocks for line in block.split("\n"))
    return Counter((line[0], ShownLine(line[1:].encode(), 1, 20_000).text.strip()) for line in lines)


def only_safe(report: FileReport) -> FileReport:
    """The report without what only ``--unsafe-fixes`` writes."""
    from msgspec.structs import replace

    findings = (
        one if one.fix and one.fix.applicability == "safe" else replace(one, fix=None) for one in report.findings
    )
    return replace(report, findings=tuple(findings))


@pytest.mark.parametrize("name", NAMES)
def test_every_format_shows_what_is_written(name: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CASES / name, tmp_path / "case"))
    path = folder / "before.Dockerfile"
    (folder / "after.Dockerfile").unlink()
    report = only_safe(DOCTOR.check_bytes(path.read_bytes(), path, shown_as="Dockerfile"))
    made = fix_bytes(DOCTOR, path.read_bytes(), path)
    assert by_json(report) == made.new
    safe = {package for one in report.findings if one.fix is not None for package in one.packages}
    assert by_sarif(report, safe) == made.new
    written = lines_of(made.old, made.new)
    assert by_text(report) == written
    assert by_markdown(report) == written


@given(shapes())
def test_what_is_shown_of_any_shape_is_written(shape: Shape) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "Dockerfile"
        for other, data in shape.files.items():
            (path.parent / other).write_bytes(data)
        path.write_bytes(shape.data)
        report = DOCTOR.check_bytes(shape.data, path)
        assert by_json(report) == fix_bytes(DOCTOR, shape.data, path).new
