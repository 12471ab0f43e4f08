from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.apk import IndexStore, World
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.knowledge.bases import BaseImages, Reference
from dockerlint_alpine.knowledge.errors import RuleError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("reference", "alpine", "python", "prefix"),
    [
        ("python:3.11-alpine3.19", "3.19", "3.11.11", "/usr/local"),
        ("python:3.11.4-alpine", "3.18", "3.11.4", "/usr/local"),
        ("python:3.11-alpine", "3.24", "3.11.15", "/usr/local"),
        ("python:3.8-alpine", "3.20", "3.8.20", "/usr/local"),
        ("python:alpine3.20", "3.20", "3.13.3", "/usr/local"),
        ("python:3-alpine", "3.24", "3.14.6", "/usr/local"),
        ("python:3.14.0b2-alpine3.21", "3.21", "3.14.0b2", "/usr/local"),
        ("python:3.9-rc-alpine", "3.12", "3.9.0", "/usr/local"),
        ("python:3.15-rc-alpine3.23", "3.23", "3.15.0b3", "/usr/local"),
        ("docker.io/library/python:3.12-alpine3.20@sha256:00", "3.20", "3.12.10", "/usr/local"),
        ("public.ecr.aws/docker/library/python:3.12-alpine3.20", "3.20", "3.12.10", "/usr/local"),
        ("registry.example.com:5000/x/python:3.11-alpine3.19", "3.19", "3.11.11", "/usr/local"),
        ("ghcr.io/astral-sh/uv:python3.12-alpine3.20", "3.20", "3.12.10", "/usr/local"),
        ("ghcr.io/astral-sh/uv:0.5.1-alpine3.21", "3.21", None, None),
        ("tiangolo/uvicorn-gunicorn-fastapi:python3.9-alpine3.14", "3.14", "3.9.13", "/usr/local"),
        ("frolvlad/alpine-python3", "3.21", None, "/usr"),
        ("alpine", "3.24", None, None),
        ("alpine:3.19.1", "3.19", None, None),
        ("alpine:20240923", "3.21", None, None),
        ("alpine:20990101", "edge", None, None),
        ("alpine:edge", "edge", None, None),
        ("node:20-alpine3.19", "3.19", None, None),
        ("nginx:1.25-alpine3.18-slim", "3.18", None, None),
        ("docker:24-dind", "3.20", None, None),
        ("docker:dind", "3.24", None, None),
        ("docker:17.06.1-dind", "3.6", None, None),
        ("docker:26-cli-alpine3.19", "3.19", None, None),
        ("node:7-alpine", "3.4", None, None),
        ("node:10-alpine", "3.11", None, None),
        ("node:8.11.4-alpine", "3.6", None, None),
        ("node:8-alpine", "3.11", None, None),
        ("node:carbon-alpine", "3.11", None, None),
        ("node:lts-alpine", "3.24", None, None),
        ("openjdk:8u181-jre-alpine", "3.8", None, None),
        ("openjdk:8-jre-alpine", "3.9", None, None),
        ("registry.example.com/library/golang:1.12-alpine", "3.11", None, None),
        ("eclipse-temurin:17-jdk-alpine-3.21", "3.21", None, None),
        ("wordpress:5-fpm-alpine", "3.15", None, None),
        ("someone/app:1.2-alpine3.18", "3.18", None, None),
        ("someone/agent:3.19-4-alpine", None, None, None),  # a version of its own
        # Others: what the Dockerfile of that tag, or of that day, starts from.
        ("certbot/certbot:v2.7.4", "3.16", "3.10.11", "/usr/local"),
        ("certbot/dns-route53:v1.32.0", "3.16", "3.10.11", "/usr/local"),
        ("certbot/certbot:v0.40.0", None, None, None),  # built by another repository
        ("certbot/certbot:v99.0.0", None, None, None),  # after what is known
        ("squidfunk/mkdocs-material:9.5.18", "3.18", "3.11.9", "/usr/local"),
        ("squidfunk/mkdocs-material:9.5.19", "3.19", "3.11.11", "/usr/local"),
        ("jfloff/alpine-python:3.7-slim", "3.11", "3.7.3", "/usr/local"),
        ("nikolaik/python-nodejs:python3.9-nodejs16-alpine", "3.22", "3.9.25", "/usr/local"),
        ("tiangolo/uwsgi-nginx-flask:python3.8-alpine", "3.13", "3.8.12", "/usr/local"),
        ("google/cloud-sdk:324.0.0-alpine", "3.12", None, None),
        ("gcr.io/google.com/cloudsdktool/google-cloud-cli:alpine", "3.23", "3.14.6", "/usr/local"),
        ("ghcr.io/hassio-addons/base/amd64:9.1.5", "3.13", None, None),
        ("ghcr.io/hassio-addons/base:1.0.0", None, None, None),
        ("lsiobase/alpine.python:3.9", "3.9", None, "/usr"),
        ("ghcr.io/linuxserver/baseimage-alpine:arm64v8-3.20-0accca69-ls29", "3.20", None, None),
        ("jenkins/jenkins:2.440-alpine", "3.18", None, None),
        ("jenkins/jenkins:2.440.1-alpine-jdk17", "3.19", None, None),
        ("zabbix/zabbix-server-mysql:alpine-6.0.30", "3.16", None, None),
        ("zabbix/zabbix-proxy-sqlite3:alpine-6.0-latest", "3.19", None, None),
        ("zabbix/zabbix-agent2:alpine-3.0.12", None, None, None),  # no Alpine 3.0
        ("pandoc/latex:2.19.2", "3.16", None, None),
        ("mher/flower:1.2.0", "3.16", "3.10.11", "/usr/local"),
        ("docker/compose:1.27.4", "3.11", None, None),
        ("demisto/python3:3.10.11.56082", "3.17", "3.10.11", "/usr/local"),
        ("demisto/python3:3.10.11.58000", None, None, None),  # built on a day that nothing tells
    ],
)
def test_what_a_tag_tells(
    knowledge: Knowledge, reference: str, alpine: str, python: str | None, prefix: str | None
) -> None:
    image = knowledge.base_image(reference)
    assert image is not None
    assert (image.alpine, image.python_version, image.python_prefix) == (alpine, python, prefix)
    assert not image.not_alpine
    assert image.reference == reference


