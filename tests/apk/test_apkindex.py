"""Reading APKINDEX: Alpine's own files, and files that wish us ill."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockerlint_alpine.apk import apkindex
from dockerlint_alpine.apk.apkindex import IndexFormatError, parse_records, read_index, split_streams, tar_members
from tests.archives import packed

RECORD = (
    b"C:Q1abc=\nP:foo\nV:1.0-r0\nA:x86_64\nD:so:libc.musl-x86_64.so.1 !bar\np:cmd:foo=1.0-r0\nk:5\nt:1700000000\n\n"
)


def index(content: bytes) -> apkindex.ApkIndex:
    return read_index(split_streams(packed({"DESCRIPTION": b"v3.19.0-1-g0\n", "APKINDEX": content})))


def test_a_record() -> None:
    found = index(RECORD)
    assert found.description == "v3.19.0-1-g0"
    assert found.newest == "2023-11-14"
    (record,) = found.records
    assert (record.name, record.version, record.arch, record.priority) == ("foo", "1.0-r0", "x86_64", 5)
    assert record.depends.split() == ["so:libc.musl-x86_64.so.1", "!bar"]


@pytest.mark.parametrize(
    "content",
    [
        b"V:1\n\n",
        b"P:foo\n\n",
        b"P:../../etc\nV:1\n\n",
        b"P:a b\nV:1\n\n",
        b"P:foo\nV:1 2\n\n",
        b"P:foo\nV:1\nD:bar=x-y\n\n",
        b"P:foo\nV:1\np:=1\n\n",
        b"no field\n\n",
        b"P:" + b"x" * 300 + b"\nV:1\n\n",
    ],
)
def test_malformed_records(content: bytes) -> None:
    with pytest.raises(IndexFormatError):
        index(content)


def test_too_many_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apkindex, "MAX_PACKAGES", 3)
    with pytest.raises(IndexFormatError, match="more than 3 packages"):
        parse_records(b"".join(b"P:p%d\nV:1\n\n" % number for number in range(5)))


def test_huge_lines_and_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apkindex, "MAX_LINE", 100)
    with pytest.raises(IndexFormatError, match="longer than 100"):
        parse_records(b"P:a\nV:1\nT:" + b"x" * 200 + b"\n\n")
    assert parse_records(b"P:a\nV:1\nk:" + b"9" * 50 + b"\n\n")[0].priority == 0


def test_a_decompression_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apkindex, "MAX_UNPACKED", 1024 * 1024)
    with pytest.raises(IndexFormatError, match="is too large when unpacked"):
        split_streams(gzip.compress(bytes(64 * 1024 * 1024)))
    with pytest.raises(IndexFormatError):
        split_streams(gzip.compress(bytes(1024 * 1024 - 1)) * 3)


def test_too_large_and_too_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IndexFormatError, match="too many gzip streams"):
        split_streams(gzip.compress(b"") * 20)
    monkeypatch.setattr(apkindex, "MAX_PACKED", 10)
    with pytest.raises(IndexFormatError, match="larger than 10"):
        split_streams(bytes(11))


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", gzip.compress(b"x")[:-4], gzip.compress(b"x") + b"tail"],
    ids=["empty", "text", "cut short", "with a tail"],
)
def test_no_gzip(data: bytes) -> None:
    with pytest.raises(IndexFormatError):
        split_streams(data)


def test_odd_archives() -> None:
    with pytest.raises(IndexFormatError, match="no APKINDEX"):
        read_index(split_streams(packed({"other": b""})))
    cut = gzip.decompress(packed({"APKINDEX": bytes(2000)}))[:1000]
    with pytest.raises(IndexFormatError, match="ends within a file"):
        list(tar_members(cut))
    with pytest.raises(IndexFormatError, match="too many tar members"):
        list(tar_members(gzip.decompress(packed({f"m{number}": b"" for number in range(80)}))))
    header = bytearray(gzip.decompress(packed({"APKINDEX": b""}))[:512])
    header[124:136] = b"zzzzzzzzzzz\0"
    with pytest.raises(IndexFormatError, match="damaged"):
        list(tar_members(bytes(header)))


@given(st.binary(max_size=400))
def test_bytes_are_read_or_refused(data: bytes) -> None:
    for content in (data, RECORD + data, data + RECORD):
        try:
            parse_records(content)
        except IndexFormatError:
            continue


@given(st.binary(max_size=200), st.integers(0, 1500))
@example(b"\0", 148)
def test_a_damaged_archive_is_refused(noise: bytes, at: int) -> None:
    whole = gzip.decompress(packed({"DESCRIPTION": b"v", "APKINDEX": RECORD}))
    raw = bytearray(whole)
    raw[at : at + len(noise)] = noise
    sound = read_index(split_streams(gzip.compress(whole)))
    try:
        found = read_index(split_streams(gzip.compress(bytes(raw))))
    except IndexFormatError:
        assert raw != whole
        return
    # A tar header has a checksum of all but itself, which may be padded with blanks or zeros: what is read all the same has
    # its members where they were, and only their contents differ.
    assert (raw[:148], raw[156:512]) == (whole[:148], whole[156:512])
    assert (found == sound) or raw != whole
