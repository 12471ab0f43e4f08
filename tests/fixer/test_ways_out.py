"""``fix --prefer`` and its neighbours: which way out of a compile is written, and that what is left over is mended, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from dockerlint_alpine.fixer.fix_loop import Preference, Proposal
from dockerlint_alpine.run.analysis import Doctor, configure, fix_builds

DOCTOR = Doctor(configure())
NOWHERE = Path("/nonexistent/Dockerfile")
OLD_PIP = b"FROM alpine:3.14\nRUN apk add --no-cache py3-pip && pip3 install lxml==4.9.3 psycopg2==2.9.9\n"
NO_RUST = b"FROM alpine:3.14\nRUN apk add --no-cache py3-pip && pip3 install --no-cache-dir cryptography==43.0.1\n"
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
