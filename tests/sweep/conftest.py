"""Small repositories, and plans to judge them by."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from dockerlint_alpine import __version__
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.config import Configuration
from dockerlint_alpine.sweep.plan import Limits, Plan

DYING = (
    "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev libffi-dev postgresql-dev\n"
    "COPY requirements.txt .\nRUN pip install -r requirements.txt && apk del postgresql-dev\n"
)
CLEAN = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache curl\n"


def open_doctor(configuration: Configuration) -> Doctor:
    """By reference, as children are told."""
    return Doctor(configuration)


def plan(*, limits: Limits | None = None, revision: str | None = None, fix: bool = False, **settings: object) -> Plan:
    return Plan(
        Configuration(configure(**settings).settings, {}, None, Path()),
        open_doctor,
        __version__,
        revision,
        limits or Limits(),
        fix=fix,
    )


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two commits: the Dockerfile of the first is clean, that of the second dies."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    write(folder, {"docker/Dockerfile": CLEAN, "requirements.txt": "lz4==4.4.5\n", "logo.png": "x" * 100})
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    git(folder, "tag", "v1")
    write(folder, {"docker/Dockerfile": DYING})
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "second")
    return folder
