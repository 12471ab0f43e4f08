"""An image built by a real engine: saved by it, read through the SDK and as a tar, compared with the loader's own word."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.elf.engine import open_engine_image
from dockerlint_alpine.elf.errors import EngineError
from dockerlint_alpine.elf.images import open_image_file
from dockerlint_alpine.elf.inspection import inspect
from dockerlint_alpine.elf.registry import Registry
from dockerlint_alpine.elf.targets import Reading
from dockerlint_alpine.system.web import Web
from tests.engine import base_tar, engine, engine_address

from .building import compile_object

if TYPE_CHECKING:
    from docker import DockerClient

    from .conftest import FakeIndex

__all__ = ["engine", "engine_address"]
pytestmark = pytest.mark.engine

DOCKERFILE = """
FROM demo-base
ENV LD_LIBRARY_PATH=/opt/lib
COPY first /
RUN rm /usr/lib/libgone.so.1 && mkdir -p /opt/lib && mv /moved/libenv.so.1 /opt/lib/ && rm -r /opt/old
COPY second /
"""


@pytest.fixture(scope="module")
def image(engine: DockerClient, musl_gcc: str, musl_loader: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    context = tmp_path_factory.mktemp("context")
    names = ["libgone.so.1", "libenv.so.1", "libnear.so.1", "libold.so.1", "libnew.so.1"]
    stubs = [compile_object(musl_gcc, context / "stubs" / name, soname=name) for name in names]
    places = [
        "first/usr/lib/libgone.so.1",
        "first/moved/libenv.so.1",
        "second/app/libs/libnear.so.1",
        "first/opt/old/libold.so.1",
        "second/usr/local/lib/libnew.so.1",
    ]
    for stub, place in zip(stubs, places, strict=True):
        (context / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(stub, context / place)
    source = "int PyInit_x(void) { return 1; }"
    compile_object(musl_gcc, context / "second/app/x.so", source, needed=stubs, rpath="$ORIGIN/libs:/opt/old")
    shutil.rmtree(context / "stubs")
    (context / "Dockerfile").write_text(DOCKERFILE)
    engine.api.import_image_from_data(base_tar(musl_loader), repository="demo-base")
    engine.images.build(path=str(context), tag="demo:1", network_mode="none")
    return "demo:1"


def test_the_image_is_read_as_the_loader_in_it_sees_it(
    engine: DockerClient, image: str, index: FakeIndex, tmp_path: Path
) -> None:
    subject = open_engine_image(image, client=engine)
    assert (subject.kind, subject.alpine, subject.arch) == ("image", "3.19", "x86_64")
    result = inspect(subject, index)
    report = next(r for r in result.objects if r.path == "/app/x.so")
    ours = {need.name: need.path for need in report.needs if need.status == "found"}
    lacking = {need.name for need in report.needs if need.status == "missing"}
    output = engine.containers.run(
        image,
        ["/bin/sh", "-c", "/lib/ld-musl-x86_64.so.1 --list /app/x.so 2>&1; true"],
        network_mode="none",
        remove=True,
    )
    text = output.decode()
    theirs = {
        name: path
        for name, path in re.findall(r"^\t(\S+) => (\S+) \(0x", text, re.MULTILINE)
        if not name.startswith("ld-musl")
    }
    assert ours == theirs
    assert lacking == set(re.findall(r"Error loading shared library (\S+?):", text)) == {"libgone.so.1", "libold.so.1"}
    assert ours["libenv.so.1"] == "/opt/lib/libenv.so.1"
    saved = tmp_path / "image.tar"
    with saved.open("wb") as file:
        for chunk in engine.images.get(image).save(named=True):
            file.write(chunk)
    assert inspect(open_image_file(saved), index).objects == result.objects


def test_an_unknown_image_is_one_clear_error(engine: DockerClient) -> None:
    with pytest.raises(EngineError, match="no such image"):
        open_engine_image("nothing-of-this-name:1", client=engine)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a registry of our own, distribution's."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed (Debian: docker-registry)")
    top = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(top)}}, "http": {"addr": address}}
    (top / "config.yml").write_text(json.dumps(settings))
    with (top / "log").open("wb") as log:
        server = subprocess.Popen([program, "serve", str(top / "config.yml")], stdout=log, stderr=log)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))):
                break
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def test_an_image_that_was_pushed_is_what_the_engine_has(engine: DockerClient, image: str, registry: str) -> None:
    engine.images.get(image).tag(f"{registry}/team/demo", "7")
    assert "error" not in engine.images.push(f"{registry}/team/demo", "7").lower()
    remote = Registry(registry, "team/demo", Web(10), seconds=60)
    digest, alone = remote.find("7", "linux/amd64")
    assert (digest, alone) == (engine.images.get_registry_data(f"{registry}/team/demo:7").id, True)
    theirs = open_engine_image(image, Reading(sources=False), client=engine)
    ours = remote.read(digest, theirs.name)
    assert dict(ours.subject.tree.nodes()) == dict(theirs.tree.nodes())
    assert (ours.subject.environment, ours.subject.start) == (theirs.environment, theirs.start)
    assert ours.created == engine.images.get(image).attrs["Created"][:10]
