"""The fixtures and the issue's cases against the real index of the machine's configuration (``-m online``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.run.analysis import Doctor, configure
from tests.python.support import Asking

pytestmark = pytest.mark.online

AS_OF = "2026-10-01"
ONE = "FROM python:{python}-alpine{alpine}\nRUN {apk}pip install {what}\n"


@pytest.fixture
def ask(project: Callable[[Mapping[str, str]], Path], tmp_path: Path) -> Callable[..., FileReport]:
    def run(what: str, *, python: str = "3.12", alpine: str = "3.20", apk: str = "", **settings: object) -> FileReport:
        root = project({"Dockerfile": ONE.format(python=python, alpine=alpine, apk=apk, what=what)})
        resolver = Asking(tmp_path / "answers", dict(os.environ), as_of=AS_OF, timeout=120.0)
        configured = configure(context=root, as_of=AS_OF, select=["AD", "AD502"], **settings)
        return Doctor(configured, resolver=resolver).check_file(root / "Dockerfile")

    return run


def codes(report: FileReport, of: str) -> set[str]:
    return {one.code for one in report.findings if one.distribution is not None and one.distribution.name == of}


def notes(report: FileReport) -> list[str]:
    """What is said besides the day of Alpine's indexes."""
    return [note for note in report.notes if "the available index nearest to" not in note]


def test_the_fixture_of_the_readme(netra: Path, tmp_path: Path) -> None:
    resolver = Asking(tmp_path / "answers", dict(os.environ), as_of=AS_OF, timeout=120.0)
    report = Doctor(configure(as_of=AS_OF), resolver=resolver).check_file(
        netra / "docker" / "backend.alpine.Dockerfile"
    )
    (found,) = [one for one in report.findings if one.code == "AD201"]
    assert found.packages == ("lz4-libs",)
    assert found.distribution is not None
    assert found.distribution.origin[-2:] == ("clickhouse-connect", "lz4")
    assert any("index as of 2026-10-01" in one.detail for one in found.evidence)
    assert notes(report) == []


def test_the_python_decides(ask: Callable[..., FileReport]) -> None:
    assert "AD502" in codes(ask("lz4==4.3.2", python="3.13", alpine="3.21"), "lz4")
    assert codes(ask("lz4==4.3.2", python="3.8", alpine="3.19"), "lz4") == codes(
        ask("lz4==4.3.2", python="3.9", alpine="3.19"), "lz4"
    )


def test_the_architecture_decides(ask: Callable[..., FileReport]) -> None:
    assert codes(ask("cffi==1.17.1"), "cffi") == set()
    assert "AD101" in codes(ask("cffi==1.17.1", platforms=["linux/arm/v7"]), "cffi")


def test_a_distribution_that_no_rule_knows(ask: Callable[..., FileReport]) -> None:
    report = ask("pylzma==0.5.0")
    tools = [one for one in report.findings if one.code == "AD102"]
    assert {one.need for one in tools} == {"cmd:gcc", "musl-dev"}
    assert {one.confidence for one in tools} == {"likely"}
    assert any(one.kind == "source" and one.detail.startswith("setup.py:") for one in tools[0].evidence)


def test_a_release_whose_wheels_are_all_for_older_pythons(ask: Callable[..., FileReport]) -> None:
    report = ask("pymssql==2.2.5")
    assert notes(report) == []
    assert {"AD101", "AD502"} <= codes(report, "pymssql")


def test_extras(ask: Callable[..., FileReport]) -> None:
    assert codes(ask("'psycopg[binary]==3.2.9'"), "psycopg-binary") == set()
    assert "AD101" in codes(ask("'psycopg[c]==3.2.9'"), "psycopg-c")
    assert "AD101" not in {one.code for one in ask("'uvicorn[standard]==0.34.0'").findings}


def test_a_failed_resolution_names_the_requirement(ask: Callable[..., FileReport]) -> None:
    report = ask("'lz4==4.3.2' 'lz4==4.3.3'")
    (told,) = [one.message for one in report.findings if one.code == "AD903"]
    assert "lz4==4.3.2" in told
