"""AD504: what no package helps against, and the ways out of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.checks.toolchain import toolchains
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.toolchains import PACKAGES, check, disagrees
from dockerlint_alpine.knowledge.validate import judged

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import FileReport, Finding
    from tests.conftest import Judge

TOOLS = "RUN apk add --no-cache gcc musl-dev cargo libffi-dev openssl-dev cmake make g++\n"
CRYPTOGRAPHY = "pip install --no-binary :all: cryptography==43.0.1"
TABLE = toolchains(Knowledge.open())


def hopeless(report: FileReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "AD504"]


def about(report: FileReport, name: str) -> list[str]:
    of = (one for one in report.findings if one.distribution is not None and one.distribution.name == name)
    return sorted({one.code for one in of})


def test_rust_of_the_release_is_too_old(judge: Judge) -> None:
    report = judge(f"FROM python:3.10-alpine3.16\n{TOOLS}RUN {CRYPTOGRAPHY}\n")
    (finding,) = (one for one in hopeless(report) if one.distribution and one.distribution.name == "cryptography")
    assert "needs Rust 1.65 or newer; Alpine 3.16 has 1.60, no package helps: " in finding.message
    assert "use Alpine 3.18 or later" in finding.message
    assert (finding.fix, finding.packages) == (None, ())


def test_a_release_that_is_not_recorded_has_no_newer_tools_than_the_next(judge: Judge) -> None:
    report = judge(f"FROM alpine:3.11\n{TOOLS}RUN apk add python3 python3-dev && {CRYPTOGRAPHY}\n")
    (finding,) = (one for one in hopeless(report) if one.distribution and one.distribution.name == "cryptography")
    assert "Alpine 3.11 has at most 1.44, no package helps: " in finding.message
    assert "AD102" not in about(report, "cryptography")
    assert (TABLE.at_most("rust", "3.7"), TABLE.at_most("rust", "edge")) == ("1.31", None)


def test_no_distribution_with_rust_is_older_than_stable_rust_for_python(judge: Judge) -> None:
    text = f"FROM alpine:3.8\n{TOOLS}RUN apk add python3 python3-dev && pip3 install orjson==2.6.0\n"
    (finding,) = hopeless(judge(text))
    assert "needs Rust 1.39 or newer; Alpine 3.8 has at most 1.31" in finding.message


def test_the_tools_that_cannot_help_are_not_proposed(judge: Judge) -> None:
    report = judge(f"FROM python:3.10-alpine3.16\nRUN {CRYPTOGRAPHY}\n")
    assert not {"AD101", "AD102"} & set(about(report, "cryptography"))


@pytest.mark.parametrize(
    "text",
    [
        f"FROM python:3.12-alpine3.20\n{TOOLS}RUN {CRYPTOGRAPHY}\n",
        f"FROM python:3.10-alpine3.16\n{TOOLS}RUN wget -O- https://sh.rustup.rs | sh -s -- -y && {CRYPTOGRAPHY}\n",
        "FROM python:3.10-alpine3.16\nRUN pip install cryptography==43.0.1\n",
        f"FROM python:3.10-alpine3.16\n{TOOLS}RUN pip install --no-binary :all: lz4==4.4.5\n",
    ],
)
def test_a_tool_that_is_new_enough_or_comes_from_elsewhere(judge: Judge, text: str) -> None:
    assert not [one for one in hopeless(judge(text)) if "cryptography" in one.message or "lz4" in one.message]


@pytest.mark.parametrize(("python", "found"), [("3.12", False), ("3.13", False), ("3.14", True)])
def test_bindings_that_do_not_know_this_python(judge: Judge, python: str, found: bool) -> None:
    text = f"FROM python:{python}-alpine3.22\n{TOOLS}RUN pip install --no-binary :all: pydantic-core==2.33.2\n"
    messages = [one.message for one in hopeless(judge(text))]
    assert any("can be compiled for Python 3.13 at most, not 3.14" in message for message in messages) == found
    forward = text.replace("RUN pip", "ENV PYO3_USE_ABI3_FORWARD_COMPATIBILITY=1\nRUN pip")
    assert not [one for one in hopeless(judge(forward)) if "at most" in one.message]


C = "RUN apk add --no-cache gcc g++ musl-dev libxml2-dev libxslt-dev yaml-dev\n"


@pytest.mark.parametrize(
    ("python", "what", "says"),
    [
        (
            "3.11",
            "aiohttp==3.8.1",
            "aiohttp 3.8.1 is compiled here and can be compiled for Python 3.10 at most, not 3.11",
        ),
        ("3.12", "yarl==1.8.2", "yarl 1.8.2 is compiled here and can be compiled for Python 3.11 at most, not 3.12"),
        ("3.13", "lxml==4.9.3", "lxml 4.9.3 is compiled here and can be compiled for Python 3.12 at most, not 3.13"),
        ("3.10", "aiohttp==3.8.1", ""),
        ("3.11", "yarl==1.8.2", ""),
    ],
)
def test_sources_that_a_newer_python_does_not_compile(judge: Judge, python: str, what: str, says: str) -> None:
    text = f"FROM python:{python}-alpine3.19\n{C}RUN pip install --no-binary :all: {what}\n"
    messages = [one.message for one in hopeless(judge(text)) if one.message.startswith(what.partition("=")[0])]
    assert [one.partition(", no package helps")[0] for one in messages] == ([says] if says else [])


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("pip install PyYAML==6.0", True),
        ("pip install --no-build-isolation PyYAML==6.0", False),
        ("PIP_CONSTRAINT=/c.txt pip install PyYAML==6.0", False),
        ("pip install -c c.txt PyYAML==6.0", False),
        ("pip install PyYAML==6.0.1", False),
    ],
)
def test_what_a_build_takes_from_the_index(judge: Judge, command: str, found: bool) -> None:
    """PyYAML goes on without its extension, but not where its setup.py fails."""
    report = judge(f"FROM python:3.12-alpine3.19\n{C}RUN {command}\n")
    messages = [one.message for one in hopeless(report)]
    assert bool(messages) == found
    if found:
        assert "its build uses the newest Cython, but Cython 3 and later reject it" in messages[0]
        assert "constrain the build to cython<3" in messages[0]


@pytest.mark.parametrize(("day", "found"), [("2023-07-16", False), ("2023-07-17", True)])
def test_the_newest_on_the_index_is_that_of_the_day(judge: Judge, day: str, found: bool) -> None:
    report = judge(f"FROM python:3.10-alpine3.17\n{C}RUN pip install PyYAML==6.0\n", as_of=day)
    assert bool(hopeless(report)) == found


def test_setuptools_without_pkg_resources_is_for_pythons_that_have_it(judge: Judge) -> None:
    """setuptools 82 asks for Python 3.9: an older Python gets an older one."""
    text = "FROM python:{}-alpine3.18\nRUN apk add g++ musl-dev\nRUN pip install --no-binary pandas pandas==1.3.5\n"
    assert ["setuptools 82" in one.message for one in hopeless(judge(text.format("3.10")))] == [True]
    assert not hopeless(judge(text.format("3.8")))


@pytest.mark.parametrize(
    ("what", "limit", "passes", "fails", "switch"),
    [
        ("lru-dict==1.1.8", "14", "3.20", "3.21", "-fpermissive"),
        ("lxml==4.9.4", "14", "3.20", "3.22", "-fpermissive"),
        ("python-crfsuite==0.9.10", "14", "3.20", "3.23", "-fpermissive"),
        ("setproctitle==1.2.3", "15", "3.22", "3.23", "-std=gnu17"),
        ("uWSGI==2.0.28", "15", "3.22", "3.23", "-std=gnu17"),
    ],
)
def test_c_that_a_newer_gcc_refuses(judge: Judge, what: str, limit: str, passes: str, fails: str, switch: str) -> None:
    text = "FROM python:3.11-alpine{}\n{}{}RUN pip install --no-binary :all: {}\n"
    (finding,) = hopeless(judge(text.format(fails, C, "", what)))
    assert (
        f"its C code is rejected by GCC {limit} and later; Alpine {fails} has {TABLE.version('gcc', fails)}"
        in finding.message
    )
    assert finding.message.endswith(f"set CFLAGS={switch}; use Alpine {passes} or earlier")
    assert not hopeless(judge(text.format(passes, C, "", what)))
    assert not hopeless(judge(text.format(fails, C, f"ENV CFLAGS={switch}\n", what)))


def test_numpy_2_refuses_c_that_cython_made_for_an_older_one(judge: Judge) -> None:
    """TA-Lib's setup.py asks for whatever numpy is the newest; from 0.4.31 on for one before 2."""
    text = "FROM python:3.11-alpine3.19\nRUN apk add gcc musl-dev\nRUN pip install TA-Lib=={}\n"
    (finding,) = hopeless(judge(text.format("0.4.30")))
    assert "its build uses the newest numpy, but numpy 2 and later reject it" in finding.message
    assert not hopeless(judge(text.format("0.4.31")))


