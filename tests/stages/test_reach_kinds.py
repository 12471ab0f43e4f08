"""Kinds of false alarms met in public repositories, each with the case beside it that must still be said."""

from __future__ import annotations

import pytest

from tests.conftest import Judge

LZ4 = "RUN pip install lz4==4.4.5\n"


def found(report) -> set[tuple[str, str, str]]:
    return {(one.code, one.severity, one.confidence) for one in report.findings}


def test_a_digest_may_be_of_any_day(judge: Judge) -> None:
    digest = "sha256:" + "0" * 64
    pin = "RUN apk add gcc=~14\n"
    assert found(judge(f"FROM python:3.12-alpine@{digest}\n{pin}", select=["AD302"])) == {
        ("AD302", "warning", "possible")
    }
    assert ("AD302", "error", "likely") in found(judge(f"FROM python:3.12-alpine\n{pin}", select=["AD302"]))
    assert {one[1] for one in found(judge(f"FROM python:3.12-alpine3.24@{digest}\n{pin}", select=["AD302"]))} == {
        "error"
    }


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (f"FROM python:3.11-alpine3.19\n{LZ4}", "error"),
        (
            "FROM python:3.11-alpine3.19\nRUN pip install --index-url https://mirror.example/simple lz4==4.4.5\n",
            "error",
        ),
        (f"FROM python:3.11-alpine3.19\nENV PIP_EXTRA_INDEX_URL=https://own.example/simple\n{LZ4}", "warning"),
        ("FROM python:3.11-alpine3.19\nRUN pip install --extra-index-url https://own.example/ lz4==4.4.5\n", "warning"),
        ("FROM python:3.11-alpine3.19\nRUN pip install --find-links https://own.example/w lz4==4.4.5\n", "warning"),
        (f"FROM python:3.11-alpine3.19\nCOPY pip.conf /etc/\n{LZ4}", "warning"),
        (f"FROM python:3.11-alpine3.19\nCOPY pip.conf /opt/p\nENV PIP_CONFIG_FILE=/opt/p\n{LZ4}", "warning"),
        (f"FROM python:3.11-alpine3.19\nCOPY pip.conf /opt/p\n{LZ4}", "error"),
    ],
)
def test_another_index_may_have_a_wheel(judge: Judge, text: str, severity: str) -> None:
    files = {"pip.conf": "[global]\nextra-index-url =\n  https://own.example/simple\n"}
    assert {one.severity for one in judge(text, files, select=["AD102"]).findings} == {severity}


@pytest.mark.parametrize(
    ("packages", "wanted", "missing"),
    [
        ("python py-pip", "lz4==2.2.1", {"gcc", "musl-dev", "python2-dev"}),
        ("python python-dev py-pip gcc musl-dev", "lz4==2.2.1", set()),
        ("python py-pip py-lxml", "lxml", set()),  # there already
        ("python3", "lz4==3.1.3", {"gcc", "musl-dev", "python3-dev"}),
    ],
)
def test_python_2_is_not_taken_for_python_3(judge: Judge, packages: str, wanted: str, missing: set[str]) -> None:
    report = judge(f"FROM alpine:3.10\nRUN apk add {packages} && pip install {wanted}\n", select=["AD1", "AD9"])
    assert {name for one in report.findings for name in one.packages} == missing


def test_pip2_is_python_2_beside_python_3_too(judge: Judge) -> None:
    text = "FROM alpine:3.10\nRUN apk add python py2-pip python3 gcc musl-dev && {} install lz4==2.2.1\n"
    for pip, headers in (("pip2", "python2-dev"), ("pip3", "python3-dev")):
        assert [one.packages for one in judge(text.format(pip), select=["AD102"]).findings] == [(headers,)]


def test_bases_of_home_assistant(judge: Judge) -> None:
    text = "FROM {}\nRUN apk add python3 py3-pip && pip install six\n"
    assert not judge(text.format("ghcr.io/hassio-addons/base:19.0.0"), select=["AD304"]).findings
    assert judge(text.format("ghcr.io/home-assistant/amd64-base:3.22"), select=["AD304"]).findings


