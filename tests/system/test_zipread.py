"""The zip reader: as zipfile where the archive is honest, an ArchiveError where it is not."""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.system import zipread
from dockerlint_alpine.system.unreadable import ArchiveError
from dockerlint_alpine.system.zipread import ZipDirectory
from tests.zips import zipped

names = st.lists(
    st.text("abcé_-. ", min_size=1, max_size=8).filter(lambda n: n not in (".", "..")), min_size=1, max_size=3
)


@given(st.dictionaries(names.map("/".join), st.binary(max_size=9000), max_size=6), st.sampled_from([0, 8]))
def test_reads_what_zipfile_reads(members: dict[str, bytes], method: int) -> None:
    data = zipped(members, method)
    directory = ZipDirectory(data)
    assert {m.name: directory.read(m) for m in directory.members} == members
    for member in directory.members:
        assert directory.head(member, 5) == members[member.name][:5]
        assert b"".join(directory.chunks(member, 6000)) == members[member.name][:6000]


def test_folders_are_no_members_and_comments_are_allowed() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.mkdir("a")
        archive.writestr("a/b", b"x")
        archive.comment = b"a comment"
    assert [member.name for member in ZipDirectory(out.getvalue()).members] == ["a/b"]


def test_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("big", "w", force_zip64=True) as member:
        member.write(b"x" * 100_000)
    data = out.getvalue()
    assert ZipDirectory(data).read(ZipDirectory(data).members[0]) == b"x" * 100_000
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
    wide = zipped({"a": b"y" * 100, "b": b"z"})
    assert [m.size for m in ZipDirectory(wide).members] == [100, 1]


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "a/../../x", "a\\b", "C:/x", "a//b", "./a", "a/.", "x" * 5000, "..", "a/../b/"]
)
def test_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(ArchiveError):
        ZipDirectory(zipped({name: b"x"}))


def test_a_nul_in_a_name_is_refused() -> None:
    data = zipped({"aXb": b"x"}).replace(b"aXb", b"a\0b")
    with pytest.raises(ArchiveError, match="leads out"):
        ZipDirectory(data)


def test_duplicates_links_and_encrypted_members_are_refused() -> None:
    with pytest.raises(ArchiveError, match="twice"):
        ZipDirectory(zipped({"a": b"1", "b": b"2"}).replace(b"b", b"a"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, b"/etc/passwd")
    with pytest.raises(ArchiveError, match="symbolic link"):
        ZipDirectory(out.getvalue())
    data = bytearray(zipped({"a": b"1"}))
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveError, match="encrypted"):
        ZipDirectory(bytes(data))


def central(data: bytes, offset: int, layout: str, value: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.rfind(b"PK\x01\x02") + offset, value)
    return bytes(changed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: central(d, 24, "<I", 0x7FFFFFFF), "are implausible"),
        (lambda d: central(d, 42, "<I", 0x7FFFFFFF), "outside"),
        (lambda d: central(d, 20, "<I", 0x7FFFFFF0), "are implausible|outside"),
        (lambda d: central(d, 10, "<H", 14), "method 14"),
        (lambda d: d + b"more", "after the end"),
        (lambda d: b"more" + d, "before the archive"),
        (lambda d: d[:-4], "not a zip file"),
        (lambda d: b"", "not a zip file"),
        (lambda d: d.replace(b"PK\x01\x02", b"PK\x01\x03"), "damaged"),
        (lambda d: d.replace(b"PK\x03\x04", b"PK\x03\x05"), "local header"),
    ],
)
def test_what_contradicts_itself_is_refused(change: Callable[[bytes], bytes], said: str) -> None:
    with pytest.raises(ArchiveError, match=said):
        ZipDirectory(change(zipped({"name": b"content" * 100})))


def test_a_wrong_checksum_or_size_is_found_when_read() -> None:
    data = zipped({"name": b"content" * 100})
    wrong = ZipDirectory(central(data, 16, "<I", 1))
    with pytest.raises(ArchiveError, match="checksum"):
        wrong.read(wrong.members[0])
    for size in (699, 701):
        lying = ZipDirectory(central(data, 24, "<I", size))
        with pytest.raises(ArchiveError):
            lying.read(lying.members[0])


def test_overlapping_members_are_refused() -> None:
    """Fifield's better zip bomb: many members that share one kernel of data."""
    data = bytearray(zipped({"a": b"x" * 50, "b": b"y" * 50}, zipfile.ZIP_STORED))
    second = data.rfind(b"PK\x01\x02")
    first_local = 0
    struct.pack_into("<I", data, second + 42, first_local)
    with pytest.raises(ArchiveError, match=r"local header|overlap"):
        ZipDirectory(bytes(data))


def test_totals_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped({"a": b"x" * 1000, "b": b"x" * 1000})
    monkeypatch.setattr(zipread, "MAX_TOTAL_SIZE", 1500)
    with pytest.raises(ArchiveError, match="more than 1500"):
        ZipDirectory(data)
    monkeypatch.setattr(zipread, "MAX_MEMBERS", 1)
    with pytest.raises(ArchiveError, match="2 members"):
        ZipDirectory(data)


@given(st.data())
def test_mutations_end_in_members_or_one_error(data: st.DataObject) -> None:
    original = zipped({"a/b.so": b"\x7fELF" + b"q" * 300, "c": b"x" * 50})
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ArchiveError):
        directory = ZipDirectory(bytes(mutated))
        for member in directory.members:
            assert len(directory.read(member)) == member.size
