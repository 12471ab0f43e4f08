"""What a build asks for before it starts is compiled at that moment, where no wheel fits, and gone after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.python.model import IndexOptions, Origin, RequirementSet, Resolution, Resolved, Verdict
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.stages.build_requirements import MAX_BUILDS, MAX_DEPTH, Asking, compiled_for_builds
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import resolver

SETUP = "from setuptools import setup\nsetup()\n"
NATIVE = "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('a', ['a.c'], libraries=['ffi'])])\n"


def built(requires: str) -> dict[str, str]:
    return {"setup.py": SETUP, "pyproject.toml": f"[build-system]\nrequires = {requires}\n"}


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    found = LocalIndex()
    found.add_wheel("setuptools", "80.0", "py3-none-any")
    found.add_sdist("plain", "1.0", [], built('["setuptools", "backend"]'))
    found.add_wheel("backend", "2.0", "py3-none-any", ["deep"])
    found.add_sdist("deep", "1.0", [], {**built('["setuptools", "native"]')})
    found.add_sdist("native", "3.0", [], {"setup.py": NATIVE, "a.c": "#include <ffi.h>\n"})
    with serve(found):
        yield found


Check = Callable[..., FileReport]


@pytest.fixture
def check(project: Callable[[Mapping[str, str]], Path], tmp_path: Path, index: LocalIndex) -> Check:
    def run(command: str, *, online: bool = True, apk: str = "", **files: str) -> FileReport:
        added = f"RUN apk add --no-cache {apk}\n" if apk else ""
        text = f"FROM python:3.12-alpine3.21\n{added}WORKDIR /src\nCOPY . .\nRUN {command}\n"
        names = {name.replace("__", "."): text for name, text in files.items()}
        root = project({"Dockerfile": text, **names})
        way = resolver(tmp_path, {"PIP_INDEX_URL": index.url}) if online else None
        return Doctor(configure(context=root), resolver=way).check_file(root / "Dockerfile")

    return run


def of(report: FileReport, code: str) -> list[Finding]:
    return [one for one in report.findings if one.code == code]


def test_a_pure_distribution_whose_build_compiles_something(check: Check) -> None:
    report = check("pip install plain==1.0")
    assert {package for one in of(report, "AD102") for package in one.packages} == {"gcc", "musl-dev"}
    (library,) = of(report, "AD101")
    assert library.packages == ("libffi-dev",)
    chain = library.evidence[0].detail
    assert "plain -> its build -> backend -> deep -> its build (resolves to native 3.0)" in chain
    assert not of(report, "AD201")  # it is gone where the image runs


def test_what_it_needs_is_not_called_superfluous(check: Check) -> None:
    report = check("pip install plain==1.0", apk="gcc musl-dev libffi-dev")
    assert {one.code for one in report.findings} <= {"AD401"}


def test_without_isolation_the_stage_is_all_there_is(check: Check) -> None:
    report = check("pip install --no-build-isolation plain==1.0")
    assert not of(report, "AD101")
    assert not of(report, "AD102")


def test_poetry_builds_with_what_it_has(check: Check) -> None:
    pyproject = (
        '[tool.poetry]\nname = "x"\nversion = "1"\ndescription = ""\nauthors = []\n'
        '[build-system]\nrequires = ["native"]\nbuild-backend = "poetry.core.masonry.api"\n'
    )
    for command, packages in (("poetry build", set()), ("python -m build", {"libffi-dev"})):
        report = check(command, pyproject__toml=pyproject)
        assert {package for one in of(report, "AD101") for package in one.packages} == packages


def test_a_project_of_the_context(check: Check) -> None:
    files = {"pyproject__toml": '[build-system]\nrequires = ["setuptools", "native"]\n[project]\nname = "own"\n'}
    report = check("pip install .", **files)
    (library,) = of(report, "AD101")
    assert library.packages == ("libffi-dev",)
    assert "own" in library.evidence[0].detail


def test_recorded_facts_do_for_a_project(check: Check) -> None:
    """Without a network: cffi has no wheel for musl on this machine, and a rule says what compiling it takes."""
    text = '[build-system]\nrequires = ["setuptools", "uwsgi==2.0.31"]\n[project]\nname = "own"\nversion = "1"\n'
    report = check("pip install .", online=False, pyproject__toml=text)
    assert "gcc" in {package for one in of(report, "AD102") for package in one.packages}


def made_of(name: str) -> Resolution:
    chain = ("r.txt:1", name)
    verdict = Verdict("sdist", "no wheel", "index")
    return Resolution((Resolved(name, "1.0", (), chain, Origin("r.txt", 1), verdict),))


def test_builds_within_builds_end() -> None:
    asked: list[str] = []

    def resolve(wanted: RequirementSet) -> Resolution:
        (one,) = wanted.requested
        asked.append(one.name or "")
        return made_of(one.name or "")

    start = [Asking(("r.txt:1",), Origin("r.txt", 1), ("b0",))]
    found = list(compiled_for_builds(start, IndexOptions(), resolve, lambda one: (f"b{int(one.name[1:]) + 1}",)))
    assert [one.name for one in found] == [f"b{depth}" for depth in range(MAX_DEPTH)]


def test_many_builds_are_bounded_and_a_circle_ends() -> None:
    start = [Asking(("r.txt:1",), Origin("r.txt", 1), (f"n{number}",)) for number in range(MAX_BUILDS * 2)]
    resolve: Callable[[RequirementSet], Resolution] = lambda wanted: made_of(wanted.requested[0].name or "")  # noqa: E731
    assert len(list(compiled_for_builds(start, IndexOptions(), resolve, lambda _: ()))) == MAX_BUILDS
    circle = compiled_for_builds(start[:1], IndexOptions(), resolve, lambda one: (one.name,))
    assert [one.name for one in circle] == ["n0"]


def test_a_rule_tells_what_its_build_asks_for_without_an_index(project: Callable[[Mapping[str, str]], Path]) -> None:
    text = "FROM python:3.7-alpine3.11\nRUN apk add gcc musl-dev make && pip install gevent=={} greenlet==0.4.17\n"
    for version, packages in (("1.5.0", {"libffi-dev", "g++"}), ("1.4.0", set[str]())):  # greenlet 1.0 and later is C++
        root = project({"Dockerfile": text.format(version)})
        report = Doctor(configure(context=root)).check_file(root / "Dockerfile")
        found = (*of(report, "AD101"), *of(report, "AD102"))
        assert {package for one in found for package in one.packages} == packages
