"""A musl compiler, real wheels from the package index, and an Alpine index that knows a few packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

WHEELS = {
    "pyyaml": "6.0.3",
    "psycopg2-binary": "2.9.12",
    "pillow": "12.2.0",
}


@pytest.fixture(scope="session")
def musl_gcc() -> str:
    """The path of musl-gcc."""
    found = shutil.which("musl-gcc")
    if found is None:
        pytest.skip("musl-gcc is not installed (Debian: musl-tools)")
    return found


@pytest.fixture(scope="session")
def musl_loader() -> Path:
    """The real loader of this machine's musl."""
    loader = Path("/lib/ld-musl-x86_64.so.1")
    if not loader.exists():
        pytest.skip("no musl loader for x86_64 on this machine (Debian: musl)")
    return loader


def wheel_cache() -> Path:
    """Where downloaded wheels are kept between runs."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()) / "alpine-doctor-test-wheels"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


Download = Callable[[str, str], Path]


@pytest.fixture(scope="session")
def wheel() -> Download:
    """Give ``(name, "musl" or "glibc")`` as a wheel for CPython 3.11 on x86_64, downloaded once through pip."""

    def get(name: str, libc: str) -> Path:
        folder = wheel_cache() / f"{name}-{WHEELS[name]}-{libc}"
        if not list(folder.glob("*.whl")):
            tags = {
                "musl": ["musllinux_1_2_x86_64", "musllinux_1_1_x86_64"],
                "glibc": ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"],
            }[libc]
            fresh = Path(tempfile.mkdtemp(dir=wheel_cache()))
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
            command += ["--python-version", "3.11", "-d", str(fresh), f"{name}=={WHEELS[name]}"]
            command += [word for tag in tags for word in ("--platform", tag)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                shutil.rmtree(fresh)
                pytest.skip(f"pip can't download {name}: {done.stderr.strip().splitlines()[-1:]}")
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
        return next(folder.glob("*.whl"))

    return get


@dataclass(frozen=True)
class FakePackage:
    name: str


@dataclass(frozen=True)
class FakeProvider:
    package: FakePackage
    capability: str
    reason: str


class FakeIndex:
    """Answers as an Alpine index would, from a table of needs."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self.table = table
        self.asked: list[str] = []

    def find(self, need: str, /) -> Sequence[FakeProvider]:
        self.asked.append(need)
        name = self.table.get(need)
        return [] if name is None else [FakeProvider(FakePackage(name), need, "the only provider")]


@pytest.fixture
def index() -> FakeIndex:
    """An index of a few packages, as in Alpine 3.19."""
    return FakeIndex(
        {
            "so:libz.so.1": "zlib",
            "so:liblz4.so.1": "lz4-libs",
            "so:libstdc++.so.6": "libstdc++",
            "so:libgcompat.so.0": "gcompat",
            "so:ld-linux-x86-64.so.2": "gcompat",
            "so:libmagic.so.1": "libmagic",
            "so:libmagic.so.*": "libmagic",
        }
    )
