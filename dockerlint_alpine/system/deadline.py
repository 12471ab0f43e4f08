"""Work that must be done by a certain time, whatever it waits for."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_Found = TypeVar("_Found")


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
