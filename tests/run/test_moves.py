"""Dockerfiles on other releases: what is rewritten, what breaks there, and one edit that mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlint_alpine.run.analysis import Doctor, configure, fix_bytes
from dockerlint_alpine.run.moves import Moves, moved


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("FROM alpine:3.19", "FROM alpine:3.22"),
        ("FROM alpine", "FROM alpine:3.22"),
        ("FROM alpine:latest AS x", "FROM alpine:3.22 AS x"),
        ("FROM --platform=linux/arm64 docker.io/alpine:3.19.1", "FROM --platform=linux/arm64 docker.io/alpine:3.22"),
        ("FROM alpine:3.19@sha256:0a4e", "FROM alpine:3.22"),
        ("FROM python:3.11-alpine3.19", "FROM python:3.11-alpine3.22"),
        ("FROM python:3.11-alpine", "FROM python:3.11-alpine3.22"),
        ("FROM python:alpine", "FROM python:alpine3.22"),
        ("from node:20-alpine3.18", "from node:20-alpine3.22"),
        ("FROM python:3.11-slim", "FROM python:3.11-slim"),
        ("FROM scratch", "FROM scratch"),
        ("FROM debian:12@sha256:0a4e", "FROM debian:12@sha256:0a4e"),
        ("ARG V=3.19\nFROM alpine:${V}", "ARG V=3.22\nFROM alpine:${V}"),
        ("ARG V=3.19\nFROM node:20-alpine$V AS b\nFROM alpine:$V", "ARG V=3.22\nFROM node:20-alpine$V AS b\nFROM alpine:$V"),
        ('ARG TAG="3.11-alpine3.19"\nFROM python:${TAG}', 'ARG TAG="3.11-alpine3.22"\nFROM python:${TAG}'),
        ("ARG BASE=python:3.11-alpine3.19\nFROM ${BASE}", "ARG BASE=python:3.11-alpine3.22\nFROM ${BASE}"),
        ("ARG PY=3.11\nFROM python:${PY}-alpine3.19", "ARG PY=3.11\nFROM python:${PY}-alpine3.22"),
        ("FROM alpine:${V}", "FROM alpine:${V}"),
        ("FROM alpine:3.19 AS alpine\nFROM alpine", "FROM alpine:3.22 AS alpine\nFROM alpine"),
        ("FROM alpine:3.19\nARG V=3.19\nRUN echo alpine:3.19", "FROM alpine:3.22\nARG V=3.19\nRUN echo alpine:3.19"),
    ],
)  # fmt: skip
def test_alpine(before: str, after: str) -> None:
    assert moved(before.encode(), Moves(alpine="3.22")).decode() == after
    assert moved(after.encode(), Moves(alpine="3.22")).decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("FROM python:3.11-alpine3.19", "FROM python:3.14-alpine3.19"),
        ("FROM python:3.11.4-alpine", "FROM python:3.14-alpine"),
        ("FROM python:3-alpine", "FROM python:3.14-alpine"),
        ("FROM python:alpine", "FROM python:3.14-alpine"),
        ("ARG PY=3.11\nFROM python:${PY}-alpine3.19", "ARG PY=3.14\nFROM python:${PY}-alpine3.19"),
        ("FROM python:3.11-slim", "FROM python:3.11-slim"),
        ("FROM alpine:3.19", "FROM alpine:3.19"),
    ],
)
def test_python(before: str, after: str) -> None:
    assert moved(before.encode(), Moves(python="3.14")).decode() == after


def test_both_at_once() -> None:
    found = moved(b"FROM python:3.11-alpine3.19\n", Moves(alpine="3.22", python="3.13"))
    assert found == b"FROM python:3.13-alpine3.22\n"
    both = Moves(alpine="3.22", python="3.13")
    assert moved(b"ARG A=3.19\nFROM python:3.11-alpine$A\n", both) == b"ARG A=3.22\nFROM python:3.13-alpine$A\n"


GONE = (
    "FROM alpine:3.16\n"
    "RUN apk add --no-cache mysql-client curl=7.83.1-r3 libressl-dev lz4-libs=1.9.3-r1 python3\n"
    'CMD ["python3"]\n'
)


def test_what_breaks_there_is_told_beside_what_is_broken_today(tmp_path: Path) -> None:
    place = tmp_path / "Dockerfile"
    place.write_text(GONE)
    today = Doctor(configure()).check_file(place)
    then = Doctor(configure(moves={"alpine": "3.19"})).check_file(place)
    assert {finding.code for finding in today.findings} <= {finding.code for finding in then.findings} | {"AD302"}
    new = [one for one in then.findings if any("with alpine=3.19" in fact.detail for fact in one.evidence)]
    assert new
    assert all(one.stage is None or one.stage.alpine == "3.19" for one in then.findings)
    assert not any("with alpine" in fact.detail for one in today.findings for fact in one.evidence)


def test_one_fix_rewrites_from_names_and_pins(tmp_path: Path) -> None:
    doctor = Doctor(configure(moves={"alpine": "3.19"}))
    data = b'FROM alpine:3.18\nRUN apk add --no-cache curl=8.4.0-r0 lz4-libs\nCMD ["curl"]\n'
    result = fix_bytes(doctor, data, tmp_path / "Dockerfile")
    assert result.old == data
    lines = result.new.decode().splitlines()
    assert lines[0] == "FROM alpine:3.19"
    assert "curl=8.4.0-r0" not in lines[1]
    assert "curl" in lines[1]
    assert not any(finding.fix for finding in result.left.findings)
    again = fix_bytes(doctor, result.new, tmp_path / "Dockerfile")
    assert again.new == result.new


def test_what_is_unsafe_today_stays_unsafe(tmp_path: Path) -> None:
    data = b'FROM python:3.11-alpine3.18\nRUN apk add --no-cache gcc musl-dev\nCMD ["python"]\n'
    doctor = Doctor(configure(moves={"alpine": "3.19"}))
    assert fix_bytes(doctor, data, tmp_path / "Dockerfile").new == data.replace(b"3.18", b"3.19")
