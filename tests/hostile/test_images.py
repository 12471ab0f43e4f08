"""Images and root file systems of a stranger: OCI layouts, ``docker save`` tars, layers. Nothing is ever unpacked."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from tests.hostile import arena

Entry = tuple[str, bytes]


def layer(entries: Iterable[Entry], kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), link
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Layout:
    """An OCI layout that is being made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)
        self.media = "application/vnd.oci.image."

    def blob(self, content: bytes, digest: str = "") -> dict[str, Any]:
        digest = digest or hashlib.sha256(content).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(content)
        return {"mediaType": "x", "digest": f"sha256:{digest}", "size": len(content)}

    def json(self, document: Any, digest: str = "") -> dict[str, Any]:
        return self.blob(json.dumps(document).encode(), digest)

    def image(self, layers: Iterable[dict[str, Any]]) -> dict[str, Any]:
        config = self.json({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
        return self.json({"schemaVersion": 2, "config": config, "layers": list(layers)})

    def index(self, manifests: Iterable[dict[str, Any]]) -> Path:
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": list(manifests)}))
        return self.folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def inspect(path: Path, **limits: float) -> arena.Ended:
    return arena.doctor("inspect", path, cwd=path.parent, **limits).sound()  # type: ignore[arg-type]


def test_an_index_that_names_itself(layout: Layout) -> None:
    """Its digest can't be true, so the second look finds that; naming the same manifest 3,000 times is one manifest."""
    itself = "0" * 64
    document = {"manifests": [{"digest": f"sha256:{itself}", "mediaType": "x", "size": 1}] * 3000}
    layout.json(document, digest=itself)
    inspect(layout.index(document["manifests"])).says("its bytes do not match its digest")


def test_the_same_manifest_many_times(layout: Layout) -> None:
    image = layout.image([layout.blob(layer([("etc/alpine-release", b"3.20.1\n")]))])
    inspect(layout.index([image] * 3000)).sound(0)


def test_a_tower_and_a_heap_of_indexes(layout: Layout, tried: Callable[[int], None]) -> None:
    inner = layout.image([])
    for depth in range(400):
        inner = layout.json({"manifests": [inner], "depth": depth})
    inspect(layout.index([inner])).says("more than 256 manifests")
    heap = [layout.json({"manifests": [], "number": number}) for number in range(400)]
    inspect(layout.index(heap)).says("more than 256 manifests")
    tried(2)


def test_documents_that_are_no_documents(layout: Layout, tried: Callable[[int], None]) -> None:
    shapes = [b"", b"[" * 200_000, b"null", b"[1]", b'{"layers": 5}', b'{"layers": [1, null]}', b" " * 5 * 2**20]
    shapes += [b'{"layers": [{"digest": "sha256:../../../etc/passwd"}]}', b'{"layers":[' + b"{}," * 5000 + b"{}]}"]
    for shape in shapes:
        inspect(layout.index([layout.blob(shape)])).sound(2)
    tried(len(shapes))


def test_a_layer_with_other_bytes_than_its_digest(layout: Layout, tried: Callable[[int], None]) -> None:
    sound = layer([("etc/alpine-release", b"3.20.1\n")])
    for replaced in (bytes(len(sound)), sound[:-1], sound + b"x", b""):
        wrong = layout.blob(replaced, digest=hashlib.sha256(sound).hexdigest())
        inspect(layout.index([layout.image([wrong])])).says("its bytes do not match its digest")
    tried(4)


def test_a_docker_save_tar_with_another_layer(tmp_path: Path) -> None:
    """What older engines wrote: the layer has no digest in its name, the configuration knows it."""
    other = layer([("etc/alpine-release", b"3.20.1\n")])
    config = json.dumps({"architecture": "amd64", "rootfs": {"diff_ids": [f"sha256:{'1' * 64}"]}}).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "Layers": ["a/layer.tar"]}]).encode()
    place = tmp_path / "saved.tar"
    place.write_bytes(layer([("manifest.json", manifest), (name, config), ("a/layer.tar", other)]))
    inspect(place).says("its bytes do not match its digest")


