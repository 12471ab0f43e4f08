"""What happens on a terminal and nowhere else: watching, progress, colours and links."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from dockerlint_alpine.cli import progress
from dockerlint_alpine.cli.terminal import follows_links
from dockerlint_alpine.model.about import DOCS_URL
from dockerlint_alpine.report import RenderOptions
from tests.cli.test_check_and_fix import BROKEN, run

pty = pytest.importorskip("pty")
Project = Callable[[Mapping[str, str]], Path]
CLEAN = "FROM python:3.11-alpine3.19\nRUN pip install requests\n"


class Session:
    """A program on a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self.terminal = terminal
        self.said = ""

    def until(self, pattern: str, *, timeout: float = 60) -> str:
        """Read until ``pattern`` is there; returns what was read since the last call."""
        text, deadline = "", time.monotonic() + timeout
        while not re.search(pattern, text):
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {pattern!r} in {text!r}"
            try:
                data = os.read(self.terminal, 65536)
            except OSError:  # the other end is closed
                data = b""
            assert data or re.search(pattern, text), f"ended without {pattern!r}: {text!r}"
            text += data.decode()
        self.said += text
        return text

    def rest(self) -> str:
        text = b""
        while True:
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                break
            if not data:
                break
            text += data
        return text.decode()


@contextmanager
def on_a_terminal(*args: str, cwd: Path, columns: int = 0, **env: str) -> Iterator[Session]:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (0, columns))
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "CI"}}
    command = [sys.executable, "-m", "dockerlint_alpine", *args]
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm-256color", **env},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Session(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(60)
        os.close(ours)


# watching


def test_watch_judges_again_when_what_it_rests_on_changes_and_ends_with_ctrl_c(project: Project) -> None:
    text = "FROM python:3.11-alpine3.19\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    root = project({"Dockerfile": text, "requirements.txt": "requests\n"})
    with on_a_terminal("check", "--watch", "--output-format", "concise", cwd=root) as session:
        first = session.until("Watching for changes")
        assert first.startswith("\x1b[2J")
        assert "AD102" not in first
        (root / "requirements.txt").write_text("lz4==4.4.5\n")
        assert "AD102" in session.until("Watching for changes")
        (root / "requirements.txt").unlink()
        assert "AD901" in session.until("Watching for changes")
        (root / "requirements.txt").write_text("requests\n")
        assert "AD901" not in session.until("Watching for changes")
        (root / "Dockerfile").write_text(BROKEN)
        assert "AD102" in session.until("Watching for changes")
        (root / "alpine-doctor.toml").write_text('ignore = ["AD102"]\n')
        assert "AD102" not in session.until("Watching for changes")
        (root / "alpine-doctor.toml").write_text("ignore = [\n")
        assert "alpine-doctor.toml: " in session.until("Watching for changes")
        (root / "alpine-doctor.toml").unlink()
        assert "AD102" in session.until("Watching for changes")
        (root / "new").mkdir()
        (root / "new/Dockerfile").write_text(BROKEN)
        assert "new/Dockerfile" in session.until("Watching for changes")
        os.killpg(session.process.pid, signal.SIGINT)
        assert session.process.wait(60) == 1  # what the last report said
        assert "Traceback" not in session.rest() + session.said


