"""A repository of a stranger: what its files may decide, what of the machine is read or shown, and what may hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import arena

BROKEN = "FROM python:3.11-alpine3.19\nRUN pip install --no-binary :all: psycopg2==2.9.9\n"
SECRET = "hunter2-of-the-machine"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository, and a secret beside it."""
    folder = tmp_path / "repository"
    (folder / ".git" / "info").mkdir(parents=True)
    (folder / "Dockerfile").write_text(BROKEN)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "creds").write_text(f"password {SECRET}\n")
    (tmp_path / "secret" / "Dockerfile").write_text(f"FROM {SECRET}\nRUN apk add gcc\n")
    return folder


@pytest.mark.parametrize("file", ["alpine-doctor.toml", "pyproject.toml"])
@pytest.mark.parametrize("command", ["check", "fix", "config"])
def test_configuration_writes_no_file(top: Path, file: str, command: str) -> None:
    victim = top.parent / "victim"
    victim.write_text("precious")
    (top / "inside").symlink_to(victim)
    lines = f'output-file = "{victim}"\noutput-format = ["concise:../victim", "json:inside", "text"]\nonline = true\n'
    (top / file).write_text(("" if file == "alpine-doctor.toml" else "[tool.alpine-doctor]\n") + lines)
    done = arena.doctor(command, cwd=top).sound().says(f"{file}:", "`output-file`", "`output-format`", "`online`")
    assert victim.read_text() == "precious", done.text


@pytest.mark.parametrize(
    "build",
    [
        "{context: ../secret}",
        "{context: ., dockerfile: ../secret/Dockerfile}",
        "{context: ../secret, dockerfile: ../repository/leak}",
        "{context: link}",
        "../secret",
    ],
)
def test_nothing_beside_the_repository_is_shown(top: Path, build: str) -> None:
    (top / "leak").write_text("FROM python:3.11-alpine3.19\nCOPY creds /c\nRUN pip install -r /c\n")
    (top / "link").symlink_to("../secret")
    (top / "compose.yml").write_text(f"services:\n  a:\n    build: {build}\n")
    for command in (["check"], ["check", "compose.yml"], ["fix", "--diff", "compose.yml"]):
        done = arena.doctor(*command, cwd=top).sound().says("compose.yml:3")
        assert SECRET not in done.text


def test_no_script_from_elsewhere_is_read(top: Path) -> None:
    (top.parent / "secret" / "x.sh").write_text(f"apk add {SECRET}\n")
    (top / "link.sh").symlink_to("../secret/x.sh")
    os.mkfifo(top / "pipe.sh")
    (top / "Dockerfile").write_text(
        "FROM alpine:3.19\nWORKDIR /w\nCOPY . .\nCOPY ../secret /w/s\n"
        "RUN ./link.sh; sh pipe.sh; sh s/x.sh; sh ../secret/x.sh; make -C s; sh /etc/profile; sh < link.sh\n"
    )
    for command in (["check"], ["check", "--output-format", "json"], ["fix", "--diff"]):
        assert SECRET not in arena.doctor(*command, cwd=top).sound().text


def test_the_context_of_a_configuration_lies_in_the_project(top: Path) -> None:
    (top / "Dockerfile").write_text("FROM python:3.11-alpine3.19\nCOPY creds /c\nRUN pip install -r /c\n")
    (top / "alpine-doctor.toml").write_text('context = "../secret"\n')
    done = arena.doctor("check", cwd=top).sound().says("alpine-doctor.toml:1: `context`")
    assert SECRET not in done.text


def test_the_environment_is_shown_by_name(top: Path) -> None:
    (top / "Dockerfile").write_text("ARG X\nFROM ${X}\nARG X\nRUN apk add $X && pip install ${X#h} ${X%e}==1\n")
    (top / "compose.yml").write_text("services: {a: {build: {context: ., args: {X: '${MYSECRET}'}}}}\n")
    for form in ("text", "json", "sarif"):
        done = arena.doctor("check", "--output-format", form, cwd=top, env={"MYSECRET": SECRET}).sound()
        assert SECRET[1:-1] not in done.text
        assert "MYSECRET" in done.text


