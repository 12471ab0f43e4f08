"""A cache that somebody else wrote, or that broke: every row and every file, one line at most, and the right report."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile import arena

_DOCKERFILE = "FROM alpine:3.19\nRUN apk add lz4-devv\n"


def run(folder: Path) -> arena.Ended:
    return arena.doctor("check", "Dockerfile", cwd=folder, env={"ALPINE_DOCTOR_CACHE_DIR": str(folder / "cache")})


def rows() -> list[tuple[Any, Any]]:
    """What may stand in the columns ``looked_at`` and ``report``; ``None`` leaves one as it is."""
    odd = [None, 5, 2.5, b"\xff\xfe", "", "null", "[]", "{}", "[[1]]", "[null, 5]", '[null, ["a"]]', "[5]", "[[1,2,3]]"]
    odd += [
        "[[1, null]]",
        '[["a", "b"]]',
        "[null, [5, null]]",
        '[null, ["a", [1]]]',
        '[null, ["a", "b"]]',
        "[" * 50_000,
        "NaN",
    ]
    found: list[tuple[Any, Any]] = [(looked, None) for looked in odd[1:]] + [(None, report) for report in odd[1:]]
    sound = {"path": "x", "findings": [], "stages": 1, "not_alpine": 0, "unknown": 0, "notes": []}
    for name in ("path", "findings", "stages", "notes", "unknown", "source", "image"):
        found += [
            (None, json.dumps({**sound, name: value})) for value in (None, 5, -1, "x", [1], {"a": 1}, [[]], [None])
        ]
    place = {"line": 1, "column": 1, "end_line": 1, "end_column": 1}
    finding = {
        "code": "AD301",
        "name": "x",
        "severity": "error",
        "confidence": "certain",
        "message": "x",
        "location": place,
    }
    finding["evidence"] = [{"kind": "rule", "detail": "x"}]
    for name, values in {
        "severity": ["worst", None, 5],
        "evidence": [[], None, [{}]],
        "location": [{**place, "line": 10**9}, {**place, "column": -5}, {**place, "line": 0}, {}, None],
        "fix": [{"title": "x", "applicability": "safe", "edits": [{"start": -9, "end": 10**12, "text": "x"}]}, 5, {}],
        "code": [None, 5],
        "packages": ["x", [5]],
        "stage": [5, {}],
        "distribution": [5, {}],
        "traits": [5, None, {"x": 1}],
    }.items():
        found += [(None, json.dumps({**sound, "findings": [{**finding, name: value}]})) for value in values]
    return found


def test_poisoned_rows(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """In one child, through the command line's own function: whatever is no report of this file is judged anew."""
    (tmp_path / "Dockerfile").write_text(_DOCKERFILE)
    run(tmp_path).sound(1)
    run(tmp_path).sound(1)
    code = """
import json, os, sqlite3, sys
from click.testing import CliRunner
from dockerlint_alpine.cli import app
from tests.hostile.test_cache import rows
os.environ["ALPINE_DOCTOR_CACHE_DIR"] = "cache"
os.environ["CI"] = "1"
right = None
for looked, report in [(None, None), *rows()]:
    connection = sqlite3.connect("cache/reports.sqlite")
    if looked is not None:
        connection.execute("UPDATE report SET looked_at = ?", (looked,))
    if report is not None:
        connection.execute("UPDATE report SET report = ?", (report,))
    connection.commit()
    connection.close()
    done = CliRunner().invoke(app, ["check", "Dockerfile"])
    right = right or done.output
    wrong = done.exit_code not in (0, 1) or (report is None and done.output != right) or "internal" in done.output
    if wrong:
        sys.exit(f"{looked!r} {report!r}: {done.exit_code} {done.exception!r} {done.output}")
"""
    done = arena.program(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        seconds=90,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.code == 0, done.text
    tried(len(rows()))


def test_broken_files_are_set_aside_and_begun_anew(tmp_path: Path, tried: Callable[[int], None]) -> None:
    (tmp_path / "Dockerfile").write_text(_DOCKERFILE)
    run(tmp_path).sound(1)
    place = tmp_path / "cache" / "reports.sqlite"
    sound = place.read_bytes()
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE report (a, b)")
    connection.close()
    broken = [b"no database", sound[:100] + os.urandom(len(sound) - 100), sound[:5000], other.read_bytes()]
    for content in broken:
        place.write_bytes(content)
        first = run(tmp_path).sound(1)
        assert first.err.count("\n") <= 1, first.err
        run(tmp_path).sound(1)
        assert run(tmp_path).sound(1).err == "", "the third run has a cache again"
    tried(len(broken))


def test_no_file_at_all(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """A pipe, a folder or a link without end in the place of the cache: one line, and no waiting."""
    (tmp_path / "Dockerfile").write_text(_DOCKERFILE)
    folder = tmp_path / "cache"
    for make in (os.mkfifo, Path.mkdir, lambda place: place.symlink_to(place)):
        folder.mkdir(exist_ok=True)
        place = folder / "reports.sqlite"
        make(place)
        done = run(tmp_path).sound(1)
        assert done.err.count("\n") == 1, done.err
        place.rmdir() if place.is_dir() else place.unlink()
    tried(3)
