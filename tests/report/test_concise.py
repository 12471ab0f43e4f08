from __future__ import annotations

from dockerlint_alpine.model.reports import Report
from dockerlint_alpine.report import RenderOptions, render

from . import scenes


def test_the_line() -> None:
    first, *_, last = render(Report((scenes.netra(),)), "concise", options=RenderOptions()).splitlines()
    assert first.startswith("docker/backend.alpine.Dockerfile:7:5: AD103 [*] lz4 4.4.5 links liblz4 only because")
    assert last.startswith("Found 1 error, 1 warning and 1 note in 1 Dockerfile")


def test_unsafe_fixes_have_no_star() -> None:
    text = render(Report((scenes.single(),)), "concise", options=RenderOptions())
    assert ": AD102 nothing" in text


def test_one_line_each() -> None:
    report = scenes.everything()
    lines = render(report, "concise", options=RenderOptions()).split("\n")
    notes = sum(len(file.notes) for file in report.files)
    assert len(lines) == len(report.findings) + notes + len(report.errors) + 2
