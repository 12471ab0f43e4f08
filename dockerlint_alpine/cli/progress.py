"""One line on a terminal's standard error while work takes longer than a second; nothing anywhere else."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Self

_AFTER = 1.0
_EVERY = 0.1
_WIDTH = 24


class Progress:
    """Counts the steps of a run. ``total`` is unknown (None) while it is being found out.

    Used as a context manager, so that the line is gone before anything else is printed.
    """

    def __init__(self, what: str, total: int | None = None, *, quiet: bool = False) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._shown = False
        self.told = ""
        """What is said behind the count."""
        self._next = time.monotonic() + _AFTER if _wanted() and not quiet else float("inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def step(self, count: int = 1) -> None:
        """Say that ``count`` more are done."""
        self._done += count
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        self._shown = True
        sys.stderr.write(f"\r\x1b[K{self.line()}")
        sys.stderr.flush()

    def update(self, done: int, total: int | None) -> None:
        """Say that ``done`` of ``total`` are done; another total than before begins another count."""
        if total != self._total:
            self._total, self._done = total, 0
        self.step(done - self._done)

    def line(self) -> str:
        """The line as it is shown now."""
        if not self._total:
            return f"{self._what} ... {self._done}"
        filled = min(_WIDTH, _WIDTH * self._done // self._total)
        return f"{self._what} [{'#' * filled}{'.' * (_WIDTH - filled)}] {self._done}/{self._total}{self.told}"


def _wanted() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
