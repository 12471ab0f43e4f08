"""Work that must be done by a certain time, whatever it waits for."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping

_Found = TypeVar("_Found")
_Key = TypeVar("_Key", bound="Hashable")
_TICK = 0.2
"""Seconds between two looks at the clock."""


def within(seconds: float, work: Callable[[], _Found]) -> _Found:
    """Return what ``work`` does in a thread of its own; raises ``TimeoutError`` when it takes longer.

    Looking up a name has no time limit, a server may send a byte a second for ever, and many requests in turn have no limit
    together: what is late is left to itself.
    """
    done: queue.SimpleQueue[tuple[_Found | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - handed over to the one who waits
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        found, error = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:.1f} seconds") from None
    if error is not None:
        raise error
    return cast("_Found", found)


def all_within(
    seconds: float,
    work: Mapping[_Key, Callable[[], _Found]],
    *,
    at_once: int,
    tick: Callable[[int, Collection[_Key]], None] | None = None,
) -> dict[_Key, _Found | Exception]:
    """Do all of ``work``, ``at_once`` pieces at a time, and return what came of each: a value, or what it raised.

    What is not done after ``seconds`` is missing, and left to itself. ``tick`` is told several times a second how many are
    done and which are under way.
    """
    end = time.monotonic() + seconds
    waiting = list(work)[::-1]
    under_way: dict[_Key, None] = {}
    done: queue.SimpleQueue[tuple[_Key, _Found | Exception]] = queue.SimpleQueue()
    found: dict[_Key, _Found | Exception] = {}

    def run(key: _Key) -> None:
        try:
            done.put((key, work[key]()))
        except Exception as error:  # noqa: BLE001 - handed over to the one who waits
            done.put((key, error))

    while (waiting or under_way) and time.monotonic() < end:
        while waiting and len(under_way) < at_once:
            key = waiting.pop()
            under_way[key] = None
            threading.Thread(target=run, args=(key,), daemon=True).start()
        try:
            key, result = done.get(timeout=max(0.0, min(_TICK, end - time.monotonic())))
        except queue.Empty:
            pass
        else:
            found[key] = result
            del under_way[key]
        if tick is not None:
            tick(len(found), under_way)
    return found