@pytest.mark.parametrize(
    "reference",
    [
        "python:3.11-slim",
        "python",
        "python:3.12-bookworm",
        "debian:bookworm",
        "ubuntu",
        "node:20",
        "scratch",
        "ghcr.io/astral-sh/uv:latest",
        "nvidia/cuda:12.4.1-runtime-ubuntu22.04",
        "cgr.dev/chainguard/python:latest",
        "quay.io/jupyter/scipy-notebook",
        "bitnami/redis:7",
        "public.ecr.aws/lambda/nodejs:20",
        "locustio/locust",
        "bridgecrew/checkov:3.2.1",
        "someone/python:3.10.11-bullseye",
        "someone/tool:1.2-ubuntu20.04",
    ],
)
def test_known_images_that_are_not_alpine(knowledge: Knowledge, reference: str) -> None:
    image = knowledge.base_image(reference)
    assert image is not None
    assert image.not_alpine
    assert image.world == ()


@pytest.mark.parametrize("reference", ["mycorp/thing:1", "${BASE}", "python@sha256:00", "", "a b"])
def test_what_nothing_is_known_of(knowledge: Knowledge, reference: str) -> None:
    assert knowledge.base_image(reference) is None


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("python:3.11-alpine", "3.24 is assumed"),
        ("alpine", "names no Alpine release"),
        ("python:alpine", "names no Python minor"),
        ("reg.example.com/python:3.11-alpine3.19", "assumed to be a mirror of the official image python"),
        ("alpine@sha256:00", "pinned by digest without a tag"),
        ("python:3.12-alpine3.12", "no tag of python 3.12 on Alpine 3.12 was known"),
        ("squidfunk/mkdocs-material:9.5", "Alpine 3.19 with Python 3.11 is assumed, the newest on"),
        ("certbot/certbot", "certbot/certbot names no release"),
        ("frolvlad/alpine-glibc", "is assumed, where it was last published"),
    ],
)
def test_an_assumption_is_said_aloud(knowledge: Knowledge, reference: str, said: str) -> None:
    image = knowledge.base_image(reference)
    assert image is not None
    assert not image.certain
    assert any(said in note for note in image.assumed)


