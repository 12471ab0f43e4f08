"""The report in its formats, and the exit code that no format can make better than it is."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from dockerlint_alpine.proof.verify.document import metrics, to_json
from dockerlint_alpine.proof.verify.junit import render
from dockerlint_alpine.proof.verify.model import (
    CauseFound,
    Check,
    FixStory,
    ServiceResult,
    Status,
    VerifyReport,
    exit_code_of,
)
from dockerlint_alpine.proof.verify.render import MAX_MARKDOWN, to_markdown, to_text
from dockerlint_alpine.report.paint import Paint

SCHEMA = json.loads((Path(__file__).parents[3] / "dockerlint_alpine/proof/verify/schema.json").read_text())
STATUSES: list[Status] = ["pass", "fail", "expected-fail", "unexpected-pass", "blocked", "not-verified"]
CHECKS = st.lists(
    st.builds(
        Check,
        name=st.text(max_size=20),
        level=st.sampled_from(["build", "loader", "import", "start", "health", "probes"]),
        status=st.sampled_from(STATUSES),
        service=st.none() | st.text(max_size=10),
        detail=st.text(max_size=40),
        reason=st.text(max_size=10),
        expected_block=st.booleans(),
    ),
    max_size=6,
).map(tuple)


def report(checks: tuple[Check, ...], **more: object) -> VerifyReport:
    code = exit_code_of(checks, 0, not_verified=bool(more.get("not_verified")))
    return VerifyReport("compose.yaml", "r1", "2026-11-28T00:00:00+00:00", 1.0, "probes", code, checks=checks, **more)  # type: ignore[arg-type]


@given(CHECKS, st.sampled_from([0, 1, 3]), st.booleans())
def test_zero_needs_every_check_to_end_as_expected(checks: tuple[Check, ...], code: int, unverified: bool) -> None:
    found = exit_code_of(checks, code, not_verified=unverified)
    if found == 0:
        assert code == 0
        assert checks
        assert not unverified
        assert all(check.status in ("pass", "expected-fail", "blocked") for check in checks)
        assert all(check.expected_block for check in checks if check.status == "blocked")
    if any(check.status in ("fail", "unexpected-pass") for check in checks):
        assert found == 1


@given(CHECKS, st.lists(st.text(max_size=30), max_size=2).map(tuple))
def test_every_format_takes_any_text(checks: tuple[Check, ...], unverified: tuple[str, ...]) -> None:
    service = ServiceResult("s|x", "i`m", "exited", exit_code=1, reason="exited (1)", log=("```", "\x1b[31m"))
    one = report(checks, not_verified=unverified, services=(service,), causes=(CauseFound("a", "b|c", "`d`", ("e",)),))
    jsonschema.validate(json.loads(json.dumps(to_json(one))), SCHEMA)
    suites = JUnitXml.fromstring(render(one).encode())
    assert suites.tests >= len(checks)
    page = to_markdown(one)
    assert "\x1b" not in page
    assert "\x1b" not in to_text(one, Paint())
    assert one.verdict.upper() in page


def test_what_ends_how_in_junit() -> None:
    checks = tuple(Check(status, "probes", status, "s", "detail", expected_block=False) for status in STATUSES)
    text = render(report(checks))
    assert 'failures="2" errors="2" skipped="1"' in text  # a block that nobody expected is an error
    assert '<skipped type="alpine-doctor.expected-fail"' in text
    expected = Check("b", "probes", "blocked", "s", "blocked by legacy", expected_block=True)
    assert 'errors="0" skipped="1"' in render(report((expected,)))


def test_what_did_not_run_is_no_met_target() -> None:
    statuses: tuple[Status, ...] = ("pass", "not-verified", "blocked")
    checks = tuple(Check("up", "start", status, status) for status in statuses)
    assert metrics(report(checks)) == [("Services up", "3/3", "1/3", False)]


def test_a_fix_that_was_taken_back_is_told_so() -> None:
    story = FixStory(
        "Dockerfile", "--- a\n+++ b\n", ("AD201 add x",), reproduced=True, kept=False, reason="it did not help"
    )
    page = to_markdown(report((Check("loader", "loader", "fail"),), fix=story))
    assert "Tried and reverted" in page
    assert "The file is unchanged" in page
    assert "| Fix proven and kept | yes | no | ❌ not met |" in page


def test_a_report_fits_into_a_job_s_summary() -> None:
    checks = tuple(Check(f"check {number}", "probes", "pass", "s", "x" * 300) for number in range(6000))
    assert len(to_markdown(report(checks)).encode()) < MAX_MARKDOWN + 1000


@pytest.mark.parametrize("status", STATUSES)
def test_the_words_are_there_without_signs(status: Status) -> None:
    words = {"pass": "PASS", "expected-fail": "EXPECTED FAIL", "blocked": "BLOCKED", "not-verified": "NOT VERIFIED"}
    assert words.get(status, "") in to_markdown(report((Check("x", "probes", status, "s"),)))
