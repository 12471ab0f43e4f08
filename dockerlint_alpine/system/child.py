"""Child programs with limits: a process group each, and bounds on time, memory, file size and output.

They end when this process ends, however that happens: each way out of :func:`run` kills the group, and on Linux the kernel
kills the child when this process dies without a way out (``kill -9``). Elsewhere an alarm that the child carries ends it
when its time is up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.system.launch import NOT_STARTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LAUNCH = Path(__file__).with_name("launch.py")
_GRACE = 2.0
"""Seconds after its deadline in which a child is killed by us; then its own alarm goes off."""
_PAUSE = 0.02
_CHUNK = 64 * 1024


class ChildError(Exception):
    """A child that could not be started or did not keep within its limits; ``str()`` is one line without its name."""


class ChildTimeoutError(ChildError):
    """The child took longer than it may."""


class Limits(Struct, frozen=True):
    """What one child may take: ``seconds`` of time; bytes of ``memory`` (address space), of each ``file`` that it writes,
    and of ``output`` on each of its two streams."""

    seconds: float
    memory: int = 2 * 1024**3
    file: int = 1024**3
    output: int = 4 * 1024**2


class Finished(Struct, frozen=True):
    """How a child ended: its exit code (negative: the signal that killed it) and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


def run(
    command: Sequence[str],
    *,
    limits: Limits,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> Finished:
    """Run ``command`` in ``folder`` with the environment ``variables`` and ``given`` on its standard input.

    Raises :class:`ChildTimeoutError` when it takes too long, and :class:`ChildError` when it can't be started or writes
    more than it may. It and all that it started are gone when this returns or raises.
    """
    bounds = (os.getpid(), limits.seconds + _GRACE, limits.memory, limits.file)
    deadline = time.monotonic() + limits.seconds
    try:
        child = subprocess.Popen(  # noqa: S603 - the caller's command; no shell reads it
            [sys.executable, "-I", "-S", str(_LAUNCH), *map(str, bounds), *command],
            cwd=folder,
            env=variables,
            stdin=_file_of(given) if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ChildError(f"can't be started: {error.strerror}") from None
    assert child.stdout is not None
    assert child.stderr is not None
    heard = _Ear(child.stdout, limits.output), _Ear(child.stderr, limits.output)
    try:
        for ear in heard:
            ear.start()
        while any(ear.is_alive() for ear in heard) or not _has_ended(child):
            _check(heard, limits, deadline)
            if all(not ear.is_alive() for ear in heard):
                time.sleep(_PAUSE)
            for ear in heard:
                ear.join(_PAUSE)
        _check(heard, limits, deadline)
    finally:
        _end(child)
        for ear in heard:
            ear.join(_GRACE)  # who has left the group may hold the stream open: that is not waited for
    done = Finished(child.returncode, *(bytes(ear.data) for ear in heard))
    if done.code == 127 and done.stderr.startswith(NOT_STARTED.encode()):
        raise ChildError(f"can't be started: {done.stderr.decode('utf-8', 'replace').removeprefix(NOT_STARTED)}")
    return done


def _file_of(given: bytes) -> IO[bytes]:
    """What is to be read from standard input, as a file: nobody has to write while the child may not read."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the child reads it
    file.write(given)
    file.seek(0)
    return file


def _check(heard: Sequence[_Ear], limits: Limits, deadline: float) -> None:
    if any(ear.too_much for ear in heard):
        raise ChildError(f"wrote more than {limits.output} bytes")
    if time.monotonic() > deadline:
        raise ChildTimeoutError(f"took more than {limits.seconds:g} seconds")


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has, without collecting it: as long as it is not, its process id names no other group."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


class _Ear(threading.Thread):
    """Reads one stream of a child to its end, or until it has said too much."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._limit = limit
        self.data = bytearray()
        self.too_much = False

    def run(self) -> None:
        with self._stream as stream:
            while chunk := os.read(stream.fileno(), _CHUNK):
                self.data += chunk
                if len(self.data) > self._limit:
                    self.too_much = True
                    return


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole group: a child that ended well may have left others behind."""
    with suppress(ProcessLookupError, PermissionError):  # all of it has ended; macOS says EPERM of a group of zombies
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
