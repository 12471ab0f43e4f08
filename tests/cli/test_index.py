"""``alpine-doctor index`` as a user types it."""

from __future__ import annotations

import subprocess

import pytest

from tests import program
from tests.conftest import CHECKOUT


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """Start the program as a process of its own."""
    done = program.run("index", *args, cwd=CHECKOUT)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_simulate_prints_what_apk_add_would_install_sorted() -> None:
    done = run("simulate", "lz4-dev", "--alpine", "3.19", "--repository", "main")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "lz4-dev 1.9.4-r5" in lines
    assert "lz4-libs 1.9.4-r5" in lines
    assert lines == sorted(lines)


def test_what_is_installed_is_not_installed_again() -> None:
    done = run("simulate", "lz4-dev", "--alpine", "3.19", "--installed", "lz4-libs")
    assert done.returncode == 0, done.stderr
    assert "lz4-libs" not in {line.split()[0] for line in done.stdout.splitlines()}


def test_a_set_that_can_not_be_had_exits_1_in_apks_words() -> None:
    done = run("simulate", "nonsense", "curl", "--alpine", "3.19")
    assert done.returncode == 1
    assert not done.stdout
    assert "nonsense (no such package)" in done.stderr
    assert "required by: world[nonsense]" in done.stderr


@pytest.mark.parametrize("args", [("--alpine", "9.99"), ("--alpine", "twelve"), ("--alpine", "3.19", "--arch", "z80")])
def test_an_unknown_release_or_architecture_is_one_line(args: tuple[str, ...]) -> None:
    done = run("simulate", "curl", *args)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_list_names_every_embedded_index_with_its_day() -> None:
    rows = [line.split() for line in run("list").stdout.splitlines()[1:]]
    assert ["3.19", "main", "x86_64"] in [row[:3] for row in rows]
    assert {row[-1] for row in rows} <= {"embedded", "cached", "derived"}


def test_search_finds_the_provider_of_a_need() -> None:
    done = run("search", "so:liblz4.so.1", "--alpine", "3.19")
    assert done.returncode == 0
    assert done.stdout.startswith("lz4-libs")
