from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dockerlint_alpine.system.child import ChildError, ChildTimeoutError, Limits, run

PYTHON = sys.executable


def python(code: str, **limits: float) -> tuple[list[str], Limits]:
    return [PYTHON, "-I", "-S", "-c", code], Limits(**{"seconds": 20, **limits})  # type: ignore[arg-type]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has collected yet does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def until_gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


def test_what_it_writes_and_how_it_ends() -> None:
    command, limits = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    done = run(command, limits=limits)
    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_folder_environment_and_an_empty_standard_input(tmp_path: Path) -> None:
    command, limits = python("import os, sys; print(os.getcwd(), os.environ['A'], repr(sys.stdin.read()))")
    done = run(command, limits=limits, folder=tmp_path, variables={"A": "b c"})
    assert done.stdout.decode() == f"{tmp_path} b c ''\n"


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ChildError, match="can't be started: No such file"):
        run(["/nowhere/at all"], limits=Limits(5))
    with pytest.raises(ChildError, match="can't be started"):
        run([PYTHON], limits=Limits(5), folder=Path("/nowhere"))


def test_time() -> None:
    command, limits = python("import time; time.sleep(60)", seconds=0.3)
    start = time.monotonic()
    with pytest.raises(ChildTimeoutError, match=r"more than 0\.3 seconds"):
        run(command, limits=limits)
    assert time.monotonic() - start < 10


def test_one_that_closes_its_streams_and_stays() -> None:
    command, limits = python("import os, time; os.close(1); os.close(2); time.sleep(60)", seconds=0.3)
    with pytest.raises(ChildTimeoutError):
        run(command, limits=limits)


def test_memory() -> None:
    command, limits = python("x = bytearray(800 * 2**20); print(len(x))", memory=500 * 2**20)
    done = run(command, limits=limits)
    assert done.code != 0
    assert b"MemoryError" in done.stderr


def test_output() -> None:
    command, limits = python("import sys\nwhile True: sys.stdout.write('x' * 65536)", output=2**20)
    with pytest.raises(ChildError, match="more than 1048576 bytes"):
        run(command, limits=limits)


def test_files(tmp_path: Path) -> None:
    command, limits = python("open('f', 'wb').write(bytes(2 << 20))", file=2**20)
    assert run(command, limits=limits, folder=tmp_path).code != 0
    assert (tmp_path / "f").stat().st_size <= 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who is alive")
def test_what_it_leaves_behind_goes_too() -> None:
    command, limits = python(
        "import subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], stdout=2).pid)",
    )
    command[-1] = command[-1].replace("stdout=2", "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL")
    done = run(command, limits=limits)
    assert until_gone(int(done.stdout))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux tells a child that its parent died")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_it_dies_with_us(how: signal.Signals, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    inner = f"import os, time; open({str(told)!r} + '.part', 'w').write(str(os.getpid()))\n"
    inner += f"os.rename({str(told)!r} + '.part', {str(told)!r}); time.sleep(60)"
    outer = (
        "import sys; from dockerlint_alpine.system.child import Limits, run\n"
        f"run([sys.executable, '-c', {inner!r}], limits=Limits(50))"
    )
    parent = subprocess.Popen([PYTHON, "-c", outer], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not told.exists() and time.monotonic() < end:
        time.sleep(0.02)
    pid = int(told.read_text())
    assert is_alive(pid)
    os.kill(parent.pid, how)
    parent.wait()
    assert until_gone(pid)
