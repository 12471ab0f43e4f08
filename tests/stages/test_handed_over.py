"""Wheels that one stage makes and another one installs: by name, version and kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.run.analysis import Doctor, configure
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import resolver

SETUP = "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('a', ['a.c'], libraries=['xml2'])])\n"
MAKE = """FROM python:3.12-alpine3.21 AS builder
RUN apk add --no-cache gcc musl-dev libxml2-dev
COPY r.txt .
RUN pip {verb} /wheels -r r.txt
FROM python:3.12-alpine3.21
COPY {text} .
{take}
"""
RUNS = "FROM python:3.12-alpine3.21\n"
COPIED = "COPY --from=builder /wheels /w\nRUN pip install --no-index --find-links /w -r {text}"
MOUNTED = "RUN --mount=from=builder,source=/wheels,target=/w pip install --no-index --find-links=/w -r {text}"


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    found = LocalIndex()
    found.add_wheel("top", "1.0", "py3-none-any", ["linker"])
    found.add_sdist("linker", "1.0", [], {"setup.py": SETUP, "a.c": ""})
    found.add_sdist("linker", "0.9", [], {"setup.py": SETUP, "a.c": ""})
    with serve(found):
        yield found


Check = Callable[..., FileReport]


@pytest.fixture
def check(project: Callable[[Mapping[str, str]], Path], tmp_path: Path, index: LocalIndex) -> Check:
    def run(take: str, made: str, taken: str | None = None, verb: str = "wheel -w") -> FileReport:
        text = "r.txt" if taken is None else "t.txt"
        files = {"r.txt": made} if taken is None else {"r.txt": made, "t.txt": taken}
        dockerfile = MAKE.format(take=take.format(text=text), text=text, verb=verb)
        root = project({"Dockerfile": dockerfile, **files})
        way = resolver(tmp_path, {"PIP_INDEX_URL": index.url})
        return Doctor(configure(context=root), resolver=way).check_file(root / "Dockerfile")

    return run


def of(report: FileReport, code: str) -> list[Finding]:
    return [one for one in report.findings if one.code == code]


@pytest.mark.parametrize("take", [COPIED, MOUNTED], ids=["copied", "mounted"])
def test_what_was_made_is_what_is_found(check: Check, take: str) -> None:
    """The library is missing where it runs, and no compiler where nothing is compiled."""
    report = check(take, "top\n")
    assert [one.packages for one in of(report, "AD201")] == [("libxml2",)]
    assert not of(report, "AD102")
    assert not of(report, "AD903")


def test_only_what_is_asked_for_is_taken(check: Check) -> None:
    report = check(COPIED, "top\nunrelated-pure; python_version < '3'\n", "linker\n")
    assert of(report, "AD201")
    assert not of(report, "AD903")


def test_another_version_than_lies_there_is_said(check: Check) -> None:
    report = check(COPIED, "linker==1.0\n", "linker==0.9\n")
    (said,) = of(report, "AD903")
    assert "linker 0.9 is asked for, and linker-1.0-" in said.message


def test_what_nobody_made_is_said(check: Check) -> None:
    report = check(COPIED, "linker\n", "linker\ntop\n")
    assert [one for one in of(report, "AD903") if "top" in one.message]


def test_a_folder_of_downloads_is_compiled_where_it_is_installed(check: Check) -> None:
    report = check(COPIED, "linker==1.0\n", verb="download -d")
    assert {package for one in of(report, "AD102") for package in one.packages} == {"gcc", "musl-dev"}


@pytest.mark.parametrize("quick", [False, True])
def test_a_folder_of_wheels_that_nobody_knows_is_no_question_to_an_index(
    project: Callable[[Mapping[str, str]], Path], tmp_path: Path, index: LocalIndex, quick: bool
) -> None:
    """Neither the index nor the recorded facts tell what lies there: nothing is said to be compiled."""
    install = "RUN pip install --no-index --find-links /wheels lz4 linker\n"
    root = project({"Dockerfile": f"FROM example.org/made:1 AS w\n{RUNS}COPY --from=w /wheels /wheels\n{install}"})
    way = resolver(tmp_path, {"PIP_INDEX_URL": index.url}, quick=quick)
    report = Doctor(configure(context=root), resolver=way).check_file(root / "Dockerfile")
    assert index.requests == []
    assert [one.code for one in report.findings if one.code.startswith("AD1")] == []
    (unknown,) = of(report, "AD903")
    assert unknown.message == "linker and lz4 are not known: --no-index leaves only /wheels"
