"""A repository of a stranger: what its files may decide, what of the machine is read or shown, and what may hang."""

from __future__ import annotations

import os
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


def test_the_environment_is_shown_by_name(top: Path) -> None:
    (top / "Dockerfile").write_text("ARG X\nFROM ${X}\nARG X\nRUN apk add $X && pip install ${X#h} ${X%e}==1\n")
    (top / "compose.yml").write_text("services: {a: {build: {context: ., args: {X: '${MYSECRET}'}}}}\n")
    for form in ("text", "json", "sarif"):
        done = arena.doctor("check", "--output-format", form, cwd=top, env={"MYSECRET": SECRET}).sound()
        assert SECRET[1:-1] not in done.text
        assert "MYSECRET" in done.text


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
