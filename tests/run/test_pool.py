"""Several processes give the answers of one, whatever happens to them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import process
from multiprocessing import get_context
from pathlib import Path

import pytest

from dockerlint_alpine.cli.common import make_judge
from dockerlint_alpine.model.reports import FileError, FileReport
from dockerlint_alpine.run import pool
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.jobs import Job
from tests.cli.test_check_and_fix import run

GOOD = "FROM python:3.11-alpine3.19\nRUN pip install lz4==4.4.5\n"
NONE = "no Dockerfile\n"


@pytest.fixture
def files(project: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Thirty Dockerfiles, each tenth broken; the current folder is theirs."""
    names = {f"s{n:02}/Dockerfile": NONE if n % 10 == 9 else GOOD.replace("3.11", f"3.{10 + n % 3}") for n in range(30)}
    monkeypatch.chdir(project(names))
    return list(names)


def judged(files: list[str], workers: int | None) -> list[FileReport | FileError]:
    judge = make_judge(configure(), use_cache=False, workers=workers)
    return judge.reports([Job(Path(name), name) for name in files])


def test_the_answers_and_their_order_are_those_of_one_process(files: list[str]) -> None:
    alone = judged(files, 1)
    assert judged(files, 3) == alone
    assert [type(one) for one in alone[8:11]] == [FileReport, FileError, FileReport]
    assert [one.path for one in alone] == files


def test_a_new_interpreter_can_be_a_worker(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = judged(files[:6], 1)
    monkeypatch.setattr(pool, "_context", lambda: get_context("spawn"))
    assert judged(files[:6], 2) == alone


def test_where_no_process_can_be_started_one_does_the_work(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    here, alone = Path.cwd(), judged(files, 1)

    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(process, "ProcessPoolExecutor", refuse)
    assert judged(files, 2) == alone
    monkeypatch.undo()
    monkeypatch.chdir(here)
    monkeypatch.setattr(os, "fork", refuse)
    assert judged(files, 2) == alone


def test_a_mistake_of_ours_is_a_line_and_not_a_traceback(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr(Doctor, "check_bytes", broken)
    monkeypatch.setattr(pool, "_context", lambda: get_context("fork"))  # a new interpreter knows no patches
    for workers in (1, 2):
        said = [one.message for one in judged(files[:4], workers) if isinstance(one, FileError)]
        assert len(said) == 4
        for message in said:
            assert re.fullmatch(
                r"internal error, please report it: ZeroDivisionError: oh \(test_pool\.py:\d+\)", message
            )


def test_a_worker_that_is_killed_costs_its_files_and_no_more(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    true = Doctor.check_bytes

    def deadly(self: Doctor, data: bytes, path: Path, **named: object) -> FileReport:
        if path.parts[0] == "s20":
            os.kill(os.getpid(), signal.SIGKILL)
        return true(self, data, path, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Doctor, "check_bytes", deadly)
    monkeypatch.setattr(pool, "_context", lambda: get_context("fork"))
    results = judged(files, 2)
    assert [one.path for one in results] == files
    assert isinstance(results[0], FileReport)
    lost = results[20]
    assert isinstance(lost, FileError)
    assert "--jobs 1" in lost.message


@pytest.mark.parametrize(
    ("wanted", "questions", "expected"), [(None, 5, 1), (4, 2, 2), (1, 900, 1), (3, 900, 3), (8, 0, 1)]
)
def test_how_many(wanted: int | None, questions: int, expected: int) -> None:
    assert pool.worker_count(wanted, questions) == expected
    assert pool.worker_count(None, 10_000) == pool.cpu_count()


def test_from_the_command_line_the_output_is_the_same_byte_for_byte(files: list[str]) -> None:
    here = Path.cwd()
    alone = run("check", "--no-cache", "--output-format", "json", "-j", "1", cwd=here)
    several = run("check", "--no-cache", "--output-format", "json", "-j", "3", cwd=here)
    assert alone.returncode == several.returncode == 1
    assert alone.stdout == several.stdout
    assert len(files) == 30


def test_a_program_from_standard_input_may_use_it(files: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['alpine-doctor', 'check', '--no-cache', '-j', '2', '--output-format', 'concise']\n"
        "from dockerlint_alpine.cli import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-"], input=code.encode(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stdout.count(b"AD") > 20
    assert b"Traceback" not in done.stderr
    assert len(files) == 30


def test_ctrl_c_ends_all_processes_without_a_traceback(project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({f"s{n:03}/Dockerfile": GOOD.replace("4.4.5", f"4.4.{n % 6}") for n in range(400)})
    command = [sys.executable, "-m", "dockerlint_alpine", "check", "--no-cache", "-j", "2"]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as running:
        deadline = time.monotonic() + 60
        while not _children(running.pid) and time.monotonic() < deadline:
            time.sleep(0.001)
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert b"Traceback" not in out + err
    assert b"Aborted" in err
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell")
def test_workers_end_with_a_parent_that_is_killed(project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({f"s{n:03}/Dockerfile": GOOD.replace("4.4.5", f"4.4.{n % 6}") for n in range(400)})
    command = [sys.executable, "-m", "dockerlint_alpine", "check", "--no-cache", "-j", "2"]
    deadline = time.monotonic() + 60
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        while len(workers := _children(running.pid).split()) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.3)  # both have begun
        running.kill()
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            assert time.monotonic() < deadline, workers
            time.sleep(0.01)
    assert len(workers) == 2


def _children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()
