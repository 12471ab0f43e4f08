"""The GitHub action and the GitLab template: valid by their hosts' schemas, audited, and their scripts run for real."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.hooks.scratch import copy_of_the_checkout

SCRIPTS = Path(sys.executable).parent
ACTION = CHECKOUT / "action.yml"
RELEASE = CHECKOUT / ".github" / "workflows" / "release.yml"
GITLAB = CHECKOUT / "docs" / "ci" / "gitlab.yml"
DOCKERFILE = "docker/backend.alpine.Dockerfile"


@pytest.mark.parametrize(
    ("schema", "path"),
    [("vendor.github-actions", ACTION), ("vendor.github-workflows", RELEASE), ("vendor.gitlab-ci", GITLAB)],
    ids=["action", "release", "gitlab"],
)
def test_agrees_with_the_schema_of_the_host(schema: str, path: Path) -> None:
    command = [SCRIPTS / "check-jsonschema", "--builtin-schema", schema, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [ACTION, RELEASE], ids=["action", "release"])
def test_zizmor_has_nothing_to_say(path: Path) -> None:
    options = ["--offline", "--no-config", "--persona", "pedantic", "--format", "json"]
    done = subprocess.run([SCRIPTS / "zizmor", *options, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == []


def test_the_release_builds_once_and_holds_no_secret() -> None:
    jobs = yaml.safe_load(RELEASE.read_text())["jobs"]
    assert "secrets." not in RELEASE.read_text()
    assert [name for name, job in jobs.items() if job["permissions"].get("id-token") == "write"] == [
        "attest",
        "publish",
    ]
    built = [name for name, job in jobs.items() if any("uv build" in step.get("run", "") for step in job["steps"])]
    assert built == ["build"]
    order = ["build", "try", "attest", "publish", "release"]
    assert [jobs[name].get("needs") for name in order] == [None, *order[:-1]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the runner has after the action's first step: RUNNER_TEMP with the program in it."""
    temporary = tmp_path_factory.mktemp("runner")
    place = copy_of_the_checkout(tmp_path_factory.mktemp("action"))
    runner = {"RUNNER_TEMP": str(temporary), "GITHUB_STEP_SUMMARY": str(temporary / "summary.md")}
    runner |= {"GITHUB_OUTPUT": str(temporary / "output"), "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    install, _ = steps({}, action_path=place)
    done = shell(*install, runner, cwd=temporary)
    assert done.returncode == 0, done.stdout + done.stderr
    return runner


def steps(inputs: Mapping[str, str], *, action_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each step's script and environment, with the expressions replaced as the runner does."""
    action: Any = yaml.safe_load(ACTION.read_text())
    values = {f"inputs.{name}": one["default"] for name, one in action["inputs"].items()}
    values |= {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(action_path)}

    def evaluated(text: str) -> str:
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda match: values[match[1]], text)

    for step in action["runs"]["steps"]:
        if "uses" in step:
            assert re.search(r"@[0-9a-f]{40}$", step["uses"]), "pinned by hash"
            continue
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script is an injection"
        yield step["run"], {name: evaluated(value) for name, value in step["env"].items()}


def shell(
    script: str, environment: Mapping[str, str], runner: Mapping[str, str], *, cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Run a script as the runner does (workflow syntax, ``jobs.<job_id>.steps[*].shell``: bash)."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    merged = {**os.environ, **environment, **runner}
    return subprocess.run(command, cwd=cwd, env=merged, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.slow
def test_the_action_annotates_summarizes_and_fails(installed: dict[str, str], backend: Path) -> None:
    _, check = steps({"sarif-file": "out.sarif"}, action_path=CHECKOUT)
    done = shell(*check, installed, cwd=backend)
    assert done.returncode == 1, done.stderr
    annotations = done.stdout.splitlines()
    assert [line.split(" ")[0] for line in annotations] == ["::warning", "::error"]
    assert f"file={DOCKERFILE},line=29" in annotations[1]
    assert len(json.loads((backend / "out.sarif").read_text())["runs"][0]["results"]) == 2
    assert "| [AD201](https://" in Path(installed["GITHUB_STEP_SUMMARY"]).read_text()
    assert Path(installed["GITHUB_OUTPUT"]).read_text().split() == ["findings=2", "fixable=2"]
    for fail_on, code in (("never", 0), ("error", 1), ("sometimes", 2)):
        _, check = steps({"fail-on": fail_on}, action_path=CHECKOUT)
        assert shell(*check, installed, cwd=backend).returncode == code
    _, check = steps({"fail-on": "error", "args": "--offline --ignore AD201"}, action_path=CHECKOUT)
    assert shell(*check, installed, cwd=backend).returncode == 0


@pytest.mark.slow
def test_the_action_passes_its_inputs_on(installed: dict[str, str], backend: Path) -> None:
    inputs = {
        "paths": f"{DOCKERFILE} docker-compose.alpine-test.yml",
        "args": "--offline --exit-zero",
        "format": "concise",
    }
    _, check = steps(inputs | {"summary": ""}, action_path=CHECKOUT)
    Path(installed["GITHUB_STEP_SUMMARY"]).unlink(missing_ok=True)
    done = shell(*check, installed, cwd=backend)
    assert done.returncode == 0, done.stderr
    assert f"{DOCKERFILE}:29:1: AD201" in done.stdout
    assert not Path(installed["GITHUB_STEP_SUMMARY"]).exists()
    assert list(backend.glob("*.sarif")) == []


@pytest.mark.slow
def test_the_gitlab_job_reports_and_fails(backend: Path, tmp_path: Path) -> None:
    job = yaml.safe_load(GITLAB.read_text())["alpine-doctor"]
    source = copy_of_the_checkout(tmp_path / "source")
    wheels, venv = tmp_path / "wheels", tmp_path / "venv"
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    environment = job["variables"] | {"PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment["PIP_FIND_LINKS"] = str(wheels)
    assert all(image in job["image"] for image in ("python:", "alpine"))
    script = "\n".join(job["script"])
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=backend,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )  # the image is Alpine's: its sh is no bash
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error[AD201]" in done.stdout
    report = json.loads((backend / job["artifacts"]["reports"]["codequality"]).read_text())
    assert {entry["location"]["path"] for entry in report} == {DOCKERFILE}
