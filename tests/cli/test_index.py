"""alpine-doctor index, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockerlint_alpine.cli.index import index_group


def run(*words: str) -> Result:
    return CliRunner().invoke(index_group, words, catch_exceptions=False)


def test_simulate_prints_sorted_lines() -> None:
    done = run("simulate", "lz4-dev", "--alpine", "3.19")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines == sorted(lines)
    assert "lz4-dev 1.9.4-r5" in lines
    assert "musl 1.2.4_git20230717-r6" in lines


def test_simulate_with_something_installed() -> None:
    done = run("simulate", "lz4-dev", "--alpine", "3.19", "--installed", "lz4-libs,pkgconf")
    assert done.stdout.splitlines() == ["lz4-dev 1.9.4-r5"]
    nothing = run("simulate", "lz4-libs", "--alpine", "3.19", "--installed", "lz4-dev")
    assert (nothing.exit_code, nothing.stdout) == (0, "")


def test_simulate_fails_with_apks_reasons() -> None:
    done = run("simulate", "libpq", "nosuch", "--alpine", "3.19")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nosuch (no such package):\n    required by: world[nosuch]" in done.stderr


def test_simulate_json() -> None:
    told = json.loads(run("simulate", "tini", "--alpine", "3.19", "--json").stdout)
    assert told["ok"] is True
    assert {"name": "tini", "version": "0.19.0-r2", "repository": "community", "replaces": None} in told["install"]
    failed = run("simulate", "nosuch", "--alpine", "3.19", "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["problems"][0]["names"] == ["nosuch"]


def test_simulate_says_what_stands_in() -> None:
    alone = run("simulate", "libpq", "--alpine", "3.20")
    assert "without community" in alone.stderr
    more = run("simulate", "chromium", "--alpine", "3.20")
    assert more.exit_code == 0
    assert "stands in for 3.20 community" in more.stderr


def test_other_architectures_and_repositories() -> None:
    done = run("simulate", "curl", "--alpine", "3.22", "--arch", "aarch64", "--repository", "main")
    assert done.exit_code == 0
    assert run("simulate", "chromium", "--alpine", "3.19", "--repository", "main").exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "curl", "--alpine", "9.9"),
        ("simulate", "curl", "--arch", "vax"),
        ("simulate", "curl", "--repository", ","),
        ("simulate", "curl", "--repository", "nosuch"),
        ("simulate", "curl", "--apk-tools", "1.0"),
        ("simulate", "curl=1.0-4"),
        ("simulate", "@"),
        ("simulate",),
        ("search", "curl", "--alpine", "x"),
        ("update", "--alpine", "../x"),
        ("update", "--arch", "../x"),
        ("update", "--alpine", "3.19", "--mirror", "file:///etc"),
        ("update", "--alpine", "3.19", "--repository", "../x"),
    ],
)
def test_wrong_commands_end_with_2_and_one_line(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_search() -> None:
    done = run("search", "pc:libpq", "--alpine", "3.19")
    assert done.stdout.startswith("libpq-dev")
    assert "nothing" in run("search", "so:libnosuch.so.1", "--alpine", "3.19").stderr
    (first, *_) = json.loads(run("search", "so:liblz4.so.*", "--alpine", "3.19", "--json").stdout)
    assert (first["package"], first["capability"]) == ("lz4-libs", "so:liblz4.so.1")


def test_list() -> None:
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["release", "repository", "arch", "date", "packages", "source"]
    assert ["3.19", "main", "x86_64", "2026-05-17", "5450", "embedded"] in [line.split() for line in lines]
    assert len(json.loads(run("list", "--json").stdout)) == len(lines) - 1


def test_a_failed_update_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPINE_DOCTOR_CACHE_DIR", str(tmp_path))
    done = run("update", "--alpine", "3.19", "--repository", "main", "--mirror", "http://127.0.0.1:9")
    assert done.exit_code == 2
    assert "stays in use" in done.stderr
    assert not list(tmp_path.rglob("*.sqlite"))
