"""A Docker engine of the tests' own, and the root file system that their images are made from. Nothing is pulled."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.elf.objects import read_object

if TYPE_CHECKING:
    from docker import DockerClient


APPLETS = "sh rm mkdir mv cat ls cp awk unzip ln chmod true wget sleep tar".split()


@pytest.fixture(scope="session")
def engine_address() -> Iterator[str]:
    """The address of a Docker engine of our own: no network, its data in a temporary folder."""
    if shutil.which("dockerd") is None:
        pytest.skip("dockerd is not installed (Debian: docker.io)")
    top = Path(tempfile.mkdtemp(prefix="engine-"))
    address = f"unix://{top}/docker.sock"
    command = ["dockerd", "--iptables=false", "--bridge=none", "-H", address, "--data-root", str(top / "data")]
    command += ["--exec-root", str(top / "exec"), "--pidfile", str(top / "pid"), "--storage-driver", "vfs"]
    with (top / "log").open("wb") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        if not _answers(address, daemon):
            tail = (top / "log").read_text("utf-8", "replace").strip().splitlines()[-1:]
            pytest.skip(f"the Docker engine can't start here: {tail}")
        yield address
    finally:
        daemon.terminate()
        try:
            daemon.wait(30)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="session")
def engine(engine_address: str) -> Iterator[DockerClient]:
    """A client of that engine."""
    import docker

    client = docker.DockerClient(base_url=engine_address, timeout=60)
    yield client
    client.close()


def _answers(address: str, daemon: subprocess.Popen[bytes]) -> bool:
    """Wait until the engine answers; false where it ends before, or not within a minute."""
    import docker
    from docker.errors import DockerException

    for _ in range(300):
        if daemon.poll() is not None:
            return False
        try:
            docker.DockerClient(base_url=address, timeout=60).close()
        except DockerException:  # not up yet
            time.sleep(0.2)
        else:
            return True
    return False


def base_tar(loader: Path, files: Mapping[str, bytes] | None = None, *, shell: bool = True) -> bytes:
    """A root file system of musl and, unless ``shell`` is false, busybox; ``files`` come on top and may be run."""
    busybox = shutil.which("busybox")
    if busybox is None or read_object(Path(busybox).read_bytes()).kind != "static":
        pytest.skip("no static busybox (Debian: busybox-static)")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        links = {f"bin/{name}": "busybox" for name in APPLETS} if shell else {}
        for folder in _folders(("bin/busybox", "lib/libc", "tmp/x", *links, *(files or {}))):
            info = tarfile.TarInfo(folder)  # an engine makes folders that it is not told of for root alone
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(info)
        if shell:
            archive.add(os.path.realpath(busybox), "bin/busybox")
        archive.add(os.path.realpath(loader), "lib/ld-musl-x86_64.so.1")
        for path, target in {
            **links,
            "lib/libc.musl-x86_64.so.1": "ld-musl-x86_64.so.1",
            "bin/ldd": "/lib/ld-musl-x86_64.so.1",
        }.items():
            info = tarfile.TarInfo(path)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for path, content in {"etc/alpine-release": b"3.19.1\n", **(files or {})}.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _folders(paths: Iterable[str]) -> list[str]:
    """The folders above these paths, outer ones first."""
    found = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted(found - {"."})
