from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from dockerlint_alpine.model.findings import Fix, Location, TextEdit
from dockerlint_alpine.model.reports import FileReport, Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.causes import causes

from . import scenes

POSITION = {
    "type": "object",
    "required": ["line", "column"],
    "additionalProperties": False,
    "properties": {"line": {"type": "integer", "minimum": 1}, "column": {"type": "integer", "minimum": 1}},
}
RANGE = {
    "type": "object",
    "required": ["start", "end"],
    "additionalProperties": False,
    "properties": {"start": POSITION, "end": POSITION},
}
LINK = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "value": {"type": "string"}, "url": {"type": "string"}},
}
DIAGNOSTIC = {
    "type": "object",
    "required": ["message", "location", "severity"],
    "additionalProperties": False,
    "properties": {
        "message": {"type": "string"},
        "location": {
            "type": "object",
            "required": ["path"],
            "additionalProperties": False,
            "properties": {"path": {"type": "string"}, "range": RANGE},
        },
        "severity": {"enum": ["ERROR", "WARNING", "INFO"]},
        "code": LINK,
        "suggestions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["range", "text"],
                "additionalProperties": False,
                "properties": {"range": RANGE, "text": {"type": "string"}},
            },
        },
    },
}
FORMAT = {
    "type": "object",
    "required": ["source", "diagnostics"],
    "additionalProperties": False,
    "properties": {"source": LINK, "diagnostics": {"type": "array", "items": DIAGNOSTIC}},
}
"""The fields of reviewdog's DiagnosticResult that we write, and no others."""


def document(report: Report, options: RenderOptions = RenderOptions()) -> Any:  # noqa: B008 - frozen
    return json.loads(render(report, "rdjson", options=options))


@pytest.mark.parametrize("report", [Report(()), scenes.everything()])
def test_format(report: Report) -> None:
    jsonschema.Draft202012Validator(FORMAT).validate(document(report))


def offset(source: bytes, position: dict[str, int]) -> int:
    """A reader of our own: 1-based line, 1-based byte column."""
    lines = source.split(b"\n")
    return sum(len(line) + 1 for line in lines[: position["line"] - 1]) + position["column"] - 1


def test_suggestions_are_the_edits() -> None:
    for file in (scenes.netra(), scenes.odd()):
        for cause, diagnostic in zip(causes(file.findings), document(Report((file,)))["diagnostics"], strict=True):
            edits = [edit for fix in cause.fixes for edit in fix.edits]
            suggestions = diagnostic.get("suggestions", [])
            assert [
                (offset(file.source, one["range"]["start"]), offset(file.source, one["range"]["end"]), one["text"])
                for one in suggestions
            ] == [(edit.start, edit.end, edit.text) for edit in edits]


def two_edits(source: bytes) -> Any:
    """What becomes of a fix that changes the first and the last word of a line."""
    edits = (TextEdit(10, 12, "two"), TextEdit(0, 3, "\u00e9ne"))  # not in order
    fix = Fix("both", "unsafe", edits)
    finding = replace(scenes.missing_runtime_library(), fix=fix, location=Location(1, 1, 1, 4))
    [diagnostic] = document(Report((FileReport("D", (finding,), source),)))["diagnostics"]
    return diagnostic.get("suggestions")


def test_a_fix_is_one_suggestion() -> None:
    [suggestion] = two_edits(b"one caf\xc3\xa9 zwo\n")
    assert suggestion["range"] == {"start": {"line": 1, "column": 1}, "end": {"line": 1, "column": 13}}
    assert suggestion["text"] == "\u00e9ne caf\u00e9 two"
    assert two_edits(b"one caf\xff\xe9 zwo\n") is None


def test_half_a_fix_is_none() -> None:
    diagnostics = document(Report((scenes.single(),)))["diagnostics"]
    assert "suggestions" not in next(one for one in diagnostics if one["code"]["value"] == "AD203")


def test_only_addresses_that_work_elsewhere_are_given() -> None:
    netra = Report((scenes.netra(),))
    relative = document(netra, RenderOptions(code_docs=scenes.code_doc))
    assert relative["diagnostics"][0]["code"] == {"value": "AD103"}
    absolute = document(netra, RenderOptions(code_docs=scenes.code_doc, docs_url="https://docs.example"))
    assert absolute["diagnostics"][0]["code"]["url"] == "https://docs.example/codes/AD103"
