"""No file of a project may bring the reader down, whatever stands in it."""

from __future__ import annotations

import copy
import json
import random
import tomllib

import pytest

from dockerlint_alpine.python.formats import pylock
from dockerlint_alpine.python.formats.pyproject import read_pyproject
from dockerlint_alpine.python.markers import environment
from dockerlint_alpine.python.model import RequirementSet, Target
from dockerlint_alpine.python.resolve import resolve
from tests.python.conftest import MemoryFacts, MemoryFiles

from .support import asked_by_project
from .test_projects import PDM_LOCK, PIPFILE_LOCK, POETRY, POETRY_LOCK, PYPROJECT

TARGET = Target("3.11", musl=(1, 2))
ODD: list[object] = [
    None,
    0,
    -1,
    True,
    "",
    "x",
    "==",
    "\u2028",
    [],
    {},
    [[]],
    [{}],
    {"a": 1},
    ["a", 1],
    "a" * 300,
    "[",
    ";",
    "@ git+",
]
UV_LOCK = {
    "package": [
        {"name": "shop-app", "source": {"editable": "."}, "dependencies": [{"name": "lz4"}]},
        {
            "name": "lz4",
            "version": "4.4.5",
            "source": {"registry": "x"},
            "sdist": {"url": "https://h.example/lz4-4.4.5.tar.gz"},
            "wheels": [{"url": "https://h.example/lz4-4.4.5-py3-none-any.whl"}],
            "resolution-markers": ["sys_platform == 'linux'"],
            "optional-dependencies": {"x": [{"name": "lz4", "extra": ["y"], "marker": "extra == 'x'"}]},
        },
    ]
}


def spoil(value: object, chance: random.Random) -> object:
    """Replace one part of a nested value by something odd."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        return {**value, key: spoil(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        index = chance.randrange(len(value))
        return [*value[:index], spoil(value[index], chance), *value[index + 1 :]]
    return copy.deepcopy(chance.choice(ODD))


def check(found: RequirementSet) -> None:
    for problem in found.problems:
        assert "\n" not in problem.message
    resolve(found, TARGET, MemoryFacts({}))


@pytest.mark.parametrize(
    ("tool", "lock"),
    [
        ("poetry", POETRY_LOCK),
        ("pdm", PDM_LOCK),
        ("uv", json.dumps(UV_LOCK)),
        ("pipenv", PIPFILE_LOCK),
        ("pylock", json.dumps({"packages": UV_LOCK["package"]})),
    ],
)
def test_spoiled_projects(tool: str, lock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The readers see TOML through tomllib.loads alone; here it also reads JSON, so that any value can be written.
    real = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda text: json.loads(text) if text.startswith("{") else real(text))
    own = real(POETRY if tool == "poetry" else PYPROJECT)
    locked = json.loads(lock) if lock.startswith("{") else real(lock)
    name = {"pipenv": "Pipfile.lock", "pylock": "pylock.toml"}.get(tool, f"{tool}.lock")
    for seed in range(400):
        chance = random.Random(seed)
        project, content = (spoil(own, chance), locked) if seed % 3 == 0 else (own, spoil(locked, chance))
        if not isinstance(project, dict) or not isinstance(content, dict):
            continue
        files = MemoryFiles({"/app/pyproject.toml": json.dumps(project), f"/app/{name}": json.dumps(content)})
        if tool == "pylock":
            check(pylock.read_pylock("/app/pylock.toml", files, environment(TARGET)))
            check(read_pyproject("/app/pyproject.toml", files, extras=["all", "db"], groups=["dev"]))
        else:
            args = {"poetry": ["--all-extras"], "uv": ["--all-extras", "--all-groups"], "pdm": ["-G", ":all"]}.get(
                tool, []
            )
            check(asked_by_project(tool, args, files))
