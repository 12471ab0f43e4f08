"""Small stacks on a real engine: every way in which a service can end, through compose and through the SDK alike."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.proof.verify.conftest import PATH, Command, leftovers

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

SERVER = "redis:7-alpine3.19"
ENDS = f"""
services:
  job:
    image: {SERVER}
    command: ["sh", "-c", "exit 0"]
  after-job:
    image: {SERVER}
    depends_on: {{job: {{condition: service_completed_successfully}}}}
    ports: ["6399:6379"]
  broken-job:
    image: {SERVER}
    command: ["sh", "-c", "echo 'no module named nothing' >&2; exit 3"]
    x-alpine-doctor: {{one-shot: true}}
  after-broken-job:
    image: {SERVER}
    depends_on: {{broken-job: {{condition: service_completed_successfully}}}}
    x-alpine-doctor: {{probes: [{{tcp: 6379}}]}}
  sick:
    image: {SERVER}
    healthcheck: {{test: "echo I feel unwell; exit 1", interval: 1s, timeout: 2s, retries: 1}}
  needs-sick:
    image: {SERVER}
    depends_on: {{sick: {{condition: service_healthy}}}}
    ports: ["6400:6379"]
  deaf:
    image: {SERVER}
    command: ["sleep", "600"]
    ports: ["7000:7000"]
    x-alpine-doctor: {{probes: [{{tcp: 7000, within: 2s}}]}}
  legacy:
    image: {SERVER}
    command: ["sh", "-c", "exit 1"]
    x-alpine-doctor: {{expect: fail, reason: "TICKET-12", until: 2099-01-31}}
  needs-legacy:
    image: {SERVER}
    depends_on: {{legacy: {{condition: service_healthy}}}}
  healed:
    image: {SERVER}
    x-alpine-doctor: {{expect: fail, reason: "TICKET-13", probes: [{{exec: [redis-cli, ping], expect: {{text: PONG}}}}]}}
  overdue:
    image: {SERVER}
    command: ["sh", "-c", "exit 1"]
    x-alpine-doctor: {{expect: fail, reason: "TICKET-14", until: 2020-01-31}}
  dies:
    image: {SERVER}
    command: ["sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.2; done; exit 7"]
    healthcheck: {{test: "true", interval: 1s}}
    x-alpine-doctor: {{probes: [{{exec: ": > /tmp/end", name: the last straw}}]}}
  forgotten:
    image: {SERVER}
    command: ["sh", "-c", "exit 0"]
"""
EXPECTED = {
    ("job", "up"): "pass",
    ("after-job", "up"): "pass",
    ("after-job", "tcp :6379"): "pass",
    ("broken-job", "up"): "fail",
    ("after-broken-job", "up"): "blocked",
    ("after-broken-job", "tcp :6379"): "blocked",
    ("sick", "up"): "pass",
    ("sick", "healthy"): "fail",
    ("needs-sick", "up"): "blocked",
    ("needs-sick", "tcp :6379"): "blocked",
    ("deaf", "up"): "pass",
    ("deaf", "tcp :7000"): "fail",
    ("legacy", "up"): "expected-fail",
    ("needs-legacy", "up"): "blocked",
    ("healed", "up"): "pass",
    ("healed", "exec redis-cli ping"): "pass",
    ("healed", "expected to fail"): "unexpected-pass",
    ("overdue", "up"): "fail",
    ("forgotten", "up"): "fail",
}


def stack(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "compose.yaml").write_text(text)
    return folder


def outcome(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("compose", ["auto", "none"])
def test_every_way_to_end(doctor: Command, loaded: DockerClient, tmp_path: Path, compose: str) -> None:
    folder = stack(tmp_path / "ends", ENDS)
    done = doctor("verify", "--output-format", "json", "--compose", compose, cwd=folder)
    assert done.returncode == 1, done.stderr.decode()
    found = outcome(done)
    statuses = {(check["service"], check["name"]): check["status"] for check in found["checks"]}
    dying = {key: status for key, status in statuses.items() if key[0] == "dies"}
    assert {key: status for key, status in statuses.items() if key[0] != "dies"} == EXPECTED
    assert dying[("dies", "healthy")] == "pass"
    assert dying[("dies", "still up")] == "fail"
    details = {(check["service"], check["name"]): check for check in found["checks"]}
    assert details[("broken-job", "up")]["detail"] == "exited (3)"
    assert "I feel unwell" in details[("sick", "healthy")]["detail"]
    assert details[("needs-sick", "up")]["blocked_by"] == "sick"
    assert details[("legacy", "up")]["reason"] == "TICKET-12"
    assert "ended on 2020-01-31" in details[("overdue", "up")]["detail"]
    assert "nothing listens" in details[("deaf", "tcp :7000")]["detail"]
    services = {one["name"]: one for one in found["services"]}
    assert services["broken-job"]["log"] == ["no module named nothing"]
    assert services["broken-job"]["exit_code"] == 3
    assert "died after it was healthy: exited (7)" in details[("dies", "still up")]["detail"]
    assert leftovers(loaded) == []


def test_what_is_expected_to_fail_makes_no_run_red(doctor: Command, tmp_path: Path) -> None:
    text = f"""
