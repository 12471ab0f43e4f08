"""Sweeps on this machine: what is judged, what a repository may cost, and what is told of the ones that went wrong."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from dockerlint_alpine.run.analysis import Doctor
from dockerlint_alpine.run.config import Configuration
from dockerlint_alpine.sweep import judging
from dockerlint_alpine.sweep.child import BrokenInstallationError, Child
from dockerlint_alpine.sweep.judging import Judge
from dockerlint_alpine.sweep.local import sweep
from dockerlint_alpine.sweep.plan import Limits, Outcome, Plan, Task
from dockerlint_alpine.sweep.sources import Source, read_sources

from .conftest import CLEAN, DYING, plan, write


def tasks(places: Sequence[Path]) -> list[Task]:
    return [Task(number, source) for number, source in enumerate(read_sources(list(map(str, places)), ()))]


def judged(places: Sequence[Path], wanted: Plan, processes: int = 2) -> list[Outcome]:
    return sorted(sweep(wanted, tasks(places), processes), key=lambda outcome: outcome.task.number)


def told(outcomes: Sequence[Outcome]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    return [(one.status, [(row.code, row.file, row.package) for row in one.rows]) for one in outcomes]


def many(folder: Path) -> list[Path]:
    """Two that die, one that is clean, one without a Dockerfile, one that is not there, and one that can't be read."""
    return [
        write(folder / "a", {"Dockerfile": DYING, "requirements.txt": "lz4==4.4.5\n"}),
        write(folder / "b", {"Dockerfile": CLEAN}),
        write(folder / "c", {"README.md": ""}),
        folder / "missing",
        write(folder / "d", {"docker/Dockerfile": DYING, "docker/requirements.txt": "lz4==4.4.5\n"}),
        write(folder / "e", {"Dockerfile": "RUN nothing\n", "x/Dockerfile": CLEAN}),
    ]


EXPECTED = [
    ("judged", [("AD103", "Dockerfile", "lz4-dev"), ("AD202", "Dockerfile", "lz4-libs")]),
    ("judged", []),
    ("no-dockerfile", []),
    ("failed", []),
    ("judged", [("AD103", "docker/Dockerfile", "lz4-dev"), ("AD202", "docker/Dockerfile", "lz4-libs")]),
    ("judged", []),
]


def test_every_repository_has_its_outcome(tmp_path: Path) -> None:
    found = judged(many(tmp_path), plan(select=("AD1", "AD2")))
    assert told(found) == EXPECTED
    assert found[3].message == "no such folder"
    assert found[5].unreadable == 1
    assert "no FROM instruction" in found[5].message
    assert found[0].rows[1].cause == found[4].rows[1].cause != found[0].rows[0].cause
    assert [one.dockerfiles for one in found] == [1, 1, 0, 0, 1, 2]


def test_what_repositories_share_is_found_out_once(tmp_path: Path) -> None:
    places = [
        write(tmp_path / f"r{number}", {"Dockerfile": DYING, "requirements.txt": "lz4==4.4.5\n"}) for number in range(9)
    ]
    judge = Judge(plan())
    seconds = [judge.judge(task).judging for task in tasks(places)]
    assert min(seconds[1:]) < seconds[0] / 2


def test_a_repository_chooses_codes_and_no_more(tmp_path: Path) -> None:
    place = many(tmp_path)[0]
    (place / "alpine-doctor.toml").write_text('ignore = ["AD103"]\nonline = true\noutput-file = "x"\nrules = ["/"]\n')
    (outcome,) = judged([place], plan(), 1)
    assert [row.code for row in outcome.rows if row.code < "AD4"] == ["AD202"]
    assert sorted(path.name for path in place.iterdir()) == ["Dockerfile", "alpine-doctor.toml", "requirements.txt"]
    (place / "alpine-doctor.toml").write_text("ignore = 3\n")
    (outcome,) = judged([place], plan(), 1)
    assert (outcome.status, "ignore" in outcome.message) == ("failed", True)


def test_large_repositories_are_shared_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"s{number}/Dockerfile": DYING for number in range(5)} | {
        f"s{n}/requirements.txt": "lz4==4.4.5\n" for n in range(5)
    }
    place = write(tmp_path / "large", files)
    whole = Judge(plan()).judge(tasks([place])[0])
    monkeypatch.setattr(judging, "SLICE", 2)
    first = Judge(plan()).judge(tasks([place])[0])
    assert first.more == (2, 4)
    parts = [Judge(plan()).judge(Task(0, first.task.source, at)) for at in (4, 2)]
    together = judging.merged([*parts, first])
    assert together.rows == whole.rows
    assert together.dockerfiles == 5


def test_patches_are_worked_out_and_nothing_is_written(tmp_path: Path) -> None:
    place = many(tmp_path)[0]
    (outcome,) = judged([place], plan(fix=True), 1)
    text = outcome.patch.decode()
    assert text.startswith("--- a/Dockerfile\n+++ b/Dockerfile\n")
    assert "postgresql-dev lz4-dev\n" in text
    assert (place / "Dockerfile").read_text() == DYING


def sleepy(configuration: Configuration) -> Doctor:
    return Sleepy(configuration)


class Sleepy(Doctor):
    """Hangs, eats memory or dies where the Dockerfile says so."""

    def check_bytes(self, data: bytes, *args: object, **options: object) -> object:  # type: ignore[override]
        if b"hang" in data:
            time.sleep(60)
        if b"eat" in data:
            return bytearray(8 << 30)
        if b"die" in data:
            os.kill(os.getpid(), signal.SIGKILL)
        if b"wrong" in data:
            raise RuntimeError("a mistake\nof ours")
        return super().check_bytes(data, *args, **options)  # type: ignore[arg-type]

    def with_configuration(self, configuration: Configuration) -> Doctor:
        return Sleepy(configuration, store=self.store, knowledge=self.knowledge)


def test_one_that_hangs_eats_or_dies_costs_one_row(tmp_path: Path) -> None:
    bad = [
        write(tmp_path / word, {"Dockerfile": f"FROM alpine:3.19\n# {word}\n"})
        for word in ("hang", "eat", "die", "wrong")
    ]
    good = write(tmp_path / "good", {"Dockerfile": DYING, "requirements.txt": "lz4==4.4.5\n"})
    wanted = plan(select=("AD1", "AD2"), limits=Limits(seconds=4, memory=1 << 31))
    wanted = Plan(wanted.configuration, sleepy, wanted.version, None, wanted.limits)
    found = judged([*bad, good], wanted)
    assert [one.status for one in found] == ["too-long", "failed", "ended", "failed", "judged"]
    assert found[1].message == "more than 2048 MiB of memory"
    assert found[3].message == "internal error, please report it: RuntimeError: a mistake"
    assert told(found)[4] == EXPECTED[0]


def broken(configuration: Configuration) -> Doctor:
    from dockerlint_alpine.knowledge import KnowledgeError

    raise KnowledgeError("no rules here")


def test_an_installation_that_judges_nothing_ends_the_sweep(tmp_path: Path) -> None:
    wanted = plan()
    wanted = Plan(wanted.configuration, broken, wanted.version)
    with pytest.raises(BrokenInstallationError, match="no rules here"):
        judged(many(tmp_path), wanted)


def test_no_process_is_left(tmp_path: Path) -> None:
    outcomes = sweep(plan(), tasks(many(tmp_path)), 2)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    child = Child(plan())
    child.give(Task(0, Source("x", "folder", str(tmp_path))))
    pid = child.pid
    assert pid is not None
    child.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
