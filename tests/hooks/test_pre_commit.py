"""The hooks as pre-commit and prek run them: cloned, installed with pip and started by Git's staged files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dockerlint_alpine.run.discovery import find_jobs
from tests.conftest import CHECKOUT
from tests.hooks.scratch import IDENTITY, commit_all, copy_of_the_checkout, git

HOOKS = {hook["id"]: hook for hook in yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text())}

BROKEN = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache curl\nRUN pip install lz4==4.4.5\n"
GOOD = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache curl\n"
USES_REQUIREMENTS = (
    "FROM python:3.11-alpine3.19\nCOPY requirements.txt .\n"
    "RUN apk add --no-cache gcc musl-dev\nRUN pip install -r requirements.txt\n"
)

DOCKERFILES = (
    "Dockerfile",
    "alpine.dockerfile",
    "Dockerfile-alpine",
    "Containerfile",
    "docker/backend.alpine.Dockerfile",
    "Dockerfile.alpine",
    "api/containerfile.prod",
)
OTHERS = ("Dockerfile.md", "dockerfile.py", "Dockerfile.dockerignore", "Dockerfile~", "mydockerfile", "dockerfiles/x")


@pytest.mark.parametrize("hook", ["alpine-doctor", "alpine-doctor-fix"])
@pytest.mark.parametrize("name", DOCKERFILES + OTHERS)
def test_a_hook_takes_the_files_that_a_search_takes(hook: str, name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(GOOD)
    taken = bool(re.search(HOOKS[hook]["files"], name)) and not re.search(HOOKS[hook]["exclude"], name)
    jobs, _ = find_jobs([str(tmp_path)])
    assert taken == bool(jobs) == (name in DOCKERFILES)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("requirements.txt", True),
        ("backend/requirements-dev.txt", True),
        ("requirements/base.in", True),
        ("uv.lock", True),
        ("pylock.toml", True),
        ("pylock.prod.toml", True),
        ("docker-compose.yml", True),
        ("README.txt", False),
        ("yarn.lock", False),
        ("docs/requirements.md", False),
    ],
)
def test_what_changes_requirements(name: str, taken: bool) -> None:
    assert bool(re.search(HOOKS["alpine-doctor-requirements"]["files"], name)) == taken


@dataclass
class Hooked:
    """A scratch repository with the hooks in its configuration, and the program that runs them."""

    folder: Path
    command: list[str]
    environment: Mapping[str, str]

    def run(self, hook: str) -> subprocess.CompletedProcess[str]:
        """Run one hook on what is staged."""
        git("add", "-A", cwd=self.folder)
        command = [*self.command, "run", hook]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )


@pytest.fixture(scope="module", params=["pre-commit", "prek"])
def hooked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mapping[str, str]], Hooked]:
    """Make scratch repositories for one of the programs; it installs the hooks once for all of them."""
    published = copy_of_the_checkout(tmp_path_factory.mktemp("published"))
    revision = commit_all(published)
    home = tmp_path_factory.mktemp("home")
    scripts = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= IDENTITY | {
        "PRE_COMMIT_HOME": str(home),
        "PREK_HOME": str(home),
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    configuration = {
        "repos": [{"repo": published.as_uri(), "rev": revision, "hooks": [{"id": hook} for hook in HOOKS]}],
    }

    def make(files: Mapping[str, str]) -> Hooked:
        folder = tmp_path_factory.mktemp("project")
        (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(configuration))
        commit_all(folder)
        for name, text in files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return Hooked(folder, [str(scripts / request.param)], environment)

    return make


@pytest.mark.slow
def test_the_check_runs_on_every_name_a_dockerfile_may_have(hooked: Callable[[Mapping[str, str]], Hooked]) -> None:
    project = hooked(dict.fromkeys(DOCKERFILES, BROKEN) | dict.fromkeys(OTHERS, BROKEN))
    done = project.run("alpine-doctor")
    assert done.returncode == 1, done.stdout + done.stderr
    for name in DOCKERFILES:
        assert f"--> {name}:3:5" in done.stdout
    for name in OTHERS:
        assert f"--> {name}" not in done.stdout
    assert "error[AD102]" in done.stdout


@pytest.mark.slow
def test_a_good_file_passes_and_others_start_nothing(hooked: Callable[[Mapping[str, str]], Hooked]) -> None:
    project = hooked({"Containerfile": GOOD})
    assert project.run("alpine-doctor").returncode == 0
    done = hooked({"README.md": "text\n"}).run("alpine-doctor")
    assert done.returncode == 0
    assert "Skipped" in done.stdout


@pytest.mark.slow
def test_changed_requirements_check_the_dockerfiles_that_use_them(
    hooked: Callable[[Mapping[str, str]], Hooked],
) -> None:
    project = hooked(
        {"alpine.dockerfile": USES_REQUIREMENTS, "requirements.txt": "lz4==4.4.5\n", "other/Dockerfile": BROKEN}
    )
    assert project.run("alpine-doctor-requirements").returncode == 0
    commit_all(project.folder)
    (project.folder / "requirements.txt").write_text("lz4==4.4.5\npsycopg2==2.9.11\n")  # the Dockerfile stays as it is
    assert "Skipped" in project.run("alpine-doctor").stdout
    done = project.run("alpine-doctor-requirements")
    assert done.returncode == 1
    assert "alpine.dockerfile" in done.stdout
    assert "add libpq-dev" in done.stdout
    assert "other/Dockerfile" not in done.stdout


@pytest.mark.slow
def test_the_fix_fails_once_and_passes_the_second_time(hooked: Callable[[Mapping[str, str]], Hooked]) -> None:
    project = hooked({"Dockerfile-alpine": BROKEN})
    first = project.run("alpine-doctor-fix")
    assert first.returncode == 1, first.stdout + first.stderr
    assert "files were modified by this hook" in first.stdout
    fixed = (project.folder / "Dockerfile-alpine").read_text()
    assert fixed == BROKEN.replace("curl", "curl gcc musl-dev")
    second = project.run("alpine-doctor-fix")
    assert second.returncode == 0, second.stdout + second.stderr
    assert (project.folder / "Dockerfile-alpine").read_text() == fixed
