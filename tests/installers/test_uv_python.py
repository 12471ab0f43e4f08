"""Which Python uv takes: that of the stage, or one of its own builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.installers.uv_python import version_of
from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.run.analysis import Doctor, configure

BARE = "FROM alpine:3.21\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/uv\nWORKDIR /app\nCOPY . .\n"
OWN = "FROM python:3.11-alpine3.21\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/uv\nWORKDIR /app\nCOPY . .\n"
INSTALL = "uv pip install lz4==4.3.3"
PROJECT = '[project]\nname = "a"\nversion = "1"\nrequires-python = "{}"\n'
NEEDY = PROJECT + 'dependencies = ["lz4==4.3.3"]\n'
Look = Callable[..., list[Finding]]


@pytest.fixture
def look(project: Callable[[Mapping[str, str]], Path]) -> Look:
    def run(dockerfile: str, platform: str = "linux/amd64", **files: str) -> list[Finding]:
        names = {name.replace("__", "."): text for name, text in files.items()}
        root = project({"Dockerfile": dockerfile, "unused.txt": "", **names})
        configured = configure(context=root, platforms=[platform], select=["AD", "AD502"])
        return list(Doctor(configured).check_file(root / "Dockerfile").findings)

    return run


def python_of(findings: list[Finding]) -> str | None:
    """The Python that the verdict on lz4 speaks of; it has no wheel for musl, so it is compiled wherever it is."""
    said = {one.detail for found in findings for one in found.evidence if one.kind == "wheel"}
    told = {text.partition("fits Python ")[2].partition(" ")[0] for text in said if "fits Python " in text}
    assert len(told) <= 1
    return next(iter(told), None)


@pytest.mark.parametrize(
    ("base", "text", "files", "expected"),
    [
        (BARE, f"RUN uv venv --python 3.12 && {INSTALL}\n", {}, "3.12"),
        (BARE, f"ENV UV_PYTHON=3.13\nRUN uv venv && {INSTALL}\n", {}, "3.13"),
        (BARE, f"RUN uv venv && {INSTALL}\n", {"__python-version": "# ours\n3.10.4\n"}, "3.10"),
        (BARE, f"RUN uv python install 3.12 && uv venv && {INSTALL}\n", {}, "3.12"),
        (BARE, f"RUN uv python install cpython-3.12.4-linux-x86_64-musl\nRUN uv venv\nRUN {INSTALL}\n", {}, "3.12"),
        (BARE, f"RUN uv python pin 3.12\nRUN uv venv && {INSTALL}\n", {}, "3.12"),
        (BARE, f"RUN uv venv && {INSTALL}\n", {"pyproject__toml": PROJECT.format("==3.12.*")}, "3.12"),
        (BARE, "RUN uv venv -p 3.12 /v && uv pip install --python /v/bin/python lz4==4.3.3\n", {}, "3.12"),
        (BARE, f"RUN uv venv && {INSTALL}\n", {}, "3.14"),  # the newest of the day
        (BARE, f"RUN uv venv && {INSTALL}\n", {"pyproject__toml": PROJECT.format(">=3.9")}, "3.14"),
        (BARE, f"RUN uv venv && {INSTALL}\n", {"pyproject__toml": PROJECT.format(">=3.9,<3.13")}, "3.12"),
        (BARE.replace("latest", "0.8.3"), f"RUN uv venv && {INSTALL}\n", {}, "3.13"),  # what that uv knows
        (BARE.replace("latest", "0.9.2-alpine"), f"RUN uv venv && {INSTALL}\n", {}, "3.14"),
        (BARE, "RUN uv sync\n", {"pyproject__toml": NEEDY.format(">=3.12")}, "3.14"),
        (BARE, "RUN uv sync --python 3.13\n", {"pyproject__toml": NEEDY.format(">=3.12")}, "3.13"),
        (BARE, "RUN uv run --no-dev python -V\n", {"pyproject__toml": NEEDY.format("~=3.12.0")}, "3.12"),
        (OWN, "RUN uv sync\n", {"pyproject__toml": NEEDY.format(">=3.12")}, "3.14"),
        (
            OWN,
            "ENV UV_PYTHON_PREFERENCE=only-managed\nRUN uv sync\n",
            {"pyproject__toml": NEEDY.format(">=3.9")},
            "3.14",
        ),
        (OWN, f"RUN uv venv && {INSTALL}\n", {}, "3.11"),
        (OWN, f"RUN uv venv && {INSTALL}\n", {"pyproject__toml": PROJECT.format(">=3.10")}, "3.11"),
        (OWN, f"RUN uv venv --python 3.12 && {INSTALL}\n", {}, "3.12"),
        (OWN, f"RUN uv venv --python python3 && {INSTALL}\n", {}, "3.11"),
        (OWN, f"RUN uv venv --managed-python -p 3.11 && {INSTALL}\n", {}, "3.11"),
        (OWN, f"RUN {INSTALL} --system\n", {}, "3.11"),
    ],
)
def test_the_python_that_uv_takes(look: Look, base: str, text: str, files: dict[str, str], expected: str) -> None:
    found = look(base + text, **files)
    assert "AD902" not in {one.code for one in found}
    assert python_of(found) == expected


@pytest.mark.parametrize(
    ("base", "text", "files", "platform"),
    [
        (BARE.replace("latest", "0.1.2"), f"RUN uv venv && {INSTALL}\n", {}, "linux/amd64"),  # it downloads none
        (BARE, f"RUN uv venv && {INSTALL}\n", {"pyproject__toml": PROJECT.format(">=3.99")}, "linux/amd64"),
        (
            BARE,
            "ENV UV_PYTHON_DOWNLOADS=manual\nRUN uv sync\n",
            {"pyproject__toml": NEEDY.format(">=3.12")},
            "linux/amd64",
        ),
        (
            BARE,
            "ENV UV_PYTHON_PREFERENCE=only-system\nRUN uv sync\n",
            {"pyproject__toml": NEEDY.format(">=3.12")},
            "linux/amd64",
        ),
        (BARE, f"RUN uv venv --python 3.12 && {INSTALL}\n", {}, "linux/arm/v7"),  # no build for it
        (BARE, f"ENV UV_PYTHON_DOWNLOADS=never\nRUN uv venv -p 3.12 && {INSTALL}\n", {}, "linux/amd64"),
        (OWN, f"RUN uv venv --no-managed-python -p 3.12 && {INSTALL}\n", {}, "linux/amd64"),
    ],
)
def test_what_can_not_be_told_is_said(look: Look, base: str, text: str, files: dict[str, str], platform: str) -> None:
    found = look(base + text, platform, **files)
    assert python_of(found) in {None, "3.11"}
    if base is BARE:
        assert "AD902" in {one.code for one in found}


@pytest.mark.parametrize(
    ("request_", "version"),
    [
        ("3.12", "3.12"),
        ("3.12.4", "3.12"),
        ("cpython@3.12", "3.12"),
        ("python3.12", "3.12"),
        (">=3.12,<3.13", "3.12"),
        ("3", None),
        (">=3.12", None),
        ("pypy3.10", None),
        ("~=3.12.1", "3.12"),
        ("", None),
        ("latest", None),
    ],
)
def test_requests(request_: str, version: str | None) -> None:
    assert version_of(request_) == version


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        ("uv run python -V", {"pyproject__toml": NEEDY.format(">=3.12")}, "3.14"),
        ("uv run -p 3.12 --with rich python --index-url x", {"pyproject__toml": NEEDY.format(">=3.12")}, "3.12"),
        ("uv run python -V", {}, None),  # no project: nothing is synced
        ("UV_NO_SYNC=1 uv run python -V", {"pyproject__toml": NEEDY.format(">=3.12")}, None),
        ("uv run --no-project python -V", {"pyproject__toml": NEEDY.format(">=3.12")}, None),
    ],
)
def test_run_syncs_the_project_first(look: Look, text: str, files: dict[str, str], expected: str | None) -> None:
    found = look(f"{BARE}RUN {text}\n", **files)
    assert "AD901" not in {one.code for one in found}
    assert python_of(found) == expected
