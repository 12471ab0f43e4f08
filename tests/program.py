"""Starts the program as a process of its own, many times over: as ``python -m dockerlint_alpine`` would, but without the
half second of imports.

A process that has imported what commands need, and done nothing else, forks for each run. The child gets folder,
environment, arguments and streams of its own before it enters :func:`dockerlint_alpine.cli.main`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

COMMAND = (sys.executable, "-m", "dockerlint_alpine")
"""The program, for a test that has to start it itself."""

_SECONDS = 60
_HERE = Path(__file__).resolve().parent.parent


class _Order(msgspec.Struct):
    arguments: list[str]
    folder: str
    variables: dict[str, str]


def run(
    *arguments: str, cwd: Path, stdin: bytes | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in ``cwd`` with ``variables`` on top of this environment, and wait for its end.

    Raises ``subprocess.TimeoutExpired`` after a minute.
    """
    environment = {**os.environ, "NO_COLOR": "1", **(variables or {})}
    if sys.platform != "linux":
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            env=environment,
            timeout=_SECONDS,
            check=False,
        )
    order = msgspec.json.encode(_Order(list(arguments), str(cwd), environment))
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin or b"")
        given.seek(0)
        server = _server()
        socket.send_fds(server, [len(order).to_bytes(4, "big") + order], [given.fileno(), out.fileno(), err.fileno()])
        server.settimeout(_SECONDS)
        pid = int.from_bytes(_exactly(server, 4), "big")
        try:
            code = int.from_bytes(_exactly(server, 4), "big", signed=True)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            server.settimeout(None)
            _exactly(server, 4)
            raise subprocess.TimeoutExpired([*COMMAND, *arguments], _SECONDS) from None
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess([*COMMAND, *arguments], code, out.read(), err.read())


@cache
def _server() -> socket.socket:
    """The other end of the process that forks; it ends when this one does, for nobody else holds the socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", "tests.program", str(theirs.fileno())],
            cwd=_HERE,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    return ours


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _serve(connection: socket.socket) -> None:
    import dockerlint_alpine.cli.check
    import dockerlint_alpine.cli.fix
    import dockerlint_alpine.report.text
    import dockerlint_alpine.run.doctors
    import dockerlint_alpine.run.scheduler  # noqa: F401 - what most runs need

    while True:
        head, streams, _, _ = socket.recv_fds(connection, 4, 3)
        if not head:
            return
        order = msgspec.json.decode(_exactly(connection, int.from_bytes(head, "big")), type=_Order)
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become(order, streams)
        for stream in streams:
            os.close(stream)
        connection.sendall(pid.to_bytes(4, "big"))
        status = os.waitpid(pid, 0)[1]
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become(order: _Order, streams: list[int]) -> None:
    """Be a new process for the program's purposes, and end as it ends."""
    import runpy

    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.variables)
    sys.stdin, sys.stdout = open(0, encoding="utf-8"), open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    sys.argv = ["alpine-doctor", *order.arguments]
    code: object = 1
    try:
        runpy.run_module("dockerlint_alpine", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter itself does
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
