"""What the parser could make nothing of, and templates, whose lines are no mistakes."""

from __future__ import annotations

import pytest

from tests.conftest import Judge


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM alpine:3.20\nRUM a\nCOPI b\n", [(2, "unknown instruction: RUM"), (3, "unknown instruction: COPI")]),
        ("{% set a %}\nFROM alpine:3.20\nRUM a\n{% if b %}\nRUN c\n{% endif %}\n", [(1, "this is a template ({%)")]),
        ("FROM alpine:3.20\n{{ if b }}\nRUN c\n{{ end }}\n", [(2, "this is a template ({{)")]),
        ("FROM alpine:3.20\n<% if b %>\nRUN c\n", [(2, "this is a template (<%)")]),
        ("FROM alpine:3.20\nRUN docker inspect -f '{{ .Id }}' x\n", []),
    ],
)
def test_syntax_errors(judge: Judge, text: str, said: list[tuple[int, str]]) -> None:
    found = [(one.location.line, one.message) for one in judge(text).findings if one.code == "AD904"]
    assert [(line, message[: len(start)]) for (line, message), (_, start) in zip(found, said, strict=True)] == said


def test_a_template_whose_base_is_a_placeholder_is_told_once(judge: Judge) -> None:
    report = judge("{{ if a }}\nFROM {{ b }}\nRUN apk add python3 && pip install lz4\n{{ end }}\n")
    assert [one.code for one in report.findings] == ["AD904"]
    report = judge("FROM {{b}}\nRUN apk add python3 && pip install lz4\n")
    assert [one.code for one in report.findings] == ["AD902"]


def test_a_base_that_erb_fills_in_is_told_as_one_of_other_templates(judge: Judge) -> None:
    report = judge("FROM <%= a %> AS b\nRUN apk add python3 && pip install lz4\n")
    assert [one.code for one in report.findings] == ["AD904"]
    (found,) = judge("FROM <%=a%>\nRUN apk add python3 && pip install lz4\n").findings
    assert found.code == "AD902"
    assert "is a placeholder: this is a template" in found.message
