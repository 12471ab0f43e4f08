from __future__ import annotations

import json
from typing import Any

import jsonschema

from dockerlint_alpine.model.reports import Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.causes import causes

from . import scenes

FORMAT = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "pattern": "^[a-z-]+$"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "additionalProperties": False,
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}
"""The fields of GitLab's page "Code Quality report format"."""


def entries(report: Report) -> Any:
    return json.loads(render(report, "gitlab", options=RenderOptions()))


def test_format() -> None:
    report = scenes.everything()
    found = entries(report)
    jsonschema.Draft202012Validator(FORMAT).validate(found)
    known = sum(len(causes(file.findings)) for file in report.files)
    assert len({entry["fingerprint"] for entry in found}) == len(found) == known + 1


def test_nothing_is_an_empty_array() -> None:
    assert entries(Report(())) == []


def test_severities() -> None:
    assert [entry["severity"] for entry in entries(Report((scenes.netra(),)))] == ["minor", "info", "major"]