VERSIONS: dict[str, Any] = {
    "as-of": "2026-01-01",
    "default-alpine": "3.23",
    "default-python": "3.14",
    "image": [
        {"repositories": ["alpine"], "tag": r"(?P<alpine>3\.\d+)", "base": "alpine", "evidence": ["x"]},
        {"repositories": ["a/*"], "tag": ".*", "system": "debian", "evidence": ["the folder"]},
        {
            "repositories": ["a/b"],
            "tag": r"(?P<version>\d+\.\d+\.\d+)|(?P<series>\d+(?:\.\d+)?)|latest",
            "adds": ["bash"],
            "evidence": ["x"],
            "versions": {
                "1.2": "alpine:3.19",
                "1.2.3": {"environment": {"PIP_BREAK_SYSTEM_PACKAGES": "1"}},
                "2": {"base": "alpine:3.20", "adds": ["jq"], "environment": {}},
                "2.5": {"system": "debian"},
                "3": "alpine:3.22",
                "3.4": "",
            },
        },
    ],
}


@pytest.mark.parametrize(
    ("tag", "alpine", "added", "environment", "certain"),
    [
        ("1.1.9", None, "", {}, True),
        ("1.2.2", "3.19", "bash", {}, True),
        ("1.2.10", "3.19", "bash", {"PIP_BREAK_SYSTEM_PACKAGES": "1"}, True),
        ("2.0.0", "3.20", "jq", {}, True),
        ("2.6.0", "not Alpine", "", {}, True),
        ("3.0.0", "3.22", "jq", {}, True),  # a base of its own again
        ("3.4.0", None, "", {}, True),
        ("1.2", "3.19", "bash", {"PIP_BREAK_SYSTEM_PACKAGES": "1"}, False),
        ("1", "3.19", "bash", {"PIP_BREAK_SYSTEM_PACKAGES": "1"}, False),
        ("1.1", None, "", {}, True),
        ("3.2", "3.22", "jq", {}, True),  # nothing changed after it began
        ("3", "3.22", "jq", {}, True),
        ("latest", "3.22", "jq", {}, False),
    ],
)
def test_what_holds_from_a_version_on(
    tag: str, alpine: str | None, added: str, environment: dict[str, str], certain: bool
) -> None:
    found = BaseImages(VERSIONS).match(f"a/b:{tag}")
    assert found is not None
    assert ("not Alpine" if found.not_alpine else found.alpine) == alpine
    if found.alpine is not None:
        assert (found.world, dict(found.environment)) == ((added,), environment)
    assert found.certain == certain == (not found.assumed)


