"""The table of a sweep, its summary and its page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from dockerlint_alpine.sweep.page import as_html
from dockerlint_alpine.sweep.plan import FoundRow, Outcome, Task
from dockerlint_alpine.sweep.results import COLUMNS, Results, ResultsError, numbered
from dockerlint_alpine.sweep.sources import Source
from dockerlint_alpine.sweep.summary import as_markdown, as_text, summarized

ROW = FoundRow(
    file="Dockerfile", line=3, code="AD201", name="missing-runtime-library", severity="error", confidence="certain",
    package="lz4-libs", distribution="lz4", version="4.4.5", need="so:liblz4.so.1", alpine="3.19", python="3.11",
    base="python:3.11-alpine3.19", platform="linux/amd64", cause="c1", fix="safe", when="today", message="lz4 links it",
)  # fmt: skip
PLAN = {"version": "1", "moves": "alpine=3.22", "settings": {"select": ["AD"]}}
HOSTILE = "</script><img src=x onerror=alert(1)>|*\udce9\x1b[31m"


def outcome(number: int, rows: Sequence[FoundRow] = (), **fields: object) -> Outcome:
    source = Source(f"r{number}", "folder", f"/src/r{number}")
    found = Outcome(Task(number, source), "judged", rows=tuple(rows), dockerfiles=1, stages=1)
    return replace(found, **fields)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    found = Results.create(tmp_path / "s.sqlite", PLAN, resume=False)
    later = replace(ROW, when="then", cause="c2", code="AD301", package="jpeg-dev", alpine="3.22", fix="")
    hostile = replace(ROW, message=HOSTILE, file=HOSTILE, severity="warning", cause="c3")
    found.add(outcome(2, [later]))
    found.add(outcome(0, [ROW, replace(ROW, file="b/Dockerfile")]))
    found.add(outcome(1, [ROW, hostile]))
    found.add(outcome(3, status="failed", message=HOSTILE))
    found.add(outcome(4, status="no-dockerfile", dockerfiles=0))
    found.commit()
    return found


def test_rows_come_in_the_order_of_the_sources(results: Results) -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in results.findings()]
    assert [row["repository"] for row in rows] == ["r0", "r0", "r1", "r1", "r2"]
    assert rows[0] | {"repository": "", "revision": ""} == {"repository": "", "revision": "", **json.loads(_json(ROW))}


def _json(row: FoundRow) -> str:
    return json.dumps({name: getattr(row, name) for name in tuple(COLUMNS)[2:]})


def test_the_columns_are_those_of_a_row() -> None:
    assert FoundRow.__struct_fields__ == tuple(COLUMNS)[2:]


def test_the_summary_counts(results: Results) -> None:
    summary = summarized(results)
    assert (summary.repositories, summary.judged, summary.without, summary.dockerfiles) == (5, 3, 1, 4)
    assert (summary.errors, summary.warnings, summary.fixable, summary.dying, summary.broken_then) == (4, 1, 4, 2, 1)
    assert [(one.label, one.findings, one.repositories) for one in summary.packages] == [
        ("lz4-libs", 4, 2),
        ("jpeg-dev", 1, 1),
    ]
    assert [(one.cause, one.repositories, one.fixable) for one in summary.causes] == [
        ("c1", 2, 2),
        ("c2", 1, 0),
        ("c3", 1, 1),
    ]
    text = as_text(summary)
    assert "2 have an error. With alpine=3.22, 1 more would." in text
    assert "\x1b" not in text
    markdown = as_markdown(summary)
    assert "\\<img" in markdown
    assert "| AD201 | lz4 links it | 2 | 2 |" in markdown


def test_the_page_holds_everything_and_runs_nothing_of_a_repository(results: Results) -> None:
    page = "".join(as_html(summarized(results), results))
    data = re.search(r"<script id=data type=application/json>(.*?)</script>", page, re.DOTALL)
    assert data is not None
    table = json.loads(data[1])
    assert len(table["rows"]) == 5
    assert table["columns"][-1] == "when"
    assert "<b>1</b><span class=dim>repository not checked</span>" in page
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 2
    assert "http" not in re.sub(r"http-equiv", "", page)


def test_resume_goes_on_with_the_same_plan_only(results: Results, tmp_path: Path) -> None:
    results.close()
    path = tmp_path / "s.sqlite"
    with pytest.raises(ResultsError, match="already exists"):
        Results.create(path, PLAN, resume=False)
    with pytest.raises(ResultsError, match=r"another plan \(moves\)"):
        Results.create(path, {**PLAN, "moves": ""}, resume=True)
    again = Results.create(path, PLAN, resume=True)
    sources = [Source(f"r{number}", "folder", f"/src/r{number}") for number in range(7)]
    assert [number for number, _ in numbered(sources, again.done())] == [5, 6]


def test_files_that_are_no_results(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("text that is long enough to be no database, surely" * 20)
    for name, words in (("text.sqlite", "not a database"), ("missing.sqlite", "no such file")):
        with pytest.raises(ResultsError, match=words):
            Results.open(tmp_path / name)


def test_parquet_has_the_same_rows(results: Results, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    results.write_parquet(tmp_path / "s.parquet")
    table = parquet.read_table(tmp_path / "s.parquet")
    assert table.column_names == list(COLUMNS)
    assert [tuple(row.values()) for row in table.to_pylist()] == list(results.findings())
    assert table.schema.field("cause").metadata[b"meaning"].startswith(b"identical for")
