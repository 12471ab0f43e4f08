"""AD302: pins that the release's index is past, and those that it may still reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.apk.releases import supported_until
from dockerlint_alpine.run.analysis import Doctor, configure, fix_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.model.reports import FileReport
    from tests.conftest import Judge

INDEX = IndexStore().open("3.19")


def stale(report: FileReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "AD302"]


def present(name: str) -> str:
    package = INDEX.package(name)
    assert package is not None
    return package.version


@pytest.mark.parametrize(
    ("operand", "instead"),
    [
        ("curl=8.5.0-r0", "curl=~8.14"),
        ("curl=8.14.1-r0", "curl=~8.14"),
        ("curl=8.14.1", "curl=~8.14"),
        ("curl=~8.5", "curl=~8.14"),
        ("curl~8.5.1", "curl~8.14.1"),
        ("nodejs=~18", "nodejs=~20"),
        ("gcc<13", None),
        ("gcc<=12.2", None),
        ("curl=latest", "curl=~8.14"),
        ("curl=8.x", "curl=~8.14"),
        ("postgresql-dev=12.2-r0", "postgresql16-dev=~16."),
        ("py-pip=20.1-r0", "py3-pip=~23.3"),
    ],
)
def test_what_the_index_is_past(judge: Judge, operand: str, instead: str | None) -> None:
    (finding,) = stale(judge(f"FROM alpine:3.19\nRUN apk add --no-cache tini '{operand}'\n"))
    assert (finding.severity, finding.confidence, finding.need) == ("error", "certain", operand)
    assert operand in finding.message
    if instead is None:
        assert finding.fix is None
    else:
        assert finding.fix is not None
        assert finding.fix.applicability == "unsafe"
        assert finding.fix.edits[0].text.startswith(instead)


@pytest.mark.parametrize(
    "operand",
    [
        f"curl={present('curl')}",
        "curl=~8.14",
        "curl~8",
        "curl>8",
        "curl>=8.5",
        "curl<99",
        "curl=99.0.0-r0",
        "curl=~99",
        "curl>99",
        "curl=8.14.1-r99",
        "curl@edge=8.5.0-r0",
        "so:libcurl.so.4=4.8.0",
        "!curl<8",
        "nosuch-package=1.0-r0",
    ],
)
def test_what_it_has_or_may_come_to_have(judge: Judge, operand: str) -> None:
    assert not stale(judge(f"FROM alpine:3.19\nRUN apk add --no-cache '{operand}'\n"))


@pytest.mark.parametrize(
    "lines",
    [
        "RUN apk add --virtual .build-deps=2024 gcc",
        "RUN apk add --virtual=.build-deps=2024 gcc && apk del .build-deps",
        "RUN apk add -X https://example.org/old curl=8.5.0-r0",
        "RUN echo https://example.org >> /etc/apk/repositories && apk add curl=8.5.0-r0",
        "RUN apk add curl=8.5.0-r0 || apk add curl",
        "ARG CURL\nRUN apk add curl=${CURL}",
        "ONBUILD RUN apk add curl=8.5.0-r0",
    ],
)
def test_what_is_not_judged(judge: Judge, lines: str) -> None:
    assert not stale(judge(f"FROM alpine:3.19\n{lines}\n"))


@pytest.mark.parametrize("release", ["3.12", "3.17", "3.18", "3.19", "3.20", "3.21"])
def test_each_release_has_its_own_version(judge: Judge, release: str) -> None:
    package = IndexStore().open(release).package("musl-dev")
    assert package is not None
    text = f"FROM alpine:{release}\nRUN apk add musl-dev={package.version} tini curl=~0.1\n"
    (finding,) = stale(judge(text))
    assert finding.packages == ("curl",)
    at_its_end = release == "3.19"
    assert f"Alpine {release} {'has' if at_its_end else 'had'} curl " in finding.message
    assert ("has moved on since" in finding.message) is not at_its_end


def test_the_versions_of_another_release_say_nothing(judge: Judge) -> None:
    """Alpine 3.13 has no index of its own: a stand-in knows names, not versions."""
    assert not stale(judge("FROM alpine:3.13\nRUN apk add curl=0.1-r0\n"))


def test_what_else_provides_a_name_has_versions_of_its_own(judge: Judge) -> None:
    """postgresql-bdr-dev 9.4 provides postgresql-dev, too, and will never come to 12.4."""
    (finding,) = judge("FROM alpine:3.12\nRUN apk add postgresql-dev=12.4-r0\n", select=["AD302"]).findings
    assert "Alpine 3.12 had postgresql-dev 12.8-r0" in finding.message


def test_a_branch_is_only_possible(judge: Judge) -> None:
    text = 'FROM alpine:3.19\nARG A\nRUN if [ -n "$A" ]; then apk add curl=8.5.0-r0; fi\n'
    (finding,) = stale(judge(text))
    assert (finding.severity, finding.confidence) == ("warning", "possible")
    assert finding.fix is not None
    assert finding.fix.applicability == "display"


def test_an_author_who_pins_everything_exactly_gets_exact_pins(mend) -> None:
    text = "FROM alpine:3.19\nRUN apk add curl=8.5.0-r0 'tini=0.18.0-r0'\n"
    result = mend(text, select=["AD302"], unsafe_fixes=True)
    expected = f"FROM alpine:3.19\nRUN apk add curl={present('curl')} 'tini={present('tini')}'\n"
    assert result.new.decode() == expected


def test_the_fix_is_unsafe(mend) -> None:
    text = "FROM alpine:3.19\nRUN apk add curl=8.5.0-r0 tini\n"
    assert not mend(text, select=["AD302"]).changed
    assert mend(text, select=["AD302"], unsafe_fixes=True).new == b"FROM alpine:3.19\nRUN apk add curl=~8.14 tini\n"


def test_a_pin_from_a_variable_is_reported_and_left(judge: Judge) -> None:
    (finding,) = stale(judge("FROM alpine:3.19\nARG CURL=8.5.0-r0\nRUN apk add curl=${CURL} tini\n"))
    assert (finding.need, finding.fix) == ("curl=8.5.0-r0", None)


_NAMES = [
    name
    for prefix in ("c", "l", "p")
    for name in sorted(INDEX.names(prefix))[::40]
    if (package := INDEX.package(name)) is not None and package.version[0] in "123456789"
]


@given(
    names=st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4, unique=True),
    operator=st.sampled_from(["=", "=~", "~"]),
    others=st.booleans(),
)
def test_fixing_leaves_no_stale_pin(tmp_path: Path, names: list[str], operator: str, others: bool) -> None:
    pins = " ".join(f"{name}{operator}0.0.0_alpha1" for name in names)
    data = f"FROM alpine:3.19\nRUN apk add {pins}{' musl' if others else ''}\n".encode()
    doctor = Doctor(configure(context=tmp_path, select=["AD302"], unsafe_fixes=True))
    assert {finding.packages[0] for finding in stale(doctor.check_bytes(data, tmp_path / "Dockerfile"))} == set(names)
    once = fix_bytes(doctor, data, tmp_path / "Dockerfile")
    assert not stale(once.left)
    assert fix_bytes(doctor, once.new, tmp_path / "Dockerfile").new == once.new


@pytest.mark.parametrize(
    ("release", "until"),
    [
        ("3.16", "2024-05"),
        ("3.17", "2024-11"),
        ("3.19", "2025-11"),
        ("3.22", "2027-05"),
        ("3.23", "2027-11"),
        ("edge", None),
    ],
)
def test_how_long_a_release_lasts(release: str, until: str | None) -> None:
    """The months that alpinelinux.org/releases gives."""
    assert supported_until(release) == until


def test_nothing_is_pinned_exactly_to_a_day_long_past(mend) -> None:
    text = "FROM alpine:3.20\nRUN apk add curl=8.5.0-r0 bash=5.2.15-r0\n"
    assert (
        mend(text, select=["AD302"], unsafe_fixes=True).new == b"FROM alpine:3.20\nRUN apk add curl=~8.10 bash=~5.2\n"
    )


def test_what_an_index_of_a_later_day_is_past_may_have_been_there(judge: Judge) -> None:
    text = "FROM alpine:3.19\nRUN apk add curl=8.5.0-r0\n"
    later = max(source.date for source in INDEX.sources)
    assert stale(judge(text, as_of=later))
    assert not stale(judge(text, as_of="2024-02-01"))
