from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.report.diff import diff

if TYPE_CHECKING:
    from pathlib import Path

LINES = st.lists(
    st.sampled_from([b"a\n", b"b\n", b"a\r\n", b"\n", b"\xff\xfe\n", b"x\ry\n", b"c\x0cd\n", b"--- a\n", b"no end"])
).map(b"".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet")
    git(folder, "config", "core.autocrlf", "false")
    return folder


def git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    run = subprocess.run(["git", *arguments], cwd=folder, input=given, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def applied(folder: Path, path: str, old: bytes, new: bytes) -> bytes:
    """What ``git apply`` makes of the old bytes with our patch."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(old)
    git(folder, "apply", "--whitespace=nowarn", "-", given=diff(path, old, new))
    return file.read_bytes()


@given(old=LINES.filter(bool), new=LINES.filter(bool))
def test_git_applies_it(repository: Path, old: bytes, new: bytes) -> None:
    if old != new:
        assert applied(repository, "Dockerfile", old, new) == new


@pytest.mark.parametrize(
    "path",
    [
        "Dockerfile",
        "./docker/Dockerfile",
        "a dir/my Dockerfile",
        "café/Dockerfile",
        'quo"te',
        "tab\there",
        "back\\slash",
        "\udcff\udcfe",
        "new\nline",
    ],
)
def test_git_finds_the_file(repository: Path, path: str) -> None:
    assert applied(repository, path, b"FROM a\nRUN b", b"FROM a\nRUN c\n") == b"FROM a\nRUN c\n"


def test_context_is_whole_where_lines_repeat(repository: Path) -> None:
    """git takes a hunk that ends in a change for one that ends the file."""
    assert applied(repository, "Dockerfile", b"a\n" * 5, b"b\n" + b"a\n" * 4) == b"b\n" + b"a\n" * 4


def test_several_hunks(repository: Path) -> None:
    old = b"".join(b"line %d\r\n" % number for number in range(100))
    new = old.replace(b"line 5\r\n", b"line 5\r\nadded\r\n").replace(b"line 80\r\n", b"")
    patch = diff("Dockerfile", old, new)
    assert patch.count(b"@@ -") == 2
    assert b"@@ -4,6 +4,7 @@\n" in patch
    assert applied(repository, "Dockerfile", old, new) == new


def test_nothing_for_no_change() -> None:
    assert diff("Dockerfile", b"x", b"x") == b""


def test_the_whole_text() -> None:
    assert diff("d/Dockerfile", b"FROM a\r\nRUN b", b"FROM a\r\nRUN c") == (
        b"--- a/d/Dockerfile\n+++ b/d/Dockerfile\n@@ -1,2 +1,2 @@\n FROM a\r\n"
        b"-RUN b\n\\ No newline at end of file\n+RUN c\n\\ No newline at end of file\n"
    )


def test_colour_is_only_colour() -> None:
    old, new = b"FROM a\nRUN b\n", b"FROM a\nRUN c\n"
    colored = diff("D", old, new, color=True)
    assert b"\x1b[31m-RUN b\x1b[0m\n" in colored
    for sequence in (b"\x1b[1m", b"\x1b[31m", b"\x1b[32m", b"\x1b[36m", b"\x1b[0m"):
        colored = colored.replace(sequence, b"")
    assert colored == diff("D", old, new)


def test_a_long_file_with_two_small_changes() -> None:
    lines = [b"RUN echo %d\n" % number for number in range(200_000)]
    old = b"".join(lines)
    new = b"".join([*lines[:10], b"RUN x\n", *lines[10:-10], b"RUN y\n", *lines[-10:]])
    assert diff("D", old, new).count(b"\n+RUN") == 2