def test_a_folder_of_repositories_is_what_no_rule_of_its_own_tells(knowledge: Knowledge) -> None:
    images = BaseImages(VERSIONS)
    for reference in ("a/b:nightly", "a/c", "a/c/d:1.2.3"):
        found = images.match(reference)
        assert found is not None
        assert found.not_alpine, reference
    assert images.match("ab/c") is None
    assert images.match("a") is None
    assert images.match("example.com/a/c") is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"versions": {"2": "alpine:3.19", "1.10": "alpine:3.18"}}, "in their order"),
        ({"versions": {"1.2": "someone/else:1"}}, "versions.1.2: the base someone/else:1 is not known"),
        ({"tag": ".*"}, "no group"),
        ({"tag": "(", "versions": {}, "base": "alpine"}, "not a regular expression"),
        ({"versions": {"1.x": "alpine:3.19"}}, "a version such as"),
        ({"versions": {"1": {"alpine": "3.19"}}}, "unknown key"),
        ({"versions": {}}, "base is missing"),
    ],
)
def test_what_no_version_can_be_read_of_is_refused(changed: dict[str, object], said: str) -> None:
    raw = {**VERSIONS, "image": [*VERSIONS["image"][:2], {**VERSIONS["image"][2], **changed}]}
    with pytest.raises(RuleError, match=re.escape(said)):
        BaseImages(raw).check("rules/base-images.toml")


OWN = r"""
[[image]]
repositories = ["registry.acme.example/base/python"]
tag = '(?P<version>\d+)'
adds = ["libpq"]
versions = { "4" = "python:3.11-alpine3.18", "5" = "python:3.12-alpine3.20" }
evidence = ["base/python/Dockerfile"]

[[image]]
repositories = ["registry.acme.example/tools/*"]
tag = '.*-(?P<alpine>3\.\d+)'
base = "alpine"
evidence = ["tools/build.sh"]

[[image]]
repositories = ["acme/app"]
tag = '.*'
base = "acme/base"
evidence = ["app/Dockerfile"]

[[image]]
repositories = ["acme/base"]
tag = '.*'
base = "alpine"
alpine = "3.21"
evidence = ["base/Dockerfile"]
"""


def test_rules_of_a_user_rest_on_built_in_images(data: Path, tmp_path: Path) -> None:
    (tmp_path / "base-images.toml").write_text(OWN)
    own, built_in = Knowledge.open(data, [tmp_path]), Knowledge.open(data)
    for reference, base, added in (
        ("registry.acme.example/base/python:5", "python:3.12-alpine3.20", ("libpq",)),
        ("registry.acme.example/tools/git:7-3.19", "alpine:3.19", ()),
        ("acme/app", "alpine:3.21", ()),
    ):
        found, start = own.base_image(reference), built_in.base_image(base)
        assert found is not None
        assert start is not None
        assert found != built_in.base_image(reference)
        assert found.world == (*start.world, *added)
        assert (found.alpine, found.python_version, found.certain) == (start.alpine, start.python_version, True)
    assert own.base_image("python:3.12-alpine3.20") == built_in.base_image("python:3.12-alpine3.20")


@pytest.mark.parametrize("base", ["a/b", "a/b:{x}x", "a/c", "{", "{0}", "{nothing}", "a b", ""])
def test_a_base_that_leads_nowhere_is_not_known(base: str) -> None:
    other = {"repositories": ["a/c"], "tag": ".*", "base": "a/b", "evidence": ["x"]}
    raw = {"repositories": ["a/b"], "tag": "(?P<x>.*)", "base": base or "?", "evidence": ["x"]}
    found = BaseImages({**VERSIONS, "image": [raw, other]}).match("a/b:1")
    assert found is not None
    assert (found.alpine, found.not_alpine) == (None, False)


def test_an_exact_tag_assumes_nothing(knowledge: Knowledge) -> None:
    image = knowledge.base_image("python:3.11-alpine3.19")
    assert image.certain
    assert image.assumed == ()
    assert image.pip_version == "24.0"


