"""Base images of a stranger, read from a registry on a loopback address: bombs, lies, and configurations of odd shapes."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.elf.local_registry import LocalRegistry, digest, local_registry
from tests.elf.test_images import BASE
from tests.elf.test_layers import tarred
from tests.hostile import arena

SECONDS, MEMORY = 60, 1536 * 1024**2


@pytest.fixture
def server() -> Iterator[LocalRegistry]:
    with local_registry() as served:
        yield served


def check(server: LocalRegistry, folder: Path, reference: str = "o/app:1") -> arena.Ended:
    (folder / "Dockerfile").write_text(f"FROM {server.host}/{reference}\nRUN pip install lz4==4.4.5\n")
    variables = {
        "ALPINE_DOCTOR_CACHE_DIR": str(folder / "cache"),
        "ALPINE_DOCTOR_IMAGE_HOSTS": server.host,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "ALPINE_DOCTOR_ALPINE_MIRROR": "http://127.0.0.1:1",
    }
    return arena.doctor(
        "check", "--online", "Dockerfile", cwd=folder, env=variables, seconds=SECONDS, memory=MEMORY
    ).sound()


def put(server: LocalRegistry, layers: list[bytes], config: object) -> None:
    """Serve an image of these packed layers."""
    blobs = [json.dumps(config).encode(), *layers]
    server.blobs |= {digest(one): one for one in blobs}
    first, *rest = ({"digest": digest(one), "size": len(one)} for one in blobs)
    server.manifests["1"] = json.dumps({"config": first, "layers": rest}).encode()
    server.manifests[digest(server.manifests["1"])] = server.manifests["1"]


def test_a_layer_that_unpacks_to_a_thousand_times_its_size(server: LocalRegistry, tmp_path: Path) -> None:
    layer = tarred([*BASE, ("file", "usr/local/lib/big.so", b"")])
    zeros = gzip.compress(bytes(64 * 1024**2), compresslevel=1)
    put(server, [gzip.compress(layer) + zeros * 30], {"architecture": "amd64"})
    check(server, tmp_path)


def test_files_by_the_hundred_thousand(server: LocalRegistry, tmp_path: Path) -> None:
    entries = [
        ("file", f"usr/local/lib/python3.11/site-packages/p{n}-1.dist-info/METADATA", b"Name: p\nVersion: 1\n\n")
        for n in range(60_000)
    ]
    entries += [("file", f"usr/bin/program{n}", b"") for n in range(60_000)]
    put(server, [gzip.compress(tarred([*BASE, *entries]), compresslevel=1)], {"architecture": "amd64"})  # type: ignore[list-item]
    check(server, tmp_path)


ODD: list[Any] = [
    [],
    {"config": {"OnBuild": ["RUN <<EOF", "FROM x", "ONBUILD ONBUILD", "\0", "COPY", "RUN pip install lz4"] * 500}},
    {"config": {"Env": ["=x", "PATH=" + ":/a" * 100_000, "\0=\0", "HOME=$HOME", "A=$(rm -rf /)"], "User": "../x:\n"}},
    {"config": {"WorkingDir": "../../..\n\x1b[31m", "Shell": [], "User": "root\nUSER evil"}},
    {"created": "9" * 100_000, "config": {"Env": [f"V{n}=" + "x" * 100 for n in range(20_000)]}},
    {"config": {"Env": 5, "User": [], "OnBuild": {}}},
    {"architecture": ["x"], "config": None},
]  # fmt: skip


@pytest.mark.parametrize("config", ODD, ids=range(len(ODD)))
def test_configurations_of_odd_shapes(server: LocalRegistry, tmp_path: Path, config: Any) -> None:
    put(server, [gzip.compress(tarred(BASE))], config)
    done = check(server, tmp_path)
    assert "\x1b" not in done.text


def endless(server: LocalRegistry) -> None:
    server.manifests["1"] = b'{"manifests": [' + b'{"digest": "x"},' * 2_000_000


def deep(server: LocalRegistry) -> None:
    server.manifests["1"] = b"[" * 3_000_000


def itself(server: LocalRegistry) -> None:
    server.elsewhere = f"http://{server.host}/v2/o/app/blobs"
    put(server, [gzip.compress(tarred(BASE))], {})


def many(server: LocalRegistry) -> None:
    put(server, [gzip.compress(tarred(BASE))] * 5000, {})


@pytest.mark.parametrize("break_it", [endless, deep, itself, many])
def test_answers_that_lead_nowhere(
    server: LocalRegistry, tmp_path: Path, break_it: Callable[[LocalRegistry], None]
) -> None:
    break_it(server)
    check(server, tmp_path).says("is not known (")


@pytest.mark.parametrize(
    "reference", ["o/../../token:1", "o/app:1@sha256:" + "0" * 64, "o/a?b#c:1", "o/%2e%2e/x:1", "o/app:../../x"]
)
def test_references_that_try_to_leave(server: LocalRegistry, tmp_path: Path, reference: str) -> None:
    put(server, [gzip.compress(tarred(BASE))], {})
    check(server, tmp_path, reference)
    assert all(path.startswith("/v2/o/") and ".." not in path and "?" not in path for path, _ in server.asked)
