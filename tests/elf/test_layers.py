"""Tar streams, their decompression, and layers merged: against tarfile and against real unpacking."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.elf import streams
from dockerlint_alpine.elf.layers import merge
from dockerlint_alpine.elf.streams import Decompressed, FileSlice
from dockerlint_alpine.elf.trees import MemoryTree, Node, follow
from dockerlint_alpine.system import tarread
from dockerlint_alpine.system.tarread import TarReader
from dockerlint_alpine.system.unreadable import ArchiveError

from .building import elf_bytes

Entry = tuple[str, str, bytes | str]
"""(kind, path, content or target)"""


class Stream(io.BytesIO):
    def skip(self, size: int, /) -> int:
        return len(self.read(size))


def tarred(entries: Iterable[Entry], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    kinds = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for kind, path, content in entries:
            info = tarfile.TarInfo(path)
            info.type = kinds[kind]
            if isinstance(content, str):
                info.linkname = content
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def merged(*layers: Iterable[Entry]) -> dict[str, Node]:
    return merge(iter([Stream(tarred(layer)) for layer in layers]))[0]


text = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=150)


@given(
    st.lists(st.tuples(text, st.binary(max_size=2000)), max_size=6),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_reads_what_tarfile_wrote(files: list[tuple[str, bytes]], form: int) -> None:
    data = tarred([("file", name, content) for name, content in files], form)
    reader = TarReader(Stream(data))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        expected = [(member.name, member.size) for member in archive]
    assert [(e.path.rstrip("/") or "/", len(reader.read(e.size))) for e in reader] == [
        (n.rstrip("/") or "/", s) for n, s in expected
    ]


def test_contents_can_be_read_or_left() -> None:
    reader = TarReader(Stream(tarred([("file", "a", b"x" * 700), ("file", "b", b"y" * 512), ("link", "c", "a")])))
    seen = [(entry.path, entry.kind, entry.link, reader.read(3)) for entry in reader]
    assert seen == [("a", "file", "", b"xxx"), ("b", "file", "", b"yyy"), ("c", "symlink", "a", b"")]


def test_damaged_tars_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    good = tarred([("file", "a", b"x" * 700)])
    with pytest.raises(ArchiveError, match="ends within"):
        [reader.read(700) for reader in [TarReader(Stream(good[:900]))] for _ in reader]
    with pytest.raises(ArchiveError, match="not a tar"):
        list(TarReader(Stream(b"hello" * 200)))
    monkeypatch.setattr(tarread, "MAX_ENTRIES", 3)
    with pytest.raises(ArchiveError, match="more than 3"):
        list(TarReader(Stream(tarred([("dir", str(n), b"") for n in range(5)]))))
    long = tarred([("file", "n" * 4000, b"")], tarfile.GNU_FORMAT)
    monkeypatch.setattr(tarread, "MAX_HEADER", 100)
    with pytest.raises(ArchiveError, match="too long"):
        list(TarReader(Stream(long)))


@contextlib.contextmanager
def decompressed(packed: bytes) -> Iterator[Decompressed]:
    with tempfile.TemporaryFile() as file:
        file.write(packed)
        file.flush()
        yield Decompressed(FileSlice(file.fileno(), 0, len(packed)))


def zstd(data: bytes) -> bytes:
    return pytest.importorskip("backports.zstd", reason="this Python has no zstd").compress(data)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_streams_in_any_packing(pack: object) -> None:
    data = bytes(range(256)) * 20_000
    packed = pack(data[:3_000_000]) + (b"" if pack is bytes else pack(b"")) + pack(data[3_000_000:])  # type: ignore[operator]
    with tempfile.TemporaryFile() as file:
        file.write(b"before" + packed + b"after")
        file.flush()
        stream = Decompressed(FileSlice(file.fileno(), 6, len(packed)))
        assert stream.read(10) == data[:10]
        stream.skip(2_999_980)
        assert stream.read(40) == data[2_999_990:3_000_030]
        assert stream.read(10**9) == data[3_000_030:]
        assert stream.read(1) == b""


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_damaged_and_endless_streams(pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(os.urandom(100_000))  # type: ignore[operator]
    damaged = bytearray(packed)
    damaged[50_000:50_040] = bytes(40)
    for broken in (
        packed[:50_000],
        *([bytes(damaged)] if pack is gzip.compress else []),
    ):  # zstd's checksum is optional
        with decompressed(broken) as stream, pytest.raises(ArchiveError):
            stream.read(10**9)
    monkeypatch.setattr(streams, "MAX_STREAM", 5_000_000)
    bomb = pack(bytes(50_000_000))  # type: ignore[operator]
    with decompressed(bomb) as stream, pytest.raises(ArchiveError, match="unpacks to more"):
        stream.skip(10**12)


def test_upper_layers_win_and_whiteouts_hide() -> None:
    tree = merged(
        [*[("file", path, b"1") for path in ("a/one", "a/two", "b/x", "c/deep/y")], ("link", "l", "a")],
        [*[("file", path, b"22") for path in ("a/.wh.one", "a/two", "b/new", "b/.wh..wh..opq", ".wh.c")]],
    )
    assert {path: node.size for path, node in tree.items() if node.kind == "file"} == {"/a/two": 2, "/b/new": 2}


def test_a_folder_made_anew_in_the_layer_that_hides_it() -> None:
    for order in (0, 1):
        upper: list[Entry] = [("dir", "a", b""), ("file", "a/new", b"2"), ("file", ".wh.a", b"")]
        tree = merged([("file", "a/old", b"1")], upper if order else [upper[2], *upper[:2]])
        assert set(tree) == {"/a/new"}


def test_files_folders_and_links_replace_each_other() -> None:
    tree = merged(
        [("file", "x", b"1"), ("dir", "y", b""), ("file", "y/in", b"1"), ("link", "z", "/elsewhere")],
        [("dir", "x", b""), ("file", "x/in", b"2"), ("file", "y", b"2"), ("dir", "z", b""), ("file", "z/in", b"2")],
    )
    assert {p: n.kind for p, n in tree.items()} == {"/x/in": "file", "/y": "file", "/z/in": "file"}


def test_parents_that_are_links_are_followed_inside_the_root() -> None:
    tree = merged(
        [("dir", "usr/lib", b""), ("link", "lib", "usr/lib"), ("link", "out", "/../../usr/lib")],
        [("file", "lib/a.so", b"1"), ("file", "out/b.so", b"1")],
    )
    assert {"/usr/lib/a.so", "/usr/lib/b.so"} <= set(tree)
    found = follow(MemoryTree(tree, system=True), "/lib/b.so")
    assert found is not None
    assert found.path == "/usr/lib/b.so"


def test_hard_links_share_the_object() -> None:
    data = elf_bytes(soname=b"liba.so")
    tree = merged([("file", "lib/a", data), ("hard", "lib/b", "lib/a"), ("hard", "lib/no", "lib/missing")])
    assert tree["/lib/b"].facts == tree["/lib/a"].facts
    assert tree["/lib/b"].facts is not None
    assert "/lib/no" not in tree


def test_hostile_paths_are_left_out_with_a_note() -> None:
    layer = tarred(
        [
            ("file", "../../etc/x", b"1"),
            ("file", "/abs", b"1"),
            ("link", "a", "b"),
            ("link", "b", "a"),
            ("file", "a/f", b""),
        ]
    )
    entries, notes = merge(iter([Stream(layer)]))
    assert set(entries) == {"/abs", "/a", "/b"}
    assert len(notes) == 2


def real_unpacking(layers: list[list[Entry]], top: Path) -> dict[str, bytes]:
    """The oracle: unpack layer by layer with tarfile and the shell's own rules for whiteouts."""
    for layer in layers:
        for kind, path, content in layer:
            place = top / path
            if kind == "file":
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content if isinstance(content, bytes) else b"")
            else:
                place.mkdir(parents=True, exist_ok=True)
    return {"/" + str(f.relative_to(top)): f.read_bytes() for f in top.rglob("*") if f.is_file()}


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(lambda parts: "/".join(["d", *parts, "f"]))


