"""The story that the program was made after, played whole: a red stack, the predicted error, the fix, the rebuilt image, the
backend up, its WebSocket answering behind auth, and the report."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from junitparser import JUnitXml

from tests.proof.verify.conftest import Command, leftovers

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

DOCKERFILE = "docker/backend.alpine.Dockerfile"
COMPOSE = "docker-compose.alpine-test.yml"
LINE = "Error loading shared library liblz4.so.1: No such file or directory"
SCHEMA = Path(__file__).parents[3] / "dockerlint_alpine/proof/verify/schema.json"
CANARY = "c4n4ry-Value/that+nobody=sees"


DOCUMENTED = Path(__file__).parents[3] / "docs/verify-report.txt"


def shown(page: str) -> str:
    """The report as the documentation shows it: without what is another one each time."""
    return page.partition("## Environment")[0].rstrip() + "\n"


def masked(page: str) -> str:
    """Times and hashes made equal."""
    return re.sub(r"\d+\.\d|in \d+ (?:ms|s)|adv-[\w-]+", "#", page)


def test_from_red_to_green_with_the_report(doctor: Command, loaded: DockerClient, project: Path) -> None:
    compose = project / COMPOSE
    text = compose.read_text().replace("AUTH_URL:", f'API_TOKEN: "{CANARY}"\n      AUTH_URL:')
    text = text.replace("name: login\n", f'name: login\n          headers: {{X-Api-Key: "{CANARY}"}}\n')
    text = text.replace("      context: .\n", f'      context: .\n      args: {{BUILD_TOKEN: "{CANARY}"}}\n')
    compose.write_text(text)
    path = project / DOCKERFILE
    path.write_text(path.read_text().replace("EXPOSE", 'ARG BUILD_TOKEN\nRUN echo "it says $BUILD_TOKEN"\n\nEXPOSE'))

    red = doctor("verify", COMPOSE, "--report", "red")
    assert red.returncode == 1, red.stderr.decode()
    found = json.loads((project / "red/report.json").read_text())
    statuses = {(check["service"], check["name"]): check["status"] for check in found["checks"]}
    assert statuses[("alpine-test-auth", "healthy")] == "pass"
    assert statuses[("alpine-test-backend", "up")] == "fail"
    assert statuses[("alpine-test-backend", "WebSocket with the token of the login")] == "blocked"
    (cause,) = [cause for cause in found["causes"] if cause["where"] == "service alpine-test-backend"]
    assert cause["packages"] == ["lz4-libs"]
    assert "add lz4-libs to the apk add in line" in cause["edit"]

    done = doctor("fix", "--verify", COMPOSE, "--report", "green")
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert b"lz4-libs" in (project / DOCKERFILE).read_bytes()
    found = json.loads((project / "green/report.json").read_text())
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    assert (found["verdict"], found["fix"]["kept"], found["fix"]["reproduced"]) == ("green", True, True)
    assert {check["status"] for check in found["checks"]} == {"pass"}
    (old,), (new,) = found["before"], found["images"]
    assert next(claim for claim in old["claims"] if claim["code"] == "AD201")["verdict"] == "confirmed"
    assert (len(old["faults"]), len(new["faults"]), new["imported"]) == (1, 0, 2)
    assert all(row["met"] for row in found["metrics"])

    page = (project / "green/report.md").read_text()
    for part in (
        "## Services", "| PostgreSQL (alpine-test-postgres) |", "5435:5432 | running | HEALTHY",
        "## Root cause", f"lz4/_version.cpython-311-x86_64-linux-musl.so: {LINE}",
        "after: `musl's loader loads all 2 extension modules`", "## Fix", "+    lz4-libs \\",
        "## Checks", "refused with 401, as expected", "connected in", "## Metrics", "| Services healthy | 5/5 | 5/5 |",
    ):  # fmt: skip
        assert part in page, part
    told = shown(page.replace(f"{CANARY}", ""))
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENTED.write_text(told)
    assert masked(DOCUMENTED.read_text()) == masked(told)
    suites = JUnitXml.fromfile(str(project / "green/report.xml"))
    assert (suites.failures, suites.errors, suites.tests) == (0, 0, len(found["checks"]))
    events = [json.loads(line) for line in (project / "green/evidence.jsonl").read_text().splitlines()]
    assert {"plan", "baseline", "edit", "build", "loader", "start", "probes", "collect", "down"} <= {
        one["state"] for one in events
    }

    for path in [*(project / "green").iterdir(), *(project / "red").iterdir()]:
        text = path.read_text()
        assert CANARY not in text, path
        assert "standin-token-0123456789abcdef" not in text, path  # what the login gave
    assert CANARY.encode() not in done.stdout + done.stderr + red.stdout + red.stderr
    assert leftovers(loaded) == []


def test_a_fix_that_does_not_help_leaves_the_old_bytes(doctor: Command, loaded: DockerClient, project: Path) -> None:
    path = project / DOCKERFILE
    path.write_text(path.read_text().replace("USER netra", "RUN rm -f /usr/lib/liblz4.so.1\n\nUSER netra"))
    before = path.read_bytes()
    done = doctor("fix", "--verify", DOCKERFILE)
    assert done.returncode == 1, done.stderr.decode()
    assert b"The old file was restored" in done.stdout
    assert LINE.encode() in done.stdout
    assert path.read_bytes() == before
    assert leftovers(loaded) == []


def test_nothing_is_written_where_the_error_does_not_appear(doctor: Command, project: Path) -> None:
    path = project / DOCKERFILE
    site = "/usr/local/lib/python3.11/site-packages"
    path.write_text(
        path.read_text().replace("USER netra", f"RUN rm -r {site}/lz4 {site}/lz4-4.4.5.dist-info\n\nUSER netra")
    )
    before = path.read_bytes()
    done = doctor("fix", "--verify", DOCKERFILE)
    assert done.returncode == 1
    assert b"the predicted error did not appear in the old state" in done.stdout
    assert path.read_bytes() == before


def test_without_an_engine_nothing_is_written(doctor: Command, project: Path) -> None:
    before = (project / DOCKERFILE).read_bytes()
    done = doctor("fix", "--verify", DOCKERFILE, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.returncode == 3
    assert (project / DOCKERFILE).read_bytes() == before
