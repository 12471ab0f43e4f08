"""A sweep on this machine: one process per CPU core, each with one repository at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.sweep.child import Child, ended
from dockerlint_alpine.sweep.judging import merged

if TYPE_CHECKING:
    from dockerlint_alpine.sweep.plan import Outcome, Plan, Task

_LONGEST_WAIT = 1.0


def sweep(plan: Plan, tasks: Iterable[Task], processes: int) -> Iterator[Outcome]:
    """Judge all ``tasks`` in ``processes`` processes; outcomes come as they are ready, one a repository.

    A repository whose process dies is tried once more, by itself in a new process. Closing the generator ends all of them.
    Raises BrokenInstallationError.
    """
    children = [Child(plan) for _ in range(max(1, processes))]
    waiting = iter(tasks)
    again: deque[Task] = deque()
    tried = set[tuple[int, int]]()
    whole = Slices()
    try:
        while True:
            for child in children:
                if child.task is None:
                    task = again.popleft() if again else next(waiting, None)
                    if task is not None:
                        child.give(task)
            busy = [child for child in children if child.task is not None]
            if not busy:
                return
            for child in _ready(busy):
                task = child.task
                assert task is not None
                outcome = child.give_up() if child.remaining <= 0 and not child.connection.poll() else child.outcome()
                if outcome is None:
                    key = (task.number, task.first)
                    if key not in tried:
                        tried.add(key)
                        again.append(task)
                        continue
                    outcome = ended(task)
                again.extend(replace(task, first=first) for first in outcome.more)
                found = whole.add(outcome)
                if found is not None:
                    yield found
    finally:
        for child in children:
            child.stop()


def _ready(busy: list[Child]) -> list[Child]:
    """Those that have an answer, are gone, or are over their time."""
    while True:
        soonest = min(child.remaining for child in busy)
        by_connection: dict[object, Child] = {child.connection: child for child in busy}
        connections: list[Connection] = [child.connection for child in busy]
        ready = [by_connection[one] for one in wait(connections, min(soonest, _LONGEST_WAIT))]
        late = [child for child in busy if child.remaining <= 0 and child not in ready]
        if ready or late:
            return ready + late


class Slices:
    """Puts the parts of large repositories together again."""

    def __init__(self) -> None:
        self._parts: dict[int, list[Outcome]] = {}
        self._left: dict[int, int] = {}

    def add(self, outcome: Outcome) -> Outcome | None:
        """The outcome of the whole repository, once its last part is here."""
        number = outcome.task.number
        if not outcome.more and number not in self._left:
            return outcome
        if outcome.task.first == 0:
            self._left[number] = self._left.get(number, 0) + len(outcome.more) + 1
        self._parts.setdefault(number, []).append(outcome)
        self._left[number] -= 1
        if self._left[number]:
            return None
        del self._left[number]
        return merged(self._parts.pop(number))
