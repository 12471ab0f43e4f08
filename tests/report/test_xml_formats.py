"""JUnit and Checkstyle, read by programs that read them elsewhere."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase
from msgspec.structs import replace

from dockerlint_alpine.model.reports import FileReport, Report
from dockerlint_alpine.report import RenderOptions, render
from dockerlint_alpine.report.encoding import xml_content, xml_tag

from . import scenes

TestCase.__test__ = False


def junit(report: Report) -> Any:
    return JUnitXml.fromstring(render(report, "junit", options=RenderOptions()).encode())


def test_junitparser_counts_what_the_suites_say() -> None:
    suites = junit(scenes.everything())
    said = (suites.tests, suites.failures, suites.errors, suites.skipped)
    suites.update_statistics()
    assert said == (suites.tests, suites.failures, suites.errors, suites.skipped) == (12, 8, 1, 1)


def test_junit_outcomes() -> None:
    suite = next(iter(junit(Report((scenes.netra(),)))))
    warning, info, error = list(suite)
    assert isinstance(warning.result[0], Failure)
    assert warning.result[0].type == "warning"
    assert info.is_passed
    assert "no musllinux wheel" in info.system_out
    assert isinstance(error.result[0], Failure)
    assert "lz4-libs 1.9.4-r5" in error.result[0].text


def test_junit_skips_what_could_not_be_judged_and_errs_on_unread_files() -> None:
    cases = [case for suite in junit(scenes.everything()) for case in suite]
    kinds = [type(case.result[0]) for case in cases if case.result]
    assert kinds.count(Skipped) == 1
    assert kinds.count(Error) == 1


def test_checkstyle() -> None:
    root = ET.fromstring(render(scenes.everything(), "checkstyle", options=RenderOptions()).encode())
    assert root.tag == "checkstyle"
    files = {file.get("name"): file for file in root}
    assert len(files) == len(scenes.everything().files) + 1
    error = files[scenes.NETRA_PATH][2]
    assert error.attrib == {
        "line": "16",
        "column": "1",
        "severity": "error",
        "message": scenes.missing_runtime_library().message,
        "source": "alpine-doctor.AD201",
    }


@given(st.text(), st.text())
def test_escaping_survives_a_real_parser(value: str, content: str) -> None:
    element = ET.fromstring(f"<{xml_tag('a', {'b': value})}>{xml_content(content)}</a>".encode())
    assert (element.get("b") or "") == _xml(value)
    assert (element.text or "") == _xml(content)


def _xml(text: str) -> str:
    """What XML can hold, by the ranges of its Char production."""

    def allowed(number: int) -> bool:
        return number in (9, 10, 13) or 0x20 <= number <= 0xD7FF or 0xE000 <= number <= 0xFFFD or number >= 0x10000

    return "".join(char if allowed(ord(char)) else "\ufffd" for char in text)


@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=20))
def test_any_text_gives_well_formed_xml(path: str, message: str) -> None:
    finding = replace(scenes.missing_runtime_library(), message=message)
    for format_ in ("junit", "checkstyle"):
        text = render(Report((FileReport(path, (finding,)),)), format_, options=RenderOptions())
        ET.fromstring(text.encode("utf-8"))