@pytest.mark.parametrize(("options", "compiled"), [("--no-deps --no-build-isolation", False), ("", True)])
def test_a_project_without_what_it_depends_on(judge: Judge, options: str, compiled: bool) -> None:
    files = {"pyproject.toml": "[project]\nname = 'x'\nversion = '1'\ndependencies = ['lz4==4.4.5']\n"}
    text = f"FROM python:3.12-alpine3.20\nWORKDIR /src\nCOPY . /src\nRUN pip install {options} .\n"
    assert any(one.code == "AD102" for one in judge(text, files).findings) is compiled


@pytest.mark.parametrize(
    ("second", "missing"),
    [
        ("thing[db]", {"libpq-dev"}),
        ("thing", set()),
        ("--no-deps thing[db]", set()),
    ],
)
def test_extras_of_a_project_that_is_installed_already(judge: Judge, second: str, missing: set[str]) -> None:
    project = (
        '[project]\nname = "thing"\ndynamic = ["version"]\n[project.optional-dependencies]\ndb = ["psycopg2==2.9.9"]\n'
    )
    text = (
        "FROM python:3.11-alpine3.17\nRUN apk add gcc musl-dev\nCOPY . /src\n"
        f"RUN pip install -e /src\nRUN pip install {second}\n"
    )
    report = judge(text, {"pyproject.toml": project}, select=["AD101", "AD9"])
    assert {name for one in report.findings for name in one.packages} == missing
    assert not [one.message for one in report.findings if one.code == "AD903"]


@pytest.mark.parametrize(
    ("command", "own"),
    [
        ("git clone --depth 1 https://git.example/acme/thing.git", True),
        ("git clone -b main https://git.example/me/thing", True),  # a fork of the project of this name
        ("git clone ssh://git@git.example/acme/app.git thing", True),  # as a remote says
        ("git clone https://git.example/acme/other.git thing", False),
        ("git clone -b v1 https://git.example/acme/thing.git", False),
        ("git clone https://git.example/acme/thing.git && cd thing && git checkout v1", False),
        ("if [ -n $X ]; then git clone https://git.example/acme/thing.git; fi", False),
    ],
)
def test_a_clone_of_the_own_repository(judge: Judge, command: str, own: bool) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "Thing"\nversion = "1"\n',
        "requirements.txt": "lz4==4.4.5\n",
        ".git/config": '[remote "origin"]\n\turl = git@git.example:acme/app.git\n',
    }
    install = "WORKDIR /opt/thing\nRUN pip install -r requirements.txt\n"
    text = f"FROM python:3.11-alpine3.19\nWORKDIR /opt\nRUN {command}\n{install}"
    codes = {one.code for one in judge(text, files, select=["AD102", "AD901"]).findings}
    assert codes == ({"AD102"} if own else {"AD901"})


@pytest.mark.parametrize(
    ("wheel", "files", "expected"),
    [
        ("my_app-*.whl", {}, {"AD102"}),
        ("/srv/my_app-*.whl[db]", {}, {"AD102"}),
        ("other-*.whl", {}, {"AD905"}),
        ("*.whl", {}, {"AD905"}),
        ("my_app-*.whl", {"setup.py": "setup(ext_modules=[Extension('x', ['x.c'])])"}, {"AD905"}),  # built for anything
    ],
)
def test_a_wheel_of_the_project_that_is_built_before_the_image(
    judge: Judge, wheel: str, files: dict[str, str], expected: set[str]
) -> None:
    project = (
        "[project]\nname = 'my-app'\nversion = '1'\ndependencies = ['lz4==4.4.5']\noptional-dependencies.db = []\n"
    )
    text = f"FROM python:3.12-alpine3.20\nCOPY dist/ /srv/\nWORKDIR /srv\nRUN pip install {wheel}\n"
    report = judge(text, {"pyproject.toml": project} | files, select=["AD102", "AD905"])
    assert {one.code for one in report.findings} == expected
