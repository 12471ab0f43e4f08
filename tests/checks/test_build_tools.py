"""AD102 where several tools lack at once, and how sure it and its neighbours are where an index stands in for another."""

from __future__ import annotations

import pytest

from tests.conftest import Judge, said

NUMPY = "FROM {base}\nRUN apk add --no-cache {packages}\nRUN pip install --no-binary numpy numpy==1.24.4\n"


def test_rust_comes_along_with_cargo(judge: Judge) -> None:
    report = judge("FROM python:3.7.3-alpine3.19\nRUN apk add --no-cache gcc musl-dev\nRUN pip install bcrypt==4.0.1\n")
    assert [packages for code, packages, _ in said(report) if code == "AD102"] == [("cargo",)]


@pytest.mark.parametrize(
    ("brings", "lacks"),
    [
        ("RUN apk add rustup && rustup-init -y\nENV PATH=/root/.cargo/bin:$PATH", False),
        ("RUN wget -qO- https://sh.rustup.rs | sh -s -- -y\nENV PATH=/root/.cargo/bin:$PATH", False),
        ("RUN ln -s /opt/rust/bin/cargo /usr/bin/cargo", False),
        ("COPY --from=rust:1-alpine /usr/local/cargo /usr/local/cargo\nENV PATH=/usr/local/cargo/bin:$PATH", False),
        ("RUN rm -rf /root/.cargo/registry", True),
    ],
)
def test_a_rust_that_the_dockerfile_brings_is_not_missing(judge: Judge, brings: str, lacks: bool) -> None:
    packages = "gcc musl-dev openssl-dev libffi-dev"
    text = f"FROM python:3.9-alpine3.15\nRUN apk add {packages}\n{brings}\nRUN pip install --no-binary :all: bcrypt==4.0.1\n"
    assert bool(judge(text, select=["AD102"]).findings) is lacks


def test_the_compiler_comes_along_with_that_for_cplusplus(judge: Judge) -> None:
    report = judge(NUMPY.format(base="python:3.11-alpine3.19", packages="bash"))
    lacking = {packages for code, packages, _ in said(report) if code == "AD102"}
    assert ("g++",) in lacking
    assert ("gcc",) not in lacking


def test_the_compiler_is_named_where_something_else_wants_it(judge: Judge) -> None:
    text = NUMPY.format(base="python:3.11-alpine3.19", packages="bash").replace(
        "numpy==1.24.4", "numpy==1.24.4 lz4==4.4.5"
    )
    (compiler,) = (one for one in judge(text).findings if one.packages == ("g++",))
    (brought,) = (also for also in compiler.brought if also.packages == ("gcc",))
    assert {one.name for one in brought.distributions} == {"lz4", "numpy"}


def test_one_sentence_names_who_needs_what_and_where_it_lacks(judge: Judge) -> None:
    text = "FROM python:3.11-alpine3.19\nRUN {}pip install lz4==4.4.5{}\n"
    messages = [
        next(one.message for one in judge(text.format(*case)).findings if one.packages == ("gcc",))
        for case in (("", ""), ("", " psycopg2==2.9.9"), ("test -e /x && apk add gcc; ", ""))
    ]
    assert messages == [
        "lz4 4.4.5 is compiled here and needs gcc, which is not in this stage: add gcc",
        "lz4 4.4.5 and psycopg2 2.9.9 are compiled here and need gcc, which is not in this stage: add gcc",
        "lz4 4.4.5 is compiled here and needs gcc, which only a branch that may not run brings to this stage",
    ]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [("greenlet==3.0.3", "compiling c++ takes cmd:g++"), ("numpy==1.24.4", "the build of numpy takes cmd:g++")],
)
def test_a_tool_is_asked_for_by_the_language_or_by_the_build(judge: Judge, wanted: str, why: str) -> None:
    report = judge(f"FROM python:3.11-alpine3.19\nRUN pip install --no-binary :all: {wanted}\n", select=["AD102"])
    (finding,) = (one for one in report.findings if one.need == "cmd:g++")
    assert next(one.detail for one in finding.evidence if one.kind == "rule").startswith(why)


def test_what_is_too_old_is_not_proposed(judge: Judge) -> None:
    text = "FROM python:3.8-alpine3.12\nRUN apk add --no-cache gcc musl-dev openssl-dev libffi-dev\n"
    report = judge(f"{text}RUN pip install --no-binary cryptography cryptography==43.0.0\n")
    assert not [finding for finding in report.findings if finding.code == "AD102"]
    (finding,) = [finding for finding in report.findings if finding.code == "AD504"]
    assert "needs Rust 1.65 or newer; Alpine 3.12 has 1.44" in finding.message
    assert finding.fix is None


def test_an_older_index_does_not_tell_how_old_a_tool_is(judge: Judge) -> None:
    """3.24 has no index of its own here; that of 3.22 stands in and has an older Rust."""
    text = "FROM python:3.14-alpine3.24\nRUN pip install --no-binary pydantic-core pydantic-core==2.50.4\n"
    assert not [finding for finding in judge(text).findings if "or newer" in finding.message]


# -- one repository of the release at hand, the other not ------------------------------------------------------------