ODD = {
    "a pipe": os.mkfifo,
    "a sparse file": lambda path: path.open("wb").truncate(50 * 2**30),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": lambda path: path.mkdir(),
    "a long key": lambda path: path.write_text("a." * 500_000 + "a = 1\n[tool.alpine-doctor]\n"),
}


PLACES = (
    ".gitignore",
    "sub/.gitignore",
    ".git/info/exclude",
    ".dockerignore",
    "Dockerfile.dockerignore",
    "compose.yml",
)
PLACES += ("pyproject.toml", "requirements.txt", "sub/Dockerfile", "packages.txt")


@pytest.mark.parametrize("what", ODD)
def test_no_file_holds_the_program_up(top: Path, what: str, tried: Callable[[int], None]) -> None:
    """Each kind of odd file at every place that is read; those that configure a run need a run of their own."""
    text = (
        "FROM python:3.11-alpine3.19\nCOPY . /x\nWORKDIR /x\nRUN apk add $(cat packages.txt)\n"
        "RUN pip install -r requirements.txt\nRUN pip install .\n"
    )
    for name in PLACES:
        folder = top / "all" / name.replace("/", "-")
        (folder / ".git" / "info").mkdir(parents=True)
        (folder / "sub").mkdir()
        (folder / "Dockerfile").write_text(text)
        ODD[what](folder / name)
    for name in ("alpine-doctor.toml", "pyproject.toml"):
        (top / name).mkdir()
        (top / name / "Dockerfile").write_text(text)
        ODD[what](top / name / name)
    for folder in (top / "all", top / "alpine-doctor.toml", top / "pyproject.toml"):
        for command in (["check"], ["fix", "--diff"]):
            arena.doctor(*command, cwd=folder, seconds=60).sound()
    tried(2 * len(PLACES) + 4)


EVIL = "a\x1b[2J\x07\u202e\u2028\x85"


FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit", "checkstyle", "rdjson", "markdown")


@pytest.mark.parametrize("form", FORMATS)
def test_no_name_steers_a_terminal(top: Path, form: str) -> None:
    (top / EVIL).mkdir()
    (top / EVIL / "Dockerfile").write_text(f"{BROKEN}RUN apk add '{EVIL}'\n")
    for command in (["check"], ["fix", "--diff"]):
        text = arena.doctor(*command, EVIL, "--output-format", form, cwd=top).sound().text
        names = text if command == ["check"] else "".join(line for line in text.split("\n") if line[:1] not in "+- ")
        assert not set(names) & {"\x1b", "\x07", "\u202e", "\u2028", "\x85"}


def test_killed_at_any_moment_a_file_is_old_or_new(top: Path, tried: Callable[[int], None]) -> None:
    """kill -9 at 16 moments of ``fix``: the bytes are the old ones or the new ones, and nothing left behind is judged."""
    folder = top / "deep"
    folder.mkdir()
    old = BROKEN.encode()
    (folder / "Dockerfile").write_bytes(old)
    new = None
    for number in range(16):
        (folder / "Dockerfile").write_bytes(old)
        child = subprocess.Popen(
            [sys.executable, "-m", "dockerlint_alpine", "fix", "--offline", "Dockerfile"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 0.06 * number
        while child.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        child.wait()
        found = (folder / "Dockerfile").read_bytes()
        if found != old:
            new = new or found
            assert found == new
    done = arena.doctor("check", "--show-files", cwd=folder).sound()
    assert done.out.split() == ["Dockerfile"]
    tried(16)


def test_fixes_at_the_same_time_all_end_well(top: Path, tried: Callable[[int], None]) -> None:
    for _ in range(4):
        (top / "Dockerfile").write_text(BROKEN)
        command = [sys.executable, "-m", "dockerlint_alpine", "fix", "--offline", "Dockerfile"]
        pair = [subprocess.Popen(command, cwd=top, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
        said = [child.communicate()[0].decode() for child in pair]
        assert [child.returncode for child in pair] == [0, 0], said
        assert (top / "Dockerfile").read_text().count("libpq-dev") == 1
    tried(8)
