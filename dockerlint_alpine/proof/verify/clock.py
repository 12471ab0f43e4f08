"""Deadlines, and calls that are abandoned at a deadline."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

from msgspec import Struct

from dockerlint_alpine.proof.verify.errors import NotVerifiedError, PlanError
from dockerlint_alpine.system.patterns import lazy_pattern

_Item = TypeVar("_Item")
_SPAN = lazy_pattern(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|us|ns|h|m|s)?")
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str | float, where: str) -> float:
    """Give the seconds that a span says: ``10m``, ``1m30s``, ``500ms`` as compose writes them, or plain seconds.

    Raises :class:`PlanError` that begins with ``where``.
    """
    text = str(text).strip()
    found = list(_SPAN.finditer(text))
    if (
        not found
        or "".join(match[0] for match in found) != text
        or (len(found) > 1 and not all(m["unit"] for m in found))
    ):
        raise PlanError(f"{where}: {text!r} is not a duration such as 30s, 10m or 1m30s")
    return sum(float(match["number"]) * _UNITS[match["unit"] or "s"] for match in found)


class Deadline(Struct, frozen=True):
    """A moment of the monotonic clock at which something is given up."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The moment ``seconds`` from now."""
        return cls(time.monotonic() + seconds)

    def sooner(self, seconds: float) -> Deadline:
        """Give this deadline, or the moment ``seconds`` from now if that comes first."""
        return Deadline(min(self.at, time.monotonic() + seconds))

    @property
    def left(self) -> float:
        """Seconds until then; never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return self.left <= 0


def items_until(deadline: Deadline, what: str, produce: Callable[[], Iterable[_Item]]) -> Iterator[_Item]:
    """Give what ``produce`` yields, which may block for ever: it runs in a thread that is left behind at the deadline.

    What it raises is raised here. Raises :class:`NotVerifiedError` at the deadline, with ``what`` as the subject.
    """
    handed: queue.Queue[tuple[str, object]] = queue.Queue(maxsize=1000)

    def work() -> None:
        try:
            for item in produce():
                handed.put(("item", item))
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            handed.put(("error", error))
        else:
            handed.put(("end", None))

    threading.Thread(target=work, daemon=True).start()
    while True:
        try:
            kind, item = handed.get(timeout=max(0.001, deadline.left))
        except queue.Empty:
            raise NotVerifiedError(f"{what} did not finish in time") from None
        if kind == "end":
            return
        if kind == "error":
            assert isinstance(item, BaseException)
            raise item
        yield cast("_Item", item)
        if deadline.over:
            raise NotVerifiedError(f"{what} did not finish in time")
