"""``fix`` as a user types it: many files, compose files, other files that hold lists, questions, and what is written."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cli.test_check_and_fix import run

Project = Callable[[Mapping[str, str]], Path]
BROKEN = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev\nRUN pip install psycopg2==2.9.11\n"
SOUND = "FROM python:3.11-alpine3.19\nRUN pip install redis==7.0.1\n"
MAGIC = (
    "FROM python:3.11-alpine3.19\nCOPY packages.txt .\n"
    "RUN xargs apk add --no-cache < packages.txt\nRUN pip install python-magic==0.4.27\n"
)


def fix(*args: str, cwd: Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return run("fix", "--offline", *args, cwd=cwd, stdin=stdin)


def changes(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """The added and removed lines of a diff."""
    lines = done.stdout.decode().splitlines()
    return [line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))]


def test_every_dockerfile_of_a_folder_is_fixed_and_the_sound_one_left_alone(project: Project) -> None:
    root = project({"a/Dockerfile": BROKEN, "b/Dockerfile": SOUND, "c/x.Dockerfile": BROKEN})
    before = (root / "b/Dockerfile").stat()
    done = fix(cwd=root)
    assert done.returncode == 0, done.stderr
    for name in ("a/Dockerfile", "c/x.Dockerfile"):
        assert "gcc libpq-dev musl-dev" in (root / name).read_text()
        assert f"fixed {name}: AD101 add libpq-dev".encode() in done.stdout
    after = (root / "b/Dockerfile").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_two_services_of_one_dockerfile_are_served_by_one_fix(project: Project) -> None:
    text = (
        "FROM python:3.11-alpine3.19\nARG WANTED=redis==7.0.1\n"
        "RUN apk add --no-cache gcc musl-dev\nRUN pip install $WANTED\n"
    )
    compose = (
        "services:\n  a:\n    build: {context: ., args: {WANTED: psycopg2==2.9.11}}\n"
        "  b:\n    build: {context: ., args: {WANTED: mysqlclient==2.2.7}}\n  c:\n    build: .\n"
    )
    root = project({"Dockerfile": text, "compose.yml": compose})
    diff = fix("--diff", "compose.yml", cwd=root)
    assert changes(diff) == [
        "-RUN apk add --no-cache gcc musl-dev",
        "+RUN apk add --no-cache gcc libpq-dev mariadb-connector-c-dev musl-dev",
    ]
    assert diff.stdout.count(b"--- a/") == 1
    assert fix("compose.yml", cwd=root).returncode == 0
    assert run("check", "--offline", "compose.yml", cwd=root).returncode == 0


def test_a_list_in_a_file_is_edited_there(project: Project) -> None:
    root = project({"Dockerfile": MAGIC, "packages.txt": "curl\ntini\n"})
    diff = fix("--diff", cwd=root)
    assert diff.returncode == 1
    assert changes(diff) == ["+libmagic"]
    assert b"+++ b/packages.txt" in diff.stdout
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "apply", "--check", "-"], cwd=root, input=diff.stdout, check=True)
    (root / "packages.txt").chmod(0o600)
    assert fix(cwd=root).returncode == 0
    assert (root / "packages.txt").read_text() == "curl\nlibmagic\ntini\n"
    assert (root / "packages.txt").stat().st_mode & 0o777 == 0o600
    assert (root / "Dockerfile").read_text() == MAGIC
    assert fix("--diff", cwd=root).stdout == b""


def test_a_list_of_two_dockerfiles_is_edited_once(project: Project) -> None:
    root = project({"a.Dockerfile": MAGIC, "b.Dockerfile": MAGIC, "packages.txt": "curl\n"})
    assert changes(fix("--diff", cwd=root)) == ["+libmagic"]
    assert fix(cwd=root).returncode == 0
    assert (root / "packages.txt").read_text() == "curl\nlibmagic\n"


def test_stdin_cannot_change_another_file(project: Project) -> None:
    root = project({"Dockerfile": MAGIC, "packages.txt": "curl\n"})
    done = fix("-", "--stdin-filename", "Dockerfile", cwd=root, stdin=MAGIC.encode())
    assert done.returncode == 1
    assert done.stdout == MAGIC.encode()
    assert (root / "packages.txt").read_text() == "curl\n"


def test_stdin_is_fixed_onto_stdout(project: Project) -> None:
    root = project({"Dockerfile": SOUND})
    done = fix("--stdin-filename", "x.Dockerfile", cwd=root, stdin=BROKEN.encode())
    assert done.returncode == 0
    assert done.stdout == BROKEN.replace("gcc musl-dev", "gcc libpq-dev musl-dev").encode()


@pytest.mark.parametrize(
    ("answers", "added"),
    [
        (b"y\ny\n", {"libpq-dev", "libmagic"}),
        (b"n\ny\n", {"libmagic"}),
        (b"y\nn\n", {"libpq-dev"}),
        (b"a\n", {"libpq-dev", "libmagic"}),
        (b"q\n", set()),
        (b"what?\ny\nq\n", {"libpq-dev"}),
        (b"", set()),
    ],
)
def test_interactive_asks_about_each_change(project: Project, answers: bytes, added: set[str]) -> None:
    text = BROKEN.replace("psycopg2", "python-magic==0.4.27 psycopg2")
    root = project({"Dockerfile": text})
    done = fix("--interactive", cwd=root, stdin=answers + b"y\n" * 3 if added == {"libmagic"} else answers)
    new = (root / "Dockerfile").read_text()
    words = set(new.split()) - set(text.split())
    assert words == added
    assert b"+RUN apk add --no-cache gcc libpq-dev musl-dev" in done.stdout
    assert b"[y]es, [n]o, [a]ll, [q]uit" in done.stdout
    assert done.returncode == (0 if "libpq-dev" in added and "libmagic" in added else 1)


@pytest.mark.parametrize(
    ("answer", "new", "asked"),
    [
        (b"1\nn\n", "py3-pip && pip3 install --no-cache-dir -U 'pip>=21.2' && pip3 install lxml", 2),
        (b"2\n", "py3-pip gcc libxslt-dev musl-dev postgresql-dev python3-dev && pip3 install lxml", 1),
        (b"y\nn\n", "py3-pip && pip3 install lxml", 1),  # there are two ways: yes is no answer
        (b"a\n", "py3-pip gcc libxslt-dev musl-dev postgresql-dev python3-dev && pip3 install lxml", 1),
    ],
)
def test_interactive_asks_once_about_a_cause_and_offers_the_ways_out(
    project: Project, answer: bytes, new: str, asked: int
) -> None:
    old = "FROM alpine:3.14\nRUN apk add --no-cache py3-pip && pip3 install lxml==4.9.3 psycopg2==2.9.9\n"
    root = project({"Dockerfile": old})
    out = fix("--interactive", "--output-file", "report", cwd=root, stdin=answer).stdout.decode()
    assert (root / "Dockerfile").read_text() == old.replace("py3-pip && pip3 install lxml", new)
    assert out.count("are missing\n") == asked
    assert out.index("\n1: pip3 install -U 'pip>=21.2' first (then only psycopg2 is compiled") < out.index(
        "\n2: add gcc"
    )


def test_interactive_and_stdin_do_not_go_together(project: Project) -> None:
    done = fix("-", "--interactive", cwd=project({"Dockerfile": SOUND}), stdin=b"")
    assert done.returncode == 2
    assert b"--interactive" in done.stderr


def test_select_and_exit_codes(project: Project) -> None:
    root = project({"Dockerfile": BROKEN.replace("psycopg2", "python-magic==0.4.27 psycopg2")})
    assert fix("--select", "AD203", cwd=root).returncode == 0
    assert "libmagic" in (root / "Dockerfile").read_text()
    assert "libpq" not in (root / "Dockerfile").read_text()
    assert fix("--exit-non-zero-on-fix", cwd=root).returncode == 1
    assert fix("--exit-non-zero-on-fix", cwd=root).returncode == 0
    assert fix("--select", "nonsense", cwd=root).returncode == 2


def test_unsafe_fixes_only_when_asked(project: Project) -> None:
    text = (
        "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev tini\nRUN pip install cryptography==46.0.3\n"
    )
    root = project({"Dockerfile": text})
    assert fix(cwd=root).returncode == 0
    assert (root / "Dockerfile").read_text() == text
    assert fix("--unsafe-fixes", cwd=root).returncode == 0
    assert (root / "Dockerfile").read_text() == text.replace("gcc musl-dev ", "")


def test_the_diff_is_coloured_on_a_terminal(project: Project) -> None:
    root = project({"Dockerfile": BROKEN})
    assert b"\x1b[" not in fix("--diff", cwd=root).stdout
    assert b"\x1b[32m+RUN apk add" in fix("--diff", "--color", "always", cwd=root).stdout
    parent, child = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dockerlint_alpine", "fix", "--offline", "--diff"],
        cwd=root,
        stdout=child,
        env={**env, "TERM": "xterm"},
    )
    os.close(child)
    shown = b""
    while chunk := _read(parent):
        shown += chunk
    assert process.wait(60) == 1
    assert b"\x1b[32m+RUN apk add" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end of a terminal is closed
        return b""


def test_a_link_is_followed_and_a_file_named_twice_is_fixed_once(project: Project) -> None:
    root = project({"real/Dockerfile": BROKEN})
    (root / "Dockerfile").symlink_to("real/Dockerfile")
    done = fix("Dockerfile", "real/Dockerfile", cwd=root)
    assert done.returncode == 0, done.stderr
    assert (root / "Dockerfile").is_symlink()
    assert done.stdout.count(b"AD101") == 1
    assert (root / "real/Dockerfile").read_text().count("libpq-dev") == 1


def test_a_file_that_somebody_else_changes_meanwhile_is_not_overwritten(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from dockerlint_alpine.cli.fix import fix as command
    from dockerlint_alpine.run import reading

    root = project({"Dockerfile": BROKEN})
    # The first time, only what its FROM names is looked for.
    real = reading.read_dockerfile
    changes = iter((None, "FROM scratch\n", None, None, f"{BROKEN}# 1\n", f"{BROKEN}# 2\n"))

    def read_and_lose(path: Path) -> bytes:
        data = real(path)
        new = next(changes)
        if new is not None:
            path.write_text(new)
        return data

    monkeypatch.setattr(reading, "read_dockerfile", read_and_lose)
    monkeypatch.chdir(root)
    done = CliRunner().invoke(command, ["--offline", "Dockerfile"])
    assert (root / "Dockerfile").read_text() == "FROM scratch\n"
    assert done.exit_code == 0  # it was looked at again, and nothing is left to do
    (root / "Dockerfile").write_text(BROKEN)
    done = CliRunner().invoke(command, ["--offline", "Dockerfile"])
    assert done.exit_code == 2
    assert "changed on disk" in done.output
    assert "1 file could not be written" in done.output
    assert (root / "Dockerfile").read_text() == f"{BROKEN}# 2\n"
