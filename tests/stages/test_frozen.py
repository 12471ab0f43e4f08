"""Requirement files that ``pip freeze`` writes."""

from __future__ import annotations

import pytest

from tests.stages.support import said

LINES = "RUN apk add gcc musl-dev && pip install lz4==4.4.5 six==1.16.0\nRUN {freeze}\nRUN pip install -r /f.txt\n"
WRITES = "line 3 writes it at build time"


@pytest.mark.parametrize(
    ("freeze", "text"),
    [
        ("pip freeze > /f.txt", b"lz4==4.4.5\nsix==1.16.0\n"),
        ("python -m pip freeze > /f.txt", b"lz4==4.4.5\nsix==1.16.0\n"),
        ("pip3 list --format=freeze | sort > /f.txt", b"lz4==4.4.5\nsix==1.16.0\n"),
        ("pip list --format freeze | grep -v '^six=' > /f.txt", b"lz4==4.4.5\n"),
        ("pip freeze | grep -v lz | grep -v 'x' > /f.txt", None),
        (r"pip freeze | grep -v 16\.0 > /f.txt", b"lz4==4.4.5\n"),
        ("pip freeze | grep -Ev '(a+)+b*$' > /f.txt", None),
        ("pip freeze | sed s/x/y/ > /f.txt", None),
        ("pip freeze | grep six > /f.txt", b"six==1.16.0\n"),
        ("pip list > /f.txt", None),
        ("true && if [ -f x ]; then pip freeze > /f.txt; fi", None),
    ],
)
def test_what_is_in_it(run, freeze: str, text: bytes | None) -> None:
    timeline = run(f"FROM python:3.12-alpine3.20\n{LINES.format(freeze=freeze)}")
    assert timeline.stages[0].final.files.content("/f.txt") == text
    assert any(WRITES in message for _, message in said(timeline)) == (text is None)
