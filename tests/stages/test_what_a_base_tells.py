"""What is known of a stage from the name of its base, from its commands, and from where its files are."""

from __future__ import annotations

import pytest

from tests.conftest import Judge, said

LIBPQ = ("AD101", ("libpq-dev",), 0)


@pytest.mark.parametrize(
    ("base", "alpine", "python"),
    [
        ("crazymax/alpine-s6:3.22-2.2.0.3", "3.22", None),
        ("registry.example/baseimage-alpine:riscv64-3.24", "3.24", None),
        ("ghcr.io/home-assistant/amd64-base-python:3.12-alpine3.19", "3.19", "3.12"),
        ("team/alpine-tool:v3.20.1", "3.20", None),
    ],
)
def test_the_tag_tells_the_release(judge: Judge, base: str, alpine: str, python: str | None) -> None:
    report = judge(f"FROM {base}\nRUN apk add --no-cache python3 py3-pip && pip install psycopg2\n", select=["AD101"])
    (finding,) = (one for one in report.findings if one.code == "AD101")
    assert finding.stage is not None
    assert finding.stage.alpine == alpine
    assert python is None or finding.stage.python == python


@pytest.mark.parametrize(
    ("base", "alpine", "note"),
    [
        (
            "${P}${P:+/}python:3.11-alpine3.19",
            "3.19",
            "$P has no value here: python:3.11-alpine3.19 is assumed to be the",
        ),
        ('alpine${V:+":${V}"}', "3.24", "$V has no value here: alpine is assumed"),
        ("${P:+registry/}alpine${V:+:$V}", "3.24", "$V has no value here: alpine is assumed"),
        ("alpine:3.19${S:+-$S}", "3.19", "$S has no value here: alpine:3.19 is assumed"),
    ],
)
def test_what_a_value_would_add_is_not_there_without_one(judge: Judge, base: str, alpine: str, note: str) -> None:
    text = f"ARG P\nARG V\nARG S\nFROM {base}\nRUN apk add --no-cache python3 py3-pip && pip install psycopg2\n"
    report = judge(text, select=["AD101"])
    assert [one.stage.alpine for one in report.findings if one.stage is not None] == [alpine]
    assert any(note in one for one in report.notes)


@pytest.mark.parametrize("base", ["alpine:${V:+3.19}", "${P:+acme/}${P}", "$V", "${V:+alpine}", "alpine:${V:-$P}"])
def test_a_base_that_is_none_without_a_value_is_not_known(judge: Judge, base: str) -> None:
    report = judge(f"ARG P\nARG V\nFROM {base}\nRUN apk add --no-cache curl\n")
    assert [finding.code for finding in report.findings] == ["AD902"]


@pytest.mark.parametrize(
    ("base", "valid"),
    [
        ("./x", False), ("Base", False), ("acme/Base", False), ("acme//base", False), ("acme/base:", False),
        ("acme/base:a/b", False), ("acme/base", True), ("Acme/base", True), ("HOST.example:5000/acme/b--c__d.e:V1", True),
        ("acme/base@sha256:" + "0" * 64, True),
    ],
)  # fmt: skip
def test_a_name_that_no_image_can_have_is_told_as_such(judge: Judge, base: str, valid: bool) -> None:
    (finding,) = judge(f"FROM {base}\nRUN apk add --no-cache curl\n").findings
    said = f"base image {base} is not known" if valid else f"{base} is not a name that an image can have"
    assert finding.message.startswith(said)


def test_a_number_that_is_no_release_is_not_taken_for_one(judge: Judge) -> None:
    report = judge("FROM team/alpine-tool:2.2.0.3\nRUN apk add --no-cache curl\n")
    assert [finding.code for finding in report.findings] == ["AD902"]


@pytest.mark.parametrize(("release", "codes"), [("3.5", ["AD902"]), ("3.9", ["AD101", "AD102", "AD102", "AD102"])])
def test_of_a_python_before_3_6_nothing_is_told(judge: Judge, release: str, codes: list[str]) -> None:
    report = judge(f"FROM alpine:{release}\nRUN apk add python3 && pip3 install cffi==1.14.0\n")
    assert [finding.code for finding in report.findings] == codes