@given(st.lists(st.dictionaries(paths, st.binary(max_size=5), max_size=5), min_size=1, max_size=3))
def test_merging_is_unpacking(layers: list[dict[str, bytes]]) -> None:
    listed: list[list[Entry]] = [[("file", path, content) for path, content in layer.items()] for layer in layers]
    with tempfile.TemporaryDirectory() as folder:
        expected = real_unpacking(listed, Path(folder))
    assert {p: n.size for p, n in merged(*listed).items()} == {p: len(c) for p, c in expected.items()}


@given(st.data())
def test_mutations_end_in_entries_or_one_error(data: st.DataObject) -> None:
    mutated = bytearray(
        tarred([("file", "a/b.so", elf_bytes(needed=[b"x"])), ("link", "c", "a"), ("file", "é" * 60, b"1")])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, 4095))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ArchiveError):
        merge(iter([Stream(bytes(mutated))]))


def test_a_plain_tar_that_is_cut_is_never_taken_for_a_whole_one() -> None:
    whole = tarred([("file", "a.bin", bytes(2000)), ("file", "b.bin", bytes(2000))])
    ends = {1 + 512: "within a file", 512 + 2048 + 100: "within a header", 2 * 512 + 2048 + 1999: "within a file"}
    for end, where in ends.items():
        with pytest.raises(ArchiveError, match=where):
            list(TarReader(Stream(whole[:end])))
        with decompressed(whole[:end]) as stream, pytest.raises(ArchiveError, match=where):
            list(TarReader(stream))
    assert len(list(TarReader(Stream(whole[: 2 * 512 + 2048 + 2000])))) == 2, "no padding, no end mark: all is there"
