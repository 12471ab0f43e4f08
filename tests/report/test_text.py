from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dockerlint_alpine.model.findings import Evidence, Finding, Fix, Location, TextEdit
from dockerlint_alpine.model.reports import FileReport, Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.display import cells
from tests.conftest import Judge

from . import scenes

ANSI = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;[^\x1b]*\x1b\\")


def finding(location: Location, **changes: object) -> Finding:
    base = Finding("AD201", "missing", "error", "certain", "message", location, (Evidence("rule", "detail"),))
    return replace(base, **changes)  # type: ignore[arg-type]


def shown(source: bytes, location: Location, **options: object) -> list[str]:
    report = Report((FileReport("Dockerfile", (finding(location),), source),))
    return render(report, "text", options=RenderOptions(**options)).splitlines()  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [10, 40, 60, 80, 100, 200])
def test_fits_the_width(width: int) -> None:
    reports = Report((scenes.netra(), scenes.single(), scenes.odd()))
    text = render(reports, "text", options=RenderOptions(width=width))
    blocks = text.split("\n\n")
    for block in blocks:
        if not block.startswith(("error[", "warning[")):
            continue
        for line in block.splitlines():
            longest_word = max(map(cells, line.split()), default=0)
            assert "-->" in line or cells(line) <= max(width, 40, longest_word + 12), line


def test_colour_changes_nothing_but_colour() -> None:
    report = scenes.everything()
    plain = render(report, "text", options=RenderOptions())
    options = RenderOptions(color=True, hyperlinks=True, code_docs=scenes.code_doc, docs_url="https://docs.example")
    colored = render(report, "text", options=options)
    assert "\x1b" not in plain
    assert ANSI.sub("", colored) == plain
    assert "\x1b]8;;https://docs.example/codes/AD201\x1b\\" in colored


def test_no_links_without_an_address() -> None:
    assert "\x1b]8" not in render(scenes.everything(), "text", options=RenderOptions(color=True, hyperlinks=True))


def test_carets_stand_under_the_range() -> None:
    lines = shown(b"FROM a\nRUN\tapk add x\n", Location(2, 5, 2, 8))
    source = next(index for index, line in enumerate(lines) if line.startswith("2 |"))
    assert lines[source] == "2 | RUN apk add x"
    assert lines[source + 1] == "  |     ^^^"


def test_wide_characters_move_the_carets() -> None:
    line = "RUN 你好 apk".encode()
    lines = shown(line, Location(1, line.index(b"apk") + 1, 1, len(line) + 1))
    assert "  |          ^^^" in lines


def test_crlf_and_bom_are_not_shown() -> None:
    lines = shown(b"\xef\xbb\xbfFROM a\r\nRUN b\r\n", Location(1, 4, 1, 10))
    assert "1 | FROM a" in lines
    assert "  | ^^^^^^" in lines
    assert "2 | RUN b" in shown(b"\xef\xbb\xbfFROM a\r\nRUN b\r\n", Location(2, 1, 2, 6))


def test_a_range_that_ends_at_the_start_of_a_line_ends_before_it() -> None:
    lines = shown(b"FROM a\nRUN b\n", Location(1, 1, 2, 1))
    assert "  | ^^^^^^" in lines


@pytest.mark.parametrize("location", [Location(9, 1, 9, 2), Location(1, 50, 1, 60), Location(1, 3, 99, 1)])
def test_a_place_outside_of_the_file_is_survived(location: Location) -> None:
    assert shown(b"FROM a\n", location)[0] == "error[AD201]: message"


def test_without_source_there_is_no_excerpt() -> None:
    assert not any("|" in line for line in shown(b"", Location(1, 1, 1, 2)))


def test_a_line_of_megabytes_is_cut_around_the_place() -> None:
    source = b"RUN " + b"x" * 5_000_000 + b" apk add y " + b"z" * 5_000_000
    column = source.index(b"apk") + 1
    lines = shown(source, Location(1, column, 1, column + 7), width=60)
    index = next(index for index, line in enumerate(lines) if "apk add" in line)
    assert lines[index].startswith("1 | ...xxx")
    assert lines[index].endswith("zzz...")
    assert cells(lines[index]) <= 60
    assert lines[index].index("apk add") == lines[index + 1].index("^^^^^^^")


def test_each_code_is_explained_once() -> None:
    text = render(Report((scenes.odd(),)), "text", options=RenderOptions())
    assert text.count("alpine-doctor explain AD301") == 1
    quiet = render(Report((scenes.odd(),)), "text", options=RenderOptions(show_fix_hint=False))
    assert "alpine-doctor" not in quiet


def test_a_long_fix_is_cut_short() -> None:
    edit = TextEdit(0, 0, "RUN x\n" * 50)
    long = finding(Location(1, 1, 1, 7), fix=Fix("much", "safe", (edit,)))
    text = render(Report((FileReport("D", (long,), b"FROM a\n"),)), "text", options=RenderOptions())
    assert "... and 42 lines more" in text


def test_overlapping_edits_are_not_previewed() -> None:
    edits = (TextEdit(0, 4, "X"), TextEdit(2, 6, "Y"))
    overlapping = finding(Location(1, 1, 1, 7), fix=Fix("both", "safe", edits))
    text = render(Report((FileReport("D", (overlapping,), b"FROM a\n"),)), "text", options=RenderOptions())
    assert "fix: both" in text
    assert " + " not in text


def test_silence_is_never_a_clean_bill() -> None:
    unknown = Report((FileReport("D", (), b"FROM a\n", unknown=2, not_alpine=1),))
    text = render(unknown, "text", options=RenderOptions())
    assert "2 items could not be checked." in text
    assert "1 stage skipped: not Alpine." in text


@given(source=st.binary(max_size=200), data=st.data())
def test_nothing_from_a_file_reaches_the_terminal_raw(source: bytes, data: st.DataObject) -> None:
    line = data.draw(st.integers(1, source.count(b"\n") + 1))
    column = data.draw(st.integers(1, 60))
    end_line = data.draw(st.integers(line, line + 8))
    location = Location(line, column, end_line, data.draw(st.integers(column if line == end_line else 1, 80)))
    message = data.draw(st.text(max_size=30))
    edit = TextEdit(0, len(source) // 2, data.draw(st.text(max_size=10)))
    odd = finding(location, message=message, fix=Fix(message, "safe", (edit,)))
    path = data.draw(st.text(max_size=10))
    text = render(Report((FileReport(path, (odd,), source),)), "text", options=RenderOptions(width=60))
    text.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_what_the_findings_of_one_place_share_is_said_once(judge: Judge) -> None:
    """Three errors of one pip install are one block: one excerpt, each reason once, each fix."""
    report = judge("FROM python:3.11-alpine3.19\nRUN apk add bash\nRUN pip install lz4==4.4.5 psycopg2==2.9.9\n")
    text = render(Report((report,)), "text", options=RenderOptions())
    (block,) = (part for part in text.split("\n\n") if part.startswith("error["))
    assert block.startswith("error[AD101,AD102]: psycopg2 2.9.9 and lz4 4.4.5 are compiled here and 3 packages for")
    assert block.count("--> ") == 1
    assert block.count("no wheel fits Python 3.11 on musl 1.2 x86_64: lz4 4.4.5") == 1
    assert block.count("no wheels for Linux: psycopg2 2.9.9") == 1
    assert block.count("= fix: ") == 1
    assert "RUN apk add bash gcc libpq-dev musl-dev" in block
