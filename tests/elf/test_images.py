"""Images in every form: docker save old and new, OCI folders and tars, packed layers, several platforms, damaged ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dockerlint_alpine.elf.errors import TargetError
from dockerlint_alpine.elf.images import open_image_file, open_image_folder
from dockerlint_alpine.elf.inspection import inspect
from dockerlint_alpine.elf.opening import open_target
from dockerlint_alpine.elf.targets import Reading, Subject
from dockerlint_alpine.python.sources.dlopen import scan_sources
from dockerlint_alpine.system.unreadable import ArchiveError, UnreadableError

from .building import elf_bytes
from .test_layers import Entry, tarred, zstd

if TYPE_CHECKING:
    from .conftest import FakeIndex

INSTALLED = b"""C:Q1abc=
P:musl
V:1.2.4_git20230717-r4
A:x86_64
o:musl
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1

P:zlib
V:1.3.1-r0
A:x86_64
D:so:libc.musl-x86_64.so.1
p:so:libz.so.1=1.3.1
"""
METADATA = b"Metadata-Version: 2.1\nName: Demo.Pkg\nVersion: 1.0\n\nName: not this\n"
SITE = "usr/local/lib/python3.11/site-packages"
EXTENSION = elf_bytes(needed=[b"libc.musl-x86_64.so.1", b"liblz4.so.1", b"libz.so.1"])
BASE: list[Entry] = [
    ("file", "etc/alpine-release", b"3.19.1\n"),
    ("file", "lib/apk/db/installed", INSTALLED),
    ("file", "etc/apk/world", b"musl\nzlib\n"),
    ("file", "lib/ld-musl-x86_64.so.1", elf_bytes(soname=b"libc.musl-x86_64.so.1")),
    ("link", "lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1"),
    ("file", "lib/libz.so.1.3.1", elf_bytes(soname=b"libz.so.1")),
    ("link", "lib/libz.so.1", "libz.so.1.3.1"),
    ("file", "usr/lib/liblz4.so.1.9.4", elf_bytes(soname=b"liblz4.so.1")),
    ("link", "usr/lib/liblz4.so.1", "liblz4.so.1.9.4"),
]
APP: list[Entry] = [
    ("file", f"{SITE}/demo/_ext.so", EXTENSION),
    ("file", f"{SITE}/demo_pkg-1.0.dist-info/METADATA", METADATA),
    (
        "file",
        f"{SITE}/demo_pkg-1.0.dist-info/RECORD",
        b'demo/_ext.so,sha256=x,10\n"demo/a,b.so",,\ndemo/__init__.py,,\n',
    ),
    ("file", f"{SITE}/demo/__init__.py", b"import ctypes\nctypes.CDLL('libmagic.so.1')\n"),
]
HIDES: list[Entry] = [("file", "usr/lib/.wh.liblz4.so.1", b""), ("file", "usr/lib/.wh.liblz4.so.1.9.4", b"")]
LAYERS = [BASE, APP, HIDES]


def config(arch: str = "amd64", **more: object) -> dict[str, Any]:
    return {
        "architecture": arch,
        "os": "linux",
        "config": {"Env": ["PATH=/bin", "LD_LIBRARY_PATH=/opt/lib"]},
        "rootfs": {},
        **more,
    }


def oci_files(
    images: Iterable[tuple[dict[str, Any], list[list[Entry]]]], pack: Callable[[bytes], bytes] = gzip.compress
) -> dict[str, bytes]:
    """The files of an OCI layout; more than one image becomes a nested index."""
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        files[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}", "size": len(content)}

    manifests = []
    for settings, layers in images:
        manifest = {
            "config": blob(json.dumps(settings).encode()),
            "layers": [blob(pack(tarred(layer))) for layer in layers],
        }
        platform = {"os": "linux", "architecture": settings["architecture"]}
        manifests.append({**blob(json.dumps(manifest).encode()), "platform": platform})
    attestation = {**blob(b'{"layers": [], "config": {}}'), "platform": {"os": "unknown", "architecture": "unknown"}}
    index: dict[str, Any] = {"manifests": [*manifests, attestation]}
    if len(manifests) > 1:
        index = {"manifests": [blob(json.dumps(index).encode())]}
    files["index.json"] = json.dumps(index).encode()
    return files


def saved(layers: list[list[Entry]], *, modern: bool = False) -> dict[str, bytes]:
    """The files of a ``docker save``: the classic form, or that of Docker 25, an OCI layout with manifest.json beside."""
    if modern:
        files = oci_files([(config(), layers)], pack=bytes)
        manifest = json.loads(files["blobs/sha256/" + json.loads(files["index.json"])["manifests"][0]["digest"][7:]])
        names = [f"blobs/sha256/{part['digest'][7:]}" for part in (manifest["config"], *manifest["layers"])]
    else:
        files = {"abc.json": json.dumps(config()).encode()}
        files |= {f"{number}/layer.tar": tarred(layer) for number, layer in enumerate(layers)}
        names = list(files)
    files["manifest.json"] = json.dumps([{"Config": names[0], "RepoTags": ["x:1"], "Layers": names[1:]}]).encode()
    return files


def as_tar(files: dict[str, bytes]) -> bytes:
    return tarred([("file", name, content) for name, content in files.items()])


def as_folder(files: dict[str, bytes], top: Path) -> Path:
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
    return top


def open_in_form(form: str, top: Path) -> Subject:
    one = [(config(), LAYERS)]
    if form == "OCI folder":
        return open_image_folder(as_folder(oci_files(one), top / "oci"))
    if form == "saved folder":
        return open_image_folder(as_folder(saved(LAYERS), top / "saved"))
    path = top / "image.tar"
    path.write_bytes(
        {
            "saved": lambda: as_tar(saved(LAYERS)),
            "saved, modern": lambda: as_tar(saved(LAYERS, modern=True)),
            "saved, gzip": lambda: gzip.compress(as_tar(saved(LAYERS))),
            "saved, zstd": lambda: zstd(as_tar(saved(LAYERS))),
            "OCI tar": lambda: as_tar(oci_files(one)),
            "OCI tar, zstd layers": lambda: as_tar(oci_files(one, zstd)),
        }[form]()
    )
    return open_image_file(path)


FORMS = [
    "OCI folder", "saved folder", "saved", "saved, modern", "saved, gzip", "saved, zstd", "OCI tar", "OCI tar, zstd layers",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(form: str, tmp_path: Path, index: FakeIndex) -> None:
    subject = open_in_form(form, tmp_path)
    assert (subject.kind, subject.alpine, subject.apk_arch) == ("image", "3.19", "x86_64")
    result = inspect(subject, index, scan=scan_sources)
    extension = next(report for report in result.objects if report.path.endswith("_ext.so"))
    assert [(need.name, need.status) for need in extension.needs] == [
        ("libc.musl-x86_64.so.1", "libc"),
        ("liblz4.so.1", "missing"),
        ("libz.so.1", "found"),
    ]
    assert extension.needs[1].providers[0].package == "lz4-libs"
    assert (extension.needs[2].path, extension.needs[2].real) == ("/lib/libz.so.1", "/lib/libz.so.1.3.1")
    assert extension.distribution == "demo-pkg"
    assert not result.sound
    assert result.packages == ("lz4-libs",)
    assert [(p.name, p.version) for p in result.root.packages] == [
        ("musl", "1.2.4_git20230717-r4"),
        ("zlib", "1.3.1-r0"),
    ]
    assert [(d.name, d.version) for d in result.root.distributions] == [("demo-pkg", "1.0")]
    assert result.root.world == ("musl", "zlib")
    assert result.root.environment["LD_LIBRARY_PATH"] == "/opt/lib"
    assert [(o.status, o.providers[0].package, o.opens.line) for o in result.opens] == [("missing", "libmagic", 2)]


def test_the_environment_of_the_configuration_is_obeyed(tmp_path: Path) -> None:
    layers = [BASE, APP, [*HIDES, ("file", "opt/lib/liblz4.so.1", elf_bytes(soname=b"liblz4.so.1"))]]
    path = tmp_path / "image.tar"
    path.write_bytes(as_tar(saved(layers)))
    extension = next(r for r in inspect(open_image_file(path)).objects if r.path.endswith("_ext.so"))
    assert (extension.needs[1].path, extension.needs[1].how) == ("/opt/lib/liblz4.so.1", "LD_LIBRARY_PATH")


def test_a_platform_is_chosen(tmp_path: Path) -> None:
    arm: list[list[Entry]] = [[("file", "lib/ld-musl-aarch64.so.1", elf_bytes(machine=183))]]
    top = as_folder(oci_files([(config(), LAYERS), (config("arm64"), arm)]), tmp_path)
    assert open_image_folder(top).arch == "x86_64"
    assert open_image_folder(top, Reading("aarch64")).arch == "aarch64"
    with pytest.raises(ArchiveError, match=r"no image for s390x.*aarch64, x86_64"):
        open_image_folder(top, Reading("s390x"))


def test_the_tar_of_a_root_file_system_is_one(tmp_path: Path) -> None:
    path = tmp_path / "rootfs.tar.gz"
    path.write_bytes(gzip.compress(tarred([*BASE, *APP])))
    subject = open_image_file(path)
    assert (subject.kind, subject.alpine) == ("root", "3.19")
    path.write_bytes(tarred([("file", "pkg/x.so", EXTENSION)]))
    assert open_image_file(path).kind == "folder"


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f | {"index.json": b"{"},
        lambda f: f | {"index.json": b"[" * 100_000},
        lambda f: f | {"index.json": b"{}"},
        lambda f: f | {"index.json": b'{"manifests": [{"digest": "sha256:../../../etc/passwd"}]}'},
        lambda f: f | {"index.json": b'{"manifests": [{"digest": 7}]}'},
        lambda f: f | {"index.json": b'{"manifests": [null, 3, {"digest": "sha256:00"}]}'},
        lambda f: {name: content for name, content in f.items() if not content.startswith(b"\x1f\x8b")},
        lambda f: {name: c[: len(c) // 2] if c.startswith(b"\x1f\x8b") else c for name, c in f.items()},
        lambda f: f | {"index.json": b'{"manifests": 5, "layers": {}}'},
        lambda f: f | {"manifest.json": b"[{}]"},
        lambda f: f | {"manifest.json": b'[{"Config": 3, "Layers": ["../../etc/shadow", 4]}]'},
    ],
)
def test_damaged_layouts_are_one_clear_error(
    change: Callable[[dict[str, bytes]], dict[str, bytes]], tmp_path: Path
) -> None:
    files = change(oci_files([(config(), LAYERS)]))
    for subject in (lambda: open_image_folder(as_folder(files, tmp_path / "f")), lambda: open_tar(files, tmp_path)):
        with pytest.raises(ArchiveError) as caught:
            subject()
        assert "\n" not in str(caught.value)


def open_tar(files: dict[str, bytes], top: Path) -> Subject:
    (top / "x.tar").write_bytes(as_tar(files))
    return open_image_file(top / "x.tar")


def test_links_out_of_a_layout_folder_are_not_followed(tmp_path: Path) -> None:
    top = as_folder(oci_files([(config(), LAYERS)]), tmp_path / "oci")
    (tmp_path / "outside.json").write_bytes((top / "index.json").read_bytes())
    (top / "index.json").unlink()
    (top / "index.json").symlink_to(tmp_path / "outside.json")
    with pytest.raises(ArchiveError):
        open_image_folder(top)


def test_targets_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "oci").mkdir()
    as_folder(oci_files([(config(), LAYERS)]), tmp_path / "oci")
    (tmp_path / "a").write_bytes(as_tar(saved(LAYERS)))
    (tmp_path / "b").write_bytes(EXTENSION)
    (tmp_path / "text").write_text("hello")
    kinds = [next(iter(open_target(str(tmp_path / name)))) for name in ("oci", "a", "b")]
    assert [subject.kind for subject in kinds if isinstance(subject, Subject)] == ["image", "image", "object"]
    for name, said in (("text", "not an ELF"), ("none", "No such file"), ("a\0b", "null")):
        with pytest.raises(TargetError, match=said):
            list(open_target(str(tmp_path / name)))


def test_a_wheelhouse_gives_each_wheel_and_the_errors_of_others(tmp_path: Path) -> None:
    (tmp_path / "bad.whl").write_bytes(b"no zip")
    import zipfile

    with zipfile.ZipFile(tmp_path / "good.whl", "w") as archive:
        archive.writestr("x.so", EXTENSION)
    found = list(open_target(str(tmp_path)))
    assert [type(item) for item in found] == [ArchiveError, Subject]
    assert isinstance(found[0], UnreadableError)


def test_tarfile_agrees_that_the_fixture_is_a_tar() -> None:
    with tarfile.open(fileobj=io.BytesIO(as_tar(saved(LAYERS)))) as archive:
        assert "manifest.json" in archive.getnames()
