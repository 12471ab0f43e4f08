"""``alpine-doctor sweep``, as it is called."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

DYING = (
    "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev libffi-dev postgresql-dev\n"
    "COPY requirements.txt .\nRUN pip install -r requirements.txt && apk del postgresql-dev\n"
)
COMMAND = [sys.executable, "-m", "dockerlint_alpine", "sweep"]


def sweep(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, input=given, check=False)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name, text in (("a", DYING), ("b", "FROM alpine:3.19\nRUN apk add --no-cache curl\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(text)
        (tmp_path / name / "requirements.txt").write_text("lz4==4.4.5\n")
    (tmp_path / "list.txt").write_text("a\nb\nmissing\n")
    return tmp_path


def test_a_list_is_judged_and_reported(sources: Path) -> None:
    done = sweep(sources, "list.txt", "--html", "s.html", "--sarif-dir", "sarif", "--fix", "--patch-dir", "patches")
    assert done.returncode == 2, done.stderr
    assert "3 repositories: 2 with 2 Dockerfiles checked, 0 without any, 1 failed. 1 has an error." in done.stdout
    assert "missing: failed: no such folder" in done.stdout
    assert "<title>alpine-doctor sweep</title>" in (sources / "s.html").read_text()
    assert [path.name for path in (sources / "patches").iterdir()] == ["000000-a.patch"]
    report = json.loads((sources / "sarif" / "000000-a.sarif").read_text())
    assert {one["ruleId"] for one in report["runs"][0]["results"]} >= {"AD202"}
    patched = subprocess.run(
        ["patch", "-p1", "--dry-run", "-i", "../patches/000000-a.patch"],
        cwd=sources / "a",
        capture_output=True,
        check=False,
    )
    assert patched.returncode == 0, patched.stdout
    again = sweep(sources, "list.txt")
    assert again.returncode == 2
    assert "sweep.sqlite: already exists; --resume" in again.stderr
    shown = sweep(sources, "report", "--markdown", "s.md")
    assert (shown.returncode, shown.stdout) == (0, "")
    assert "| AD202 |" in (sources / "s.md").read_text()


def test_the_next_release_beside_today(sources: Path) -> None:
    (sources / "b" / "Dockerfile").write_text("FROM alpine:3.16\nRUN apk add --no-cache curl=8.5.0-r0 py3-pip\n")
    done = sweep(sources, "b", "--as", "alpine=3.19", "--exit-zero")
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(sources / "sweep.sqlite") as database:
        rows = database.execute('SELECT code, "when", alpine FROM findings').fetchall()
    assert {when for _, when, _ in rows} & {"then", "today"}
    assert "With alpine=3.19," in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "--as", "debian=12"], "expected alpine=X.Y or python=X.Y"),
        (["a", "--as", "alpine=9"], "expected alpine=X.Y or python=X.Y"),
        (["a", "--limit-per-repo", "time=ever"], "expected time=60"),
        (["a", "--fix"], "require each other"),
        (["a", "--cluster", "local:many"], "expected local:N"),
        (["-"], "the list is empty"),
        (["report", "nothing.sqlite"], "no such file"),
    ],
)
def test_mistakes_are_one_line(sources: Path, arguments: list[str], words: str) -> None:
    if "--cluster" in arguments:
        pytest.importorskip("distributed")
    done = sweep(sources, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_done_when_it_is_stopped_is_kept(sources: Path) -> None:
    names = [f"many/r{number:02}" for number in range(70)]
    for name in names:
        (sources / name).mkdir(parents=True)
        (sources / name / "Dockerfile").write_text(f"FROM alpine:3.19\nRUN apk add --no-cache curl\n# {name}\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a repository that never comes
        names.append(f"git://127.0.0.1:{silent.getsockname()[1]}/x")
        (sources / "list.txt").write_text("\n".join(names))
        command = [*COMMAND, "list.txt", "--jobs", "2", "--limit-per-repo", "time=600"]
        process = subprocess.Popen(command, cwd=sources, stderr=subprocess.PIPE, text=True)
        for _ in range(4000):
            if _rows(sources / "sweep.sqlite") >= 64:
                break
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        told = process.communicate()[1]
        kept = _rows(sources / "sweep.sqlite")
        assert process.returncode == 130, told
        assert 64 <= kept <= 70
        assert f"stopped: {kept} done, {71 - kept} left; --resume continues with sweep.sqlite" in told
        done = sweep(sources, "list.txt", "--resume", "--limit-per-repo", "time=6")
    assert done.returncode == 2, done.stderr
    assert "71 repositories: 70 with 70 Dockerfiles checked, 0 without any, 1 failed." in done.stdout
    assert "too-long: not checked within 6 seconds" in done.stdout


def _rows(path: Path) -> int:
    try:
        with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as database:
            found: int = database.execute("SELECT count(*) FROM repository").fetchone()[0]
            return found
    except sqlite3.Error:
        return 0
