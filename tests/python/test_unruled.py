# ruff: noqa: E501 - the lines are test data
"""Compiled distributions that no rule covers, from the index or the build context, end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.run.analysis import Doctor, configure
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import resolver

GLIBC = "cp311-cp311-manylinux_2_17_x86_64"
SPLIT = """FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev postgresql-dev
COPY requirements.txt .
RUN pip install --prefix=/install -r requirements.txt
FROM python:3.11-alpine3.19
COPY --from=builder /install /usr/local
"""
LINKS = "from setuptools import setup, Extension\nsetup(name='linker', ext_modules=[Extension('linker', ['linker.c'], libraries=[{}])])\n"


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with serve(LocalIndex()) as found:
        yield found


Check = Callable[[LocalIndex, str], FileReport]


@pytest.fixture
def check(project: Callable[[Mapping[str, str]], Path], tmp_path: Path) -> Check:
    def run(index: LocalIndex, requirements: str, dockerfile: str = SPLIT) -> FileReport:
        root = project({"Dockerfile": dockerfile, "requirements.txt": f"-i {index.url}\n{requirements}"})
        return Doctor(configure(context=root), resolver=resolver(tmp_path, {"PIP_INDEX_URL": index.url})).check_file(
            root / "Dockerfile"
        )

    return run


def of(report: FileReport, code: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == code]


def said(report: FileReport, code: str) -> set[tuple[str, ...]]:
    return {finding.packages for finding in of(report, code)}


def test_what_setup_py_links_is_needed_to_build_and_to_run(index: LocalIndex, check: Check) -> None:
    index.add_wheel("linker", "1.0", GLIBC)
    index.add_sdist("linker", "1.0", [], {"setup.py": LINKS.format("'xml2'"), "linker.c": "#include <libxml/tree.h>\n"})
    report = check(index, "linker==1.0\n")
    (build,) = of(report, "AD101")
    assert (build.packages, build.confidence, build.need) == (("libxml2-dev",), "likely", "pc:libxml-2.0")
    assert ("source", "setup.py:2 links -lxml2 (linker 1.0)") in {(one.kind, one.detail) for one in build.evidence}
    (run,) = of(report, "AD201")
    assert (run.packages, run.confidence) == (("libxml2",), "likely")
    assert not of(report, "AD903")


def test_what_is_pure_today_was_not_always(index: LocalIndex, check: Check) -> None:
    files = {"setup.py": LINKS.format("'xml2'"), "linker.c": ""}
    for version in ("0.5", "99"):  # its wheels that are recorded are pure, and between these two
        index.add_sdist("slack-bolt", version, [], files)
    assert said(check(index, "slack-bolt==0.5\n"), "AD101") == {("libxml2-dev",)}
    assert said(check(index, "slack-bolt==99\n"), "AD101") == set()


def test_what_is_linked_only_by_accident(index: LocalIndex, check: Check) -> None:
    script = "from setuptools import setup, Extension\nimport pkgconfig\nlibs = []\nif pkgconfig.exists('liblz4'):\n    libs.append('lz4')\nsetup(ext_modules=[Extension('a', ['a.c'], libraries=libs)])\n"
    index.add_sdist("accident", "1.0", [], {"setup.py": script, "a.c": ""})
    report = check(index, "accident\n")
    assert said(report, "AD103") == {("lz4-dev",)}
    assert said(report, "AD201") == {("lz4-libs",)}
    assert not of(report, "AD101")  # without lz4-dev the build goes on without it
    (open_question,) = of(report, "AD903")
    assert "setup.py:5: whether libs.append('lz4') is executed is decided at run time" in open_question.message


def test_headers_alone_are_not_linked(index: LocalIndex, check: Check) -> None:
    index.add_sdist("reader", "1.0", [], {"setup.py": LINKS.format(""), "linker.c": "#include <linux/i2c-dev.h>\n#include <zlib.h>\n"})  # fmt: skip
    report = check(index, "reader\n")
    assert said(report, "AD101") == {("linux-headers",), ("zlib-dev",)}
    assert not of(report, "AD201")


def test_what_nobody_knows_is_said_and_not_guessed(index: LocalIndex, check: Check) -> None:
    index.add_sdist("odd", "1.0", [], {"setup.py": LINKS.format("'unheardof'"), "linker.c": "#include <unheardof/core.h>\n#ifdef _WIN32\n#include <windows.h>\n#endif\n"})  # fmt: skip
    report = check(index, "odd\n")
    (notice,) = of(report, "AD903")
    assert notice.message == (
        "odd is compiled, and its sources do not show everything it needs: setup.py:2 links -lunheardof;"
        " linker.c:1 includes unheardof/core.h"
    )
    assert not of(report, "AD101")
    assert report.unknown == 1


def test_a_library_that_only_the_index_of_the_release_knows(index: LocalIndex, check: Check) -> None:
    build = "project('m', 'c')\ndependency('libnatpmp', required: false)\ndependency('libconfig')\n"
    index.add_sdist("mesonic", "1.0", [], {"meson.build": build, "pyproject.toml": "[build-system]\nrequires = ['meson-python']\nbuild-backend = 'mesonpy'\n"})  # fmt: skip
    report = check(index, "mesonic\n")
    assert said(report, "AD101") == {("libconfig-dev",)}
    assert {finding.need for finding in of(report, "AD201")} == {"so:libconfig.so.11"}


def test_build_requirements_bring_their_tools(index: LocalIndex, check: Check) -> None:
    index.add_sdist("rusty", "1.0", [], {"pyproject.toml": "[build-system]\nrequires = [\n  'maturin>=1',\n]\nbuild-backend = 'maturin'\n", "Cargo.toml": "[package]\n"})  # fmt: skip
    report = check(index, "rusty\n")
    assert {finding.need for finding in of(report, "AD102")} == {"cmd:cargo"}  # it brings rustc along
    assert all(finding.confidence == "likely" for finding in of(report, "AD102"))
    details = {one.detail for finding in of(report, "AD102") for one in finding.evidence}
    assert "pyproject.toml:3, build requirement maturin>=1: rust (rusty 1.0)" in details


@pytest.mark.parametrize(
    ("tag", "needed"), [("py3-none-musllinux_1_2_x86_64", False), ("py3-none-manylinux_2_17_x86_64", True)]
)
def test_cmake_is_needed_where_its_own_wheel_does_not_fit(
    index: LocalIndex, check: Check, tag: str, needed: bool
) -> None:
    index.add_wheel("cmake", "4.0", tag)
    index.add_sdist("cmake", "4.0")
    index.add_wheel("ninja", "1.13", "py3-none-musllinux_1_2_x86_64")
    lists = "project(c LANGUAGES C)\nfind_package(Python REQUIRED)\nfind_package(ZLIB REQUIRED)\n"
    index.add_sdist("built", "1.0", [], {"CMakeLists.txt": lists, "pyproject.toml": "[build-system]\nrequires = ['scikit-build-core']\nbuild-backend = 'scikit_build_core.build'\n"})  # fmt: skip
    report = check(index, "built\n")
    assert said(report, "AD101") == {("zlib-dev",)}
    assert said(report, "AD102") == ({("cmake",)} if needed else set())


def test_a_pure_distribution_without_a_wheel_needs_nothing(index: LocalIndex, check: Check) -> None:
    index.add_sdist("plain", "1.0", [], {"setup.py": "from setuptools import setup\nsetup(name='plain')\n"})
    report = check(index, "plain\n")
    assert report.findings == ()


def test_an_extension_that_may_fail_insists_on_nothing(index: LocalIndex, check: Check) -> None:
    script = f"class BuildFailed(Exception): pass\n{LINKS.format(chr(39) + 'xml2' + chr(39))}"
    index.add_sdist("tolerant", "1.0", [], {"setup.py": script, "linker.c": ""})
    report = check(index, "tolerant\n", SPLIT.replace("gcc musl-dev ", ""))
    assert not of(report, "AD101")
    assert not of(report, "AD102")


def test_a_release_younger_than_its_rule_may_have_changed_language(index: LocalIndex, check: Check) -> None:
    index.add_sdist(
        "lz4", "99.0", [], {"pyproject.toml": "[build-system]\nrequires = ['setuptools', 'setuptools-rust']\n"}
    )
    report = check(index, "lz4\n")
    assert {finding.need for finding in of(report, "AD102")} == {"cmd:cargo"}  # it brings rustc along
    assert said(report, "AD103") == {("lz4-dev",)}  # the rule still tells what it links


# -- projects of the context: no network -----------------------------------------------------------------------------

LOCAL = "FROM python:3.12-alpine3.21\nRUN apk add --no-cache gcc musl-dev\nWORKDIR /app\nCOPY . .\nRUN pip install .\n"


def offline(
    project: Callable[[Mapping[str, str]], Path], files: Mapping[str, str], dockerfile: str = LOCAL
) -> FileReport:
    root = project({"Dockerfile": dockerfile, **files})
    return Doctor(configure(context=root)).check_file(root / "Dockerfile")


def test_a_project_with_extensions_is_read_offline(project: Callable[[Mapping[str, str]], Path]) -> None:
    files = {
        "pyproject.toml": "[project]\nname = 'own'\nversion = '1'\n[build-system]\nrequires = ['setuptools', 'cython']\n",
        "setup.py": "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('own', ['src/own.c'], libraries=['yaml'])])\n",
        "src/own.c": "#include <yaml.h>\n",
        "node_modules/x/bad.c": "#include <nothing.h>\n",
    }
    report = offline(project, files)
    (build,) = of(report, "AD101")
    assert (build.packages, build.confidence) == (("yaml-dev",), "likely")
    assert any(one.detail.startswith("setup.py:2 links -lyaml (the project in ") for one in build.evidence)
    assert not said(report, "AD201")  # yaml-dev brings the library
    assert not of(report, "AD903")


def test_extensions_in_pyproject_toml(project: Callable[[Mapping[str, str]], Path]) -> None:
    table = "[project]\nname = 'own'\nversion = '1'\n[[tool.setuptools.ext-modules]]\nname = 'own'\nsources = ['own.c']\nlibraries = ['z']\n"
    report = offline(project, {"pyproject.toml": table, "own.c": "#include <zlib.h>\n"})
    assert said(report, "AD101") == {("zlib-dev",)}


def test_a_maturin_project_wants_rust(project: Callable[[Mapping[str, str]], Path]) -> None:
    table = "[project]\nname = 'own'\nversion = '1'\n[build-system]\nrequires = ['maturin>=1.7,<2']\nbuild-backend = 'maturin'\n"
    report = offline(project, {"pyproject.toml": table, "Cargo.toml": "[package]\n"})
    assert {finding.need for finding in of(report, "AD102")} == {"cmd:cargo"}  # it brings rustc along


def test_a_pure_project_is_silent(project: Callable[[Mapping[str, str]], Path]) -> None:
    report = offline(project, {"pyproject.toml": "[project]\nname = 'own'\nversion = '1'\n"})
    assert not [finding for finding in report.findings if finding.distribution and finding.distribution.name == "own"]


EXTERNAL = """[project]
name = "own"
version = "1"

