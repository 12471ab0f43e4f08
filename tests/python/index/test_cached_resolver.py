"""The resolver of the default: kept answers, and a quick question for what nothing else tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from dockerlint_alpine.python.index.answers import AnswerCache
from dockerlint_alpine.python.index.cached_resolver import MAX_AGE, KeptResolver, Network
from dockerlint_alpine.python.index.online import UvResolver
from dockerlint_alpine.python.index.questions import Gathered
from dockerlint_alpine.python.model import IndexOptions, Origin, Requested, RequirementSet, Resolution, Target
from dockerlint_alpine.python.requirement import parse_pep508
from dockerlint_alpine.python.resolve import NoAnswerError, ResolverError
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import resolver

TARGET = Target("3.11", musl=(1, 2))
TODAY = date(2026, 11, 27)


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    found = LocalIndex()
    found.add_wheel("certifi", "2026.1", "py3-none-any")
    found.add_sdist("sources", "1.0", [], {"setup.py": "from setuptools import setup\nsetup()\n"})
    with serve(found):
        yield found


def wanted(*texts: str, **options: object) -> RequirementSet:
    requested: list[Requested] = [parse_pep508(text, Origin("requirements.txt", 1)) for text in texts]
    return RequirementSet(requested=tuple(requested), options=IndexOptions(**options))  # type: ignore[arg-type]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Case:
    """A sparing resolver on a loopback index, with what it told and how often it opened the way to the network."""

    def __init__(
        self, tmp_path: Path, index: LocalIndex, *, seconds: float = 30.0, clock: Callable[[], float] | None = None
    ) -> None:
        self.tmp_path, self.index = tmp_path, index
        self.day = TODAY.isoformat()
        self.told: list[str] = []
        self.opened: list[float] = []
        self.clock = clock or Clock()
        self.network = Network(seconds, self.open, clock=self.clock, gave_up=self.told.append)

    def open(self, seconds: float | None) -> UvResolver:
        assert seconds is not None
        self.opened.append(seconds)
        return resolver(self.tmp_path, {"UV_DEFAULT_INDEX": self.index.url}, timeout=seconds, quick=True, day=self.day)

    def resolver(self, *, today: date = TODAY, asks: bool = True) -> KeptResolver:
        answers = AnswerCache(self.tmp_path / "answers")
        return KeptResolver(answers, today=today, way=self.network if asks else None)


def versions(found: Resolution | None) -> dict[str, str | None]:
    assert found is not None
    return {one.name: one.version for one in found.distributions}


def test_it_asks_once_and_then_has_the_answer(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    assert case.resolver().recall(wanted("certifi"), TARGET) is None
    assert versions(case.resolver().resolve(wanted("certifi"), TARGET)) == {"certifi": "2026.1"}
    before = len(index.requests)
    silent = case.resolver(asks=False)
    assert versions(silent.recall(wanted("certifi"), TARGET)) == {"certifi": "2026.1"}
    assert len(index.requests) == before
    assert {Path(path).suffix for path in silent.looked_at} == {".json"}
    assert case.told == []


def test_answers_age(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    case.resolver().resolve(wanted("certifi"), TARGET)
    young, old = date.fromordinal(TODAY.toordinal() + MAX_AGE), date.fromordinal(TODAY.toordinal() + MAX_AGE + 1)
    assert case.resolver(today=young).recall(wanted("certifi"), TARGET) is not None
    assert case.resolver(today=old).recall(wanted("certifi"), TARGET) is None


def test_an_old_answer_is_better_than_none(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    case.resolver().resolve(wanted("certifi"), TARGET)
    gone = LocalIndex(url="http://127.0.0.1:9/simple/")
    later = Case(tmp_path, gone)
    later.day = "2027-06-01"
    assert versions(later.resolver(today=date(2027, 6, 1)).resolve(wanted("certifi"), TARGET)) == {"certifi": "2026.1"}
    assert len(later.told) == 1


def test_without_a_network_nothing_is_asked(tmp_path: Path, index: LocalIndex) -> None:
    with pytest.raises(ResolverError, match="the index is not asked"):
        Case(tmp_path, index).resolver(asks=False).resolve(wanted("certifi"), TARGET)
    with pytest.raises(ResolverError, match="the index is not asked"):
        Case(tmp_path, index).resolver(asks=False).source_facts("sources", "1.0", IndexOptions())
    assert index.requests == []


def test_sources_are_read_and_kept(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    assert case.resolver().source_facts("sources", "1.0", IndexOptions()).pure
    before = len(index.requests)
    assert case.resolver(asks=False).source_facts("sources", "1.0", IndexOptions()).pure
    assert len(index.requests) == before


@pytest.mark.parametrize(
    "options",
    [
        {"index_url": "{url}"},
        {"extra_index_urls": ("{url}",)},
        {"find_links": ("{url}",)},
    ],
)
def test_a_project_does_not_choose_whom_to_call(tmp_path: Path, index: LocalIndex, options: dict[str, object]) -> None:
    """Looking at a repository must not make the machine call the hosts that it names."""
    told = {
        name: value.format(url=index.url) if isinstance(value, str) else (index.url,) for name, value in options.items()
    }
    case = Case(tmp_path, index)
    with pytest.raises(ResolverError, match="only --online"):
        case.resolver().resolve(wanted("certifi", **told), TARGET)
    with pytest.raises(ResolverError, match="only --online"):
        case.resolver().source_facts("sources", "1.0", IndexOptions(**told))  # type: ignore[arg-type]
    with pytest.raises(ResolverError, match="only --online"):
        case.resolver().resolve(wanted(f"certifi @ {index.url}certifi-1-py3-none-any.whl"), TARGET)
    assert index.requests == []


def test_a_dead_index_is_left_alone_after_the_first_question(tmp_path: Path) -> None:
    case = Case(tmp_path, LocalIndex(url="http://127.0.0.1:9/simple/"))
    for name in ("a", "b", "c"):
        with pytest.raises(NoAnswerError):
            case.resolver().resolve(wanted(name), TARGET)
    assert len(case.opened) == 1
    (line,) = case.told
    assert "127.0.0.1 can't be reached" in line


def test_a_slow_index_costs_no_more_than_the_patience(tmp_path: Path) -> None:
    with serve(LocalIndex(delay=threading.Event())) as index:
        case = Case(tmp_path, index, seconds=0.5, clock=time.monotonic)
        for name in ("a", "b"):
            with pytest.raises(NoAnswerError):
                case.resolver().resolve(wanted(name), TARGET)
    assert len(case.opened) == len(case.told) == 1


def test_the_patience_is_that_of_the_whole_run() -> None:
    clock, told = Clock(), list[str]()

    def slow() -> None:
        clock.now += 2.0

    network = Network(3.0, lambda _: None, clock=clock, gave_up=told.append)  # type: ignore[arg-type,return-value]
    work = {"a": ("what is waited for", slow)}
    assert network.do_all(work) == {}
    assert network.do_all(work) == {}  # began in time
    assert set(network.do_all(work).values()) == {"what is waited for: no answer within 3 seconds"}
    assert told == ["what is waited for: no answer within 3 seconds"]


def test_many_questions_are_put_at_once(tmp_path: Path, index: LocalIndex) -> None:
    """Three that wait for each other: asked one after the other they would never be answered."""
    together = threading.Barrier(3, timeout=10)
    network = Case(tmp_path, index, clock=time.monotonic).network
    ticks: list[tuple[int, int, str]] = []
    network._tick = lambda *said: ticks.append(said)
    assert network.do_all({name: (f"what {name} is", lambda: together.wait()) for name in "abc"}) == {}
    assert (3, 3, "") in ticks
    assert ticks[-1] == (0, 0, "")


def test_a_mistake_of_ours_is_not_taken_for_silence(tmp_path: Path, index: LocalIndex) -> None:
    def wrong() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        Case(tmp_path, index).network.do_all({"a": ("a", wrong)})


def test_what_is_gathered_is_put_later(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index, clock=time.monotonic)
    refused: dict[str, str] = {}
    gathering = KeptResolver(AnswerCache(tmp_path / "answers"), today=TODAY, way=Gathered(refused, None))
    for _ in range(2):
        with pytest.raises(ResolverError, match="not asked yet"):
            gathering.resolve(wanted("certifi"), TARGET)
    with pytest.raises(ResolverError, match="not asked yet"):
        gathering.source_facts("sources", "9.0", IndexOptions())
    assert sorted(one.shown for one in gathering.open.values()) == ["certifi", "the sdist of sources"]
    assert index.requests == []
    refused |= case.network.do_all(case.network.questions(gathering.open))
    assert versions(gathering.resolve(wanted("certifi"), TARGET)) == {"certifi": "2026.1"}
    gathering.open.clear()
    with pytest.raises(ResolverError, match="has no sdist"):
        gathering.source_facts("sources", "9.0", IndexOptions())
    assert gathering.open == {}


def test_what_is_not_there_is_no_reason_to_give_up(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    found = case.resolver().resolve(wanted("nothing-of-this-name"), TARGET)
    assert [one.reason for one in found.unresolved] == ["the index has no nothing-of-this-name"]
    assert versions(case.resolver().resolve(wanted("certifi"), TARGET)) == {"certifi": "2026.1"}
    assert case.told == []
