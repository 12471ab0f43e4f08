from __future__ import annotations

import re

import pytest

from dockerlint_alpine.installers.base import ExportCommand, InstallCommand, VenvCommand, is_python
from dockerlint_alpine.installers.registry import mention_of_any, read_command, read_setting

from .support import args


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pip install lz4", ("pip", "install", "pip", ["lz4"])),
        ("pip3.11 install lz4", ("pip", "install", "pip3.11", ["lz4"])),
        ("/venv/bin/pip install lz4", ("pip", "install", "/venv/bin/pip", ["lz4"])),
        (
            "pip --no-cache-dir --proxy http://x install lz4",
            ("pip", "install", "pip", ["--no-cache-dir", "--proxy", "http://x", "lz4"]),
        ),
        ("python -m pip install lz4", ("pip", "install", "python", ["lz4"])),
        ("python3 -u -X dev -mpip install lz4", ("pip", "install", "python3", ["lz4"])),
        ("pip wheel -w /w lz4", ("pip", "wheel", "pip", ["-w", "/w", "lz4"])),
        ("pip download lz4", ("pip", "download", "pip", ["lz4"])),
        ("pip uninstall -y lz4", ("pip", "uninstall", "pip", ["-y", "lz4"])),
        ("uv pip install --system lz4", ("uv", "install", "uv", ["--system", "lz4"])),
        ("uv pip sync r.txt", ("uv", "sync-files", "uv", ["r.txt"])),
        ("uv --directory /x sync --frozen", ("uv", "project", "uv", ["--directory", "/x", "--frozen"])),
        ("uv add lz4", ("uv", "add", "uv", ["lz4"])),
        ("uv tool install lz4", ("uv", "tool", "uv", ["lz4"])),
        ("pipx install poetry", ("pipx", "tool", "pipx", ["poetry"])),
        ("poetry -C /x install --no-root", ("poetry", "project", "poetry", ["-C", "/x", "--no-root"])),
        ("python -m poetry install", ("poetry", "project", "python", [])),
        ("poetry sync", ("poetry", "project", "poetry", [])),
        ("pipenv install --system --deploy", ("pipenv", "project", "pipenv", ["--system", "--deploy"])),
        ("python -m pipenv sync", ("pipenv", "project", "python", [])),
        ("pdm sync --prod", ("pdm", "project", "pdm", ["--prod"])),
        ("python setup.py install", ("pip", "install", "python", ["."])),
        ("python /src/setup.py develop", ("pip", "install", "python", ["/src"])),
    ],
)
def test_installations(text: str, expected: tuple[str, str, str, list[str]]) -> None:
    command = read_command(args(text))
    assert isinstance(command, InstallCommand)
    assert (command.tool.name, command.action, command.program, [arg.text for arg in command.args]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "pip list",
        "pip",
        "python app.py",
        "python -c 'x' install",
        "poetry run x",
        "uv run --no-sync x",
        "uv run --with rich --script x.py",
        "uv",
        "python setup.py sdist",
        "pipenv lock",
        "pip-compile",
        "python -m",
        "uv tool run x",
        "pipx run x",
        "pipenv",
    ],
)
def test_other_commands(text: str) -> None:
    assert read_command(args(text)) is None


@pytest.mark.parametrize(
    ("text", "directory", "python", "system"),
    [
        ("python3 -m venv /venv", "/venv", None, False),
        ("python -m venv --copies --system-site-packages --prompt x /venv", "/venv", None, True),
        ("virtualenv -p python3.11 env", "env", "python3.11", False),
        ("python -m virtualenv --python=/usr/bin/python3 env", "env", "/usr/bin/python3", False),
        ("uv venv", ".venv", None, False),
        ("uv venv --python 3.12 /app/.venv", "/app/.venv", "3.12", False),
    ],
)
def test_environments(text: str, directory: str, python: str | None, system: bool) -> None:
    command = read_command(args(text))
    assert isinstance(command, VenvCommand)
    assert (command.directory, command.python, command.system_packages) == (directory, python, system)


@pytest.mark.parametrize(
    ("text", "tool", "output", "rest"),
    [
        (
            "poetry export -f requirements.txt --output r.txt --without-hashes",
            "poetry",
            "r.txt",
            ["-f", "requirements.txt", "--without-hashes"],
        ),
        ("poetry export -o r.txt", "poetry", "r.txt", []),
        ("uv export --output-file=r.txt --no-dev", "uv", "r.txt", ["--no-dev"]),
        ("pdm export -or.txt", "pdm", "r.txt", []),
        ("pipenv requirements", "pipenv", None, []),
        ("pipenv lock -r --dev", "pipenv", None, ["--dev"]),
    ],
)
def test_exports(text: str, tool: str, output: str | None, rest: list[str]) -> None:
    command = read_command(args(text))
    assert isinstance(command, ExportCommand)
    assert (command.tool.name, command.output, [arg.text for arg in command.args]) == (tool, output, rest)


def test_settings() -> None:
    assert read_setting(args("poetry config --local virtualenvs.create false")) == (
        "poetry.virtualenvs.create",
        "false",
    )
    assert read_setting(args("python -m poetry config virtualenvs.in-project true")) == (
        "poetry.virtualenvs.in-project",
        "true",
    )
    assert read_setting(args("pdm config python.use_venv false")) == ("pdm.python.use_venv", "false")
    assert read_setting(args("poetry config --list")) is None
    assert read_setting(args("git config a b")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pip install x", True),
        ("pip3.11 --no-cache-dir wheel x", True),
        ("uv pip install x", True),
        ("uv --quiet sync", True),
        ("poetry install", True),
        ("pdm add x", True),
        ("python -m pipenv sync", True),
        ("pipx install x", True),
        ("python -m venv /v", False),
        ("apk add py3-pip", False),
        ("poetry run x", False),
    ],
)
def test_what_looks_like_an_installation(text: str, *, expected: bool) -> None:
    assert bool(re.search(mention_of_any(), text)) is expected


def test_what_is_python() -> None:
    assert all(map(is_python, ["python", "python3", "python3.11", "/usr/bin/python3"]))
    assert not any(map(is_python, ["pythonic", "ipython", "python3-config", "pip"]))
