"""Files that a stranger may have put there: what is no regular file, what is too large, what leads out of the project."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dockerlint_alpine.system.files import FileRefusedError, lies_within, project_root, read_file

LIMIT = 1000


def refusal(path: Path, within: Path | None = None) -> str:
    with pytest.raises(FileRefusedError) as raised:
        read_file(path, limit=LIMIT, within=within)
    return str(raised.value.strerror)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    for size in (0, 1, LIMIT):
        (tmp_path / "x").write_bytes(b"a" * size)
        assert read_file(tmp_path / "x", limit=LIMIT) == b"a" * size


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
    for name in ("pipe", "link", "socket", "/dev/zero", "/dev/tty"):
        assert refusal(tmp_path / name) == "it is not a regular file"
    assert refusal(tmp_path) == "it is a folder"


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a" * (LIMIT + 1))
    assert refusal(tmp_path / "x").startswith("it is larger than")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(50 * 2**30)
    with pytest.raises(FileRefusedError, match="larger than 4 MiB"):
        read_file(tmp_path / "sparse", limit=4 * 2**20)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="a file whose size the kernel does not tell")
def test_a_file_that_says_it_is_empty_is_read_up_to_the_limit() -> None:
    assert b"[stack]" in read_file("/proc/self/maps", limit=2**20)
    assert refusal(Path("/proc/self/maps")).startswith("it is larger than")


def test_links_may_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in2").mkdir()
    for place in ("in/x", "in2/x", "secret"):
        (tmp_path / place).write_text(place)
    (tmp_path / "in/near").symlink_to("x")
    (tmp_path / "in/far").symlink_to("../secret")
    (tmp_path / "in/beside").symlink_to("../in2")
    within = tmp_path / "in"
    assert read_file(within / "near", limit=LIMIT, within=within) == b"in/x"
    for name in ("far", "beside/x", "../secret", "../in2/x"):
        assert refusal(within / name, within) == "it is outside the project"
        assert not lies_within(within / name, within)
    assert read_file(within / "far", limit=LIMIT) == b"secret"  # the user named it
    (tmp_path / "alias").symlink_to("in")
    assert read_file(tmp_path / "alias" / "x", limit=LIMIT, within=within) == b"in/x"


def test_what_is_not_there_is_said_as_ever(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name in ("gone", "a\0b"):
        with pytest.raises(FileNotFoundError):
            read_file(tmp_path / name, limit=LIMIT)
    with pytest.raises(OSError, match="Too many levels"):
        read_file(tmp_path / "loop", limit=LIMIT)
    assert not lies_within("a\0b", tmp_path)


def test_the_top_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "top" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir("/")
    assert project_root(deep) == deep
    assert project_root(deep, [str(tmp_path / "top")]) == tmp_path / "top"
    assert project_root(deep, [str(tmp_path / "other"), str(tmp_path / "top" / "a")]) == tmp_path / "top" / "a"
    monkeypatch.chdir(tmp_path / "top")
    assert project_root("a/b") == project_root(deep) == tmp_path / "top"
    (tmp_path / "top/a/.git").write_text("gitdir: elsewhere\n")
    assert project_root(deep, [str(tmp_path / "top")]) == tmp_path / "top" / "a"


def test_a_home_folder_is_not_the_top_of_what_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "evil").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert project_root(tmp_path / "evil", [str(tmp_path)]) == tmp_path / "evil"
    assert project_root(tmp_path) == tmp_path
