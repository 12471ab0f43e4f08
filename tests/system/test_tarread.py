"""The strict tar reader beside :mod:`tarfile`: the same entries of what honest writers write, an error for what is cut."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.system.tarread import TarReader, Unpacked, is_tar
from dockerlint_alpine.system.unreadable import ArchiveError, TooMuchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=120)
FORMATS: tuple[Literal[0, 1, 2], ...] = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def written(files: list[tuple[str, bytes]], form: Literal[0, 1, 2] = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size, info.uid = len(content), 3_000_000 if form else 1
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def read(data: bytes, limit: int = 1 << 24) -> list[tuple[str, bytes, int]]:
    reader = TarReader(Unpacked(io.BytesIO(data), limit))
    return [(entry.path, reader.read(entry.size), entry.access.uid) for entry in reader]


@pytest.mark.property
@given(st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=2000)), max_size=4))
def test_the_entries_are_those_that_tarfile_reads(files: list[tuple[str, bytes]]) -> None:
    for form in FORMATS[1:]:
        data = written(files, form)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = archive.getmembers()
            contents = [archive.extractfile(one) for one in members]
            known = [
                (one.name, file.read() if file else b"", one.uid) for one, file in zip(members, contents, strict=True)
            ]
        assert read(data) == known


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_packed_in_any_way(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    data = written([("a/b", b"text"), ("c", b"x" * 100_000)], tarfile.USTAR_FORMAT)
    assert read(pack(data)) == [("a/b", b"text", 1), ("c", b"x" * 100_000, 1)]
    file = tmp_path / "a.tar"
    file.write_bytes(pack(data))
    assert is_tar(file)
    file.write_bytes(pack(b"no tar" * 200))
    assert not is_tar(file)
    with pytest.raises(TooMuchError, match="more than 50000 bytes unpacked"):
        read(pack(data), 50_000)
    if pack is not bytes:
        with pytest.raises(ArchiveError):
            read(pack(data)[: len(pack(data)) // 2])


def test_a_damaged_header_is_not_taken_for_the_end() -> None:
    data = bytearray(written([("a", b"1"), ("b", b"2")], tarfile.USTAR_FORMAT))
    data[1024 + 3] ^= 1  # in the name of the second
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["a"]
    with pytest.raises(ArchiveError, match="not a tar stream, or a damaged one"):
        read(bytes(data))


def test_a_folder_as_writers_before_posix_have_it() -> None:
    info = tarfile.TarInfo("a/")
    info.type = tarfile.AREGTYPE
    (entry,) = TarReader(Unpacked(io.BytesIO(info.tobuf(tarfile.USTAR_FORMAT)), 4096))
    assert entry.kind == "directory"
