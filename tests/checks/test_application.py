"""What is read of an application's sources, and what AD203 makes of it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.checks.application import _imports
from tests.conftest import Judge

STAGE = "FROM python:3.13-alpine3.22\nRUN pip install gitpython==3.1.44\nCOPY . /app\n"


def _plain(text: str) -> set[str]:
    return {name for _, name, guarded in _imports(text) if not guarded}


def _guarded(text: str) -> set[str]:
    return {name for _, name, guarded in _imports(text) if guarded}


@pytest.mark.parametrize(
    ("text", "plain", "guarded"),
    [
        ("import git", {"git"}, set()),
        ("import os, git.cmd as g", {"os", "git"}, set()),
        ("from git.repo import Repo", {"git"}, set()),
        ("from . import git", set(), set()),
        ("try:\n    import git\nexcept ImportError:\n    git = None", set(), {"git"}),
        ("try: import git\nexcept (ImportError, OSError): git = None", set(), {"git"}),
        ("try:\n    import git\nexcept:\n    pass", set(), {"git"}),
        ("try:\n    import git\nexcept ValueError:\n    pass", {"git"}, set()),
        ("try:\n    import git\nfinally:\n    print()", {"git"}, set()),
        ("try:\n    import a\nexcept ImportError:\n    import git", {"git"}, {"a"}),
        (
            "try:\n  try:\n    import a\n  except KeyError:\n    pass\n  import b\nexcept Exception:\n  pass",
            {"a"},
            {"b"},
        ),
        ("if TYPE_CHECKING:\n    import git\nimport os", {"os"}, set()),
        ("def f():\n    import git", {"git"}, set()),
        ("try:\n    import git", {"git"}, set()),
    ],
)
def test_imports(text: str, plain: set[str], guarded: set[str]) -> None:
    assert (_plain(text), _guarded(text)) == (plain, guarded)


@pytest.mark.parametrize("module", ["argparse", "subprocess", "tarfile", "pathlib", "zipfile", "ssl"])
def test_python_itself_finds_the_same_imports(module: str) -> None:
    """The standard library's own sources, read by ``ast``: no import is missed."""
    source = Path(sys.modules[__import__(module).__name__].__file__ or "").read_text("utf-8")
    expected = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            expected.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            expected.add(node.module.partition(".")[0])
    assert expected <= _plain(source) | _guarded(source)


@given(st.text(alphabet="tryexcp:imo \n\tfgiTYPE_CHECKING,.()", max_size=200))
def test_any_text_is_read(text: str) -> None:
    for line, name, _ in _imports(text):
        assert 1 <= line <= len(text.splitlines())
        assert name in text


@pytest.mark.parametrize(
    ("source", "severity"),
    [
        ("import git\n", "error"),
        ("def f():\n    from git import Repo\n", "error"),
        ("try:\n    import git\nexcept ImportError:\n    git = None\n", "warning"),
        ("import os\n", "warning"),
    ],
)
def test_whether_the_application_imports_it(judge: Judge, source: str, severity: str) -> None:
    (finding,) = [one for one in judge(STAGE, {"pkg/app.py": source}).findings if one.code == "AD203"]
    assert (finding.severity, finding.packages) == (severity, ("git",))
    assert finding.fix is not None
    assert finding.fix.applicability == ("safe" if severity == "error" else "unsafe")
    said = [one.detail for one in finding.evidence if one.kind == "source"]
    assert bool(said) == (severity == "warning")


@pytest.mark.parametrize(
    ("text", "severities"),
    [
        ("FROM python:3.11-alpine3.19\nRUN pip install pyinstaller==6.3.0 && pyinstaller app.py\n", ["error"]),
        (
            "FROM python:3.11-alpine3.19\nRUN pip install pyinstaller==6.3.0\nCMD python -m PyInstaller app.py\n",
            ["error"],
        ),
        ("FROM python:3.11-alpine3.19\nRUN pip install pyinstaller==6.3.0\n", ["warning"]),
        (
            "FROM python:3.11-alpine3.19 AS b\nRUN apk add binutils && pip install --prefix=/i pyinstaller==6.3.0\n"
            "FROM python:3.11-alpine3.19\nCOPY --from=b /i /usr/local\n",
            [],
        ),
    ],
)
def test_a_build_tools_own_programs(judge: Judge, text: str, severities: list[str]) -> None:
    assert [one.severity for one in judge(text).findings if one.code == "AD203"] == severities
