"""The command line without --online and --offline: kept answers, a quick question, and a report cache that stays true."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockerlint_alpine.cli import app, online
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import variables

DOCKERFILE = "FROM python:3.12-alpine3.21\nCOPY r.txt .\nRUN pip install -r r.txt\n"
SETUP = "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('a', ['a.c'], libraries=['xml2'])])\n"


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    found = LocalIndex()
    found.add_sdist("nobody-s", "1.0", [], {"setup.py": SETUP, "a.c": ""})
    found.add_sdist("lz4", "4.4.5", [], {"setup.py": SETUP})
    with serve(found):
        yield found


@pytest.fixture
def check(
    project: Callable[[Mapping[str, str]], Path], tmp_path: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    for name in [*os.environ]:
        if name.startswith(("UV_", "PIP_")) or name == "CI":
            monkeypatch.delenv(name)
    for name, value in variables(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALPINE_DOCTOR_CACHE_DIR", str(tmp_path / "own-cache"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    monkeypatch.setitem(online._SECONDS, "quick", 60.0)
    monkeypatch.setenv("ALPINE_DOCTOR_ALPINE_MIRROR", "http://127.0.0.1:9")
    root = project({"Dockerfile": DOCKERFILE, "r.txt": "nobody-s==1.0\n"})
    monkeypatch.chdir(root)

    def run(*options: str) -> Result:
        return CliRunner().invoke(app, ["check", "--output-format", "concise", *options, "Dockerfile"])

    return run


def test_what_nothing_else_tells_is_asked_once(check: Callable[..., Result], index: LocalIndex) -> None:
    first = check()
    assert "AD101 [*] nobody-s 1.0 is compiled here and needs libxml2 (pc:libxml-2.0)" in first.stdout
    assert "AD903" not in first.stdout
    asked = len(index.requests)
    assert asked > 0
    assert check().stdout == first.stdout  # the report is kept
    assert check("--no-cache").stdout == first.stdout  # and so is the answer
    assert len(index.requests) == asked


def test_offline_is_offline(check: Callable[..., Result], index: LocalIndex) -> None:
    check()
    asked = len(index.requests)
    assert "nobody-s is not known offline: query the index with --online" in check("--offline").stdout
    assert len(index.requests) == asked


def test_in_ci_only_what_is_kept_is_used(
    check: Callable[..., Result], index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    assert "nobody-s is not known offline" in check().stdout
    assert index.requests == []
    monkeypatch.delenv("CI")
    check()
    monkeypatch.setenv("CI", "true")
    asked = len(index.requests)
    assert "nobody-s 1.0 is compiled here" in check().stdout  # the report kept before is not believed any more
    assert len(index.requests) == asked


def test_what_the_facts_answer_is_not_asked(check: Callable[..., Result], index: LocalIndex) -> None:
    Path("r.txt").write_text("lz4==4.4.5\n")
    assert "AD102 [*] lz4 4.4.5 is compiled here" in check().stdout
    assert index.requests == []


def test_an_index_that_is_not_there(
    check: Callable[..., Result], index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = index.url
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")
    first = check()
    assert "nobody-s is not known offline" in first.stdout
    assert first.stderr.count("package index did not answer (127.0.0.1 can't be reached") == 1
    second = check()
    assert second.stdout == first.stdout
    assert second.stderr == ""
    monkeypatch.setenv("UV_DEFAULT_INDEX", url)
    assert "nobody-s is not known offline" in check().stdout  # still within the minute
    silent = Path(os.environ["ALPINE_DOCTOR_CACHE_DIR"]) / "python" / "silent"
    old = time.time() - 61
    os.utime(silent, (old, old))
    assert "nobody-s 1.0 is compiled here" in check().stdout


def test_an_index_of_the_project_is_called_where_it_is_the_users_own(
    check: Callable[..., Result], index: LocalIndex
) -> None:
    with serve(LocalIndex()) as other:
        Path("r.txt").write_text(f"--index-url {other.url}\nnobody-s==1.0\n")
        for options in ((), ("--online",)):
            assert "nobody-s is not known offline" in check(*options).stdout
        assert index.requests == other.requests == []
    Path("r.txt").write_text(f"--index-url {index.url}\nnobody-s==1.0\n")
    assert "nobody-s 1.0 is compiled here" in check().stdout


@pytest.mark.parametrize("line", ["--extra-index-url {}", "--find-links {}"])
def test_another_place_of_the_project_costs_what_only_that_may_have(
    check: Callable[..., Result], index: LocalIndex, line: str
) -> None:
    """pip asks the main index for every name as well: what that has is known, but for a wheel that may lie elsewhere."""
    with serve(LocalIndex()) as other:
        Path("r.txt").write_text(f"{line.format(other.url)}\nnobody-s==1.0\nnobody-t\n")
        for options in ((), ("--online",)):
            found = check(*options).stdout
            assert "nobody-s 1.0 is compiled here" in found
            assert "AD101 nobody-s" in found  # a wheel may lie there: not a safe fix
            assert f"nobody-t: the index has no nobody-t, and {other.url.rstrip('/')} is not queried" in found
        assert other.requests == []
    assert index.requests


def test_a_name_that_uv_has_from_another_index_is_asked_nowhere(
    check: Callable[..., Result], index: LocalIndex
) -> None:
    """uv asks the main index only for what no extra one has: that may be private."""
    dockerfile, both = Path("Dockerfile").read_text(), " --index-strategy unsafe-best-match"
    Path("r.txt").write_text("--extra-index-url http://127.0.0.1:9/simple\nnobody-s==1.0\n")
    for options in ("", both):
        Path("Dockerfile").write_text(
            dockerfile.replace("pip install", f"pip install uv && uv pip install --system{options}")
        )
        check()
        assert any("nobody-s" in path for path, _ in index.requests) is (options == both)


def test_what_came_too_late_is_asked_for_again(
    check: Callable[..., Result], index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(online._SECONDS, "quick", 1.0)
    index.add_wheel("quick", "1.0", "py3-none-any")
    index.delay, index.held = threading.Event(), "/simple/nobody-s/"
    Path("r.txt").write_text("nobody-s==1.0\nquick\n")
    first = check()
    assert "nobody-s is not known offline, and the index did not answer in time" in first.stdout
    assert "takes more than 1 seconds for all queries (nobody-s: no answer within 1 seconds)" in first.stderr
    index.held = "/none"
    monkeypatch.setitem(online._SECONDS, "quick", 60.0)
    assert "nobody-s 1.0 is compiled here" in check().stdout
    index.delay.set()


def test_what_the_index_has_not_is_told_together(check: Callable[..., Result], index: LocalIndex) -> None:
    index.files |= {"empty-a": {}, "empty-b": {}}
    Path("r.txt").write_text("nobody-s==2.0\nnobody-t\nempty-a\nempty-b\nlz4==4.4.5\nlz4<4\n")
    found = check("--online").stdout
    assert "AD903 the index has no nobody-s 2.0 (any more) and nobody-t\n" in found
    assert "AD903 the index has no file of empty-a and empty-b\n" in found
    assert "lz4: no version meets all of lz4==4.4.5 (r.txt:5) and lz4<4 (r.txt:6): an installer stops there" in found
    assert "lz4 4.4.5 is compiled here" in found