[external]
build-requires = ["dep:virtual/compiler/cxx", "dep:generic/swig", "dep:generic/visualstudio; sys_platform == 'win32'"]
host-requires = [
  "dep:generic/libxml2",
  "dep:generic/never-heard-of",
]
dependencies = ["dep:generic/ffmpeg", "pkg:generic/git@2.40"]
"""


def test_external_tables_are_needs(project: Callable[[Mapping[str, str]], Path]) -> None:
    report = offline(project, {"pyproject.toml": EXTERNAL})
    assert said(report, "AD101") == {("libxml2-dev",)}
    assert {finding.need for finding in of(report, "AD102")} == {"cmd:g++", "cmd:swig"}
    assert said(report, "AD203") == {("ffmpeg",), ("git",)}
    (notice,) = of(report, "AD903")
    assert "pyproject.toml:9 names generic/never-heard-of as [external]" in notice.message
    details = {one.detail for finding in report.findings for one in finding.evidence}
    assert any(detail.startswith("pyproject.toml:8 names generic/libxml2 as [external]") for detail in details)


@pytest.mark.parametrize(
    ("install", "built"),
    [
        ("poetry install", True),
        ("poetry install --no-root", False),
        ("uv sync", True),
        ("uv sync --no-install-project", False),
        ("pdm install", True),
        ("pdm install --no-self", False),
    ],
)
def test_installers_of_projects_build_the_project_itself(
    project: Callable[[Mapping[str, str]], Path], install: str, built: bool
) -> None:
    files = {
        "pyproject.toml": "[project]\nname = 'own'\nversion = '1'\n[build-system]\nrequires = ['setuptools']\n",
        "setup.py": LINKS.format("'yaml'"),
        "linker.c": "",
    }
    report = offline(project, files, LOCAL.replace("pip install .", install))
    assert said(report, "AD101") == ({("yaml-dev",)} if built else set())
