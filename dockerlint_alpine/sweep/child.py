"""One checking process: if it takes too long or too much memory, or dies, only its repository's row is affected."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection

from dockerlint_alpine.apk import ApkError
from dockerlint_alpine.knowledge import KnowledgeError
from dockerlint_alpine.sweep.judging import Judge
from dockerlint_alpine.sweep.plan import Outcome, Plan, Task
from dockerlint_alpine.sweep.projects import clean_up_after

_GRACE = 2.0
"""Seconds in which a process may end by itself."""


class BrokenInstallationError(Exception):
    """No process can judge anything: rules or indexes can't be read. The text is one line."""


class Child:
    """A process with rules and indexes open. Give it a task, then ask for the outcome; when gone it is started anew."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._deadline = 0.0
        self.task: Task | None = None
        """What it is judging; ``None`` while it has nothing to do."""

    @property
    def connection(self) -> Connection:
        """Readable as soon as there is an outcome, or the process is gone."""
        if self._connection is None:
            self._start()
        assert self._connection is not None
        return self._connection

    @property
    def remaining(self) -> float:
        """Seconds until the task is over its limit of time."""
        return max(0.0, self._deadline - time.monotonic())

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._process.pid if self._process is not None else None

    def give(self, task: Task) -> None:
        """Let it judge ``task``."""
        self.task = task
        with suppress(OSError):  # it is gone: the outcome will say so
            self.connection.send(task)
        self._deadline = time.monotonic() + self._plan.limits.seconds

    def outcome(self) -> Outcome | None:
        """What came of the task; ``None`` where the process ended before it had an answer.

        Raises BrokenInstallationError.
        """
        task, self.task = self.task, None
        assert task is not None
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            self.stop()
            return None
        if isinstance(answer, str):
            self.stop()
            raise BrokenInstallationError(answer)
        assert isinstance(answer, Outcome)
        return answer

    def give_up(self) -> Outcome:
        """End it, as its task takes too long."""
        task, self.task = self.task, None
        assert task is not None
        self.stop()
        return Outcome(task, "too-long", f"not checked within {self._plan.limits.seconds:g} seconds")

    def stop(self) -> None:
        """End the process and whatever it started."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is None:
            return
        if self.task is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)  # it ends when its connection does
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        clean_up_after(process.pid)

    def _start(self) -> None:
        # A program of its own rather than a fork: a Dask worker has threads, and may have no children of multiprocessing.
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "dockerlint_alpine.sweep.child", str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603 - this program
                command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._connection = Connection(ours.detach())
        with suppress(OSError):
            self._connection.send(sys.path)
            self._connection.send(self._plan)


def ended(task: Task) -> Outcome:
    """The row of a repository whose process died twice: from outside, or because of it."""
    return Outcome(
        task, "ended", "the process that checked it ended, twice: too much memory, or a bug in alpine-doctor"
    )


def main(descriptor: int) -> None:
    """Judge one task after the other until the other end is gone."""
    connection = Connection(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is answered by the one who asks
    with suppress(EOFError, OSError):
        sys.path[:] = connection.recv()  # what the plan names is found where it was made
        plan = connection.recv()
        _bound(plan.limits.memory)
        try:
            judge = Judge(plan)
        except (ApkError, KnowledgeError) as error:
            connection.send(str(error))
            return
        while True:
            connection.send(judge.judge(connection.recv()))


def _bound(memory: int) -> None:
    try:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    except (ImportError, OSError, ValueError):
        return  # a system that has no such limit


if __name__ == "__main__":
    main(int(sys.argv[1]))
