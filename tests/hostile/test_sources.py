"""Python of a stranger: ``setup.py`` of a project or an sdist, and modules that may open libraries; never run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.hostile import arena

_SETUP = b"from setuptools import setup\nsetup(name='x', version='1', install_requires=['lz4==4.4.5'])\n"
_CTYPES = b"import ctypes\nctypes.CDLL('liblz4.so.1')\n"

MANY = 10_000
SHAPES: dict[str, bytes] = {
    "open parentheses": b"x=" + b"(" * 1281,
    "closed parentheses": b"x=" + b"(" * MANY + b"1" + b")" * MANY,
    "lists": b"x=" + b"[" * MANY + b"]" * MANY,
    "lambdas": b"x=" + b"lambda:" * MANY + b"1",
    "minuses": b"x=" + b"-" * MANY + b"1",
    "nots": b"x=" + b"not " * MANY + b"1",
    "awaits": b"async def f():\n x=" + b"await " * MANY + b"1",
    "sum": b"x=a" + b"+a" * MANY,
    "power": b"x=a" + b"**a" * MANY,
    "or": b"x=a" + b" or a" * 2 * MANY,
    "attributes": b"x=a" + b".b" * MANY,
    "calls": b"x=a" + b"()" * MANY,
    "subscripts": b"x=a" + b"[0]" * MANY,
    "dotted import": b"import a" + b".b" * 2 * MANY,
    "dotted from": b"from a" + b".b" * 2 * MANY + b" import c",
    "dotted decorator": b"@a" + b".b" * MANY + b"\ndef f(): pass",
    "dotted pattern": b"match a:\n case a" + b".b" * MANY + b": pass",
    "comprehension": b"x=[a " + b"for a in b " * MANY + b"]",
    "conditions": b"x=" + b"a if a else " * MANY + b"a",
    "strings": b"x=" + b"'' " * MANY,
    "nested f-strings": b"x=" + b"f'{" * MANY,
    "elif": b"if a: pass\n" + b"elif a: pass\n" * 494,
    "more elif": b"if a: pass\n" + b"elif a: pass\n" * MANY,
    "indentation": b"".join(b" " * depth + b"if a:\n" for depth in range(99)) + b" " * 99 + b"a\n",
    "long list": b"x=[" + b"a," * 60_000 + b"]",
    "long body": b"a;" * 60_000,
    "blank lines": b"\n" * 120_000,
    "comments": b"#\n" * 120_000,
    "digits": b"x=1" + b"0" * 8_000,
    "larger than it may be": b"#" + b"x" * 3 * 2**20,
    "bytes": bytes(range(1, 256)) * 8,
    "NUL": b"x=1\0",
    "an unknown encoding": b"# coding: nonsense\nx=1\n",
}


def test_setup_py_of_the_project(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """Each file costs its own answer; the other Dockerfiles of the run are judged."""
    for number, text in enumerate([b"", *SHAPES.values()]):
        folder = tmp_path / f"p{number}"
        folder.mkdir()
        (folder / "setup.py").write_bytes(_SETUP + text + b"\n")
        (folder / "Dockerfile").write_text("FROM python:3.12-alpine3.20\nCOPY . .\nRUN pip install .\n")
    done = arena.doctor("check", "-j", "2", "--output-format", "json", ".", cwd=tmp_path, seconds=90).sound(1)
    files = json.loads(done.out)["files"]
    assert len(files) == len(SHAPES) + 1
    for one in files:
        codes = {found["code"] for found in one["findings"]}
        assert codes & {"AD102", "AD901", "AD902", "AD903"}, one
        assert "AD102" in codes or one["path"] != "p0/Dockerfile"
    tried(len(SHAPES))


def test_modules_that_may_open_libraries(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """``inspect`` of a folder with all of them ends, and what the sound one opens is told."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "sound.py").write_bytes(_CTYPES)
    for number, text in enumerate(SHAPES.values()):
        (site / f"m{number}.py").write_bytes(_CTYPES + text + b"\n")
    done = arena.doctor("inspect", "site-packages", cwd=tmp_path, seconds=60).sound()
    done.says("m0.py: ", "nested too deeply", "too long")
    tried(len(SHAPES))
