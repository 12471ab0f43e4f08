"""A remembered report is used exactly as long as nothing it rests on has changed; a bad cache costs only time."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from dockerlint_alpine.cli.common import make_judge
from dockerlint_alpine.cli.online import access, openers
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.cache import ReportCache
from dockerlint_alpine.run.config import Configuration, load
from dockerlint_alpine.run.folders import cache_folder
from dockerlint_alpine.run.jobs import Job
from dockerlint_alpine.run.pool import Answer, Question
from dockerlint_alpine.run.scheduler import Judge

DOCKERFILE = "FROM python:3.11-alpine3.19\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"


@pytest.fixture
def root(project: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and a cache folder that no other test uses."""
    monkeypatch.setenv("ALPINE_DOCTOR_CACHE_DIR", str(tmp_path / "own-cache"))
    return project({"app/Dockerfile": DOCKERFILE, "app/requirements.txt": "lz4==4.4.5\n"}) / "app"


J = TypeVar("J", bound=Judge)


class Watched(Judge):
    """Counts how often the doctor is really asked."""

    asked = 0

    def _answers(self, questions: Sequence[Question]) -> Iterator[Answer]:
        self.asked += len(questions)
        return super()._answers(questions)


def watched(kind: type[J], configured: Configuration) -> J:
    """A judge of another kind, with what the command line gives to every judge."""
    cache = ReportCache(cache_folder(), lambda text: print(text, file=sys.stderr), clock=time.time_ns)
    return kind(configured, openers=openers(), access=lambda: access(configured.settings), cache=cache)


def judged(root: Path, **settings: object) -> tuple[FileReport, bool]:
    """The report, and whether it came from the cache."""
    judge = watched(Watched, configure(**settings))
    report = judge.report(Job(root / "Dockerfile", "Dockerfile"))
    judge.close()
    return report, judge.asked == 0


def test_the_second_run_is_answered_from_the_cache_with_the_same_report(root: Path) -> None:
    first, cached = judged(root)
    assert not cached
    assert first.findings
    second, cached = judged(root)
    assert cached
    assert second == first
    assert second.source == first.source


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "requirements.txt").write_text("requests\n"),
        lambda root: (root / "requirements.txt").unlink(),
        lambda root: (root / "Dockerfile").write_text(DOCKERFILE + "USER nobody\n"),
        lambda root: (root / ".dockerignore").write_text("*.txt\n"),
        lambda root: os.utime(root / "requirements.txt", ns=(1, 1)),
    ],
    ids=["requirement", "gone", "Dockerfile", "dockerignore", "touched"],
)
def test_any_change_of_what_was_looked_at_judges_anew(root: Path, change: Callable[[Path], object]) -> None:
    judged(root)
    change(root)
    report, cached = judged(root)
    assert not cached
    assert report == Doctor(configure()).check_file(root / "Dockerfile", shown_as="Dockerfile")


def test_a_file_that_appears_judges_anew(root: Path) -> None:
    (root / "requirements.txt").unlink()
    missing, _ = judged(root)
    assert missing.unknown == 1
    (root / "requirements.txt").write_text("requests\n")
    found, cached = judged(root)
    assert not cached
    assert found.unknown == 0 or found != missing


def test_other_settings_are_another_question(root: Path) -> None:
    judged(root)
    assert not judged(root, platforms=["linux/amd64"], python="3.12")[1]
    assert not judged(root, ignore=["AD102"])[1]