def test_watch_without_a_terminal_clears_nothing(project: Project) -> None:
    root = project({"Dockerfile": CLEAN})
    command = [sys.executable, "-m", "dockerlint_alpine", "check", "--watch", "--output-file", "report.txt"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"Watching" in process.stderr.readline()
        time.sleep(1.5)  # the report that it writes itself is no change to watch for
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == b""
    assert err.count(b"Watching") == 0
    assert (root / "report.txt").read_text()


# progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(("total", "line"), [(10, "Judging [#######.................] 3/10"), (None, "Judging ... 3")])
def test_progress_begins_after_a_second(
    total: int | None, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(progress, "_wanted", lambda: True)
    with progress.Progress("Judging", total) as shown:
        shown.step()
        assert capsys.readouterr().err == ""
        clock.now = 1.01
        shown.step(2)
        assert capsys.readouterr().err == f"\r\x1b[K{line}"
        shown.step()
        assert capsys.readouterr().err == ""  # not for each file
    assert capsys.readouterr().err == "\r\x1b[K"


def test_a_long_run_shows_progress_on_a_terminal_and_leaves_nothing_of_it(project: Project) -> None:
    root = project({f"s{n}/Dockerfile": BROKEN.replace("curl", f"curl tini bash jq nosuch{n}") for n in range(250)})
    args = ("check", "--no-cache", "-j", "1", "--output-format", "concise", "--output-file", "out")
    with on_a_terminal(*args, cwd=root) as session:
        text = session.until(r"Checking Dockerfiles \[[#.]{24}\] \d+/250") + session.rest()
        assert text.endswith("\r\x1b[K")
    piped = run(*args, cwd=root)
    assert piped.stderr == b""


# colours and links


@pytest.mark.parametrize(
    ("env", "colored"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
    ],
)
def test_colours_on_a_terminal(env: dict[str, str], colored: bool, project: Project) -> None:
    with on_a_terminal("check", cwd=project({"Dockerfile": BROKEN}), **env) as session:
        assert (re.search(r"\x1b\[[\d;]+m", session.rest()) is not None) is colored  # a bar only moves the cursor


@pytest.mark.parametrize(("columns", "longest"), [(80, 80), (200, 120)])
def test_text_is_broken_on_a_terminal_and_nowhere_else(columns: int, longest: int, project: Project) -> None:
    root = project({"Dockerfile": "FROM python:3.9-alpine3.19\nRUN pip install gevent psycopg2 lxml==4.9.0\n"})
    piped = run("check", "--offline", cwd=root).stdout.decode()
    assert max(map(len, piped.splitlines())) > 120
    with on_a_terminal("check", "--offline", "--color", "never", cwd=root, columns=columns) as session:
        shown = session.rest().replace("\r\n", "\n")
    assert max(map(len, shown.splitlines())) <= longest
    assert shown.split() == piped.split()


def test_colours_elsewhere(project: Project) -> None:
    root = project({"Dockerfile": BROKEN})
    assert b"\x1b" not in run("check", cwd=root, NO_COLOR="").stdout
    assert b"\x1b[" in run("check", cwd=root, NO_COLOR="", FORCE_COLOR="1").stdout
    assert b"\x1b[" in run("check", "--color", "always", cwd=root, NO_COLOR="1").stdout


def test_links_to_the_docs_and_to_the_file(project: Project) -> None:
    root = project({"Dockerfile": BROKEN})
    able = {"TERM_PROGRAM": "WezTerm", "ALPINE_DOCTOR_DOCS_URL": "https://docs.example/x/"}
    with on_a_terminal("check", cwd=root, **able) as session:
        text = session.rest()
    assert "\x1b]8;;https://docs.example/x/codes/AD102/\x1b\\" in text
    assert f"\x1b]8;;{(root / 'Dockerfile').as_uri()}\x1b\\Dockerfile:3:5\x1b]8;;\x1b\\" in text
    del able["ALPINE_DOCTOR_DOCS_URL"]
    with on_a_terminal("check", cwd=root, **able) as session:
        text = session.rest()
    assert f"\x1b]8;;{DOCS_URL}codes/AD102/\x1b\\" in text
    assert "\x1b]8;;file://" in text
    with on_a_terminal("check", cwd=root) as session:
        assert "\x1b]8" not in session.rest()
    assert b"\x1b]8" not in run("check", cwd=root, **able).stdout


@pytest.mark.parametrize(
    ("env", "terminal", "expected"),
    [
        ({"VTE_VERSION": "6003"}, True, True),
        ({"VTE_VERSION": "4900"}, True, False),
        ({"TERM": "xterm-kitty"}, True, True),
        ({"TERM_PROGRAM": "vscode"}, True, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, True, False),
        ({"WT_SESSION": "x"}, True, True),
        ({"WT_SESSION": "x", "CI": "1"}, True, False),
        ({"WT_SESSION": "x"}, False, False),
        ({"FORCE_HYPERLINK": "1"}, False, True),
        ({"FORCE_HYPERLINK": "0", "WT_SESSION": "x"}, True, False),
        ({}, True, False),
    ],
)
def test_which_terminals_follow_links(env: dict[str, str], terminal: bool, expected: bool) -> None:
    assert follows_links(env, terminal=terminal) is expected


def test_a_link_to_an_odd_name_is_an_address() -> None:
    options = RenderOptions(hyperlinks=True, file_root="/a b")
    assert options.file_url("c\udcffd;\x1b") == "file:///a%20b/c%FFd%3B%1B"
    assert RenderOptions(file_root="/a").file_url("x") is None
