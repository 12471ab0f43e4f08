"""Runs the program on what a stranger wrote, in a child of its own that may take so much memory and time and no more.

A case passes where the program keeps within that, ends with one of its exit codes, and says what it has to say in lines of
its own: no traceback, no internal error, no death by a signal.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MEMORY = 1024 * 1024**2
"""Bytes of address space of one case, unless it says otherwise; the program itself takes about a third."""
SECONDS = 20.0
"""Of one case, on a machine that does other things as well."""

_LOST = ("Traceback (most recent call last)", "internal error", "Segmentation fault", "MemoryError")


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        return self.out + self.err

    def sound(self, *codes: int) -> Ended:
        """Check that it ended as it should, with one of ``codes`` (any of 0, 1 and 2 where none is given)."""
        assert self.code in (codes or (0, 1, 2)), f"exit code {self.code}:\n{self.text[-3000:]}"
        for word in _LOST:
            lines = [line.strip()[:400] for line in self.text.splitlines() if word in line]
            assert not lines, "\n".join([*lines[:20], self.err[-1500:]])
        return self

    def says(self, *parts: str) -> Ended:
        """Check that each of ``parts`` was said."""
        for part in parts:
            assert part in self.text, f"{part!r} is missing in:\n{self.text[-3000:]}"
        return self


def doctor(
    *arguments: str | Path,
    cwd: Path,
    memory: int = MEMORY,
    data: int | None = None,
    seconds: float = SECONDS,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Ended:
    """Run ``alpine-doctor`` with these arguments in ``cwd``. A case that runs out of time fails.

    ``data`` bounds the memory of its own where it maps files, which need address space and nothing else.
    """
    return program(
        [sys.executable, "-m", "dockerlint_alpine", *map(str, arguments)],
        cwd=cwd,
        memory=memory,
        data=data,
        seconds=seconds,
        env=env,
        stdin=stdin,
    )


def python(code: str, *arguments: str | Path, cwd: Path, memory: int = MEMORY, seconds: float = SECONDS) -> Ended:
    """Run Python that calls a part of the program directly."""
    return program([sys.executable, "-c", code, *map(str, arguments)], cwd=cwd, memory=memory, seconds=seconds)


def program(
    command: Sequence[str],
    *,
    cwd: Path,
    memory: int = MEMORY,
    data: int | None = None,
    seconds: float = SECONDS,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Ended:
    """Run a command within these limits."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        if data is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (data, data))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    # glibc would set 64 MiB of address space aside for each thread.
    variables = {**os.environ, "MALLOC_ARENA_MAX": "2", **(env or {})}
    start = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=variables,
            input=stdin,
            capture_output=True,
            preexec_fn=limit,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AssertionError(f"more than {seconds:g} seconds: {' '.join(command)[:300]}") from None
    return Ended(
        done.returncode,
        done.stdout.decode("utf-8", "backslashreplace"),
        done.stderr.decode("utf-8", "backslashreplace"),
        time.monotonic() - start,
    )
