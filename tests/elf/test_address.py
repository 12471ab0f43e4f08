"""Where the engine is found: as the docker command would, and where others put their sockets."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from dockerlint_alpine.elf.address import DEFAULT, EngineAddress, find_engine


def context(home: Path, name: str, host: str) -> None:
    folder = home / ".docker/contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_the_order(tmp_path: Path) -> None:
    context(tmp_path, "colima", "unix:///colima.sock")
    (tmp_path / ".docker/config.json").write_text(json.dumps({"currentContext": "colima"}))
    host = {"DOCKER_HOST": "unix:///host.sock"}
    assert find_engine("unix:///named.sock", host, tmp_path).url == "unix:///named.sock"
    assert find_engine("/named.sock", host, tmp_path).url == "unix:///named.sock"
    assert find_engine(None, host, tmp_path) == EngineAddress("unix:///host.sock", "DOCKER_HOST")
    assert find_engine(None, {}, tmp_path) == EngineAddress("unix:///colima.sock", "docker context colima")


def test_a_context_of_the_environment_wins_over_the_configured_one(tmp_path: Path) -> None:
    context(tmp_path, "one", "unix:///one.sock")
    context(tmp_path, "two", "ssh://user@elsewhere")
    (tmp_path / ".docker/config.json").write_text(json.dumps({"currentContext": "one"}))
    found = find_engine(None, {"DOCKER_CONTEXT": "two"}, tmp_path)
    assert (found.url, found.remote) == ("ssh://user@elsewhere", True)


NOTHING_SAID = ["", "[]", "{", '{"currentContext": 7}', '{"currentContext": "default"}', '{"currentContext": "gone"}']


@pytest.mark.parametrize("config", NOTHING_SAID)
def test_a_configuration_that_says_nothing(tmp_path: Path, config: str) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(config)
    found = find_engine(None, {}, tmp_path)
    assert found.url.startswith("unix://")
    assert "context" not in found.said_by


def test_sockets_of_others(tmp_path: Path) -> None:
    folder = tmp_path / "run/podman"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "podman.sock"))
        found = find_engine(None, {"XDG_RUNTIME_DIR": str(tmp_path / "run")}, tmp_path)
        if not Path(DEFAULT.removeprefix("unix://")).exists():
            assert found == EngineAddress(f"unix://{folder}/podman.sock", "Podman's socket")


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("unix:///x", False),
        ("npipe:////./pipe/docker", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://localhost:2375", False),
        ("tcp://docker:2375", True),
        ("ssh://user@host", True),
        ("tcp://127.0.0.1.evil.example:2375", True),
    ],
)
def test_what_is_another_machine(url: str, remote: bool) -> None:
    assert EngineAddress(url, "").remote is remote