services:
  legacy: {{image: "{SERVER}", command: ["sh", "-c", "exit 1"], x-alpine-doctor: {{expect: fail, reason: TICKET-12}}}}
  client: {{image: "{SERVER}", depends_on: {{legacy: {{condition: service_healthy}}}}}}
  good: {{image: "{SERVER}", x-alpine-doctor: {{probes: [{{tcp: 6379}}]}}}}
"""
    done = doctor("verify", "--output-format", "junit", cwd=stack(tmp_path / "expected", text))
    assert done.returncode == 0, done.stderr.decode()
    assert b'failures="0" errors="0" skipped="2"' in done.stdout


def test_a_build_that_hangs_is_given_up(doctor: Command, loaded: DockerClient, project: Path) -> None:
    path = project / "docker/backend.alpine.Dockerfile"
    path.write_text("FROM python:3.11-alpine3.19\nRUN sleep 600\n")
    begun = time.monotonic()
    done = doctor("verify", str(path), "--build-timeout", "6s")
    assert done.returncode == 3
    assert b"the build did not finish in time" in done.stdout
    assert time.monotonic() - begun < 120
    assert leftovers(loaded) == []


class Started:
    """The program, running in the background, to be interrupted when it says something."""

    def __init__(self, folder: Path, environment: dict[str, str], *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dockerlint_alpine", *args],
            cwd=folder,
            env={**os.environ, "PATH": PATH, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def when(self, text: bytes, sign: signal.Signals) -> tuple[int, bytes, bytes]:
        assert self.process.stderr is not None
        seen = b""
        for line in self.process.stderr:
            seen += line
            if text in line:
                break
        else:
            raise AssertionError(seen.decode())
        time.sleep(1)
        self.process.send_signal(sign)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, seen + err


@pytest.mark.parametrize(
    ("said", "args"),
    [
        (b"building", ("docker/backend.alpine.Dockerfile",)),
        (b"starting slow", ("slow.yaml",)),
        (b"starting slow", ("slow.yaml", "--keep")),
    ],
)
def test_an_interrupted_run_leaves_nothing(
    loaded: DockerClient, engine_address: str, project: Path, tmp_path: Path, said: bytes, args: tuple[str, ...]
) -> None:
    (project / "docker/backend.alpine.Dockerfile").write_text("FROM python:3.11-alpine3.19\nRUN sleep 600\n")
    slow = "{test: 'false', interval: 600s}"
    (project / "slow.yaml").write_text(
        f"services: {{slow: {{image: '{SERVER}', healthcheck: {slow}}}}}\nvolumes: {{v: {{}}}}"
    )
    environment = {"DOCKER_HOST": engine_address, "ALPINE_DOCTOR_CACHE_DIR": str(tmp_path / "cache")}
    code, out, err = Started(project, environment, "verify", *args).when(said, signal.SIGINT)
    assert code == 3, err.decode()
    assert b"interrupted" in out
    assert b"Traceback" not in err
    assert leftovers(loaded) == []


def test_a_killed_run_is_cleaned_and_its_fix_taken_back(
    doctor: Command, loaded: DockerClient, engine_address: str, project: Path, tmp_path: Path
) -> None:
    path = project / "docker/backend.alpine.Dockerfile"
    before = path.read_bytes()
    environment = {"DOCKER_HOST": engine_address, "ALPINE_DOCTOR_CACHE_DIR": str(tmp_path / "cache")}
    code, _, _ = Started(project, environment, "fix", "--verify", "docker-compose.alpine-test.yml").when(
        b"starting", signal.SIGKILL
    )
    assert code == -signal.SIGKILL
    assert path.read_bytes() != before
    assert leftovers(loaded) != []
    done = doctor("verify", "--clean")
    assert done.returncode == 0, done.stderr
    assert f"restored {path}".encode() in done.stdout
    assert path.read_bytes() == before
    assert leftovers(loaded) == []
    assert b"Nothing was left behind." in doctor("verify", "--clean").stdout


def test_a_fix_that_is_interrupted_leaves_the_old_bytes(
    loaded: DockerClient, engine_address: str, project: Path, tmp_path: Path
) -> None:
    path = project / "docker/backend.alpine.Dockerfile"
    before = path.read_bytes()
    environment = {"DOCKER_HOST": engine_address, "ALPINE_DOCTOR_CACHE_DIR": str(tmp_path / "cache")}
    code, out, _ = Started(project, environment, "fix", "--verify", "docker-compose.alpine-test.yml").when(
        b"writing the fix", signal.SIGTERM
    )
    assert code == 3
    assert b"The old file was restored" in out
    assert path.read_bytes() == before
    assert leftovers(loaded) == []


def test_two_runs_of_one_project_at_once(doctor: Command, engine_address: str, tmp_path: Path) -> None:
    slow = "{test: 'false', interval: 600s}"
    folder = stack(tmp_path / "twice", f"services: {{slow: {{image: '{SERVER}', healthcheck: {slow}}}}}")
    first = Started(folder, {"DOCKER_HOST": engine_address}, "verify")
    assert first.process.stderr is not None
    assert b"starting slow" in first.process.stderr.readline()
    done = doctor("verify", cwd=folder)
    assert done.returncode == 3
    assert b"another verification of this project is running" in done.stderr
    first.process.send_signal(signal.SIGINT)
    first.process.communicate(timeout=120)


def test_what_is_kept_says_how_it_goes(doctor: Command, loaded: DockerClient, tmp_path: Path) -> None:
    folder = stack(tmp_path / "kept", f"services: {{one: {{image: '{SERVER}', ports: [6379]}}}}")
    done = doctor("verify", "--keep", "--level", "health", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert b"Left up: alpine-doctor verify --clean" in done.stdout
    assert len(leftovers(loaded)) == 2
    assert b"removed container" in doctor("verify", "--clean").stdout
    assert leftovers(loaded) == []


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (f"services: {{a: {{image: '{SERVER}', privileged: true}}}}", 3, b"--allow privileged would run it"),
        ("services: {a: {image: 'nothing:of-this-name'}}", 3, b"nothing is pulled without --allow pull"),
        (f"services: {{a: {{image: '{SERVER}', x-alpine-doctor: {{probes: [{{udp: 1}}]}}}}}}", 2, b"unknown key 'udp'"),
        (f"services: {{a: {{image: '{SERVER}', command: [nothing-there]}}}}", 1, b"could not be started"),
    ],
)
def test_what_is_refused_or_wrong(doctor: Command, tmp_path: Path, text: str, code: int, said: bytes) -> None:
    done = doctor("verify", cwd=stack(tmp_path / "odd", text))
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
