"""Work on several cores for jobs that release the interpreter lock (inflating) or wait for the disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def workers() -> int:
    """How many threads are worth starting on this machine."""
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def thread_map(job: Callable[[Item], Result], items: Sequence[Item], *, threads: int) -> list[Result]:
    """``[job(item) for item in items]`` on up to ``threads`` threads; the first exception of a job is raised here.

    Smaller than :mod:`concurrent.futures`, whose import alone costs as much as reading a small wheel.
    """
    if threads <= 1 or len(items) <= 1:
        return [job(item) for item in items]
    results: dict[int, Result] = {}
    failures: list[BaseException] = []
    pending = iter(enumerate(items))
    lock = threading.Lock()

    def work() -> None:
        while not failures:
            with lock:
                index, item = next(pending, (None, None))
            if index is None:
                return
            try:
                results[index] = job(item)  # type: ignore[arg-type]
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread and raised there
                failures.append(error)

    crew = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(items)))]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(items))]
