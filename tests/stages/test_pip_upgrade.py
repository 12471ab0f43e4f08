"""Which pip installs after ``pip install --upgrade pip``, offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.run.analysis import analyze


@pytest.mark.parametrize(
    ("base", "upgrade", "compiled"),
    [
        ("alpine:3.14\nRUN apk add --no-cache python3 py3-pip", "--upgrade pip", False),
        ("alpine:3.14\nRUN apk add --no-cache python3 py3-pip", "", True),
        ("alpine:3.12\nRUN apk add --no-cache python3 && python3 -m ensurepip", "", True),
        ("alpine:3.12\nRUN apk add --no-cache python3 && python3 -m ensurepip", "-U pip", False),
        ("python:3.9.1-alpine3.12", "-U pip setuptools", False),
        ("python:3.9.1-alpine3.12", "pip==20.3.4", True),
        ("python:3.9.1-alpine3.12", "pip==21.3", False),
        ("python:3.6.9-alpine3.10", "--upgrade pip", False),
    ],
)
def test_musllinux_wheels_are_known_from_21_2_on(
    project: Callable[[Mapping[str, str]], Path], base: str, upgrade: str, compiled: bool
) -> None:
    line = f"RUN pip install {upgrade}\n" if upgrade else ""
    path = project({"Dockerfile": f"FROM {base}\n{line}RUN pip install markupsafe==2.0.1\n"}) / "Dockerfile"
    (report,) = analyze(path, select=("AD", "AD502")).files
    assert any(finding.code == "AD502" for finding in report.findings) == compiled, report.findings


@pytest.mark.parametrize(
    ("poetry", "compiled"),
    [
        ("RUN pip install poetry==1.1.11", True),
        ("RUN pip install poetry==1.2.0", False),
        ("ENV POETRY_VERSION=1.1.4\nRUN wget -O - https://install.python-poetry.org | python -", True),
        ("RUN wget -O - https://install.python-poetry.org | python -", False),
    ],
)
def test_poetry_knows_musllinux_wheels_since_1_2(
    project: Callable[[Mapping[str, str]], Path], poetry: str, compiled: bool
) -> None:
    pyproject = '[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.dependencies]\nmarkupsafe = "2.0.1"\n'
    text = f"FROM python:3.9-alpine3.14\n{poetry}\nCOPY . .\nRUN poetry install --no-root\n"
    path = project({"Dockerfile": text, "pyproject.toml": pyproject}) / "Dockerfile"
    (report,) = analyze(path, select=("AD502",)).files
    assert ["does not support musllinux wheels (1.2 does)" in one.message for one in report.findings] == [
        True
    ] * compiled


def test_the_last_pip_for_a_python(knowledge: Knowledge) -> None:
    last = knowledge.base_images.last_pip
    assert (last("3.6.15"), last("3.9"), last("2.7"), last("3.13")) == ("21.3.1", "26.0.1", "20.3.4", None)