def test_the_current_folder_is_part_of_the_question(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(root)
    monkeypatch.chdir(root)
    assert not judged(root)[1]


@pytest.mark.parametrize("damage", [b"", b"no database at all", b"SQLite format 3\0" + bytes(200)])
def test_a_damaged_cache_is_a_warning_and_no_more(
    root: Path, damage: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(os.environ["ALPINE_DOCTOR_CACHE_DIR"])
    folder.mkdir()
    (folder / "reports.sqlite").write_bytes(damage)
    report, cached = judged(root)
    assert report.findings
    assert not cached
    said = capsys.readouterr().err
    assert said.count("was damaged; a new one was started") == bool(damage)
    assert judged(root) == (report, True)
    assert (folder / "reports.sqlite.broken").exists() == bool(damage)


def test_a_cache_with_a_damaged_page_is_begun_anew(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, _ = judged(root)
    place = Path(os.environ["ALPINE_DOCTOR_CACHE_DIR"]) / "reports.sqlite"
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = place.read_bytes()
    place.write_bytes(data[:4096] + bytes(len(data) - 4096))
    assert judged(root) == (report, False)
    assert "a new one was started" in capsys.readouterr().err
    assert judged(root) == (report, True)


@pytest.mark.parametrize("column", ["looked_at", "report"])
@pytest.mark.parametrize(
    "value",
    [None, 7, "", "null", "[[1]]", '{"findings": [{}]}', '{"states": [[1, 2]]}', '{"path": 1}', b"\xff", "[" * 5000],
)
def test_a_row_that_makes_no_sense_is_judged_anew(root: Path, column: str, value: object) -> None:
    judged(root)
    with sqlite3.connect(Path(os.environ["ALPINE_DOCTOR_CACHE_DIR"]) / "reports.sqlite") as connection:
        connection.execute(f"UPDATE report SET {column} = ?", (value,))
    assert not judged(root)[1]


def test_a_cache_that_can_not_be_made_is_a_warning(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own-cache").write_text("a file in the way")
    report, _ = judged(root)
    assert report.findings
    assert capsys.readouterr().err.count("continuing without it") == 1


def test_two_processes_at_once(root: Path) -> None:
    """Both write the same rows; neither fails, and the table is sound afterwards."""
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                for number in range(20):
                    judged(root, ignore=["AD5"] if number % 2 else ["AD9"])
                os._exit(0)
            except BaseException:  # noqa: BLE001 - a child must not fall back into pytest
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    with sqlite3.connect(Path(os.environ["ALPINE_DOCTOR_CACHE_DIR"]) / "reports.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_everything_of_a_report_survives(root: Path, netra: Path) -> None:
    now = time.time_ns()
    cache = ReportCache(Path(os.environ["ALPINE_DOCTOR_CACHE_DIR"]), lambda text: pytest.fail(text), clock=lambda: now)
    doctor = Doctor(configure())
    report = replace(doctor.check_file(netra / "docker" / "backend.alpine.Dockerfile"), notes=("a note",))
    key = cache.key(configure(), "x", report.source)
    cache.put(key, report, doctor.looked_at)
    cache.close()
    found = cache.get(key, report.source)
    assert found == (report, frozenset(doctor.looked_at))
    assert any(path.endswith("requirements.txt") for path in doctor.looked_at)
    now += 10 * 365 * 24 * 3600 * 10**9
    assert cache.get(key, report.source) is not None


def test_a_report_lasts_as_long_as_it_was_said_to() -> None:
    now = 1_000
    cache = ReportCache(Path(os.environ["ALPINE_DOCTOR_CACHE_DIR"]), lambda text: pytest.fail(text), clock=lambda: now)
    report = FileReport("Dockerfile", (), source=b"FROM scratch\n")
    cache.put("a key of this test", report, [], lasts=60)
    cache.close()
    assert cache.get("a key of this test", report.source) == (report, frozenset())
    now = 1_059
    assert cache.get("a key of this test", report.source) is not None
    now = 1_061
    assert cache.get("a key of this test", report.source) is None
    now = 100  # a clock that was put back proves nothing
    assert cache.get("a key of this test", report.source) is None


def test_how_it_is_shown_is_no_other_question(root: Path) -> None:
    judged(root)
    assert judged(root, output_format=["json"], color="never", strict=True, exit_zero=True)[1]


def test_patterns_of_another_folder_are_another_question(root: Path) -> None:
    """``per-file-ignores`` are relative to the configuration's folder."""
    text = 'per-file-ignores = { "Dockerfile" = ["AD"] }\n'
    for place in (root, root.parent):
        (place / "alpine-doctor.toml").write_text(text)
    found = []
    for place in (root, root.parent):
        judge = make_judge(load(place), use_cache=True)
        found.append(len(judge.report(Job(root / "Dockerfile", str(root / "Dockerfile"))).findings))
        judge.close()
    assert found == [0, 0]
    (root.parent / "alpine-doctor.toml").write_text(text.replace('"Dockerfile"', '"/Dockerfile"'))
    (root / "alpine-doctor.toml").write_text(text.replace('"Dockerfile"', '"/Dockerfile"'))
    found = []
    for place in (root, root.parent):
        judge = make_judge(load(place), use_cache=True)
        found.append(len(judge.report(Job(root / "Dockerfile", str(root / "Dockerfile"))).findings) > 0)
        judge.close()
    assert found == [False, True]


def test_what_changed_while_it_was_judged_is_not_remembered(root: Path) -> None:
    class Slow(Judge):
        def _answers(self, questions: Sequence[Question]) -> Iterator[Answer]:
            for answer in super()._answers(questions):
                (root / "requirements.txt").write_text("requests\n")
                yield answer

    slow = watched(Slow, configure())
    before = slow.report(Job(root / "Dockerfile", "Dockerfile"))
    slow.close()
    report, cached = judged(root)
    assert not cached
    assert report != before


def test_nothing_is_locked_while_files_are_judged(root: Path) -> None:
    """A run of minutes keeps no other run from writing."""
    first = make_judge(configure(), use_cache=True)
    first.report(Job(root / "Dockerfile", "Dockerfile"))
    with sqlite3.connect(Path(os.environ["ALPINE_DOCTOR_CACHE_DIR"]) / "reports.sqlite", timeout=0) as other:
        other.execute("INSERT INTO report VALUES ('k', '[]', '{}')")
    first.close()
    assert judged(root)[1]
