"""The same plan on a Dask cluster: the same outcomes, also where a worker is lost on the way."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from msgspec.structs import replace

from dockerlint_alpine.sweep import fleet
from dockerlint_alpine.sweep.child import BrokenInstallationError
from dockerlint_alpine.sweep.local import sweep
from dockerlint_alpine.sweep.plan import Outcome, Task

from .conftest import DYING, plan, write
from .test_local import EXPECTED, broken, many, tasks, told

pytestmark = pytest.mark.skipif(find_spec("distributed") is None, reason="needs Dask")


def comparable(outcomes: list[Outcome]) -> list[Outcome]:
    in_order = sorted(outcomes, key=lambda one: one.task.number)
    return [replace(one, seconds=0.0, judging=0.0) for one in in_order]


def test_a_cluster_says_what_one_machine_says_though_a_worker_is_killed(tmp_path: Path) -> None:
    places = many(tmp_path)
    files = {"Dockerfile": DYING, "requirements.txt": "lz4==4.4.5\n"}
    places += [write(tmp_path / f"more{number}", files) for number in range(20)]
    wanted = plan(select=("AD1", "AD2"))
    here = comparable(list(sweep(wanted, tasks(places), 1)))
    found: list[Outcome] = []
    killed = None
    with fleet.connected("local:3") as client:
        for outcome in fleet.sweep_on(client, wanted, tasks(places)):
            found.append(outcome)
            if killed is None:
                killed = next(iter(client.run(os.getpid).values()))
                os.kill(killed, signal.SIGKILL)
    assert killed is not None
    assert comparable(found) == here
    assert told(here)[: len(EXPECTED)] == EXPECTED


def test_what_is_wrong_with_a_cluster_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("a worker ended")

    monkeypatch.setattr(fleet, "_PATIENCE", 0.3)
    monkeypatch.setattr("distributed.LocalCluster", fail)
    wrong = {
        "local:0": "expected local:N",
        "local:2": "a worker ended",
        "tcp://127.0.0.1:1": "--cluster tcp://127.0.0.1:1",
    }
    for address, words in wrong.items():
        with pytest.raises(fleet.FleetError, match=words):
            list(fleet.sweep(plan(), tasks(many(tmp_path)), address))


def test_a_worker_of_another_version_is_not_used() -> None:
    answer = fleet.judge(replace(plan(), version="0.0.1"), Task(0, tasks([Path()])[0].source))
    assert isinstance(answer, str)
    assert "this is 0.0.1" in answer


def test_a_worker_that_can_judge_nothing_says_so(tmp_path: Path) -> None:
    answer = fleet.judge(replace(plan(), open_doctor=broken), tasks(many(tmp_path))[0])
    assert answer == "no rules here"
    assert issubclass(BrokenInstallationError, Exception)
