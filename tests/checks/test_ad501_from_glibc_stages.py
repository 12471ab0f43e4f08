"""What a stage that is not Alpine installs, and COPY --from brings to an Alpine one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.model.reports import FileReport

Judge = Callable[..., FileReport]

COPIED = """FROM {base} AS builder
RUN apt-get update && apt-get install -y gcc libpq-dev && python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt .
RUN pip install -r requirements.txt
FROM python:3.12-alpine3.21
COPY --from=builder /opt/venv /opt/venv
"""


def glibc(report: FileReport) -> dict[str, Finding]:
    return {one.distribution.name: one for one in report.findings if one.code == "AD501" and one.distribution}


@pytest.mark.parametrize(
    "base", ["python:3.12-slim", "python:3.12.4-bookworm", "ghcr.io/astral-sh/uv:python3.12-trixie-slim"]
)
def test_wheels_for_glibc_and_compiles_there(judge: Judge, base: str) -> None:
    report = judge(COPIED.format(base=base), {"requirements.txt": "lz4==4.4.5\npsycopg2==2.9.11\n"})
    found = glibc(report)
    assert found.keys() == {"lz4", "psycopg2"}
    assert found["lz4"].message == (
        f"lz4 4.4.5 came as a wheel for glibc in stage 'builder' (FROM {base}) and is copied to stage 1, which has musl:"
        " it will not load; install it in an Alpine stage, or run on the same base"
    )
    assert "was compiled in stage 'builder'" in found["psycopg2"].message
    assert {one.location.line for one in found.values()} == {7}
    assert (found["lz4"].severity, found["lz4"].confidence) == ("error", "certain")
    assert any("fits Python 3.12 on glibc" in one.detail for one in found["lz4"].evidence)
    assert not [one for one in report.findings if one.code in {"AD101", "AD102", "AD201", "AD902"}]


def test_pure_python_may_travel(judge: Judge) -> None:
    report = judge(COPIED.format(base="python:3.12-slim"), {"requirements.txt": "certifi==2026.6.17\n"})
    assert report.findings == ()


def test_what_falls_back_to_python_may_travel(judge: Judge) -> None:
    """The extension's name ends with ``-linux-gnu.so``: a Python for musl passes over it and takes the module beside it."""
    asked = "charset-normalizer==3.4.1\nmarkupsafe==3.0.2\nlz4==4.4.5\n"
    assert glibc(judge(COPIED.format(base="python:3.12-slim"), {"requirements.txt": asked})).keys() == {"lz4"}


def test_what_is_not_known_is_said(judge: Judge) -> None:
    report = judge(COPIED.format(base="python:3.12-slim"), {"requirements.txt": "nobody-knows-this\n"})
    assert [(one.code, one.message) for one in report.findings] == [
        (
            "AD902",
            "nobody-knows-this of stage 'builder' is made for python:3.12-slim, not for Alpine:"
            " install it in an Alpine stage",
        )
    ]


def test_nothing_is_said_of_what_stays_there(judge: Judge) -> None:
    text = COPIED.format(base="python:3.12-slim").replace("/opt/venv /opt/venv\n", "/app/static /static\n")
    report = judge(text, {"requirements.txt": "lz4==4.4.5\nnobody-knows-this\n"})
    assert report.findings == ()


def test_a_file_that_the_other_stage_reads_and_is_not_there(judge: Judge) -> None:
    report = judge(COPIED.format(base="python:3.12-slim"))
    (notice,) = report.findings
    assert notice.code == "AD902"
    assert "requirements.txt" in notice.evidence[0].detail


WHEELS = """FROM python:3.12-slim AS builder
RUN pip wheel --no-deps -w /wheels psycopg2==2.9.11 lz4==4.4.5 certifi==2026.6.17
FROM python:3.12-alpine3.21
COPY --from=builder /wheels /wheels
RUN pip install --no-deps --no-index --find-links=/wheels psycopg2 lz4 certifi
"""


def test_wheels_that_were_made_there(judge: Judge) -> None:
    """pip takes linux_x86_64, which a compile leaves behind, on any C library, and manylinux on none but glibc."""
    report = judge(WHEELS)
    assert glibc(report).keys() == {"psycopg2", "lz4"}
    assert glibc(report)["psycopg2"].location.line == 5
    assert glibc(report)["lz4"].message == (
        "pip refuses lz4 4.4.5: lz4 has no sdist, and no wheel fits Python 3.12 on musl 1.2 x86_64"
    )
    assert not [one for one in report.findings if one.code == "AD903"]


def test_a_stage_built_from_the_one_that_copied_says_it_once(judge: Judge) -> None:
    text = COPIED.format(base="python:3.12-slim").replace(
        "FROM python:3.12-alpine3.21", "FROM python:3.12-alpine3.21 AS app"
    )
    report = judge(f"{text}FROM app\nUSER nobody\n", {"requirements.txt": "lz4==4.4.5\n"})
    assert [one.code for one in report.findings if one.distribution] == ["AD501"]


def test_what_recorded_facts_say_that_pip_refuses(judge: Judge) -> None:
    """All files of the release are recorded: there is no sdist, and no wheel for musl; a rule's advice goes first."""
    report = judge("FROM python:3.11-alpine3.19\nRUN pip install triton==2.2.0 torch==2.2.0\n")
    told = {one.distribution.name: one for one in report.findings if one.code == "AD501" and one.distribution}
    assert told["triton"].message.startswith("pip refuses triton 2.2.0: triton==2.2.0 has no sdist")
    assert "can't work on Alpine" in told["torch"].message
    assert not [one for one in report.findings if one.code == "AD903" and "no sdist" in one.message]


def test_what_a_refused_distribution_would_bring_is_not_told(judge: Judge) -> None:
    report = judge("FROM python:3.13-alpine3.22\nRUN pip install torch\n")
    (finding,) = (one for one in report.findings if one.code == "AD501")
    assert finding.distribution is not None
    assert finding.distribution.name == "torch"
