"""Home Assistant's ``build.yaml``: each base is a build of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dockerlint_alpine.fixer.fix_loop import merged
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.discovery import find_jobs
from dockerlint_alpine.run.home_assistant import read_bases

BASES = """\
build_from:
  aarch64: ghcr.io/home-assistant/aarch64-base-python:3.12-alpine3.19
  amd64: ghcr.io/home-assistant/amd64-base-python:3.13-alpine3.21
  mips: nobody/knows
args:
  TEMPIO_VERSION: 2021.09.0
"""
ALIKE = """\
build_from:
  aarch64: ghcr.io/home-assistant/aarch64-base:3.19
  amd64: ghcr.io/home-assistant/amd64-base:3.19
"""


def test_each_base_is_a_platform_of_its_own(project: Callable[..., Path]) -> None:
    root = project({"addon/Dockerfile": "ARG BUILD_FROM\nFROM $BUILD_FROM\n", "addon/build.yaml": BASES})
    jobs, errors = find_jobs([str(root)])
    assert errors == []
    assert [(job.platforms, job.build_args["BUILD_FROM"][23:43]) for job in jobs] == [
        (("linux/arm64",), "aarch64-base-python:"),
        (("linux/amd64",), "amd64-base-python:3."),
    ]
    assert jobs[0].build_args["TEMPIO_VERSION"] == "2021.09.0"
    assert len(find_jobs([str(root / "addon" / "Dockerfile")])[0]) == 2


@pytest.mark.parametrize(
    "text", ["", "[]", "build_from: 7", "build_from: {amd64: 7}", "{" * 3000, "a: &a [*a]", "x: \t- y", "\0"]
)
def test_a_file_that_says_nothing_changes_nothing(project: Callable[..., Path], text: str) -> None:
    root = project({"Dockerfile": "FROM alpine:3.19\n", "build.json": text})
    assert read_bases(root / "Dockerfile") == []
    (job,) = find_jobs([str(root)])[0]
    assert job.platforms == ()


APP = '{"name": "Backup", "slug": "backup", "arch": ["amd64", "armv7", "mips", 7]}'
WANTS = "ARG BUILD_FROM\nFROM $BUILD_FROM\nRUN apk add python3 py3-pip && pip3 install lz4==4.4.5\n"


@pytest.mark.parametrize(
    ("files", "archs"),
    [
        ({"config.json": APP}, ["amd64", "armv7"]),
        ({"config.yaml": "slug: backup\nname: Backup\n"}, ["amd64", "aarch64", "armv7", "armhf", "i386"]),
        ({"config.json": APP, "build.json": "{}"}, []),
        ({"config.json": APP, "Dockerfile": "ARG BUILD_FROM=alpine:3.19\nFROM $BUILD_FROM\n"}, []),
        ({"config.json": '{"arch": ["amd64"]}'}, []),
        ({"config.json": '{"slug": "x", "arch": 7}'}, []),
        ({"config.json": "[]"}, []),
    ],
)
def test_the_supervisor_gives_its_own_base(
    project: Callable[..., Path], files: dict[str, str], archs: list[str]
) -> None:
    root = project({"Dockerfile": WANTS, **files})
    assert [args["BUILD_ARCH"] for _, args in read_bases(root / "Dockerfile")] == archs


@pytest.mark.parametrize(("day", "pip"), [("2020-03-01", True), ("2020-08-01", False)])
def test_the_newest_base_of_the_day(project: Callable[..., Path], day: str, pip: bool) -> None:
    """Alpine's python3 has pip up to 3.11."""
    root = project({"Dockerfile": WANTS.replace(" py3-pip", ""), "config.json": APP})
    (job, _) = find_jobs([str(root)])[0]
    doctor = Doctor(configure(as_of=day, platforms=job.platforms, build_args=job.build_args, select=("AD204",)))
    report = doctor.check_file(Path(job.path))
    assert report.stages == 1
    missing = [one.packages for one in report.findings if one.code == "AD204"]
    assert missing == ([] if pip else [("py3-pip",)])


def test_a_pipe_is_not_opened(project: Callable[..., Path]) -> None:
    root = project({"Dockerfile": "FROM alpine:3.19\n"})
    os.mkfifo(root / "build.yaml")
    assert read_bases(root / "Dockerfile") == []


def test_what_builds_say_alike_is_said_once(project: Callable[..., Path]) -> None:
    root = project(
        {"Dockerfile": "ARG BUILD_FROM\nFROM $BUILD_FROM\nRUN apk add no-such-package\n", "build.yaml": ALIKE}
    )
    made = [
        Doctor(configure(context=root, platforms=job.platforms, build_args=job.build_args)).check_file(Path(job.path))
        for job in find_jobs([str(root)])[0]
    ]
    (finding,) = merged(made).findings
    assert (finding.code, finding.platforms) == ("AD301", ("linux/arm64", "linux/amd64"))
