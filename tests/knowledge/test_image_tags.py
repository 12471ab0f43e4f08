"""What tags of the official images stand for that name no Alpine release, today and on a day."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.knowledge.compile import build
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.run.analysis import Doctor, configure


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Knowledge.open()


@pytest.mark.parametrize(
    ("reference", "day", "alpine", "python"),
    [
        ("python:3-alpine", "2024-10-09", "3.20", "3.13.0"),
        ("python:3-alpine", "2024-10-06", "3.20", "3.12.7"),
        ("python:alpine", "2019-10-14", "3.10", "3.8.0"),
        ("python:3.11-alpine", "2023-05-09", "3.17", "3.11.3"),
        ("python:3.11-alpine", "2023-05-10", "3.18", "3.11.3"),
        ("docker.io/library/python:3.12-alpine3.20", "2024-06-30", "3.20", "3.12.4"),
        ("mirror.gcr.io/library/python:3-alpine", "2024-10-09", "3.20", "3.13.0"),
        ("python:3.6-alpine", "2026-01-01", "3.15", "3.6.15"),  # retired: it is what it last was
        ("python:3.12.3-alpine3.19", "2030-01-01", "3.19", "3.12.3"),  # does not float
        ("alpine", "2020-01-01", "3.11", None),
        ("alpine:latest", "2026-06-08", "3.23", None),
        ("alpine:3", "2026-06-09", "3.24", None),
        ("alpine:3.18", "2020-01-01", "3.18", None),
        ("node:12-alpine", "2020-06-01", "3.11", None),
        ("node:12-alpine3.9", "2020-06-01", "3.9", None),
        ("golang:alpine", "2021-01-19", "3.13", None),
        ("docker:dind", "2019-12-25", "3.10", None),
        ("ghcr.io/astral-sh/uv:python3.12-alpine", "2024-05-22", "3.20", "3.12.3"),  # by the image that it starts from
    ],
)
def test_tags_of_a_day(knowledge: Knowledge, reference: str, day: str, alpine: str, python: str | None) -> None:
    found = knowledge.base_image(reference, day)
    assert found is not None
    assert (found.alpine, found.python_version, found.reference) == (alpine, python, reference)
    assert found.certain
    if python is not None:
        assert found.pip_version is not None


def test_edge_of_a_day_is_taken_for_what_was_released_next(knowledge: Knowledge) -> None:
    found = knowledge.base_image("alpine:edge", "2020-04-29")
    assert found is not None
    assert (found.alpine, found.certain) == ("3.12", False)
    assert found.assumed == ("edge of 2020-04-29 is taken for Alpine 3.12, which was released next",)
    later = knowledge.base_image("alpine:edge", "2099-01-01")
    assert later is not None
    assert (later.alpine, later.certain) == ("edge", True)


def test_a_tag_that_was_not_there_yet_is_said(knowledge: Knowledge) -> None:
    found = knowledge.base_image("python:3.13-alpine", "2020-01-01")
    assert found is not None
    assert not found.certain
    assert any("did not exist on 2020-01-01" in note for note in found.assumed)
    first = knowledge.base_image("alpine", "2016-01-01")  # neither the newest nor unknown
    assert first is not None
    assert (first.alpine, first.certain) == ("3.6", False)


@pytest.mark.parametrize(
    ("reference", "alpine"),
    [
        ("node:12-alpine", "3.15"),
        ("library/ruby:2.4.0-alpine", "3.4"),
        ("openjdk:8-alpine", "3.9"),
        ("docker:20.10", "3.18"),
        ("docker:19.03-dind", "3.13"),
        ("public.ecr.aws/docker/library/golang:1.16-alpine", "3.15"),
        ("arm64v8/redis:5-alpine", "3.16"),
        ("node:alpine", "3.24"),
        ("node:12-alpine3.10", "3.10"),
        ("python:2.7-alpine", "3.11"),
        ("python:2-alpine", "3.11"),
        ("python:2.7.13-alpine", "3.4"),
        ("composer:1.9", "3.12"),  # by the php that it started from, until it was retired
    ],
)
def test_a_tag_that_moves_no_more_is_on_its_last_release(knowledge: Knowledge, reference: str, alpine: str) -> None:
    found = knowledge.base_image(reference)
    assert found is not None
    assert found.alpine == alpine
    assert found.certain == ("alpine3." in reference)


@pytest.mark.parametrize("tag", ["eclipse-temurin:11.0.14_9-jre-alpine", "python:3.4.2-alpine"])
def test_of_a_retired_tag_without_a_record_nothing_is_claimed(knowledge: Knowledge, tag: str) -> None:
    found = knowledge.base_image(tag)
    assert found is not None
    assert found.alpine is None
    assert found.assumed == (f"{tag} names no Alpine release: which one it uses is not recorded",)


def test_digests_and_what_does_not_move_are_as_ever(knowledge: Knowledge) -> None:
    for reference in ("python:3-slim", f"python:3-alpine@sha256:{'0' * 64}", "$X/python:3", ""):
        assert knowledge.base_image(reference, "2020-01-01") == knowledge.base_image(reference)


@pytest.mark.parametrize("entries", ["", "2020-01-01", "2021-01-01=3.1 2020-01-01=3.2", "2020-01-01=3.9.x/3.1"])
def test_entries_that_can_not_be_read_are_refused(tmp_path: Path, entries: str) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    shutil.copy(Path(__file__).parents[2] / "rules" / "base-images.toml", rules)
    (rules / "image-tags.tsv.gz").write_bytes(gzip.compress(f"# a comment\npython:3-alpine\t{entries}\n".encode()))
    with pytest.raises(RuleError, match="python:3-alpine"):
        build(rules, tmp_path / "rules.sqlite")


def test_a_run_is_as_of_that_day(project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({"Dockerfile": "FROM python:3-alpine\nRUN apk add --no-cache gcc musl-dev\nRUN pip install lz4\n"})
    report = Doctor(configure(context=root, as_of="2024-10-09")).check_file(root / "Dockerfile")
    bases = {one.stage.alpine for one in report.findings if one.stage is not None}
    assert bases <= {"3.20"}
    said = [note for note in report.notes if "the available index nearest to 2024-10-09" in note]
    assert len(said) == len(set(said))
    assert not any("main are those" in note for note in said)  # main of 3.20 is of 2024-09
    assert any("community are those" in note for note in said)
    old = Doctor(configure(context=root, as_of="2023-06-30")).check_file(root / "Dockerfile")
    assert any("Alpine 3.18 main are those of 2024-01-21" in note for note in old.notes)


def test_python_2_is_2_7_and_add_ons_stand_on_what_their_base_names(knowledge: Knowledge) -> None:
    two, add_on = (
        knowledge.base_image("python:2-alpine3.8"),
        knowledge.base_image("ghcr.io/hassio-addons/base/armv7:9.1.5"),
    )
    assert two is not None
    assert add_on is not None
    assert (two.alpine, two.python, two.python_prefix) == ("3.8", "2.7", "/usr/local")
    assert (add_on.alpine, add_on.python) == ("3.13", None)
    later = knowledge.base_image("ghcr.io/hassio-addons/base:12.2.3")
    assert later is not None
    assert "PIP_FIND_LINKS" in dict(later.environment)
