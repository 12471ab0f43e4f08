"""A record behaves as the standard library's dataclass of the same text does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from functools import cached_property
from typing import Any

import pytest

from dockerlint_alpine.records import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """Every kind of field."""

    x: int
    y: int = 2
    names: list[str] = dataclasses.field(default_factory=list)
    hidden: int = dataclasses.field(default=7, repr=False, compare=False)
    made: dict[str, int] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Peer:
    """The same by the standard library."""

    x: int
    y: int = 2
    names: list[str] = dataclasses.field(default_factory=list)
    hidden: int = dataclasses.field(default=7, repr=False, compare=False)
    made: dict[str, int] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)


@dataclass(frozen=True)
class Cached:
    """Without slots, with something worked out once."""

    x: int

    @cached_property
    def double(self) -> int:
        return 2 * self.x


@dataclass
class Open:
    """May be changed."""

    x: int = 1


@dataclass(frozen=True, eq=False)
class Below(Cached):
    """One field more than the class above it, which does the comparing."""

    y: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """Refuses a wrong value, and says what it is in its own words."""

    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("negative")

    def __repr__(self) -> str:
        return "mine"


@pytest.mark.parametrize("given", [((1,), {}), ((1, 3), {"names": ["a"]}), ((), {"x": 1, "hidden": 9})])
def test_fields_text_order_and_replacing_are_those_of_the_standard_library(given: tuple[Any, dict[str, Any]]) -> None:
    ours, theirs = Point(*given[0], **given[1]), Peer(*given[0], **given[1])
    assert repr(ours) == repr(theirs).replace("Peer", "Point")
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert [one.name for one in dataclasses.fields(Point)] == [one.name for one in dataclasses.fields(Peer)]
    assert dataclasses.replace(ours, y=5) == Point(ours.x, 5, ours.names)
    assert Point.__match_args__ == Peer.__match_args__
    assert not hasattr(ours, "__dict__")


@pytest.mark.parametrize("wrong", [((), {}), ((1, 2, [], 4, {}), {}), ((1,), {"z": 1}), ((1,), {"made": {}})])
def test_wrong_arguments_are_refused_each_time(wrong: tuple[Any, dict[str, Any]]) -> None:
    for _ in range(2):
        with pytest.raises(TypeError, match="__init__"):
            Point(*wrong[0], **wrong[1])


def test_the_first_objects_are_made_as_the_later_ones() -> None:
    @dataclass(frozen=True, slots=True)
    class One:
        a: int
        b: list[int] = dataclasses.field(default_factory=list)
        c: str = "c"
        d: int = dataclasses.field(default=4, init=False)

    made = [(One(1), One(1, [2]), One(a=1, c="x"), One(1, c="x", b=[3])) for _ in range(60)]
    assert all(four == made[0] for four in made)
    assert len({id(one.b) for four in made for one in four[:1]}) == 60
    assert One.__init__.__code__.co_varnames[:2] == ("self", "a")  # by now it is the compiled one
    with pytest.raises(TypeError, match="multiple values"):
        One(1, a=2)


@pytest.mark.parametrize("wrong", [((1,), {"x": 2}), ((), {}), ((1, 2), {})])
def test_the_first_object_of_all_may_be_wrong(wrong: tuple[Any, dict[str, Any]]) -> None:
    @dataclass
    class Fresh:
        x: int

    with pytest.raises(TypeError, match="__init__"):
        Fresh(*wrong[0], **wrong[1])
    assert Fresh(1).x == 1


def test_equality_and_hash_leave_out_what_does_not_count() -> None:
    assert Point(1, hidden=1) == Point(1, hidden=2)
    assert Point(1) != Peer(1)
    assert Point(1) != Point(2)
    assert hash(Cached(1)) == hash(Cached(1))
    assert Cached(1) == Cached(1)
    assert Below(1, 1) == Below(1, 2)  # what it inherits counts
    assert Open() == Open(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Open())


def test_frozen_ones_can_not_be_changed_and_others_can() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="'x'"):
        Point(1).x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError, match="'x'"):
        del Cached(1).x
    assert Cached(4).double == 8
    one = Open()
    one.x = 3
    assert one == Open(3)


def test_defaults_that_are_made_are_made_for_each() -> None:
    assert Point(1).names is not Point(1).names
    assert Point(1).made == {}


@pytest.mark.parametrize("one", [Point(1, 2, ["a"], 3), Cached(2), Open(4)], ids=lambda one: type(one).__name__)
def test_they_travel_to_other_processes_and_are_copied(one: object) -> None:
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one) == one


def test_own_methods_and_checks_stay() -> None:
    assert repr(Checked(1)) == "mine"
    with pytest.raises(ValueError, match="negative"):
        Checked(-1)
    assert (Below(1, 2).x, Below(1, 2).y, Below(3).double) == (1, 2, 6)


def test_an_endless_text_ends() -> None:
    ring = Open()
    ring.x = ring  # type: ignore[assignment]
    assert repr(ring) == "Open(x=...)"


def test_the_way_of_a_check_imports_no_dataclass_that_compiles_its_methods_at_once() -> None:
    code = (
        "import dataclasses, sys\n"
        "whole = dataclasses._process_class\n"
        "def seen(cls, init, *rest, **named):\n"
        "    if init and cls.__module__.startswith('dockerlint_alpine'):\n"
        "        print(cls.__module__, cls.__name__)\n"
        "    return whole(cls, init, *rest, **named)\n"
        "dataclasses._process_class = seen\n"
        "import dockerlint_alpine.analysis, dockerlint_alpine.cli.check, dockerlint_alpine.report.text\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
