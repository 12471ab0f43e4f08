"""The old bytes of a fix that is not yet proven: restored by the run, or by the next one after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlint_alpine.fixer.write import WriteError
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.proof.verify.keeping import FixWriter, recover
from dockerlint_alpine.run.analysis import FileChange, FixResult


def fix(path: Path, old: bytes, new: bytes, *others: FileChange) -> FixResult:
    return FixResult(path, old, new, (), FileReport(str(path), ()), others)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    one, other = tmp_path / "Dockerfile", tmp_path / "packages.txt"
    one.write_bytes(b"old\r\n")
    other.write_bytes(b"curl\n")
    return one, other, tmp_path / "kept"


def writer(files: tuple[Path, Path, Path]) -> FixWriter:
    one, other, kept = files
    return FixWriter({one: fix(one, b"old\r\n", b"new\r\n", FileChange(str(other), b"curl\n", b"curl lz4\n"))}, kept)


def test_written_and_taken_back(files: tuple[Path, Path, Path]) -> None:
    one, other, kept = files
    fixes = writer(files)
    fixes.write()
    assert (one.read_bytes(), other.read_bytes()) == (b"new\r\n", b"curl lz4\n")
    fixes.restore()
    fixes.settle()
    assert (one.read_bytes(), other.read_bytes()) == (b"old\r\n", b"curl\n")
    assert list(kept.iterdir()) == []


def test_what_a_killed_run_left_is_restored(files: tuple[Path, Path, Path]) -> None:
    one, other, kept = files
    writer(files).write()  # and never settled
    assert sorted(recover(kept)) == sorted(f"restored {path}: its fix was never proven" for path in (one, other))
    assert (one.read_bytes(), other.read_bytes()) == (b"old\r\n", b"curl\n")
    assert list(recover(kept)) == []


def test_what_somebody_changed_since_is_left(files: tuple[Path, Path, Path]) -> None:
    one, other, kept = files
    writer(files).write()
    one.write_bytes(b"by hand\n")
    assert list(recover(kept)) == [f"restored {other}: its fix was never proven"]
    assert one.read_bytes() == b"by hand\n"


def test_a_write_that_fails_takes_the_others_back(files: tuple[Path, Path, Path]) -> None:
    one, other, _ = files
    fixes = writer(files)
    other.write_bytes(b"changed meanwhile\n")
    with pytest.raises(WriteError):
        fixes.write()
    assert one.read_bytes() == b"old\r\n"
    assert other.read_bytes() == b"changed meanwhile\n"


def test_records_that_are_damaged_are_told_and_left(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/files.json").write_text("[1")
    (line,) = recover(tmp_path)
    assert line.startswith(f"left {tmp_path / 'x'}")