def test_the_world_of_the_official_image_is_what_a_real_one_holds(knowledge: Knowledge) -> None:
    """The ``so:`` names of .python-rundeps in a real image's package database (python 3.x on Alpine 3.16.3)."""
    rundeps = {
        "libbz2.so.1", "libcrypto.so.1.1", "libexpat.so.1", "libffi.so.8", "libgdbm.so.6", "libgdbm_compat.so.4",
        "liblzma.so.5", "libncursesw.so.6", "libnsl.so.3", "libpanelw.so.6", "libreadline.so.8", "libsqlite3.so.0",
        "libssl.so.1.1", "libtirpc.so.3", "libuuid.so.1", "libz.so.1",
    }  # fmt: skip
    world = knowledge.base_image("python:3.11-alpine3.16").world
    assert {need.removeprefix("so:") for need in world if need.startswith("so:")} == rundeps
    assert {"ca-certificates", "tzdata", "busybox", "ca-certificates-bundle"} <= set(world)


@pytest.mark.parametrize(
    ("reference", "present", "absent"),
    [
        ("python:3.12-alpine3.19", "so:libnsl.so.3", "so:libexpat.so.1"),
        ("python:3.11.9-alpine3.19", "so:libexpat.so.1", "so:libzstd.so.1"),
        ("python:3.13-alpine3.21", "so:libssl.so.3", "so:libnsl.so.3"),
        ("python:3.14-alpine3.23", "so:libzstd.so.1", "so:libssl.so.1.1"),
    ],
)
def test_the_world_follows_the_build_options_of_its_time(
    knowledge: Knowledge, reference: str, present: str, absent: str
) -> None:
    world = knowledge.base_image(reference).world
    assert present in world
    assert absent not in world


@given(st.text(max_size=40))
def test_any_text_is_matched_or_not(knowledge: Knowledge, text: str) -> None:
    image = knowledge.base_image(text)
    assert image is None or image.not_alpine or image.alpine is None or image.alpine == "edge" or "." in image.alpine


def test_a_reference_is_split_as_docker_does() -> None:
    assert Reference.parse("localhost/a/b:c@sha256:d") == Reference("localhost", "a/b", "c", "sha256:d")
    assert Reference.parse("a/b") == Reference("", "a/b", "", "")
    assert Reference.parse("host:5000/a") == Reference("host:5000", "a", "", "")
    assert Reference.parse("docker.io/library/Python") == Reference("", "python", "", "")


@pytest.mark.parametrize(
    ("reference", "there"),
    [("alpine:3.16", False), ("alpine:3.19", False), ("alpine:3.20", False), ("alpine:3.22", True)],
)
def test_the_package_alpine_release_came_late_into_the_root_file_system(
    knowledge: Knowledge, reference: str, there: bool
) -> None:
    """The package databases of the minimal root file systems 3.17.10, 3.18.9, 3.19.4 and 3.20.3 don't have it."""
    image = knowledge.base_image(reference)
    assert image is not None
    assert ("alpine-release" in image.world) == there


ALWAYS = (
    "alpine-baselayout alpine-keys apk-tools busybox ca-certificates-bundle musl musl-utils scanelf ssl_client zlib"
)


@pytest.mark.parametrize(
    ("release", "besides"),
    [
        ("3.12", "libc-utils libcrypto1.1 libssl1.1 libtls-standalone"),
        ("3.14", "libc-utils libcrypto1.1 libssl1.1 libretls"),
        ("3.16", "alpine-baselayout-data libc-utils libcrypto1.1 libssl1.1"),
        ("3.18", "alpine-baselayout-data busybox-binsh libc-utils libcrypto3 libssl3"),
        ("3.19", "alpine-baselayout-data busybox-binsh libc-utils libcrypto3 libssl3"),
        ("3.20", "alpine-baselayout-data busybox-binsh libcrypto3 libssl3"),
    ],
)
def test_packages_of_the_image_alpine(knowledge: Knowledge, release: str, besides: str) -> None:
    """Against lib/apk/db/installed of the root file systems in alpinelinux/docker-alpine (3.20.3 and before)."""
    image = knowledge.base_image(f"alpine:{release}")
    assert image is not None
    world = World.of(IndexStore().open(release), image.world)
    assert set(world.packages) == {*ALWAYS.split(), *besides.split()}
