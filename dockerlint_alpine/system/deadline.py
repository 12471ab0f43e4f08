"""Work that must be done by a certain time, whatever it waits for."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable, Mapping

_Found = TypeVar("_Found")
_Key = TypeVar("_Key", bound="Hashable")
_TICK = 0.2
"""Seconds between two looks at the clock."""


class Piece(Struct, frozen=True):
    """A piece of work that a task waits for: ``work`` is done once for all that name the same ``key``.

    ``shown`` is what it is, for who waits. Pieces of a lower ``rank`` come first, then those that more tasks wait for.
    """

    key: Hashable
    work: Callable[[], object]
    shown: str = ""
    rank: int = 0


Task: TypeAlias = "Generator[Iterable[Piece], None, _Found]"
"""Yields what it waits for, goes on when all of that is done, and returns what it found. A piece's error is raised in it."""


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


def done_by(piece: Piece) -> Task[None]:
    """A task that is one piece of work."""
    yield (piece,)


def all_within(
    seconds: float,
    tasks: Mapping[_Key, Task[_Found]],
    *,
    at_once: int,
    tick: Callable[[int, int, str], None] | None = None,
    last: int | None = None,
) -> dict[_Key, _Found | Exception]:
    """Carry out ``tasks`` and return what came of each: a value, or what it raised.

    Tasks run here, one step at a time; the work that they wait for runs in threads, ``at_once`` pieces at a time. A task
    that is not done after ``seconds`` is missing, and work that is under way then is left to itself. ``tick`` is told
    several times a second how many pieces are done, of how many that are known so far, and which are under way. Pieces of a
    rank above ``last`` are waited for half of the time that is left when there are only such.
    """
    return _Run(tasks, at_once, last).until(time.monotonic() + seconds, tick or (lambda *_: None))


class _Run(Generic[_Key, _Found]):
    """Tasks under way, and the work that they wait for."""

    def __init__(self, tasks: Mapping[_Key, Task[_Found]], at_once: int, last: int | None = None) -> None:
        self.tasks = tasks
        self.at_once = at_once
        self.last = last
        self.found: dict[_Key, _Found | Exception] = {}
        self.pieces: dict[Hashable, Piece] = {}
        self.came: dict[Hashable, Exception | None] = {}
        self.missing: dict[_Key, set[Hashable]] = {}
        self.waiters: defaultdict[Hashable, list[_Key]] = defaultdict(list)
        self.heap: list[tuple[int, int, int, Hashable]] = []
        self.count = itertools.count()
        self.under_way: dict[Hashable, None] = {}
        self.done: queue.SimpleQueue[tuple[Hashable, Exception | None]] = queue.SimpleQueue()

    def until(self, end: float, tick: Callable[[int, int, str], None]) -> dict[_Key, _Found | Exception]:
        new = iter(self.tasks)
        final = end
        while (now := time.monotonic()) < final:
            for key in itertools.islice(new, 1):
                self.go_on(key)
                break
            else:
                self.start()
                if not self.under_way:
                    break
                only_last = self.last is not None and all(self.pieces[one].rank > self.last for one in self.under_way)
                final = end if not only_last else final if final < end else now + (end - now) / 2
                with suppress(queue.Empty):
                    self.take(*self.done.get(timeout=max(0.0, min(_TICK, final - time.monotonic()))))
                shown = filter(None, (self.pieces[one].shown for one in self.under_way))
                tick(len(self.came), len(self.pieces), ", ".join(shown))
        for key in self.tasks.keys() - self.found.keys():
            self.tasks[key].close()
        return self.found

    def start(self) -> None:
        while self.heap and len(self.under_way) < self.at_once:
            *_, key = heapq.heappop(self.heap)
            if key in self.under_way or key in self.came:
                continue
            self.under_way[key] = None
            threading.Thread(target=self.work, args=(key,), daemon=True).start()

    def work(self, key: Hashable) -> None:
        try:
            self.pieces[key].work()
        except Exception as error:  # noqa: BLE001 - handed over to the one who waits
            self.done.put((key, error))
        else:
            self.done.put((key, None))

    def take(self, key: Hashable, error: Exception | None) -> None:
        self.came[key] = error
        del self.under_way[key]
        for task in self.waiters.pop(key, ()):
            left = self.missing[task]
            left.discard(key)
            if error is not None or not left:
                self.go_on(task, error)

    def go_on(self, task: _Key, error: Exception | None = None) -> None:
        """Let a task take its next steps, until it waits for something that is not done."""
        try:
            while task not in self.found:
                steps = self.tasks[task]
                pieces = {one.key: one for one in (steps.send(None) if error is None else steps.throw(error))}
                error = next((one for key in pieces if (one := self.came.get(key)) is not None), None)
                left = pieces.keys() - self.came.keys()
                if error is None and left:
                    self.wait(task, left, pieces)
                    return
        except StopIteration as end:
            self.found[task] = end.value
        except Exception as failure:  # noqa: BLE001 - what came of it
            self.found[task] = failure

    def wait(self, task: _Key, left: set[Hashable], pieces: Mapping[Hashable, Piece]) -> None:
        self.missing[task] = left
        for key in left:
            piece = self.pieces.setdefault(key, pieces[key])
            self.waiters[key].append(task)
            if key not in self.under_way:
                heapq.heappush(self.heap, (piece.rank, -len(self.waiters[key]), next(self.count), key))
