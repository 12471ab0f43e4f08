"""``fix --prefer`` and its neighbours: which way out of a compile is written, and that what is left over is mended, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from dockerlint_alpine.fixer.fix_loop import Preference, Proposal
from dockerlint_alpine.run.analysis import Doctor, configure, fix_builds

DOCTOR = Doctor(configure())
Project = Callable[[Mapping[str, str]], Path]
NOWHERE = Path("/nonexistent/Dockerfile")
OLD_PIP = b"FROM alpine:3.14\nRUN apk add --no-cache py3-pip && pip3 install lxml==4.9.3 psycopg2==2.9.9\n"
NO_RUST = (
    b"FROM alpine:3.14\nENV MATURIN_NO_INSTALL_RUST=1\n"
    b"RUN apk add --no-cache py3-pip && pip3 install --no-cache-dir cryptography==43.0.1\n"
)
UPGRADE = b"pip3 install --no-cache-dir -U 'pip>=21.2' && pip3 install "


def fixed(data: bytes, *, prefer: Preference = "", unsafe: bool = False) -> bytes:
    doctor = DOCTOR.configured(replace(DOCTOR.settings, unsafe_fixes=unsafe))
    return fix_builds([doctor], data, NOWHERE, prefer=prefer).new


@pytest.mark.parametrize("prefer", ["", "packages"])
def test_packages_are_what_is_added(prefer: Preference) -> None:
    new = fixed(OLD_PIP, prefer=prefer)
    assert b"libxslt-dev" in new
    assert UPGRADE not in new


def test_a_wheel_spares_its_packages_and_the_rest_is_added() -> None:
    new = fixed(OLD_PIP, prefer="wheel")
    assert UPGRADE + b"lxml==4.9.3 psycopg2==2.9.9" in new
    assert b"py3-pip gcc musl-dev postgresql-dev python3-dev &&" in new
    assert fixed(new, prefer="wheel") == new


def test_where_no_package_helps_unsafe_fixes_take_the_wheel() -> None:
    codes = {one.code for one in DOCTOR.check_bytes(NO_RUST, NOWHERE).findings}
    assert "AD504" in codes
    new = fixed(NO_RUST, unsafe=True)
    assert UPGRADE + b"--no-cache-dir cryptography==43.0.1" in new
    assert not [one for one in DOCTOR.check_bytes(new, NOWHERE).findings if one.severity == "error"]
    assert UPGRADE not in fixed(NO_RUST, unsafe=True, prefer="packages")


@pytest.mark.parametrize(
    "command",
    [
        'sh -c "pip3 install lxml==4.9.3"',
        "if true; then pip3 install lxml==4.9.3; fi",
        "apk info || pip3 install lxml==4.9.3",
    ],
)
def test_nothing_is_written_where_the_command_is_part_of_another(command: str) -> None:
    data = f"FROM alpine:3.14\nRUN apk add --no-cache py3-pip\nRUN {command}\n".encode()
    assert UPGRADE not in fixed(data, prefer="wheel")


def test_who_is_asked_chooses_and_what_is_left_is_asked_about_anew() -> None:
    asked: list[tuple[int | str, ...]] = []

    def accept(proposal: Proposal) -> bool | Proposal:
        asked.append((len(proposal.findings), *(other.fixes[0].title for other in proposal.others)))
        return proposal.others[0] if proposal.others else True

    result = fix_builds([DOCTOR], OLD_PIP, NOWHERE, accept=accept)
    assert asked == [(5, "upgrade pip first in line 2"), (4,)]
    assert UPGRADE in result.new
    assert b"libxslt-dev" not in result.new
    assert b"postgresql-dev" in result.new


def test_prefer_binary_is_written_where_the_requirement_allows_a_version_with_a_wheel() -> None:
    data = b"FROM python:3.9-alpine3.19\nRUN pip install -q gevent\n"
    (remedy,) = {one for finding in DOCTOR.check_bytes(data, NOWHERE).findings for one in finding.remedies}
    assert remedy.kind == "prefer-binary"
    assert "takes gevent 25.9.1, which has a wheel" in remedy.title
    new = fixed(data, prefer="wheel")
    assert new == b"FROM python:3.9-alpine3.19\nRUN pip install --prefer-binary -q gevent\n"
    assert not [one for one in DOCTOR.check_bytes(new, NOWHERE).findings if one.severity == "error"]


ON_ALPINE = "FROM python:3.11-alpine3.19\n"
FROM_A_FILE = ON_ALPINE + "COPY *.txt .\nRUN pip install -r requirements.txt\n"


@pytest.mark.parametrize(
    ("dockerfile", "requirements", "new", "other"),
    [
        (f"{ON_ALPINE}RUN pip install 'LXML==4.9.0' six\n", "", f"{ON_ALPINE}RUN pip install 'LXML==4.9.1' six\n", ""),
        (FROM_A_FILE, "# a\r\nlxml == 4.9.0  # b\r\n", FROM_A_FILE, "# a\r\nlxml == 4.9.1  # b\r\n"),
        (FROM_A_FILE, "lxml[html]==4.9.0;python_version>'3'\n", FROM_A_FILE, "lxml[html]==4.9.1;python_version>'3'\n"),
    ],
)
def test_a_version_with_a_wheel_is_written_where_the_requirement_is_a_plain_pin(
    project: Project, dockerfile: str, requirements: str, new: str, other: str
) -> None:
    root = project({"Dockerfile": dockerfile, "requirements.txt": requirements})
    doctor = Doctor(configure(context=root))
    path = root / "Dockerfile"
    report = doctor.check_bytes(path.read_bytes(), path)
    (remedy,) = {one for finding in report.findings for one in finding.remedies if one.kind == "version"}
    assert remedy.title == "use lxml 4.9.1, which has a wheel that fits"
    assert remedy.fix is not None
    assert remedy.fix.applicability == "unsafe"
    result = fix_builds([doctor], path.read_bytes(), path, prefer="wheel")
    assert result.new.decode() == new
    assert [change.new.decode() for change in result.others] == ([other] if other else [])
    assert not [one for one in result.left.findings if one.severity == "error" or one.could_not_judge]
    packages = fix_builds([doctor], path.read_bytes(), path, prefer="packages")
    assert b"libxslt-dev" in packages.new
    assert not packages.others


@pytest.mark.parametrize(
    ("requirements", "constraints"),
    [
        ("lxml==4.9.0 --hash=sha256:00\n", ""),
        ("lxml<4.9.1\n", ""),
        ("lxml==4.9.0\n", "lxml==4.9.0\n"),
    ],
)
def test_a_version_is_not_written_where_something_else_holds_it(
    project: Project, requirements: str, constraints: str
) -> None:
    text = FROM_A_FILE.replace("-r", "-c constraints.txt -r")
    root = project({"Dockerfile": text, "requirements.txt": requirements, "constraints.txt": constraints})
    doctor, path = Doctor(configure(context=root)), root / "Dockerfile"
    result = fix_builds([doctor], text.encode(), path, prefer="wheel")
    assert not result.others


STAGES = (
    "FROM {tag} AS build\nRUN pip install --prefix=/out lxml==4.9.0\nFROM {tag}\nCOPY --from=build /out /usr/local\n"
)


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("FROM {tag}\nRUN pip install 'lxml<4.9.1,>=4.9'\n", "python:3.10-alpine3.19"),
        (STAGES.replace("lxml==4.9.0", "'lxml<4.9.1,>=4.9'"), "python:3.10-alpine3.19"),
        ("ARG T={tag}\nFROM $T\nRUN pip install 'lxml<4.9.1,>=4.9'\n", ""),  # the variable may have other users
        (f"{STAGES}FROM python:3.11-alpine3.18\nCOPY --from=build /out /usr/local\n", ""),
    ],
)
def test_another_python_is_written_into_every_stage_that_has_it(text: str, new: str) -> None:
    old = text.format(tag="python:3.11-alpine3.19").encode()
    (remedy,) = {
        one for finding in DOCTOR.check_bytes(old, NOWHERE).findings for one in finding.remedies if one.kind == "base"
    }
    assert remedy.title == "FROM python:3.10-alpine3.19"
    assert (remedy.fix is not None) is bool(new)
    if new:
        result = fix_builds([DOCTOR], old, NOWHERE, prefer="wheel")
        assert result.new.decode() == text.format(tag=new)
        assert not [one for one in result.left.findings if one.severity in {"error", "warning"}]


@pytest.mark.parametrize(
    ("tag", "requirement"),
    [
        ("python:3.5-alpine3.5", "lxml==5.0.2"),  # the pip of python:3.6-alpine3.5 takes no musllinux wheel
        ("python:3.5-alpine3.12", "lxml"),  # Python 3.6 takes a newer lxml, and that has no wheel for its musl
    ],
)
def test_another_python_is_no_way_out_where_its_pip_or_a_newer_release_compiles_too(tag: str, requirement: str) -> None:
    text = f"FROM {tag}\nRUN pip install {requirement}\n".encode()
    findings = DOCTOR.check_bytes(text, NOWHERE).findings
    assert "AD101" in {one.code for one in findings}
    assert not [one for finding in findings for one in finding.remedies if one.kind == "base"]
