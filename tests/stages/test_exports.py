"""Requirement files that are exported from a lock file before the build."""

from __future__ import annotations

import pytest

from tests.stages.support import installed, places, said

PY = "python:3.11-alpine3.19"
POETRY = {
    "pyproject.toml": '[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.dependencies]\npython = "^3.11"\nlz4 = "*"\n',
    "poetry.lock": '[[package]]\nname = "lz4"\nversion = "4.4.5"\noptional = false\npython-versions = "*"\nfiles = []\n'
    '[metadata]\nlock-version = "2.0"\npython-versions = "^3.11"\ncontent-hash = "x"\n',
}
PIPENV = {
    "Pipfile": '[packages]\nlz4 = "*"\n',
    "Pipfile.lock": '{"_meta": {"pipfile-spec": 6, "requires": {}, "sources": []},'
    ' "default": {"lz4": {"version": "==4.4.5"}}, "develop": {}}',
}
TEXT = f"FROM {PY}\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
SAID = "requirements.txt is not in the build context: it is assumed to be exported from "


@pytest.mark.parametrize(("files", "lock"), [(POETRY, "poetry.lock"), (PIPENV, "Pipfile.lock")])
def test_what_the_lock_has_is_possible(run, files: dict[str, str], lock: str) -> None:
    timeline = run(TEXT, files)
    found = installed(timeline, "lz4")
    assert (found.resolved.version, found.conditional) == ("4.4.5", True)
    assert said(timeline) == [("unreadable-requirements", SAID + lock)]


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (TEXT, {}),  # no lock
        (TEXT, {**POETRY, "requirements.txt": "six\n"}),  # it is there
        (TEXT.replace("RUN ", "RUN echo six > requirements.txt && "), POETRY),
        (TEXT.replace("COPY requirements.txt", "RUN echo six > requirements.txt\nCOPY *.toml"), POETRY),
    ],
)
def test_no_lock_is_looked_for_where_it_is_there_or_made(run, text: str, files: dict[str, str]) -> None:
    timeline = run(text, files)
    assert "lz4" not in places(timeline)
    assert not any("exported" in message for _, message in said(timeline))
