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
from lsprotocol.types import CodeActionContext, Position, PositionEncodingKind, Range
from msgspec.structs import replace

from dockerlint_alpine.model.reports import FileReport, Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.causes import causes
from dockerlint_alpine.report.display import ShownLine
from dockerlint_alpine.run.analysis import Doctor, configure, fix_bytes
from dockerlint_alpine.server.actions import Client, actions
from dockerlint_alpine.server.documents import Document, Snapshot
from dockerlint_alpine.server.judging import Judgement
from tests.fixer.shapes import Shape, shapes

CASES = Path(__file__).parent / "cases"
NAMES = sorted(folder.name for folder in CASES.iterdir())
DOCTOR = Doctor(configure())
DOCTORS = {False: DOCTOR, True: DOCTOR.configured(configure(unsafe_fixes=True).settings)}
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
    return applied(report.source, set().union(*edits_of_causes(report)))


def unpadded(data: bytes) -> bytes:
    """Without what aligns continuations: edits that are applied one by one know nothing of each other's names."""
    return re.sub(rb"[ \t]+(?=[\\`]\r?\n)", b" ", data)


def edits_of_causes(report: FileReport) -> list[set[tuple[int, int, str]]]:
    """The edits of the Dockerfile of each cause, as JSON has them."""
    file = json.loads(rendered(report, "json"))["files"][0]
    fixes = [
        one["fix"] if one["fix"] and one["fix"]["applicability"] != "display" else None for one in file["findings"]
    ]
    return [
        {
            (edit["start"], edit["end"], edit["text"])
            for number in cause["findings"]
            for edit in (fixes[number] or {"edits": ()})["edits"]
            if "path" not in edit
        }
        for cause in file["causes"]
    ]


def offset_in(data: bytes, line: int, column: int, *, in_bytes: bool = False) -> int:
    """Where a 1-based line and column are, in characters or in bytes."""
    start = sum(len(one) + 1 for one in data.split(b"\n")[: line - 1])
    if in_bytes:
        return start + column - 1
    text = data[start:].decode("utf-8", "surrogateescape")
    if line == 1:
        column += text.startswith("\ufeff")
    return start + len(text[: column - 1].encode("utf-8", "surrogateescape"))


def by_sarif(report: FileReport) -> list[set[tuple[int, int, str]]]:
    """The edits of each cause, of all its fixes."""
    found = []
    for result in json.loads(rendered(report, "sarif"))["runs"][0]["results"]:
        edits = set()
        changes = [change for fix in result.get("fixes", ()) for change in fix["artifactChanges"]]
        for replacement in (one for change in changes for one in change["replacements"]):
            region: Any = replacement["deletedRegion"]
            if "startLine" in region:  # an edit of another file has bytes
                start = offset_in(report.source, region["startLine"], region["startColumn"])
                end = offset_in(report.source, region["endLine"], region["endColumn"])
                edits.add((start, end, replacement["insertedContent"]["text"]))
        found.append(edits)
    return found


def by_rdjson(report: FileReport) -> list[bytes]:
    """The file after the suggestions of each cause, of which each stands for itself."""
    found = []
    for one in json.loads(rendered(report, "rdjson"))["diagnostics"]:
        edits = set()
        for suggestion in one.get("suggestions", ()):
            start, end = suggestion["range"]["start"], suggestion["range"]["end"]
            places = (offset_in(report.source, at["line"], at["column"], in_bytes=True) for at in (start, end))
            edits.add((*places, suggestion["text"]))
        found.append(applied(report.source, edits))
    return found


def by_editor(report: FileReport, path: Path) -> bytes:
    """The file after all quick fixes of the editor."""
    document = Document(path.as_uri(), path, "dockerfile", 1, report.source)
    snapshot = Snapshot({document.uri: document}, (path.parent,), PositionEncodingKind.Utf16)
    positions = snapshot.positions_in(document)
    everything = Range(Position(0, 0), positions.position(len(report.source)))
    judgement = Judgement(document, snapshot, replace(report, path=str(path)))
    edits = {
        (positions.offset(edit.range.start), positions.offset(edit.range.end), edit.new_text)
        for action in actions(judgement, everything, CodeActionContext([]), Client())
        if action.edit is not None and "ignore it" not in action.title and "ignore[" not in str(action.edit)
        for edit in (action.edit.changes or {}).get(document.uri, ())
    }
    return applied(report.source, edits)


