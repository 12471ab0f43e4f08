"""The images of fixtures/netra-backend for an engine that can pull nothing; see stand-ins/README.md there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.archives import tarred
from tests.elf.building import compile_object
from tests.engine import base_tar
from tests.proof.images import apk_database, predicted_packages

if TYPE_CHECKING:
    from docker import DockerClient

FIXTURE = Path(__file__).parents[3] / "fixtures/netra-backend"
PYTHON = "python:3.11-alpine3.19"
TAG = "cpython-311-x86_64-linux-musl.so"
SITE = "lib/python3.11/site-packages"
PACKAGES = "gcc musl-dev libffi-dev postgresql-dev lz4-dev libpq curl tini lz4-libs zlib".split()
PROVIDED_BY = {"postgresql-dev": "postgresql16-dev"}
DISTRIBUTIONS = {"lz4": "4.4.5", "psycopg2": "2.9.11", "clickhouse-connect": "0.10.0", "uvicorn": "0.38.0"}
EXTENSION = """
extern void *PyModule_Create2(void *, int);
extern int %(symbol)s(void);
static long long definition[16];
void *PyInit_%(name)s(void) { return %(symbol)s() < 0 ? 0 : PyModule_Create2(definition, 1013); }
"""


@dataclass(frozen=True)
class Parts:
    """What the images are made of, as bytes: the stand-in, the same linked with Python's library, and the libraries."""

    plain: bytes
    python: bytes
    libpython: bytes
    liblz4: bytes
    libpq: bytes
    lz4: bytes
    psycopg2: bytes


def make_parts(gcc: str, folder: Path) -> Parts:
    """Compile everything with musl-gcc."""
    source = (FIXTURE / "stand-ins/stand_in.c").read_text()
    libpython = compile_object(
        gcc,
        folder / "libpython3.11.so.1.0",
        "void *PyModule_Create2(void *d, int v) { (void)v; return d; }",
        soname="libpython3.11.so.1.0",
    )
    lz4 = compile_object(gcc, folder / "liblz4.so.1", "int LZ4_version(void) { return 1; }", soname="liblz4.so.1")
    pq = compile_object(gcc, folder / "libpq.so.5", "int PQlibVersion(void) { return 1; }", soname="libpq.so.5")

    def extension(name: str, symbol: str, library: Path) -> bytes:
        text = EXTENSION % {"symbol": symbol, "name": name}
        return compile_object(gcc, folder / f"{name}.so", text, needed=[library]).read_bytes()

    return Parts(
        plain=compile_object(gcc, folder / "plain", source, program=True).read_bytes(),
        python=compile_object(gcc, folder / "python", source, program=True, needed=[libpython]).read_bytes(),
        libpython=libpython.read_bytes(),
        liblz4=lz4.read_bytes(),
        libpq=pq.read_bytes(),
        lz4=extension("_version", "LZ4_version", lz4),
        psycopg2=extension("_psycopg", "PQlibVersion", pq),
    )


def python_files(parts: Parts, folder: Path) -> dict[str, bytes]:
    """The root file system of the Python image, over musl and busybox."""
    scripts = {name: (FIXTURE / "stand-ins" / name).read_bytes() for name in ("apk", "pip", "adduser", "addgroup")}
    base = predicted_packages(f"FROM {PYTHON}\n", folder)
    versions = predicted_packages(f"FROM {PYTHON}\nRUN apk add {' '.join(PACKAGES)}\n", folder)

    def record(name: str) -> bytes:
        name = PROVIDED_BY.get(name, name)
        return apk_database({name: versions[name]})

    return {
        "lib/apk/db/installed": apk_database(base),
        "usr/local/bin/python3.11": parts.python,
        "usr/local/lib/libpython3.11.so.1.0": parts.libpython,
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
        "etc/group": b"root:x:0:\n",
        "wheelhouse.tar": wheelhouse(parts),
        f"usr/local/{SITE}/README.txt": b"",
        **{f"bin/{name}": text for name, text in scripts.items()},
        **{f"repo/{name}/record": record(name) for name in PACKAGES},
        "repo/lz4-libs/root/usr/lib/liblz4.so.1": parts.liblz4,
        "repo/libpq/root/usr/lib/libpq.so.5": parts.libpq,
        "repo/curl/root/usr/bin/curl": parts.plain,
        "repo/tini/root/sbin/tini": parts.plain,
    }


def wheelhouse(parts: Parts) -> bytes:
    """What the stand-in for pip installs, as a tar to unpack below a prefix."""
    files = {
        "bin/uvicorn": parts.python,
        f"{SITE}/lz4/__init__.py": b"",
        f"{SITE}/lz4/_version.{TAG}": parts.lz4,
        f"{SITE}/psycopg2/__init__.py": b"",
        f"{SITE}/psycopg2/_psycopg.{TAG}": parts.psycopg2,
    }
    for name, version in DISTRIBUTIONS.items():
        info = f"{SITE}/{name.replace('-', '_')}-{version}.dist-info"
        files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode()
    return tarred(files, mode=0o755)


def load_images(engine: DockerClient, loader: Path, parts: Parts, folder: Path) -> None:
    """Import every image of the compose file, under the names that it has there."""
    put(engine, loader, PYTHON, python_files(parts, folder))
    services = {
        "postgres:16-alpine3.19": (("postgres", "pg_isready"), 'CMD ["postgres"]'),
        "redis:7-alpine3.19": (("redis-server", "redis-cli"), 'CMD ["redis-server"]'),
        "clickhouse/clickhouse-server:24.8-alpine": (("clickhouse-server",), 'CMD ["clickhouse-server"]'),
    }
    for name, (programs, change) in services.items():
        put(engine, loader, name, {f"usr/local/bin/{program}": parts.plain for program in programs}, change)


def put(
    engine: DockerClient, loader: Path, name: str, files: Mapping[str, bytes], *changes: str, shell: bool = True
) -> None:
    """Import one root file system as an image."""
    path = 'ENV PATH="/usr/local/bin:/usr/bin:/bin:/sbin"'
    repository, _, tag = name.rpartition(":")
    engine.api.import_image_from_data(
        base_tar(loader, files, shell=shell), repository=repository, tag=tag, changes=[path, *changes]
    )


def copy_fixture(folder: Path) -> Path:
    """A copy of the fixture that a test may change."""
    return Path(shutil.copytree(FIXTURE, folder / "netra-backend", ignore=shutil.ignore_patterns("stand-ins")))
