"""Starts the program as a process of its own, many times over: as ``python -m dockerlint_alpine`` would, but without the
half second of imports.

A process that has imported what commands need, and done nothing else, forks for each run. The child gets folder,
environment, arguments and streams of its own before it enters the program.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

from dockerlint_alpine.system.launch import follow
from tests import relay

COMMAND = (sys.executable, "-m", "dockerlint_alpine")
"""The program, for a test that has to start it itself."""

CAN_FORK = sys.platform == "linux"
_SECONDS = 60
_HERE = Path(__file__).resolve().parent


def run(
    *arguments: str, cwd: Path, stdin: bytes | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in ``cwd`` with ``variables`` on top of this environment, and wait for its end.

    Raises ``subprocess.TimeoutExpired`` after a minute.
    """
    environment = {**os.environ, "NO_COLOR": "1", **(variables or {})}
    command = [*COMMAND, *arguments]
    if not CAN_FORK:
        return subprocess.run(
            command, cwd=cwd, input=stdin, capture_output=True, env=environment, timeout=_SECONDS, check=False
        )
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin or b"")
        given.seek(0)
        streams = [given.fileno(), out.fileno(), err.fileno()]
        with relay.ask(_server(), list(arguments), str(cwd), environment, streams) as program:
            pid = relay.number(program)
            program.settimeout(_SECONDS)
            try:
                code = relay.number(program)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(command, _SECONDS) from None
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


def stand_in(*arguments: str) -> list[str]:
    """A command that is as good as the program's, but for signals: those end the stand-in alone."""
    if not CAN_FORK:
        return [*COMMAND, *arguments]
    return [sys.executable, "-I", "-S", str(_HERE / "relay.py"), _server(), *arguments]


@cache
def _server() -> str:
    """The name of the socket of the process that forks, which ends with this one."""
    place = f"alpine-doctor-tests-{os.getpid()}-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "tests.program", place, str(os.getpid())]
    server = subprocess.Popen(command, cwd=_HERE.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return place


def _serve(place: str, parent: int) -> None:
    import dockerlint_alpine.cli.check
    import dockerlint_alpine.cli.fix
    import dockerlint_alpine.report.formats.text
    import dockerlint_alpine.run.doctors
    import dockerlint_alpine.run.scheduler
    import dockerlint_alpine.server.app  # noqa: F401 - what most runs need

    follow(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(relay.address(place))
    listening.listen(16)
    print("ready", flush=True)
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _answer(connection)
        connection.close()


def _answer(connection: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    arguments, folder, variables = json.loads(connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(arguments, folder, variables, streams)
    for stream in (*streams, 0, 1):
        os.close(stream)
    connection.sendall(pid.to_bytes(4, "big"))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):
        connection.sendall(code.to_bytes(4, "big", signed=True))
    os._exit(0)


def _become(arguments: list[str], folder: str, variables: dict[str, str], streams: list[int]) -> NoReturn:
    """Be a new process for the program's purposes, and end as it ends."""
    import runpy

    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.stdin, sys.stdout = open(0, encoding="utf-8"), open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    sys.argv = ["alpine-doctor", *arguments]
    code: object = 0
    try:
        runpy.run_module("dockerlint_alpine", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter itself does
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
