"""``check --show-fix``: the compile in a build stage of its own, told only where nothing is wrong with it any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.build_stages import with_build_stages
from dockerlint_alpine.syntax import Edit, apply_edits

DOCTOR = Doctor(configure())
NOWHERE = Path("/nonexistent/Dockerfile")

PLAIN = b"""FROM python:3.11-alpine3.19 AS app
WORKDIR /srv
RUN apk add --no-cache tini
ARG V=2.9.9
RUN python -m pip install -q psycopg2==${V}
CMD ["python"]
"""

APART = b"""FROM python:3.11-alpine3.19 AS wheels
WORKDIR /srv
ARG V=2.9.9
RUN apk add --no-cache gcc libpq-dev musl-dev
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels -q psycopg2==${V}

FROM python:3.11-alpine3.19 AS app
WORKDIR /srv
RUN apk add --no-cache tini libpq
ARG V=2.9.9
COPY --from=wheels /wheels /wheels
RUN python -m pip install --no-index --find-links /wheels -q psycopg2==${V}
CMD ["python"]
"""


def apart(data: bytes) -> bytes | None:
    report = with_build_stages(DOCTOR, DOCTOR.check_bytes(data, NOWHERE), NOWHERE)
    found = {one for finding in report.findings for one in finding.remedies if one.kind == "stage"}
    if not found:
        return None
    (remedy,) = found
    assert remedy.fix is not None
    return apply_edits(data, [Edit(edit.start, edit.end, edit.text) for edit in remedy.fix.edits])


def test_the_compilers_stay_behind() -> None:
    assert apart(PLAIN) == APART
    codes = {one.code for one in DOCTOR.check_bytes(APART, NOWHERE).findings}
    assert not codes & {"AD101", "AD102", "AD201", "AD401"}


def test_line_ends_are_those_of_the_file() -> None:
    assert apart(PLAIN.replace(b"\n", b"\r\n")) == APART.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    "run",
    [
        "RUN pip install --user psycopg2==2.9.9",  # another place
        "RUN pip install --no-binary :all: psycopg2==2.9.9",  # would refuse the wheel
        "RUN apk add --no-cache gcc && pip install psycopg2==2.9.9",  # its author keeps compilers there
        "RUN apk add --no-cache -t .b make && pip install psycopg2==2.9.9 && apk del .b",
        "USER app\nRUN pip install psycopg2==2.9.9",
        'RUN ["pip", "install", "psycopg2==2.9.9"]',
        "RUN if true; then pip install psycopg2==2.9.9; fi",
    ],
)
def test_what_is_not_plain_is_left_alone(run: str) -> None:
    assert apart(f"FROM python:3.11-alpine3.19\n{run}\n".encode()) is None


def test_nothing_is_told_where_no_stage_helps() -> None:
    """No package makes this version compile with the Rust of this release (AD504), in whatever stage."""
    data = b"FROM python:3.8-alpine3.12\nRUN pip install cryptography==43.0.1 psycopg2==2.9.9\n"
    assert "AD504" in {one.code for one in DOCTOR.check_bytes(data, NOWHERE).findings}
    assert apart(data) is None
