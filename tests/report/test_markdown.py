from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from dockerlint_alpine.model.reports import FileReport, Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.causes import causes
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.formats.markdown import LIMIT, code_span, escape

from . import scenes

GITHUB = MarkdownIt("gfm-like", {"linkify": False})


def text_of(markdown: str) -> str:
    """The text that a reader sees of one paragraph, or a failure when anything in it became markup."""
    tokens = GITHUB.parseInline(markdown)[0].children or []
    assert {token.type for token in tokens} <= {"text", "text_special", "html_inline", "code_inline"}
    assert all(token.content == "<!-- -->" for token in tokens if token.type == "html_inline")
    return "".join(token.content for token in tokens if token.type != "html_inline")


@given(st.text(max_size=60))
def test_escaped_text_means_itself(text: str) -> None:
    assert text_of(escape(text)).strip() == " ".join(printable(text).split(" ")).strip()


@pytest.mark.parametrize(
    "text", ["@user", "see #12", "a|b", "<b>", "`x`", "[a](b)", "&amp;", "http://x", "*a* _b_", "~~c~~"]
)
def test_markup_is_escaped(text: str) -> None:
    assert text_of(escape(text)) == text
    assert "@user" not in escape(text)
    assert "#12" not in escape(text)


@given(st.text("ab`| ", min_size=1, max_size=20).filter(str.strip))
def test_code_spans_hold_any_text(text: str) -> None:
    [table] = [token for token in GITHUB.parse(f"| a |\n|---|\n| {code_span(text)} |\n") if token.type == "inline"][1:]
    [code] = table.children or []
    assert code.type == "code_inline"
    assert code.content.strip() == text.strip()


def test_the_table_has_a_row_a_cause() -> None:
    report = scenes.everything()
    tokens = GITHUB.parse(render(report, "markdown", options=RenderOptions()))
    rows = sum(token.type == "tr_open" for token in tokens)
    found = (one for file in report.files for one in causes(file.findings))
    assert rows == 1 + sum(not one.lead.could_not_judge for one in found)


def test_details_end_before_the_host_refuses_the_comment() -> None:
    finding = replace(scenes.missing_runtime_library(), fix=None)
    findings = tuple(replace(finding, message=f"{finding.message} {number}") for number in range(150))
    report = Report((FileReport("D", findings, scenes.NETRA),))
    text = render(report, "markdown", options=RenderOptions())
    assert len(text) < 65_536
    assert LIMIT < 65_536
    assert "more findings are left out here." in text


def test_fences_are_longer_than_those_inside() -> None:
    text = render(Report((scenes.odd(),)), "markdown", options=RenderOptions())
    fences = [token for token in GITHUB.parse(text) if token.type == "fence"]
    assert [token.info for token in fences] == ["diff"]
    assert "+RUN" in fences[0].content