@pytest.mark.parametrize(
    ("release", "words", "headers"),
    [
        ("3.9", "python3 py-pip gcc musl-dev libffi-dev && pip", "python2-dev"),
        ("3.9", "python3 py-pip gcc musl-dev libffi-dev && pip3", "python3-dev"),
        ("3.9", "python py3-setuptools gcc musl-dev libffi-dev && python3 -m pip", "python3-dev"),
        ("3.12", "python3 py3-pip gcc musl-dev libffi-dev && pip", "python3-dev"),
        ("3.12", "python2 gcc musl-dev libffi-dev && python get-pip-20.2.py && pip", "python2-dev"),
        ("3.12", "python2 python3 gcc musl-dev libffi-dev && python2 get-pip.py && pip2", "python2-dev"),
    ],
)
def test_whose_pip_it_is(judge: Judge, release: str, words: str, headers: str) -> None:
    report = judge(f"FROM alpine:{release}\nRUN apk add {words} install cffi==1.14.0\n", select=["AD102"])
    assert [one.packages for one in report.findings] == [(headers,)]


@pytest.mark.parametrize(
    "command",
    [
        "apt-get update && apt-get install -y python3-pip",
        "dnf -y install gcc",
        "yum install -y gcc",
        "zypper -n install g",
    ],
)
def test_what_installs_with_another_system_is_not_alpine(judge: Judge, command: str) -> None:
    report = judge(f"FROM ghcr.io/team/base:1\nRUN {command} && pip install lxml\n")
    assert (report.findings, report.not_alpine, report.unknown) == ((), 1, 0)


def test_both_systems_leave_the_question_open(judge: Judge) -> None:
    text = "FROM ghcr.io/team/base:1\nRUN apk add curl || apt-get install -y curl\nRUN pip install lxml\n"
    assert [finding.code for finding in judge(text).findings] == ["AD902"]


def test_a_value_that_only_the_build_has_is_unknown_through_env_too(judge: Judge) -> None:
    direct = "FROM python:3.12-alpine3.19\nARG V\nRUN pip install psycopg2==${V}\n"
    through = "FROM python:3.12-alpine3.19\nARG V\nENV W=${V}\nRUN pip install psycopg2==${W}\n"
    assert said(judge(direct)) == said(judge(through))
    assert LIBPQ in said(judge(through))


PROJECT = {
    "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n[project.optional-dependencies]\ndb = ["psycopg2"]\n'
}


@pytest.mark.parametrize("operand", ["/src[db]", "-e /src[db]", "'/src[db]'", "../src[db]"])
def test_extras_that_the_shell_leaves_alone(judge: Judge, operand: str) -> None:
    report = judge(f"FROM python:3.11-alpine3.20\nCOPY . /src\nWORKDIR /app\nRUN pip install {operand}\n", PROJECT)
    assert LIBPQ in said(report)
    assert report.unknown == 0


def test_a_pattern_that_matches_names_the_files(judge: Judge) -> None:
    files = {
        "d/pyproject.toml": PROJECT["pyproject.toml"].replace("[project.optional-dependencies]\ndb", "dependencies")
    }
    report = judge("FROM python:3.11-alpine3.20\nCOPY d /srcd\nRUN pip install /src[db]\n", files)
    assert LIBPQ in said(report)


@pytest.mark.parametrize(
    ("base", "packages", "wanted", "code", "platform"),
    [
        ("arm64v8/python:3.11-alpine3.19", "curl", "lz4==4.4.5", "AD102", "linux/arm64"),
        ("--platform=linux/amd64 python:3.12-alpine3.21", "gcc", "cryptography==46.0.3", "AD402", "linux/amd64"),
    ],
)
def test_what_has_one_platform_is_told_of_that(
    judge: Judge, base: str, packages: str, wanted: str, code: str, platform: str
) -> None:
    text = f"FROM {base}\nRUN apk add --no-cache {packages}\nRUN pip install {wanted}\n"
    report = judge(text, platforms=["linux/amd64", "linux/arm64"], select=[code])
    assert {(one.code, one.platforms) for one in report.findings} == {(code, (platform,))}
