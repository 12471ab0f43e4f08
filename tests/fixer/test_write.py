"""A file is either untouched or fully rewritten: mode, owner and links kept, interruptions survived."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from dockerlint_alpine.fixer import write
from dockerlint_alpine.fixer.write import ChangedOnDiskError, WriteError, check_unchanged, write_atomically

OLD, NEW = b"FROM alpine\n", b"FROM alpine\nRUN apk add --no-cache lz4-libs\n"
CALLS = ("open", "fdopen", "write", "lseek", "ftruncate", "fsync", "fchmod", "fchown", "replace", "rename", "listxattr")
"""Every function of ``os`` that the write path may call and that reaches the system."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_bytes(OLD)
    return path


def test_the_content_is_replaced_and_nothing_is_left_behind(file: Path) -> None:
    write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == NEW
    assert [entry.name for entry in file.parent.iterdir()] == ["Dockerfile"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o640, 0o4755])
def test_the_mode_is_kept(file: Path, mode: int) -> None:
    file.chmod(mode)
    write_atomically(file, NEW, expected=OLD)
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_owner_is_kept(file: Path) -> None:
    os.chown(file, 12345, 54321)
    write_atomically(file, NEW, expected=OLD)
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)
    assert file.read_bytes() == NEW


def test_an_owner_that_the_copy_cannot_get_stays_by_writing_in_place(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "_same_owner", lambda *_: False)
    inode = file.stat().st_ino
    write_atomically(file, NEW, expected=OLD)
    assert (file.stat().st_ino, file.read_bytes()) == (inode, NEW)
    assert [entry.name for entry in file.parent.iterdir()] == ["Dockerfile"]


@pytest.mark.parametrize("target", ["Dockerfile", "../{parent}/Dockerfile"])
def test_a_symbolic_link_stays_one(file: Path, tmp_path: Path, target: str) -> None:
    link = tmp_path / "link"
    link.symlink_to(target.format(parent=tmp_path.name))
    write_atomically(link, NEW, expected=OLD)
    assert link.is_symlink()
    assert file.read_bytes() == NEW


