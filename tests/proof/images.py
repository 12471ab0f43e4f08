"""Root file systems made for tests: what an Alpine image with Python has, as far as anybody looks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from dockerlint_alpine.run.analysis import Doctor, configure
from tests.archives import tarred
from tests.elf.building import elf_bytes

SITE = "usr/local/lib/python3.11/site-packages"


def predicted_packages(dockerfile: str, folder: Path) -> dict[str, str]:
    """Names and versions of the packages that the last stage of a Dockerfile ends with, on paper."""
    doctor = Doctor(configure(context=folder))
    (timeline,) = doctor.timelines(dockerfile.encode(), folder / "Dockerfile", shown_as="Dockerfile")
    end = timeline.stages[max(timeline.stages)].end
    assert end is not None
    return {name: package.version for name, package in end.world.packages.items()}


def apk_database(packages: Mapping[str, str], provides: Mapping[str, str] | None = None) -> bytes:
    """``lib/apk/db/installed`` with these packages."""
    given = provides or {}
    return "".join(
        f"C:Q1\nP:{name}\nV:{version}\nA:x86_64\no:{name}\np:{given.get(name, '')}\nF:usr\n\n"
        for name, version in packages.items()
    ).encode()


def distribution(name: str, version: str, objects: Mapping[str, bytes], *, site: str = SITE) -> dict[str, bytes]:
    """An installed distribution: its objects and its ``dist-info``."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    record = "".join(f"{path},,\n" for path in (*objects, f"{info}/METADATA", f"{info}/RECORD"))
    files = {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode()}
    files[f"{info}/RECORD"] = record.encode()
    return {f"{site}/{path}": content for path, content in {**objects, **files}.items()}


def image_files(
    packages: Mapping[str, str], *distributions: Mapping[str, bytes], release: str = "3.19.1"
) -> dict[str, bytes]:
    """A root file system with a musl loader (only its headers), a Python and these packages and distributions."""
    files = {
        "etc/alpine-release": f"{release}\n".encode(),
        "lib/apk/db/installed": apk_database(packages),
        "lib/ld-musl-x86_64.so.1": elf_bytes(soname=b"libc.musl-x86_64.so.1"),
        "usr/local/bin/python3.11": elf_bytes(
            interpreter=b"/lib/ld-musl-x86_64.so.1", needed=[b"libc.musl-x86_64.so.1"]
        ),
    }
    for one in distributions:
        files.update(one)
    return files


def as_image(layer: Path, config: Mapping[str, object]) -> Path:
    """A `docker save` archive of one layer with this configuration."""
    image = {
        "architecture": "amd64",
        "os": "linux",
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": [digest(layer.read_bytes())]},
    }
    manifest = [{"Config": "config.json", "RepoTags": ["test:1"], "Layers": ["layer.tar"]}]
    files = {"manifest.json": manifest, "config.json": image}
    named = {name: json.dumps(document).encode() for name, document in files.items()}
    return write_tar(layer.with_name("saved.tar"), {**named, "layer.tar": layer.read_bytes()})


def digest(data: bytes) -> str:
    """The digest of a blob as image specifications write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def write_tar(
    path: Path,
    files: Mapping[str, bytes],
    links: Iterable[tuple[str, str]] = (),
    *,
    modes: Mapping[str, int] | None = None,
) -> Path:
    """A tar of these files (mode 644 unless ``modes`` says otherwise) and symbolic links."""
    path.write_bytes(tarred(files, dict(links), modes=modes))
    return path
