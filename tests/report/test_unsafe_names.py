"""No name or value of a file steers a terminal, in no format."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.model.findings import Evidence, Finding, Fix, Location, TextEdit
from dockerlint_alpine.model.reports import FileError, FileReport, Report
from dockerlint_alpine.report import FORMATS, RenderOptions, render
from dockerlint_alpine.report.diff import diff
from dockerlint_alpine.report.display import UNSAFE
from dockerlint_alpine.report.encoding import json_text, xml_content, xml_tag

EVIL = "a\x1b]0;x\x07\x1b[2J\x7f\x85\x9b31m\u202e\u2028\u2066\u200f\udc85z"
OPTIONS = RenderOptions(version="1", width=100)


def report() -> Report:
    edit = TextEdit(0, 0, f"{EVIL}\n", None)
    finding = Finding(
        code="AD201",
        name="missing-runtime-library",
        severity="error",
        confidence="certain",
        message=f"{EVIL} is missing",
        location=Location(1, 1, 1, 2),
        evidence=(Evidence("rule", EVIL),),
        packages=(EVIL,),
        fix=Fix(f"add {EVIL}", "safe", (edit,)),
    )
    source = f"FROM {EVIL}\n".encode("utf-8", "surrogateescape")
    file = FileReport(f"{EVIL}/Dockerfile", (finding,), source=source, notes=(EVIL,))
    return Report((file,), (FileError(EVIL, EVIL),))


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_hands_it_on(name: str) -> None:
    text = render(report(), name, options=OPTIONS)
    assert "z" in text
    assert not set(UNSAFE.findall(text)) - {"\n", "\t"}


def test_a_diff_for_eyes_shows_it_by_number_and_a_patch_keeps_it() -> None:
    old, new = b"FROM a\r\n", f"FROM a\r\nRUN {EVIL}\rx\r\n".encode("utf-8", "surrogateescape")
    for shown in (diff(EVIL, old, new, for_eyes=True), diff(EVIL, old, new, color=True)):
        text = shown.decode()
        for style in ("1", "31", "32", "36", "0"):
            text = text.replace(f"\x1b[{style}m", "")
        text = text.replace("\r\n", "\n")
        assert not set(UNSAFE.findall(text)) - {"\n"}
        assert r"RUN a\x1b]0;x\x07" in text
    assert new.split(b"\n")[1] in diff(EVIL, old, new)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_programs_read_what_was_there(text: str) -> None:
    assert json.loads(json_text([text])) == [text]
    possible = "".join(char for char in text if char in "\t\n\r" or (char >= " " and char not in "\ufffe\uffff"))
    read = ET.fromstring(f"<{xml_tag('a', {'b': possible})}>{xml_content(possible)}</a>")
    assert (read.get("b"), read.text or "") == (possible, possible)
