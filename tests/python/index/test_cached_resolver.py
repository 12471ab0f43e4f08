"""The resolver of the default: kept answers, and a quick question for what nothing else tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from dockerlint_alpine.python.index.cached_resolver import MAX_AGE, CachedResolver, Network
from dockerlint_alpine.python.index.online import PythonIndex
from dockerlint_alpine.python.index.questions import Gathered, Way
from dockerlint_alpine.python.model import Facts, IndexOptions, Origin, Release, Requested, RequirementSet, Target
from dockerlint_alpine.python.requirement import parse_pep508
from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.system.deadline import Piece, Task, done_by
from tests.python.conftest import MemoryFacts
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import NO_FACTS, variables

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
    """A resolver that fills gaps on a loopback index, with what it told and how often it opened the way to the network."""

    def __init__(
        self, tmp_path: Path, index: LocalIndex, *, seconds: float = 30.0, clock: Callable[[], float] | None = None
    ) -> None:
        self.tmp_path, self.index = tmp_path, index
        self.day = TODAY.isoformat()
        self.told: list[str] = []
        self.opened: list[float] = []
        self.clock = clock or Clock()
        self.network = Network(seconds, self.open, clock=self.clock, gave_up=lambda reason, _: self.told.append(reason))

    def index_of(self, **more: object) -> PythonIndex:
        environment = {**variables(self.tmp_path), "UV_DEFAULT_INDEX": self.index.url}
        answers = self.tmp_path / "answers"
        given = {"day": self.day, **more}
        return PythonIndex(cache=answers, variables=environment, facts=lambda: NO_FACTS, **given)  # type: ignore[arg-type]

    def open(self, seconds: float | None) -> PythonIndex:
        assert seconds is not None
        self.opened.append(seconds)
        return self.index_of(timeout=seconds, quick=True)

    def resolver(self, *, today: date = TODAY, asks: bool = True, way: Way | None = None) -> CachedResolver:
        oldest = date.fromordinal(today.toordinal() - MAX_AGE).isoformat()
        given = {"asks": False, "day": today.isoformat(), "quick": True}
        kept, older = (self.index_of(oldest=one, **given) for one in (oldest, ""))
        return CachedResolver(kept, older, way=way or (self.network if asks else None))


def resolve(resolver: CachedResolver, wanted: RequirementSet, facts: Facts = NO_FACTS) -> dict[str, str | None]:
    return {one.name: one.version for one in resolver.resolve(wanted, TARGET, facts).distributions}


CERTIFI = {"certifi": "2026.1"}


def test_it_asks_once_and_then_has_the_answer(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    assert resolve(case.resolver(), wanted("certifi")) == CERTIFI
    before = len(index.requests)
    silent = case.resolver(asks=False)
    assert resolve(silent, wanted("certifi")) == CERTIFI
    assert silent.refusal == ""
    assert len(index.requests) == before
    assert {Path(path).suffix for path in silent.looked_at} == {".json"}
    assert case.told == []


def test_what_other_facts_tell_is_not_asked(tmp_path: Path, index: LocalIndex) -> None:
    facts = MemoryFacts({"known": [Release("1.0", wheels=("py3-none-any",))]}, {"known": ["certifi"]})
    assert resolve(Case(tmp_path, index).resolver(), wanted("known"), facts) == {"known": "1.0", **CERTIFI}
    assert {path for path, _ in index.requests} == {
        "/simple/certifi/",
        "/files/certifi/certifi-2026.1-py3-none-any.whl.metadata",
    }


def test_pages_age(tmp_path: Path, index: LocalIndex) -> None:
    """A page is asked for again after some days; one that has not changed is told by its ETag."""
    case = Case(tmp_path, index)
    resolve(case.resolver(), wanted("certifi"))
    young, old = (date.fromordinal(TODAY.toordinal() + MAX_AGE + more) for more in (0, 1))
    silent = case.resolver(today=young, asks=False)
    assert (resolve(silent, wanted("certifi")), silent.refusal) == (CERTIFI, "")
    silent = case.resolver(today=old, asks=False)
    assert (resolve(silent, wanted("certifi")), silent.refusal) == (CERTIFI, NOBODY_ASKED)
    index.requests.clear()
    later = Case(tmp_path, index)
    later.day = old.isoformat()
    assert resolve(later.resolver(today=old), wanted("certifi")) == CERTIFI
    assert [(path, index.answered[path]) for path, _ in index.requests] == [("/simple/certifi/", 304)]


def test_an_old_answer_is_better_than_none(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    resolve(case.resolver(), wanted("certifi"))
    index.broken = 503
    later = Case(tmp_path, index)
    later.day = "2027-06-01"
    assert resolve(later.resolver(today=date(2027, 6, 1)), wanted("certifi")) == CERTIFI


def test_without_a_network_nothing_is_asked(tmp_path: Path, index: LocalIndex) -> None:
    silent = Case(tmp_path, index).resolver(asks=False)
    assert resolve(silent, wanted("certifi")) == {"certifi": None}
    assert silent.refusal == NOBODY_ASKED
    with pytest.raises(ResolverError, match="the index is not queried"):
        silent.source_facts("sources", "1.0", IndexOptions())
    assert index.requests == []


def test_sources_are_read_and_kept(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    assert case.resolver().source_facts("sources", "1.0", IndexOptions()).pure
    before = len(index.requests)
    assert case.resolver(asks=False).source_facts("sources", "1.0", IndexOptions()).pure
    assert len(index.requests) == before


@pytest.mark.parametrize(
    "options",
    [{"index_url": "http://127.0.0.1:9/x/"}, {"extra_index_urls": ("http://127.0.0.1:9/x/",), "exclusive": True}],
)
def test_a_project_does_not_choose_whom_to_call(tmp_path: Path, index: LocalIndex, options: dict[str, object]) -> None:
    """Looking at a repository must not make the machine call the hosts that it names."""
    case = Case(tmp_path, index)
    with pytest.raises(ResolverError, match="the project names http://127"):
        resolve(case.resolver(), wanted("certifi", **options))
    with pytest.raises(ResolverError, match="the project names http://127"):
        case.resolver().source_facts("sources", "1.0", IndexOptions(**options))  # type: ignore[arg-type]
    assert resolve(case.resolver(), wanted(f"certifi @ {index.url}certifi-1-py3-none-any.whl")) == {"certifi": "1"}
    assert index.requests == []


def test_a_dead_index_is_left_alone_after_the_first_question(tmp_path: Path) -> None:
    case = Case(tmp_path, LocalIndex(url="http://127.0.0.1:9/simple/"))
    for name in ("a", "b", "c"):
        asking = case.resolver()
        resolve(asking, wanted(name))
        assert "127.0.0.1 can't be reached" in asking.refusal
    assert len(case.opened) == 1
    (line,) = case.told
    assert "127.0.0.1 can't be reached" in line


def test_a_slow_index_costs_no_more_than_the_patience(tmp_path: Path) -> None:
    with serve(LocalIndex(delay=threading.Event())) as index:
        case = Case(tmp_path, index, seconds=0.5, clock=time.monotonic)
        for name in ("a", "b"):
            asking = case.resolver()
            resolve(asking, wanted(name))
            assert asking.refusal == "a: no answer within 0.5 seconds"
    assert len(case.opened) == len(case.told) == 1


def test_the_patience_is_that_of_the_whole_run() -> None:
    clock, told = Clock(), list[str]()

    def slow() -> None:
        clock.now += 2.0

    network = Network(3.0, lambda _: None, clock=clock, gave_up=lambda reason, _: told.append(reason))  # type: ignore[arg-type,return-value]

    def work() -> dict[str, Task[None]]:
        return {"a": done_by(Piece("a", slow, "what is waited for"))}

    assert network.do_all(work()) == {}
    assert network.do_all(work()) == {}  # began in time
    assert set(network.do_all(work()).values()) == {"no answer within 3 seconds"}
    assert told == ["no answer within 3 seconds"]


def test_many_questions_are_put_at_once(tmp_path: Path, index: LocalIndex) -> None:
    """Three that wait for each other: asked one after the other they would never be answered."""
    together = threading.Barrier(3, timeout=10)
    network = Case(tmp_path, index, clock=time.monotonic).network
    ticks: list[tuple[int, int, str]] = []
    network._tick = lambda *said: ticks.append(said)
    tasks = {name: done_by(Piece(name, together.wait, f"what {name} is")) for name in "abc"}
    assert network.do_all(tasks) == {}
    assert (3, 3, "") in ticks
    assert ticks[-1] == (0, 0, "")


def test_a_mistake_of_ours_is_not_taken_for_silence(tmp_path: Path, index: LocalIndex) -> None:
    def wrong() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        Case(tmp_path, index).network.do_all({"a": done_by(Piece("a", wrong))})


def test_what_is_gathered_is_put_later(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index, clock=time.monotonic)
    refused: dict[str, str] = {}
    way = Gathered(refused)
    gathering = case.resolver(way=way)
    for line in (1, 2):  # where it is written makes no difference
        assert resolve(gathering, RequirementSet((parse_pep508("certifi", Origin("r.txt", line)),))) == {
            "certifi": None
        }
    with pytest.raises(ResolverError, match="not asked yet"):
        gathering.source_facts("sources", "9.0", IndexOptions())
    assert len(gathering.open) == 2
    assert index.requests == []
    refused |= case.network.do_all(case.network.tasks(gathering.open))
    gathering.open.clear()
    assert resolve(gathering, wanted("certifi")) == CERTIFI
    with pytest.raises(ResolverError, match="has no sdist"):
        gathering.source_facts("sources", "9.0", IndexOptions())
    assert gathering.open == {}


def test_what_is_not_there_is_no_reason_to_give_up(tmp_path: Path, index: LocalIndex) -> None:
    case = Case(tmp_path, index)
    found = case.resolver().resolve(wanted("nothing-of-this-name"), TARGET, NO_FACTS)
    assert [one.reason for one in found.unresolved] == ["the index has no nothing-of-this-name"]
    assert resolve(case.resolver(), wanted("certifi")) == CERTIFI
    assert case.told == []


def test_what_came_in_counts_when_time_is_up(tmp_path: Path, index: LocalIndex) -> None:
    """The page that never comes costs the answer about its own distribution."""
    index.add_wheel("never", "1.0", "py3-none-any")
    index.held = "/simple/never/"
    index.delay = threading.Event()
    case = Case(tmp_path, index, seconds=1.0, clock=time.monotonic)
    asking = case.resolver()
    found = asking.resolve(wanted("certifi", "never"), TARGET, NO_FACTS)
    assert {one.name: one.version for one in found.distributions} == {"never": None, **CERTIFI}
    assert asking.refusal == "never: no answer within 1 seconds"
    assert case.told == ["never: no answer within 1 seconds"]


def test_a_large_file_costs_the_others_nothing_and_is_left_alone_that_day(tmp_path: Path, index: LocalIndex) -> None:
    """What small sdists require is asked for before the large one is, round for round."""
    index.add_sdist("huge", "1.0", ["certifi"], extra={"size": 30_000_000})
    index.add_sdist("small", "1.0", ["smaller"], extra={"size": 3_000})
    index.add_sdist("smaller", "1.0", ["certifi"])
    index.held = "/files/huge/"
    index.delay = threading.Event()
    case = Case(tmp_path, index, seconds=1.0, clock=time.monotonic)
    versions = {"huge": "1.0", "small": "1.0", "smaller": "1.0", **CERTIFI}
    asking = case.resolver()
    assert resolve(asking, wanted("huge", "small")) == versions
    assert asking.refusal == "huge: no answer within 1 seconds"
    assert case.network.lost is None
    assert resolve(case.resolver(), wanted("certifi")) == CERTIFI  # there is time for others
    assert case.told == ["huge: no answer within 1 seconds"]

    again = Case(tmp_path, index, seconds=10.0, clock=time.monotonic)
    found = again.resolver().resolve(wanted("huge", "small"), TARGET, NO_FACTS)
    assert {one.name: one.version for one in found.distributions} == versions
    (why,) = [one.reason for one in found.unresolved]
    assert why == "the sdist of huge 1.0 (30 MB) took too long for a quick query: --online waits for it"
    assert again.told == []
    asked = [path for path, _ in index.requests if path.startswith("/files/huge/")]
    assert len(asked) == 1
    index.delay.set()
    again.day = "2026-11-28"
    again.network = Network(10.0, again.open, clock=time.monotonic, gave_up=lambda *_: None)
    assert not again.resolver(today=date(2026, 11, 28)).resolve(wanted("huge"), TARGET, NO_FACTS).unresolved
