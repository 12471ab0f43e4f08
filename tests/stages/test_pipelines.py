"""Requirement files that pipelines write."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("pip freeze | sed s/x/y/ > /f.txt", b"lz4==4.4.5\nsiy==1.16.0\n"),
        ("pip freeze | grep six > /f.txt", b"six==1.16.0\n"),
        ("pip list > /f.txt", None),
        ("true && if [ -f x ]; then pip freeze > /f.txt; fi", None),
    ],
)
def test_what_is_in_it(run, freeze: str, text: bytes | None) -> None:
    timeline = run(f"FROM python:3.12-alpine3.20\n{LINES.format(freeze=freeze)}")
    assert timeline.stages[0].final.files.content("/f.txt") == text
    assert any(WRITES in message for _, message in said(timeline)) == (text is None)


FILES = {"a.txt": "lz4==4.4.5\n# six\nsix==1.16.0", "b.txt": "\nlz4==4.4.5\npsycopg2==2.9.9\n", "d/c.txt": "flask\n"}
PIPELINES = (
    "cat a.txt", "cat a.txt b.txt", "cat *.txt d/c.txt", "cat < b.txt", "grep -v lz4 a.txt", "grep -hv '^#' a.txt b.txt",
    "grep -E 'six|lz4' a.txt", "sed 's/==.*//' a.txt", "sed -e /six/d a.txt b.txt", "sort a.txt b.txt", "echo flask",
    "printf 'a\\nb\\n'", "cat b.txt d/c.txt",
)  # fmt: skip
FILTERS = ("cat", "sort", "sort -u", "uniq", "grep -v lz4", "sed s/4/5/g", "sed 1d", "tee t.txt", "grep -v '^$'")
NOT_PLAIN = (
    "cat -n a.txt", "sort -r a.txt", "grep lz4 a.txt b.txt", "sed -n p a.txt", "cat gone.txt", "grep -f b.txt a.txt",
    "awk 1 a.txt", "cat $X", "tr a b < a.txt", "cat a.txt | head -1", "sed -i s/a/b/ a.txt", "grep -e six a.txt",
    "uniq a.txt t.txt",
)  # fmt: skip


def _by_us(run, command: str) -> bytes | None:
    text = f"FROM python:3.12-alpine3.20\nWORKDIR /w\nCOPY . .\nRUN {command} > /f.txt\n"
    return run(text, files=FILES).stages[0].final.files.content("/f.txt")


@given(st.sampled_from(PIPELINES), st.lists(st.sampled_from(FILTERS), max_size=3))
def test_what_the_programs_themselves_print(run, tmp_path: Path, first: str, filters: list[str]) -> None:
    """An oracle for each case: the shell and its programs. Lines that are left out are empty for us."""
    (tmp_path / "t.txt").unlink(missing_ok=True)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    command = " | ".join([first, *filters])
    ran = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False, env={"LC_ALL": "C"})
    found = _by_us(run, command)
    if found is not None:  # that something is asked for twice says nothing
        assert _asked(found) == _asked(ran.stdout)
    assert found is not None or "sed" in command or not ran.stdout


def _asked(text: bytes) -> list[bytes]:
    return list(dict.fromkeys(line for line in text.splitlines() if line))


@pytest.mark.parametrize("command", NOT_PLAIN)
def test_what_is_not_plain_is_not_known(run, command: str) -> None:
    assert _by_us(run, command) is None


def test_lines_keep_their_places(run) -> None:
    text = (
        "FROM python:3.12-alpine3.20\nCOPY a.txt /\nRUN grep -v '^#' /a.txt | tee /f.txt\nRUN pip install -r /f.txt\n"
    )
    stage = run(text, files=FILES).stages[0]
    assert stage.final.files.content("/f.txt") == b"lz4==4.4.5\n\nsix==1.16.0\n"
    assert stage.final.files.display("/f.txt").endswith("a.txt")
