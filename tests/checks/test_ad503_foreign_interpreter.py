"""AD503: what one Python installed and another is to run, and Pythons that are copied as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import FileReport, Finding
    from tests.conftest import Judge

PY312 = "FROM python:3.12-alpine3.20 AS b\n"
PY313 = "FROM python:3.13-alpine3.20\n"
ALPINE = "FROM alpine:3.20\nRUN apk add python3\n"
REQUESTS = "requests==2.32.3"
SITE = "lib/python3.12/site-packages"
MOVED = f"COPY --from=b /usr/local/{SITE} /usr/local/lib/python3.13/site-packages\n"
OLDER = "FROM alpine:3.19\nRUN apk add python3\nCOPY --from=b /d /d\nENV PYTHONPATH=/d\n"
ALL = "COPY --from=b /usr/local /usr/local\n"
VENV = f"RUN python -m venv /venv && /venv/bin/pip install {REQUESTS}\n"
RUN_VENV = 'COPY --from=b /venv /venv\nCMD ["/venv/bin/python", "app.py"]\n'


def foreign(report: FileReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "AD503"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            f"{PY312}RUN pip install {REQUESTS}\n{PY313}COPY --from=b /usr/local/{SITE} /usr/local/{SITE}\n",
            "does not look",
        ),
        (f"{PY312}RUN pip install --prefix=/i {REQUESTS}\n{PY313}COPY --from=b /i /usr/local\n", "does not look"),
        (f"{PY312}{VENV}{PY313}{RUN_VENV}", "does not look"),
        ("FROM alpine:3.20\nCOPY --from=pypy:3.10-slim /opt/pypy /opt/pypy\n", "is built for glibc"),
        (
            "FROM alpine:3.19 AS b\nRUN apk add python3 py3-lxml\nFROM alpine:3.20\nRUN apk add python3\n"
            "COPY --from=b /usr/lib/python3.11/site-packages /usr/lib/python3.11/site-packages\n",
            "py3-lxml 4.9.3-r1 is in /usr/lib/python3.11/site-packages, where Python 3.12",
        ),
        (
            f"{PY312}RUN pip install lxml==5.3.0\n{PY313}{MOVED}",
            "extensions for Python 3.12",
        ),
        (
            f"{PY312}RUN pip install --target /d lxml==5.3.0\n{OLDER}",
            "extensions for Python 3.12",
        ),
        (f"{PY312}{VENV}FROM alpine:3.20\n{RUN_VENV}", "is a link to /usr/local/bin/python3"),
        (f"{PY312}{VENV}{ALPINE}{RUN_VENV}", "is a link to /usr/local/bin/python3"),
        (
            f"FROM alpine:3.20 AS b\nRUN apk add python3 && python3 -m venv /venv && /venv/bin/pip install {REQUESTS}\n"
            f"FROM python:3.12-alpine3.20\n{RUN_VENV}",
            "is a link to /usr/bin/python3",
        ),
        ("FROM alpine:3.20\nCOPY --from=python:3.12-slim /usr/local /usr/local\n", "is built for glibc"),
        ("FROM python:3.12-slim AS b\nFROM alpine:3.20\nCOPY --from=b /usr/local /usr/local\n", "is built for glibc"),
        ("FROM alpine:3.19\nCOPY --from=python:3.12-alpine3.20 /usr/local /usr/local\n", "is of Alpine 3.20"),
        (
            f"FROM python:3.12-alpine3.21 AS b\nFROM python:3.12-alpine3.18\n{ALL}",
            "is of Alpine 3.21",
        ),
    ],
)
def test_what_cannot_run(judge: Judge, text: str, says: str) -> None:
    (finding,) = foreign(judge(text))
    assert says in finding.message
    assert (finding.severity, finding.confidence, finding.fix) == ("error", "certain", None)


@pytest.mark.parametrize(
    "text",
    [
        f"{PY312}{VENV}FROM python:3.12-alpine3.20\n{RUN_VENV}",
        f"{PY312}{VENV}FROM python:3.12-alpine3.21\n{RUN_VENV}",
        f"{PY312}RUN python -m venv --copies /venv && /venv/bin/pip install {REQUESTS}\nFROM alpine:3.20\n{RUN_VENV}",
        "FROM alpine:3.20 AS b\nRUN apk add python3 py3-lxml\nFROM alpine:3.20\nRUN apk add python3 libxslt\n"
        "COPY --from=b /usr/lib/python3.12/site-packages /usr/lib/python3.12/site-packages\n",
        "FROM python:3.12-alpine3.20 AS b\nFROM python:3.12-alpine3.20\nCOPY --from=b /usr/local/lib /usr/local/lib\n",
        f"{PY312}RUN pip install {REQUESTS}\nFROM python:3.12-alpine3.21\nCOPY --from=b /usr/local /usr/local\n",
        "FROM python:3.12-alpine3.20 AS b\nFROM python:3.12-alpine3.21\nCOPY --from=b /usr/local /usr/local\n",
        "FROM python:3.12-alpine3.21 AS b\nFROM python:3.12-alpine3.20\nCOPY --from=b /usr/local /usr/local\n",
        "FROM alpine:3.20\nCOPY --from=python:3.12-alpine3.20 /usr/local /usr/local\n",
        f"{PY312}RUN pip install {REQUESTS}\nFROM python:3.13-alpine3.20\nCOPY --from=b /usr/local /usr/local\n",
        f"{PY312}RUN pip install --target /d {REQUESTS}\n{ALPINE}COPY --from=b /d /d\nENV PYTHONPATH=/d\n",
        f"{PY312}{VENV}{PY313}COPY --from=b /venv /venv\nENV PYTHONPATH=/venv/{SITE}\n",
        f"{PY312}RUN pip wheel -w /w {REQUESTS}\n{PY313}COPY --from=b /w /w\n",
        f"{PY312}RUN pip install --no-deps cryptography==43.0.1\n{PY313}{MOVED}",
    ],
)
def test_what_runs_or_is_not_started(judge: Judge, text: str) -> None:
    assert not foreign(judge(text))


@pytest.mark.parametrize(("release", "said"), [("3.12", True), ("3.13", False)])
def test_a_wheel_for_a_newer_musl(judge: Judge, release: str, *, said: bool) -> None:
    """musllinux_1_2 says musl 1.2; Alpine 3.12 has 1.1.24. Whether a file of it asks for more than that has is not known."""
    text = (
        "FROM python:3.9-alpine3.14 AS b\nRUN pip install -U pip && pip install --prefix=/i lxml==5.3.0\n"
        f"FROM python:3.9-alpine{release}\nCOPY --from=b /i /usr/local\n"
    )
    found = foreign(judge(text))
    assert [(one.severity, one.confidence) for one in found] == ([("warning", "possible")] if said else [])
    assert all("musl 1.2" in one.message for one in found)
