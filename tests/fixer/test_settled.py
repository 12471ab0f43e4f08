"""A fix settles its finding or is not offered: ``apk del`` before, between and behind what needs a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlint_alpine.fixer.fix_loop import key_of
from dockerlint_alpine.run.analysis import Doctor, configure, fix_bytes
from tests.fixer.deleting import deleting

DOCTOR = Doctor(configure())
NOWHERE = Path("/nonexistent/Dockerfile")
EXAMPLES = 5_000
CHUNK = 250


def check(number: int) -> None:
    data = deleting(number)
    once = fix_bytes(DOCTOR, data, NOWHERE)
    again = fix_bytes(DOCTOR, once.new, NOWHERE)
    assert again.new == once.new, f"{number}: fixed twice is not fixed once:\n{data.decode()}"
    offered = [one for one in again.left.findings if one.fix is not None and one.fix.applicability == "safe"]
    assert not offered, f"{number}: {offered[0].code} {offered[0].message} is still offered:\n{once.new.decode()}"


@pytest.mark.parametrize("number", range(0, EXAMPLES, EXAMPLES // 20))
def test_fixing_settles(number: int) -> None:
    check(number)
    data = deleting(number)
    offered = {
        key_of(one) for one in DOCTOR.check_bytes(data, NOWHERE).findings if one.fix is not None and one.fix.edits
    }
    done = fix_bytes(DOCTOR, data, NOWHERE)
    told = {key_of(one) for one in done.left.findings if one.fix is not None and not one.fix.edits}
    assert not offered & told  # what can't be settled is no offer of `check` either


@pytest.mark.hostile
@pytest.mark.parametrize("start", range(0, EXAMPLES, CHUNK))
def test_fixing_settles_in_all_of_them(start: int) -> None:
    for number in range(start, start + CHUNK):
        check(number)


PSYCOPG = b"FROM python:3.11-alpine3.19\nRUN apk del gcc musl-dev && pip install psycopg2==2.9.9\n"


def test_a_fix_that_the_run_undoes_is_told_and_not_made() -> None:
    report = DOCTOR.check_bytes(PSYCOPG, NOWHERE)
    compilers = [one for one in report.findings if one.packages == ("gcc",) and one.severity == "error"]
    assert compilers
    for finding in compilers:
        assert finding.fix is not None
        assert (finding.fix.applicability, finding.fix.edits) == ("display", ())
        assert "after the `apk del` in line 2" in finding.fix.title
        assert "`apk del` in line 2 removes it" in finding.evidence[-1].detail
    result = fix_bytes(DOCTOR, PSYCOPG, NOWHERE)
    assert b"gcc" not in result.new.replace(b"apk del gcc", b"")
    left = {(one.code, one.packages): one.fix for one in result.left.findings}
    assert all(left[one.code, one.packages] is not None for one in compilers)
    assert not any(one.packages == ("gcc",) for one in result.applied)
