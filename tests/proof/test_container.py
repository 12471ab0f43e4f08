"""The image of the program itself: clean by our own check, and built by an engine from the wheel."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine import __version__
from tests.cli.test_check_and_fix import run
from tests.conftest import CHECKOUT
from tests.engine import base_tar, engine, engine_address
from tests.proof.wheels import make_wheel

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["engine", "engine_address"]

DOCKERFILE = "containers/alpine.Dockerfile"
PYTHON = """#!/bin/sh
test "$1 $2" = "-m venv" && mkdir -p $3/bin && cp /stand-in/pip $3/bin/pip
"""
PIP = """#!/bin/sh
home=${0%/bin/pip}
for word; do case $word in *.whl) unzip -q $word -d $home/site-packages;; esac; done
printf '#!/bin/sh\\nid -u 2>/dev/null; pwd; echo "$@"\\n' > $home/bin/alpine-doctor && chmod 755 $home/bin/alpine-doctor
"""
ADDUSER = "#!/bin/sh\necho 'doctor:x:65532:65532::/:/bin/sh' >> /etc/passwd\n"
APK = '#!/bin/sh\necho "$@" > /asked\n'


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A checkout after ``python -m build``, with a wheel that asks for what ours asks for."""
    root = tmp_path / "checkout"
    (root / "dist").mkdir(parents=True)
    (root / "containers").mkdir()
    shutil.copyfile(CHECKOUT / DOCKERFILE, root / DOCKERFILE)
    shutil.copyfile(CHECKOUT / "pyproject.toml", root / "pyproject.toml")
    asked = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["dependencies"]
    members = {"dockerlint_alpine/__init__.py": ""}
    make_wheel(root / "dist", "alpine-doctor", __version__, members, tag="py3-none-any", requires=asked)
    return root


def test_our_own_check_finds_it_clean_on_both_platforms(context: Path) -> None:
    done = run(
        "check",
        "--offline",
        "--strict",
        "--select",
        "ALL",
        "--platform",
        "linux/amd64,linux/arm64",
        DOCKERFILE,
        cwd=context,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.engine
def test_an_engine_builds_it_from_the_wheel(engine: DockerClient, context: Path, musl_loader: Path) -> None:
    files = {
        "usr/local/bin/python": PYTHON.encode(),
        "stand-in/pip": PIP.encode(),
        "sbin/adduser": ADDUSER.encode(),
        "sbin/apk": APK.encode(),
        "etc/passwd": b"root:x:0:0::/:/bin/sh\n",
    }
    image = base_tar(musl_loader, files)
    path = 'ENV PATH="/usr/local/bin:/usr/bin:/bin:/sbin"'
    engine.api.import_image_from_data(image, repository="python", tag="3.13-alpine3.22", changes=[path])
    built, _ = engine.images.build(
        path=str(context), dockerfile=DOCKERFILE, tag="alpine-doctor:test", network_mode="none"
    )
    settings = built.attrs["Config"]
    assert (settings["User"], settings["WorkingDir"]) == ("doctor", "/project")
    said = engine.containers.run(built, network_mode="none", remove=True).decode().split()
    assert said[-2:] == ["/project", "check"]
    asked = engine.containers.run(built, ["/asked"], entrypoint="cat", network_mode="none", remove=True)
    assert asked == b"add --no-cache git\n"
