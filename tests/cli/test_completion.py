"""Completion in real shells: what a user gets who presses the tab key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pexpect
import pytest

from dockerlint_alpine.checks import CHECKS
from tests.cli.test_check_and_fix import run

BIN = str(Path(sys.executable).parent)
needs_program = pytest.mark.skipif(not Path(BIN, "alpine-doctor").exists(), reason="the program is not installed")


def codes(beginning: str) -> list[str]:
    return [check.code for check in CHECKS if check.code.startswith(beginning)]


def shell(name: str, script: str, cwd: Path) -> list[str]:
    """What the script prints in that shell, where ``complete.NAME`` is the completion to load."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    text = run("completion", name, cwd=cwd).stdout
    (cwd / f"complete.{name}").write_bytes(text)
    done = subprocess.run(
        [found, "-c", script],
        cwd=cwd,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(cwd), "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout.split("\n")


def bash(words: str, cwd: Path) -> list[str]:
    script = (
        f"source complete.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1));"
        ' _alpine_doctor_completion alpine-doctor; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return shell("bash", script, cwd)


COMPOSE = "services:\n  web:\n    build: {context: docker}\n  db:\n    image: postgres:16-alpine\n"
INNER = "FROM alpine:3.19 AS inner\n"
STAGES = "FROM alpine:3.19 AS builder\nFROM alpine:3.19 AS runtime\n"


@needs_program
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("alpine-doctor ch", {"check"}),
        ("alpine-doctor comp", {"completion"}),
        ("alpine-doctor check --sta", {"--statistics"}),
        ("alpine-doctor check --select AD20", set(codes("AD20"))),
        ("alpine-doctor check --ignore AD101,AD30", {f"AD101,{code}" for code in codes("AD30")}),
        ("alpine-doctor check --output-format s", {"sarif"}),
        ("alpine-doctor fix --platform linux/arm6", {"linux/arm64", "linux/arm64/v8"}),
        ("alpine-doctor check Dockerfile --target b", {"builder"}),
        ("alpine-doctor check --target r", {"runtime"}),
        ("alpine-doctor check docker/Dockerfile --target ''", {"inner"}),
        ("alpine-doctor check compose.yaml --target i", {"inner"}),
        ("alpine-doctor verify compose.yaml w", {"web"}),
        ("alpine-doctor diagnose --dockerfile compose.yaml --service w", {"web"}),
        ("alpine-doctor verify --level im", {"import"}),
        ("alpine-doctor check --as python=3.1", {f"python=3.1{minor}" for minor in range(5)}),
        ("alpine-doctor check --python 3.1", {f"3.1{minor}" for minor in range(5)}),
        ("alpine-doctor explain orj", {"orjson"}),
        ("alpine-doctor explain AD20", set(codes("AD20"))),
        ("alpine-doctor explain liblz4.s", {"liblz4.so.1"}),
        ("alpine-doctor index simulate --alpine 3.19 lz4-l", {"lz4-libs"}),
        ("alpine-doctor index search --alpine 3.12 postgresql-de", {"postgresql-dev"}),
        ("alpine-doctor rules show psycopg2-b", {"psycopg2-binary"}),
        ("alpine-doctor check --alpine 3.19", {"3.19"}),
        ("alpine-doctor completion f", {"fish"}),
    ],
)
def test_bash(words: str, expected: set[str], project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({"Dockerfile": STAGES, "docker/Dockerfile": INNER, "compose.yaml": COMPOSE})
    assert {line for line in bash(words, root) if line} == expected


@needs_program
def test_zsh_lists_values_with_what_they_mean(project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({"Dockerfile": STAGES})
    script = (
        "autoload -Uz compinit && compinit -u -d zcompdump; compdef() { : }; source complete.zsh;"
        " _describe() { print -rl -- ${(P)3} }; compadd() { : };"
        " words=(alpine-doctor check --select AD20); CURRENT=4; _alpine_doctor_completion"
    )
    found = shell("zsh", script, root)
    assert "AD201:missing-runtime-library" in found


@needs_program
def test_fish(project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({"Dockerfile": STAGES})
    found = shell("fish", "source complete.fish; complete --do-complete 'alpine-doctor check --target r'", root)
    assert "runtime\talpine:3.19" in found
    found = shell("fish", "source complete.fish; complete --do-complete 'alpine-doctor ca'", root)
    assert [line.partition("\t")[0] for line in found if line] == ["cache"]


START = {
    "bash": (["--norc", "--noprofile", "-i"], 'eval "$(alpine-doctor completion bash)"'),
    "zsh": (["-f", "-i"], 'autoload -Uz compinit && compinit -u -D; eval "$(alpine-doctor completion zsh)"'),
    "fish": (["--no-config"], "alpine-doctor completion fish | source"),
}


@needs_program
@pytest.mark.parametrize("name", START)
def test_the_tab_key(name: str, project: Callable[[Mapping[str, str]], Path]) -> None:
    """A person at a terminal: what is typed, and what the shell makes of it."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    root = project({"Dockerfile": STAGES, "docker/Dockerfile": INNER})
    options, setup = START[name]
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(root), "TERM": "xterm"}
    child: Any = pexpect.spawn(program, options, cwd=root, env=environment, encoding="utf-8", timeout=20)
    try:
        child.sendline(f"{setup}; echo re''ady")
        child.expect("ready\r")
        for typed, made in (
            ("alpine-doctor check docker/Dock", "erfile"),
            ("--target ", "inner"),
            ("--output-format sa", "rif"),
        ):
            child.send(f"{typed}\t")
            child.expect_exact(made)
    finally:
        child.close(force=True)


def test_another_shell_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run("completion", "tcsh", cwd=tmp_path)
    assert done.returncode == 2
    assert b"tcsh" in done.stderr