def test_whiteouts_are_linear(tmp_path: Path) -> None:
    place = tmp_path / "root.tar"
    entries = [(f"d/f{number}", b"") for number in range(8_000)]
    entries += [entry for number in range(8_000) for entry in ((f"d/x{number}", b""), ("d/.wh..wh..opq", b""))]
    entries += [("d/.wh.f1", b"")] * 8_000
    place.write_bytes(layer(entries))
    inspect(place, seconds=30)


def test_deep_paths_and_a_million_ways_out(tmp_path: Path, tried: Callable[[int], None]) -> None:
    deep = layer((f"{number}/" + "d/" * 240 + "f", b"") for number in range(3_000))
    out = layer([("../" * 5 + "f", b"")]).removesuffix(bytes(1024))[:512] * 40_000
    for content in (deep, out):
        place = tmp_path / "root.tar.gz"
        place.write_bytes(gzip.compress(content, 1))
        inspect(place, seconds=60)
    tried(2)


def test_links_upon_links(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """Each link doubles the way: 2 to the power of 40 steps if they were all gone."""
    links = b"".join(
        layer([(f"l{number}", b"")], tarfile.SYMTYPE, f"l{number - 1}/l{number - 1}")[:-10240] or b""
        for number in range(1, 41)
    )
    doubled = b"".join(_link(f"l{number}", f"l{number - 1}/l{number - 1}") for number in range(1, 41))
    loop = _link("a", "b") + _link("b", "a")
    long = _link("a", "b/" * 120) + _link("b", "c/../" * 60)
    files = b"".join(layer([(f"{top}/f", b"")])[:512] for top in ("l40", "a") for _ in range(300))
    for start in (links, doubled, loop, long):
        place = tmp_path / "root.tar"
        place.write_bytes(start + files + bytes(1024))
        inspect(place, seconds=40)
    tried(4)


def _link(name: str, target: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info.tobuf(tarfile.PAX_FORMAT)


def test_headers_without_an_entry(tmp_path: Path) -> None:
    """Every pax header has another key, and nothing ever uses them."""
    headers = b""
    for number in range(60):
        record = f"k{number}={'v' * 100_000}\n"
        length = len(record) + 7
        content = f"{length} {record}".encode()
        info = tarfile.TarInfo("x")
        info.type, info.size = tarfile.XHDTYPE, len(content)
        headers += info.tobuf() + content + bytes(-len(content) % 512)
    place = tmp_path / "root.tar.gz"
    place.write_bytes(gzip.compress(headers * 4 + bytes(1024), 1))
    inspect(place, seconds=40)


@pytest.mark.parametrize("pack", ["gzip", "zstd", "zstd of 128 MiB windows", "zstd of 2 GiB windows"])
def test_bombs(layout: Layout, pack: str, tried: Callable[[int], None]) -> None:
    """A layer of some kilobytes with an object of 600 MiB of zeros, and one of a database of 300 MiB."""
    big = tarfile.TarInfo("usr/lib/libbig.so")
    big.size = 600 * 2**20
    text = tarfile.TarInfo("lib/apk/db/installed")
    text.size = 300 * 2**20
    for info in (big, text):
        pieces = [info.tobuf(), *[bytes(2**20)] * (info.size >> 20)]
        if info is big:
            pieces[1] = object_of(info.size).ljust(2**20, b"\0")
        if pack == "gzip":
            engine: Any = gzip
            packed = io.BytesIO()
            with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
                for piece in pieces:
                    file.write(piece)
            data = packed.getvalue()
        else:
            window = {"zstd": 20, "zstd of 128 MiB windows": 27, "zstd of 2 GiB windows": 31}[pack]
            engine = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: window})
            data = b"".join(map(engine.compress, pieces)) + engine.flush()
        inspect(layout.index([layout.image([layout.blob(data)])]), memory=2 * 2**30, data=400 * 2**20, seconds=60)
    tried(2)


def object_of(size: int) -> bytes:
    """The start of an x86-64 object whose one segment is the whole file."""
    header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 3, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 4096)


def test_many_tiny_frames(tmp_path: Path, tried: Callable[[int], None]) -> None:
    for frame in (gzip.compress(b""), zstd.compress(b"")):
        place = tmp_path / "root.tar"
        place.write_bytes(frame * (2**19 // len(frame)) + b"x")
        inspect(place, seconds=40)
    tried(2)
