"""Tasks that share their work, in order and in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from dockerlint_alpine.system.deadline import Piece, Task, all_within, done_by, within


def test_a_piece_that_several_wait_for_is_done_once_and_the_small_ones_first() -> None:
    done: list[str] = []

    def piece(name: str, rank: int) -> Piece:
        return Piece(name, lambda: done.append(name), name, rank)

    def task(own: str) -> Task[str]:
        yield [piece("shared", 1), piece(own, 2)]
        yield [piece("small", 0), piece("shared", 1)]
        return f"{own} {'small' in done}"

    assert all_within(10, {one: task(one) for one in ("a", "b")}, at_once=1) == {"a": "a True", "b": "b True"}
    assert sorted(done) == ["a", "b", "shared", "small"]
    assert done[0] == "shared"
    assert done.index("small") == 2  # before what the other task waits for


def test_an_error_of_a_piece_is_raised_in_those_that_wait_for_it() -> None:
    def fails() -> None:
        raise KeyError("ours")

    def goes_on() -> Task[str]:
        try:
            yield [Piece("bad", fails)]
        except KeyError:
            yield [Piece("good", lambda: None)]
        return "went on"

    found = all_within(10, {"a": goes_on(), "b": done_by(Piece("bad", fails)), "c": goes_on()}, at_once=2)
    assert (found["a"], found["c"]) == ("went on", "went on")
    assert isinstance(found["b"], KeyError)


def test_what_is_late_is_missing_and_ended() -> None:
    never, ended = threading.Event(), list[str]()

    def waits() -> Task[None]:
        try:
            yield [Piece("never", lambda: never.wait(5), "what never comes")]
        finally:
            ended.append("closed")

    ticks: list[tuple[int, int, str]] = []
    start = time.monotonic()
    tasks: dict[str, Task[None]] = {"late": waits(), "soon": done_by(Piece("soon", lambda: None))}
    assert set(all_within(0.3, tasks, at_once=4, tick=lambda *told: ticks.append(told))) == {"soon"}
    assert time.monotonic() - start < 2
    assert ended == ["closed"]
    assert ticks[-1] == (1, 2, "what never comes")
    never.set()


def test_within_hands_over_what_it_raises() -> None:
    assert within(5, lambda: 3) == 3
    with pytest.raises(KeyError):
        within(5, lambda: {}["x"])
    with pytest.raises(TimeoutError, match=r"no answer within 0\.1 seconds"):
        within(0.1, lambda: time.sleep(1))


def nothing() -> Iterator[Piece]:
    return iter(())


def test_a_task_without_work_is_done_at_once() -> None:
    def task() -> Task[str]:
        yield nothing()
        return "done"

    assert all_within(5, {"a": task()}, at_once=1) == {"a": "done"}
