"""Cancellation of long work: the worker regularly asks whether the result is still wanted.

An editor's text is judged while the next one is typed. A thread can't be stopped from outside at a safe point; between two
instructions or two checks everything that is kept is complete.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

_given_up: ContextVar[Event | None] = ContextVar("given_up", default=None)


class GivenUpError(Exception):
    """Nobody waits for the answer any more."""


def pulse() -> None:
    """Raise :class:`GivenUpError` where the work was given up; nothing happens where it can't be."""
    event = _given_up.get()
    if event is not None and event.is_set():
        raise GivenUpError


@contextmanager
def may_be_given_up(event: Event) -> Iterator[None]:
    """Within the context, :func:`pulse` raises as soon as ``event`` is set."""
    token = _given_up.set(event)
    try:
        yield
    finally:
        _given_up.reset(token)
