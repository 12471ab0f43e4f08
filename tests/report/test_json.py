from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import dockerlint_alpine.report
from dockerlint_alpine.model.reports import Report
from dockerlint_alpine.report import RenderOptions, render

from . import scenes
from .snapshots import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = json.loads((Path(dockerlint_alpine.report.__file__).parent / "schema.json").read_text())


def rendered(report: Report) -> Any:
    return json.loads(render(report, "json", options=RenderOptions()))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("report", [Report(()), scenes.everything(), Report((scenes.netra(),))])
def test_agrees_with_the_schema(report: Report) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(rendered(report))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_the_snapshots_agree_with_the_schema(path: Path) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(path.read_text()))


def test_the_schema_allows_nothing_else() -> None:
    def objects(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            if "properties" in node:
                yield node
            for value in node.values():
                yield from objects(value)
        elif isinstance(node, list):
            for value in node:
                yield from objects(value)

    for node in objects(SCHEMA):
        assert node["additionalProperties"] is False
        optional = set(node["properties"]) - set(node["required"])
        assert optional <= {"path", "image"}


def test_the_documented_shape() -> None:
    document = rendered(Report((scenes.netra(),)))
    assert document["version"] == 1
    assert document["summary"] == {"files": 1, "errors": 1, "warnings": 1, "fixable": 2, "unknown": 0}
    finding = document["files"][0]["findings"][2]
    assert finding["code"] == "AD201"
    assert finding["stage"] == {
        "index": 1,
        "name": None,
        "base": "python:3.11-alpine3.19",
        "alpine": "3.19",
        "python": "3.11",
    }
    assert finding["distribution"] == {
        "name": "lz4",
        "version": "4.4.5",
        "origin": ["requirements.txt:9", "clickhouse-connect", "lz4"],
        "compiled": "no wheel fits Python 3.11 on musl 1.2 x86_64",
    }
    causes = document["files"][0]["causes"]
    assert [(one["codes"], one["findings"]) for one in causes] == [(["AD103"], [0]), (["AD502"], [1]), (["AD201"], [2])]
    assert finding["location"] == {"line": 16, "column": 1, "end_line": 16, "end_column": 23}
    [edit] = finding["fix"]["edits"]
    assert scenes.NETRA[edit["start"] :].startswith(b"    curl")
    assert edit["text"] == "    lz4-libs \\\n"


def test_bytes_that_are_no_text_survive() -> None:
    document = rendered(Report((scenes.odd(),)))
    assert document["files"][0]["path"] == scenes.ODD_PATH
    assert document["files"][0]["findings"][0]["message"] == scenes.odd().findings[0].message