def annotated(report: FileReport) -> list[set[str]]:
    """The words of the fixes in each of GitHub's annotations."""
    lines = [line for line in rendered(report, "github").splitlines() if ",line=" in line]
    return [set(" ".join(re.findall(r"fix \([a-z]+\): (.*?)(?:%0A|$)", line)).split()) for line in lines]


def bare(line: bytes) -> str:
    """A line as a terminal shows it, without what aligns its continuation."""
    return unpadded(ShownLine(line, 1, 20_000).text.strip().encode() + b"\n").decode().rstrip("\n")


def lines_of(old: bytes, new: bytes) -> Counter[tuple[str, str]]:
    """The lines that go and come, as a terminal shows them."""
    texts = [[bare(one.removesuffix(b"\r")) for one in data.split(b"\n")] for data in (old, new)]
    found = [line for line in unified_diff(*texts, n=0, lineterm="") if not line.startswith(("---", "+++", "@@"))]
    return Counter((line[0], line[1:]) for line in found)


def by_text(report: FileReport) -> Counter[tuple[str, str]]:
    shown = (ON_A_TERMINAL.fullmatch(line) for line in rendered(report, "text").splitlines())
    return Counter((match[1], bare((match[2] or "").encode())) for match in shown if match is not None)


def by_markdown(report: FileReport) -> Counter[tuple[str, str]]:
    blocks = re.findall(r"```+diff\n(.*?)\n```+", rendered(report, "markdown"), re.DOTALL)
    lines = (line for block in blocks for line in block.split("\n"))
    return Counter((line[0], bare(line[1:].encode())) for line in lines)


def of_this_round(report: FileReport, *, unsafe: bool) -> FileReport:
    """The report without the ways out that only ``--prefer`` and ``fix -i`` take, and the fixes that are not made now: what
    removes something comes when nothing is missing."""
    allowed = {"safe", "unsafe"} if unsafe else {"safe"}
    ready = [
        one for one in report.findings if one.fix is not None and one.fix.edits and one.fix.applicability in allowed
    ]
    first = min((one.traits.phase for one in ready), default=0)
    findings = (
        replace(one, remedies=(), fix=one.fix if one in ready and one.traits.phase == first else None)
        for one in report.findings
    )
    return replace(report, findings=tuple(findings))


@pytest.mark.parametrize("name", NAMES)
def test_every_format_shows_what_is_written(name: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CASES / name, tmp_path / "case"))
    path = folder / "before.Dockerfile"
    (folder / "after.Dockerfile").unlink()
    unsafe = name.startswith("unsafe-")
    doctor = DOCTORS[unsafe]
    made = fix_bytes(doctor, path.read_bytes(), path)
    others = {change.path: change.new for change in made.others}
    source, rounds = made.old, 0
    while unpadded(source) != unpadded(made.new) or not rounds:
        report = of_this_round(doctor.check_bytes(source, path, shown_as="Dockerfile"), unsafe=unsafe)
        source, rounds = shown_everywhere(report, path, " ".join(map(str, others.values()))), rounds + 1
        assert rounds < 4
    assert rounds == 1 or unsafe


def shown_everywhere(report: FileReport, path: Path, elsewhere: str) -> bytes:
    """What all formats agree to show of the file after the fixes."""
    edits = edits_of_causes(report)
    made = by_json(report)
    assert by_sarif(report) == edits
    assert list(map(unpadded, by_rdjson(report))) == [unpadded(applied(report.source, of_one)) for of_one in edits]
    assert unpadded(by_editor(report, path)) == unpadded(made)
    for cause, words in zip(causes(report.findings), annotated(report), strict=True):
        packages = {package for fix in cause.fixes for package in fix.adds}
        assert packages <= words
        assert not [package for package in packages if package not in made.decode("utf-8", "replace") + elsewhere]
    written = lines_of(report.source, made)
    of_notes = any(one.fix is not None and one.severity == "info" for one in report.findings)
    assert by_text(report) == (Counter() if of_notes else written)  # of a note there is one line
    assert by_markdown(report) == written or (of_notes and by_markdown(report) <= written)
    return made


@given(shapes())
def test_what_is_shown_of_any_shape_is_written(shape: Shape) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "Dockerfile"
        for other, data in shape.files.items():
            (path.parent / other).write_bytes(data)
        path.write_bytes(shape.data)
        report = of_this_round(DOCTOR.check_bytes(shape.data, path), unsafe=False)
        assert unpadded(by_json(report)) == unpadded(fix_bytes(DOCTOR, shape.data, path).new)
