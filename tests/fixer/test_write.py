"""A file is either untouched or fully rewritten: mode, owner and links kept, interruptions survived."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dockerlint_alpine.fixer import write
from dockerlint_alpine.fixer.write import ChangedOnDiskError, WriteError, write_atomically

OLD, NEW = b"FROM alpine\n", b"FROM alpine\nRUN apk add --no-cache lz4-libs\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_bytes(OLD)
    return path


def test_the_content_is_replaced_and_nothing_is_left_behind(file: Path) -> None:
    write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == NEW
    assert os.listdir(file.parent) == ["Dockerfile"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o640])
def test_the_mode_is_kept(file: Path, mode: int) -> None:
    file.chmod(mode)
    write_atomically(file, NEW, expected=OLD)
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_symbolic_link_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("Dockerfile")
    write_atomically(link, NEW, expected=OLD)
    assert link.is_symlink()
    assert file.read_bytes() == NEW


def test_a_hard_link_stays_one(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    os.link(file, other)
    write_atomically(file, NEW, expected=OLD)
    assert other.read_bytes() == NEW
    assert file.stat().st_ino == other.stat().st_ino


def test_somebody_elses_change_is_not_overwritten(file: Path) -> None:
    file.write_bytes(b"FROM other\n")
    with pytest.raises(ChangedOnDiskError, match="changed on disk"):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == b"FROM other\n"


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="gone: can't be written: No such file"):
        write_atomically(tmp_path / "gone", NEW, expected=OLD)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_left_alone(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(WriteError, match="read-only"):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == OLD


class _Interrupted(BaseException):
    """Stands for a signal at the worst moment."""


@pytest.mark.parametrize("call", ["fchmod", "fchown", "fsync"])
def test_an_interruption_leaves_the_old_bytes(file: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise _Interrupted

    monkeypatch.setattr(write.os, call, interrupt)
    with pytest.raises(_Interrupted):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == OLD
    assert os.listdir(file.parent) == ["Dockerfile"]


def test_no_space_left_leaves_the_old_bytes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write.os, "fsync", full)
    with pytest.raises(WriteError, match="No space left on device"):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == OLD
    assert os.listdir(file.parent) == ["Dockerfile"]


def test_killed_at_any_moment_the_file_is_old_or_new(file: Path) -> None:
    """The real thing: a child that dies before its n-th system call of the write path, for every n."""
    for count in range(1, 12):
        file.write_bytes(OLD)
        child = os.fork()
        if child == 0:
            calls = 0

            def counted(real):
                def call(*args, **kwargs):
                    nonlocal calls
                    calls += 1
                    if calls == count:
                        os._exit(9)
                    return real(*args, **kwargs)

                return call

            for name in ("fsync", "fchmod", "fchown", "replace", "open", "fdopen"):
                setattr(os, name, counted(getattr(os, name)))
            try:
                write_atomically(file, NEW, expected=OLD)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert file.read_bytes() in (OLD, NEW)