def test_a_file_with_several_names_is_refused(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    os.link(file, other)
    with pytest.raises(WriteError, match=r"the file has 2 hard links.*make a separate copy first"):
        write_atomically(file, NEW, expected=OLD)
    assert (file.read_bytes(), other.read_bytes(), file.stat().st_ino) == (OLD, OLD, other.stat().st_ino)


@pytest.mark.parametrize("able", [True, False])
def test_a_change_at_the_last_moment_is_not_overwritten(
    file: Path, monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    """Somebody writes the file when our copy is complete and not yet in its place."""
    real = write._rename

    def late(temporary: Path, place: Path, expected: bytes) -> bool:
        place.write_bytes(b"FROM other\n")
        return real(temporary, place, expected)

    monkeypatch.setattr(write, "_rename", late)
    if not able:
        monkeypatch.setattr(write, "_exchange", lambda *_: False)
    with pytest.raises(ChangedOnDiskError, match="changed on disk"):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == b"FROM other\n"
    assert [entry.name for entry in file.parent.iterdir()] == ["Dockerfile"]


def test_what_is_written_already_is_left_alone(file: Path) -> None:
    file.write_bytes(NEW)
    before = file.stat()
    write_atomically(file, NEW, expected=OLD)
    assert file.stat() == before or file.stat().st_mtime_ns == before.st_mtime_ns


def test_old_temporary_files_are_cleaned_and_young_ones_are_somebody_s(file: Path) -> None:
    old, young = (file.parent / f".Dockerfile.{name}.alpine-doctor-tmp" for name in ("old", "young"))
    for place in (old, young):
        place.write_bytes(b"FROM a\n")
    os.utime(old, (0, 0))
    write_atomically(file, NEW, expected=OLD)
    assert sorted(entry.name for entry in file.parent.iterdir()) == [young.name, "Dockerfile"]


def test_somebody_elses_change_is_not_overwritten(file: Path) -> None:
    file.write_bytes(b"FROM other\n")
    with pytest.raises(ChangedOnDiskError, match="changed on disk"):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == b"FROM other\n"
    with pytest.raises(ChangedOnDiskError):
        check_unchanged(file, OLD)


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="gone: can't be written: No such file"):
        write_atomically(tmp_path / "gone", NEW, expected=OLD)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_left_alone(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(WriteError, match="read-only"):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == OLD


@pytest.mark.parametrize("new", [NEW, b"FROM a\n"])
@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS])
def test_a_folder_that_takes_no_new_file(file: Path, new: bytes, error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    inode = file.stat().st_ino
    write_atomically(file, new, expected=OLD)
    assert (file.stat().st_ino, file.read_bytes()) == (inode, new)


def test_a_file_that_is_a_mount_point_is_written_in_place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(write.Path, "replace", busy)
    write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == NEW
    assert [entry.name for entry in file.parent.iterdir()] == ["Dockerfile"]


class _Interrupted(BaseException):
    """Stands for a signal at the worst moment."""


@pytest.mark.parametrize("call", ["fchmod", "fsync"])
def test_an_interruption_leaves_the_old_bytes(file: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise _Interrupted

    monkeypatch.setattr(write.os, call, interrupt)
    with pytest.raises(_Interrupted):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == OLD
    assert [entry.name for entry in file.parent.iterdir()] == ["Dockerfile"]


def test_no_space_left_leaves_the_old_bytes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write.os, "fsync", full)
    with pytest.raises(WriteError, match="No space left on device"):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == OLD
    assert [entry.name for entry in file.parent.iterdir()] == ["Dockerfile"]


def test_no_space_left_while_writing_in_place_restores_the_old_bytes(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes half of the new text and then nothing: what was there fits again."""
    monkeypatch.setattr(write, "_replace", lambda *_: False)
    real, written = os.write, [0]

    def short(descriptor: int, data: bytes) -> int:
        written[0] += 1
        if written[0] == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, bytes(data)[: len(data) // 2] if written[0] == 1 else data)

    monkeypatch.setattr(write.os, "write", short)
    with pytest.raises(WriteError, match="No space left on device"):
        write_atomically(file, NEW, expected=OLD)
    assert file.read_bytes() == OLD


def _dies_at(count: int, file: Path, new: bytes) -> bool:
    """Write in a child that is killed before its ``count``-th system call; true when it got through alive."""
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

        for name in CALLS:
            if hasattr(os, name):
                setattr(os, name, counted(getattr(os, name)))
        write.Path.replace = counted(write.Path.replace)
        try:
            write_atomically(file, new, expected=OLD)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("new", [NEW, b"FROM a\n"])
@pytest.mark.parametrize("able", [True, False])
def test_killed_at_any_moment_the_file_is_old_or_new(
    file: Path, monkeypatch: pytest.MonkeyPatch, new: bytes, able: bool
) -> None:
    """The real thing: a child that dies before its n-th system call, until one gets through."""
    if not able:
        monkeypatch.setattr(write, "_exchange", lambda *_: False)
    for count in range(1, 40):
        file.write_bytes(OLD)
        done = _dies_at(count, file, new)
        found = file.read_bytes()
        assert found in (OLD, new)
        if done:
            assert found == new
            assert count > 3
            return
    pytest.fail("it never gets through")


def test_killed_between_two_files_each_is_old_or_new(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "packages.txt"
    for count in range(1, 40):
        file.write_bytes(OLD)
        other.write_bytes(OLD)
        first = _dies_at(count, file, NEW)
        second = first and _dies_at(count, other, NEW)
        assert {file.read_bytes(), other.read_bytes()} <= {OLD, NEW}
        if second:
            return
    pytest.fail("it never gets through")