def test_an_old_pip_is_upgraded_first(judge: Judge) -> None:
    text = "FROM alpine:3.13\nRUN apk add py3-pip python3-dev gcc musl-dev libffi-dev openssl-dev cargo\n"
    report = judge(f"{text}RUN pip3 install cryptography==43.0.1\n")
    (finding,) = (one for one in hopeless(report) if "cryptography" in one.message)
    assert re.search(
        r"no package helps: upgrade pip first \(pip 20[\d.]* does not support musllinux wheels\)", finding.message
    )


def test_the_table_is_sound() -> None:
    assert len(TABLE.names()) >= 60
    check(Knowledge.open().document("toolchains"))
    for name in TABLE.names():
        for demand in TABLE.demands(name):
            assert SpecifierSet(demand.versions)
            assert Version(demand.version)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"releases": {"3.20": {"rust": "1.78"}}}, "releases.3.20: must have rust, cmake"),
        (
            {"releases": {"3.20": {"rust": "new", "cmake": "3", "gcc": "13", "python": "3.12"}}},
            "Expected a version such as '1.75'",
        ),
        ({"distributions": {"A.b": []}}, "is not a normalised name"),
        ({"distributions": {"a": [{"versions": "==1", "evidence": ["a 1: it says so"]}]}}, "asks for nothing"),
        (
            {"distributions": {"a": [{"versions": "==1", "rust": "1", "cmake": "3", "evidence": ["a"]}]}},
            "rust and cmake",
        ),
        ({"distributions": {"a": [{"versions": "==1", "rust": "1.7"}]}}, "missing key `evidence`"),
        ({"distributions": {"abc": [{"versions": "==1", "rust": "1.7", "evidence": ["of b"]}]}}, "says nothing of abc"),
        ({"distributions": {"a": [{"versions": "one", "rust": "1.7", "evidence": ["a"]}]}}, "versions"),
        ({"distributions": {"a": [{"versions": "==1", "cython-before": "3", "evidence": ["a"]}]}}, "from-index.cython"),
        ({"distributions": {"a": [{"versions": "==1", "go": "3", "rust": "1", "evidence": ["a"]}]}}, "go"),
        ({"from-index": {"rust": {"1": "3.8"}}}, "is not a tool that a build takes from the index"),
        ({"since": {"cython": {"3": "2023-07-17"}}}, "since.cython.3: is not a version that from-index names"),
        ({"since": {"cython": {"3": "July"}}}, "Expected a date"),
        ({"more": {}}, "more"),
    ],
)
def test_what_the_table_may_not_say(change: dict[str, object], says: str) -> None:
    with pytest.raises(RuleError) as caught:
        check(change)
    assert says in str(caught.value)


def test_the_indexes_agree_with_the_table() -> None:
    store = IndexStore()
    seen = set()
    for release, arch in judged(store).items():
        for tool, version in TABLE.releases.get(release, {}).items():
            package = store.open(release, arch).package(PACKAGES[tool])
            assert package is not None
            assert not disagrees(version, package), (release, tool, package.version)
            seen.add(release)
    assert len(seen) >= 3


def test_a_newer_release_never_has_an_older_tool() -> None:
    releases = sorted(TABLE.releases, key=Version)
    for tool in ("rust", "cmake", "gcc", "python"):
        versions = [Version(TABLE.releases[release][tool]) for release in releases]
        assert versions == sorted(versions)
    assert TABLE.first_with("rust", "1.65", after="3.16") == "3.18"
    assert TABLE.first_with("rust", "9.0", after="3.16") is None
