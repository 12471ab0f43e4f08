"""The verdict beside images that a real engine built from the very Dockerfile, and beside the real loader's own word.

The base image is a root file system of musl and busybox under the name of the official one. Its ``apk`` and ``pip`` are
scripts that lay out packages and wheels that the test prepared, as no package can be fetched; the engine, its layers, the
wheels, the objects and the loader are real.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_check_and_fix import run
from tests.elf.building import compile_object
from tests.engine import base_tar, engine, engine_address
from tests.proof.images import SITE, apk_database, predicted_packages
from tests.proof.wheels import make_wheel

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["engine", "engine_address"]

pytestmark = pytest.mark.engine

APK = """#!/bin/sh
verb=$1; shift
for name; do
    case $name in -*) continue;; esac
    if [ $verb = add ]; then
        cat /repo/$name/record >> /lib/apk/db/installed
        [ -d /repo/$name/root ] && cp -R /repo/$name/root/. /
    else
        awk -v name=$name 'BEGIN { RS = ""; ORS = "\\n\\n" } !index($0, "P:" name "\\n")' /lib/apk/db/installed > /tmp-db
        mv /tmp-db /lib/apk/db/installed
        rm $(cat /repo/$name/files)
    fi
done
true
"""
PIP = f"""#!/bin/sh
for wheel in /wheels/*.whl; do unzip -q -o $wheel -d /{SITE}; done
"""
BASE = "FROM python:3.11-alpine3.19\n"
INSTALL = "COPY wheels /wheels\nRUN pip install --no-index --find-links=/wheels lz4\n"
EXTENSION = "lz4/_version.cpython-311-x86_64-linux-musl.so"


@pytest.fixture(scope="module")
def context(
    engine: DockerClient, musl_gcc: str, musl_loader: Path, lz4_object: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A build context with a wheel of lz4; its base image is in the engine."""
    folder = tmp_path_factory.mktemp("context")
    make_wheel(folder / "wheels", "lz4", "4.4.5", {EXTENSION: lz4_object, "lz4/__init__.py": ""})
    base = predicted_packages(BASE, folder)
    more = predicted_packages(f"{BASE}RUN apk add lz4-libs\n", folder)
    library = compile_object(musl_gcc, folder / "liblz4.so.1", soname="liblz4.so.1").read_bytes()
    python = compile_object(musl_gcc, folder / "python", "int main(void) { return 0; }", program=True).read_bytes()
    files = {
        "lib/apk/db/installed": apk_database(base),
        "usr/local/bin/python3.11": python,
        "bin/apk": APK.encode(),
        "bin/pip": PIP.encode(),
        f"{SITE}/README.txt": b"",
        "repo/lz4-libs/record": apk_database({name: more[name] for name in more.keys() - base.keys()}),
        "repo/lz4-libs/root/usr/lib/liblz4.so.1": library,
        "repo/lz4-libs/files": b"/usr/lib/liblz4.so.1",
    }
    engine.api.import_image_from_data(base_tar(musl_loader, files), repository="python", tag="3.11-alpine3.19")
    return folder


class Built:
    """An image built from a Dockerfile, and what ``check --image`` says of the two."""

    def __init__(self, engine: DockerClient, address: str, context: Path, dockerfile: str) -> None:
        self.context, self.address, self.engine = context, address, engine
        (context / "Dockerfile").write_text(dockerfile)
        engine.images.build(path=str(context), tag="verdict:1", network_mode="none")

    def check(self, *args: str) -> subprocess.CompletedProcess[bytes]:
        return run("check", "Dockerfile", "--image", "verdict:1", *args, cwd=self.context, DOCKER_HOST=self.address)

    def document(self) -> dict[str, Any]:
        done = self.check("--output-format", "json")
        assert done.returncode in {0, 1}, done.stderr
        return json.loads(done.stdout)["files"][0]

    def loader_says(self) -> str:
        """What the image's own loader says of the extension."""
        command = ["/bin/sh", "-c", f"/lib/ld-musl-x86_64.so.1 --list /{SITE}/{EXTENSION} 2>&1; true"]
        return self.engine.containers.run("verdict:1", command, network_mode="none", remove=True).decode()


def test_the_missing_library_is_predicted_proven_and_missed_by_the_loader(
    engine: DockerClient, engine_address: str, context: Path
) -> None:
    built = Built(engine, engine_address, context, BASE + INSTALL)
    assert "Error loading shared library liblz4.so.1" in built.loader_says()
    file = built.document()
    image = file["image"]
    assert [finding["code"] for finding in file["findings"]] == ["AD201"]
    assert file["findings"][0]["evidence"][-1]["kind"] == "elf"
    assert image["holds"]
    assert image["same_content"], image
    text = built.check().stdout.decode()
    assert "The prediction holds: the image agrees with it in everything that it shows." in text


def test_the_mended_dockerfile_gives_a_sound_image(engine: DockerClient, engine_address: str, context: Path) -> None:
    (context / "Dockerfile").write_text(BASE + INSTALL)
    assert run("fix", "Dockerfile", cwd=context).returncode == 0
    built = Built(engine, engine_address, context, (context / "Dockerfile").read_text())
    assert "apk add --no-cache lz4-libs" in (context / "Dockerfile").read_text()
    assert "Error" not in built.loader_says()
    assert built.check("--strict").returncode == 0
    assert built.document()["image"]["holds"]


def test_a_library_deleted_in_a_later_layer(engine: DockerClient, engine_address: str, context: Path) -> None:
    text = f"{BASE}RUN apk add --no-cache lz4-libs\n{INSTALL}RUN apk del lz4-libs\n"
    built = Built(engine, engine_address, context, text)
    assert "Error loading shared library liblz4.so.1" in built.loader_says()
    file = built.document()
    assert [finding["code"] for finding in file["findings"]] == ["AD202"]
    assert [finding["code"] for finding in file["image"]["proven"]] == ["AD202"]
    assert file["image"]["same_content"]


def test_what_the_dockerfile_does_not_say_is_missed_and_told(
    engine: DockerClient, engine_address: str, context: Path, lz4_object: bytes
) -> None:
    extra = make_wheel(context / "extra", "surprise", "1.0", {"surprise/x.so": lz4_object})
    text = f"{BASE}COPY extra /extra\nRUN unzip -q -o /extra/{extra.name} -d /{SITE}\n"
    built = Built(engine, engine_address, context, text)
    done = built.check()
    assert done.returncode == 1
    assert b"The findings do not hold: 1 problem missed." in done.stdout
    assert b"[apk add lz4-libs]" in done.stdout


def test_an_unknown_image_and_an_engine_that_is_not_there(engine_address: str, context: Path) -> None:
    for address, message in (
        (engine_address, b"image:nothing-of-this-name:1: the engine has no such image"),
        ("unix:///nowhere/docker.sock", b"the engine can't be queried"),
    ):
        done = run("check", "Dockerfile", "--image", "nothing-of-this-name:1", cwd=context, DOCKER_HOST=address)
        assert done.returncode == 2
        assert message in done.stderr
        assert b"Traceback" not in done.stderr


def test_the_command_line_runs_nothing_in_the_engine(engine: DockerClient, engine_address: str, context: Path) -> None:
    built = Built(engine, engine_address, context, BASE + INSTALL)
    before = {container.id for container in engine.containers.list(all=True)}
    built.check()
    assert {container.id for container in engine.containers.list(all=True)} == before