LZ4 = "FROM python:3.11-alpine{alpine}\nRUN apk add --no-cache gcc musl-dev {more}\nRUN pip install lz4==4.4.5\n"


def test_a_package_of_an_index_at_hand_is_certain(judge: Judge) -> None:
    """Of 3.20 there is main, not community: all that counts here is in main."""
    report = judge(LZ4.format(alpine="3.20", more="").replace("gcc ", ""))
    (finding,) = [finding for finding in report.findings if finding.code == "AD102"]
    assert (finding.code, finding.packages, finding.confidence) == ("AD102", ("gcc",), "certain")
    (index,) = [evidence.detail for evidence in finding.evidence if evidence.kind == "index"]
    assert index.startswith("cmd:gcc is provided by gcc 13.")
    assert index.endswith(" in Alpine 3.20 main")


def test_a_package_of_a_stand_in_is_likely_and_says_whose_version_it_shows(judge: Judge) -> None:
    report = judge(LZ4.format(alpine="3.13", more="").replace("gcc ", ""))
    (finding,) = [finding for finding in report.findings if finding.code == "AD102"]
    assert finding.confidence == "likely"
    (index,) = [evidence.detail for evidence in finding.evidence if evidence.kind == "index"]
    assert index.startswith("cmd:gcc is provided by gcc in Alpine 3.13 main, going by Alpine 3.12, where it is 9.")


@pytest.mark.parametrize(("more", "sure"), [("lz4-dev", "certain"), ("lz4-dev py3-numpy", "likely")])
def test_what_a_stand_in_brings_into_the_stage_counts(judge: Judge, more: str, sure: str) -> None:
    text = LZ4.format(alpine="3.20", more=more)
    text += "RUN apk del lz4-dev\n"
    (finding,) = [finding for finding in judge(text).findings if finding.code == "AD202"]
    assert (finding.packages, finding.confidence) == (("lz4-libs",), sure)


LGPIO = """import os
from setuptools import setup, Extension
if os.environ.get("PYPI", "0") == "1":
    ext = []
else:
    ext = [Extension("_foo", sources=["foo.i"])]
setup(name="foo", version="1", ext_modules=ext)
"""


@pytest.mark.parametrize(("env", "packages"), [("", {"gcc", "musl-dev", "swig"}), ("ENV PYPI=1\n", set())])
def test_a_setup_py_that_asks_the_environment(judge: Judge, env: str, packages: set[str]) -> None:
    """A project that has a setup.py alone: its name is there, too."""
    text = f"FROM python:3.11-alpine3.19\nWORKDIR /app\n{env}COPY . .\nRUN pip install .\n"
    report = judge(text, {"setup.py": LGPIO, "foo.i": "%module foo\n"})
    assert {name for one in report.findings if one.code == "AD102" for name in one.packages} == packages


@pytest.mark.parametrize(
    ("python", "packages", "missing"),
    [
        ("3.12-alpine3.21", "gcc musl-dev", set()),
        ("3.12-alpine3.21", "make", {"cargo"}),  # what it fetches needs libgcc
        ("3.8-alpine3.20", "gcc musl-dev", {"cargo"}),
    ],
)
def test_maturin_fetches_a_rust_of_its_own(judge: Judge, python: str, packages: str, missing: set[str]) -> None:
    install = "pip install --no-binary rpds-py rpds-py==0.20.0"
    report = judge(f"FROM python:{python}\nRUN apk add {packages}\nRUN {install}\n")
    assert {name for one in report.findings if one.code == "AD102" for name in one.packages} == missing
    kept = judge(f"FROM python:{python}\nENV MATURIN_NO_INSTALL_RUST=1\nRUN apk add {packages}\nRUN {install}\n")
    assert {name for one in kept.findings if one.code == "AD102" for name in one.packages} == {"cargo"}


def test_what_platforms_say_alike_is_said_once(judge: Judge) -> None:
    """Whatever each of them has for a reason; as sure as the less sure one, where an index of another machine stands in."""
    report = judge(
        "FROM python:3.12-alpine3.21\nRUN pip install lz4==4.4.5\n", platforms=("linux/amd64", "linux/arm64")
    )
    found = [one for one in report.findings if one.code == "AD102"]
    assert [(one.packages, one.platforms, one.confidence) for one in found] == [
        (("gcc",), ("linux/amd64", "linux/arm64"), "likely"),
        (("musl-dev",), ("linux/amd64", "linux/arm64"), "likely"),
    ]


@pytest.mark.parametrize(
    ("what", "headers"), [("rpds-py==0.20.0", False), ("psutil==5.9.8", True), ("cffi==1.16.0", True)]
)
def test_rust_is_compiled_without_the_headers_of_python(judge: Judge, what: str, headers: bool) -> None:
    """As in Alpine's own recipes of py3-rpds-py and py3-pydantic-core."""
    text = f"FROM alpine:3.18\nRUN apk add --no-cache python3 py3-pip cargo\nRUN pip install --no-binary :all: {what}\n"
    packages = {package for one in judge(text).findings if one.code == "AD102" for package in one.packages}
    assert ("python3-dev" in packages) is headers
