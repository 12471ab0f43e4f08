"""One spelling everywhere, and a word for those who know another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dockerlint_alpine.cli import COMMANDS, app
from tests.cli.test_check_and_fix import run


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    for inner, one in getattr(command, "commands", {}).items():
        yield from commands(one, f"{name} {inner}")


ALL = [pair for name in COMMANDS for pair in commands(app.get_command(click.Context(app), name), name)]  # type: ignore[arg-type]
OLDER = {"--json", "--arch", "--format"}


@pytest.mark.parametrize("command", [command for _, command in ALL], ids=[name for name, _ in ALL])
def test_help_and_completion_know_one_spelling(command: click.Command) -> None:
    shown = {option for one in command.params for option in one.opts if one.name != "registry"}
    assert not shown & OLDER


def output(*args: str) -> str:
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("index list --json", "index list --output-format json"),
        (
            "index search so:liblz4.so.1 --alpine 3.20 --json",
            "index search so:liblz4.so.1 --alpine 3.20 --output-format json",
        ),
        ("index search lz4.h --alpine 3.19 --arch aarch64", "index search lz4.h --alpine 3.19 --platform linux/arm64"),
        (
            "index simulate lz4-dev --alpine 3.20 --arch aarch64",
            "index simulate lz4-dev --alpine 3.20 --platform aarch64",
        ),
        ("explain lz4 --arch aarch64", "explain lz4 --platform linux/arm64"),
        ("rules export --format pep804 --alpine 3.20", "rules export --output-format pep804 --alpine 3.20"),
    ],
)
def test_older_spellings_say_the_same(old: str, new: str) -> None:
    assert output(*old.split()) == output(*new.split())
    if "json" in new:
        assert json.loads(output(*new.split()))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["Dockerfile", "--strict"], "to check it: alpine-doctor check Dockerfile --strict"),
        (["lint"], "did you mean check?"),
        (["lsp"], "did you mean server?"),
        (["chek"], "did you mean check?"),
        (["help"], "say `alpine-doctor --help`"),
        (["help", "fix"], "say `alpine-doctor fix --help`"),
        (["check", "--fix"], "`alpine-doctor fix` writes the fixes"),
        (["check", "--diff"], "`alpine-doctor fix --diff` prints"),
        (["explain", "lz4", "--platform", "linux/mips"], "'linux/mips': choose from linux/amd64, linux/arm64"),
    ],
)
def test_who_says_it_otherwise_is_told(
    words: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM alpine:3.20\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert hint in done.stderr


def test_the_version_by_its_letter() -> None:
    assert output("-V") == output("--version")


def test_a_header_leads_to_its_package() -> None:
    found = output("index", "search", "libpq-fe.h", "--alpine", "3.19").split()
    assert (found[0], found[2:]) == ("libpq-dev", "main has the headers of libpq".split())


BROKEN = "FROM python:3.11-alpine3.19\nRUN pip install psycopg2==2.9.9\n"


def test_quiet_prints_findings_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(BROKEN)
    (tmp_path / "clean.Dockerfile").write_text("FROM alpine:3.19\n")
    loud = run("check", "--offline", "--output-format", "concise", cwd=tmp_path).stdout.decode().splitlines()
    quiet = run("check", "--offline", "--output-format", "concise", "-q", cwd=tmp_path).stdout.decode().splitlines()
    assert quiet == loud[:-1]
    assert len(quiet) >= 3
    assert loud[-1].startswith("Found ")
    text = run("check", "--offline", "--quiet", "Dockerfile", cwd=tmp_path).stdout.decode()
    assert "error[AD101" in text
    assert "Found " not in text
    assert "explain AD101" not in text
    done = run("check", "--offline", "--quiet", "clean.Dockerfile", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(("form", "variable"), [("gitlab", "CI_PROJECT_DIR"), ("github", "GITHUB_WORKSPACE")])
def test_hosts_get_paths_from_their_own_root(form: str, variable: str, tmp_path: Path) -> None:
    below = tmp_path / "services" / "api"
    below.mkdir(parents=True)
    (below / "Dockerfile").write_text(BROKEN)
    told = run("check", "--offline", "--output-format", form, cwd=below, **{variable: str(tmp_path)}).stdout.decode()
    assert "services/api/Dockerfile" in told
    elsewhere = run("check", "--offline", "--output-format", form, cwd=below, **{variable: "/nowhere"}).stdout.decode()
    assert "nowhere" not in elsewhere
    assert "services" not in elsewhere
    assert "Dockerfile" in elsewhere
