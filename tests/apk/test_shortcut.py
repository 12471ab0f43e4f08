"""The short way against the solver: wherever it answers, the solver answers the same, in whichever scope it looks."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dockerlint_alpine.apk import Index, IndexStore, World
from dockerlint_alpine.apk import world as worlds
from dockerlint_alpine.apk.apkindex import ApkIndex, Record
from dockerlint_alpine.apk.behaviour import BEHAVIOURS, Behaviour
from dockerlint_alpine.apk.build import write_database
from dockerlint_alpine.apk.catalog import Catalog, Layer
from dockerlint_alpine.apk.database import Database
from dockerlint_alpine.apk.outcome import Outcome, run, shortcut, solved
from dockerlint_alpine.apk.preference import ranked
from dockerlint_alpine.apk.shortcut import Pair
from dockerlint_alpine.apk.snapshot import Snapshot
from dockerlint_alpine.apk.solver import Solver
from dockerlint_alpine.apk.solver_state import Request

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""To shrink an example takes minutes."""
Seen = list[tuple[str, Request]]


def pairs_of(solver: Solver) -> list[Pair]:
    return [(one.old.package if one.old else None, one.new.package if one.new else None) for one in solver.changes]


def gone(pairs: Sequence[Pair]) -> list[str]:
    return sorted(old.spec for old, new in pairs if old is not None and new is None)


def stays(pairs: Sequence[Pair]) -> list[str]:
    """What is there in the end, in order, and what is new of it."""
    return [f"{new.spec} {'kept' if old is not None else 'new'}" for old, new in pairs if new is not None]


@contextmanager
def compared(solvers: Callable[[Catalog, Behaviour, Request], Iterator[Solver]]) -> Iterator[Seen]:
    """Every question that worlds ask meanwhile goes both ways; what became of each is kept."""
    seen: Seen = []

    def both(catalog: Catalog, behaviour: Behaviour, request: Request) -> Outcome:
        pairs = shortcut(catalog, behaviour, request.repositories).answer(request)
        failed = False
        for solver in solvers(catalog, behaviour, request):
            failed = failed or bool(solver.errors)
            if pairs is not None:
                assert not solver.errors, request
                assert stays(pairs) == stays(pairs_of(solver)), request
                assert gone(pairs) == gone(pairs_of(solver)), request
        seen.append(("short" if pairs is not None else "failed" if failed else "unsure", request))
        return run(catalog, behaviour, request)

    before = worlds.run
    worlds.run = both
    try:
        yield seen
    finally:
        worlds.run = before


def as_shipped(catalog: Catalog, behaviour: Behaviour, request: Request) -> Iterator[Solver]:
    yield solved(catalog, behaviour, request)


def in_every_scope(catalog: Catalog, behaviour: Behaviour, request: Request) -> Iterator[Solver]:
    for scope in ("near", "near-reluctant", "all"):
        solver = Solver(catalog, behaviour, request, scope)
        solver.solve()
        yield solver


def life(index: Index, steps: Sequence[tuple[str, Sequence[str]]]) -> None:
    """The worlds of a stage."""
    world = World.of(index)
    for step, names in steps:
        virtual = ".deps" if step == "virtual" else None
        world = world.remove(*names) if step == "del" else world.add(*names, virtual=virtual)


BASE = ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"]
PYTHON = [
    "so:libc.musl-x86_64.so.1",
    "so:libffi.so.8",
    "so:libz.so.1",
    "so:libsqlite3.so.0",
    "ca-certificates",
    "tzdata",
]
USUAL = (
    "gcc g++ musl-dev make cmake git curl tini bash libffi-dev openssl-dev postgresql-dev libpq mariadb-dev jpeg-dev"
    " zlib-dev libxml2-dev libxslt-dev freetype-dev python3 py3-pip python3-dev rust cargo linux-headers nginx supervisor"
    " openssh-client su-exec tzdata jq build-base gettext libmagic file ffmpeg imagemagick nodejs sqlite-dev xz-dev"
).split()


@pytest.mark.parametrize("release", ["3.16", "3.17", "3.18", "3.19", "3.20", "3.21", "3.22"])
def test_usual_sets_take_the_short_way_and_the_solver_agrees(store: IndexStore, release: str) -> None:
    chance = random.Random(release)
    index = store.open(release)
    with compared(as_shipped) as seen:
        for _ in range(6):
            run_time, build = chance.sample(USUAL, 4), chance.sample(USUAL, 6)
            life(index, [("add", BASE + PYTHON), ("add", run_time), ("virtual", build), ("del", [".deps"])])
    ways = [way for way, _ in seen if way != "failed"]
    assert len(ways) > 15
    assert ways.count("short") >= (0.9 if release >= "3.17" else 0.6) * len(ways)


@settings(phases=QUICK)
@given(data=st.data())
def test_any_packages_of_a_real_index(store: IndexStore, data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(store.sources()))
    index = store.open(source.release, source.arch, (source.repository,))
    packages = index.names("")
    some = st.lists(st.sampled_from(packages), min_size=1, max_size=3)
    with compared(as_shipped):
        life(index, [("add", data.draw(some)), ("virtual", data.draw(some)), ("del", [".deps", *data.draw(some)])])


NAMES = ["a", "b", "c", "d", "e", "f"]
VIRTUAL = ["v", "w", "so:x"]
version = st.sampled_from(["1-r0", "2-r0"])
operator = st.sampled_from(["", "", "", "=1-r0", ">1-r0", "<2-r0"])


def constraints(names: Sequence[str], most: int, *, negative: bool = True) -> st.SearchStrategy[list[str]]:
    bang = st.sampled_from(["", "", "", "", "!"] if negative else [""])
    one = st.builds(lambda mark, name, test: f"{mark}{name}{test}", bang, st.sampled_from(names), operator)
    return st.lists(one, max_size=most, unique=True)


record = st.builds(
    Record,
    name=st.sampled_from(NAMES),
    version=version,
    arch=st.just("x86_64"),
    depends=constraints(NAMES + VIRTUAL, 3).map(" ".join),
    provides=st.lists(
        st.builds(
            lambda name, way: f"{name}{way}", st.sampled_from([*VIRTUAL, "a"]), st.sampled_from(["", "=1", "=2"])
        ),
        max_size=2,
        unique_by=lambda one: one.partition("=")[0],
    ).map(" ".join),
    install_if=st.one_of(st.just(""), st.just(""), constraints(NAMES + VIRTUAL, 2).map(" ".join)),
    # A list that begins with a negative condition turns the short way off for apk-tools 3.
    priority=st.sampled_from([0, 0, 10, 20]),
    origin=st.just("a"),
    built=st.just(0),
)


@contextmanager
def made(records: Sequence[Record], tools: str) -> Iterator[Index]:
    """An index of ``records`` in one or two repositories, as the solver of ``tools`` sees it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v3.19.sqlite"
        half = len(records) * 3 // 4
        parts = [("main", records[:half]), ("community", records[half:])]
        snapshots = [Snapshot("3.19", name, "x86_64", ApkIndex("", tuple(part))) for name, part in parts]
        write_database(path, snapshots)
        database = Database(path)
        layers = [Layer(database, one.number, one.repository, "x86_64", one.triggers) for one in database.snapshots()]
        yield Index("3.19", "x86_64", (), layers, BEHAVIOURS[tools], rank=ranked)
        database.close()


@settings(phases=QUICK)
@given(
    records=st.lists(record, min_size=3, max_size=8, unique_by=lambda one: (one.name, one.version)),
    tools=st.sampled_from(sorted(BEHAVIOURS)),
    before=constraints(NAMES, 2),
    first=constraints(NAMES + VIRTUAL, 2),
    virtual=constraints(NAMES + VIRTUAL, 2, negative=False),
    removed=st.lists(st.sampled_from([".deps", *NAMES]), min_size=1, max_size=2),
)
def test_any_small_index(
    records: list[Record], tools: str, before: list[str], first: list[str], virtual: list[str], removed: list[str]
) -> None:
    with made(records, tools) as index, compared(in_every_scope):
        life(index, [("add", before), ("add", first), ("virtual", virtual), ("del", removed)])


def plain(name: str, depends: str = "", **fields: str | int) -> Record:
    text = {"provides": "", "install_if": "", "version": "1-r0", "priority": 0, **fields}
    return Record(name=name, arch="x86_64", depends=depends, origin=name, built=0, **text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("records", "asked", "short"),
    [
        ([plain("a", "b so:x"), plain("b"), plain("c", provides="so:x=1")], ["a"], True),
        ([plain("a", "v"), plain("b", provides="v", priority=9), plain("c", provides="v", priority=1)], ["a"], True),
        (
            [plain("a", "v"), plain("b", provides="v", priority=9), plain("c", provides="v", priority=1)],
            ["a", "c"],
            False,
        ),
        ([plain("a", "v"), plain("b", provides="v"), plain("c", provides="v")], ["a", "c"], False),
        ([plain("a", "!b"), plain("b"), plain("c")], ["a", "c"], True),
        ([plain("a", "!b"), plain("b"), plain("c", "b")], ["a", "c"], False),
        ([plain("a"), plain("a-doc", install_if="a docs"), plain("docs")], ["a", "docs"], True),
        ([plain("a"), plain("a-x", install_if="a !c"), plain("c")], ["a"], False),
        ([plain("a"), plain("a", version="2-r0")], ["a"], True),
        ([plain("a"), plain("a", version="2-r0")], ["a<2-r0"], False),
        ([plain("a", provides="so:x=1"), plain("b", provides="so:x=1")], ["a", "b"], False),
    ],
)
def test_what_is_certain_and_what_is_not(records: list[Record], asked: list[str], *, short: bool) -> None:
    with made(records, "2.14.4") as index, compared(in_every_scope) as seen:
        World.of(index, asked)
    assert (seen[0][0] == "short") is short


def test_apk_del_of_what_the_world_would_take_is_left_to_the_solver() -> None:
    records = [plain("a", "missing"), plain("d", version="2-r0", provides="a=2")]
    with made(records, "2.14.9") as index, compared(in_every_scope) as seen:
        life(index, [("add", ["a"]), ("del", ["d"])])
    assert [way for way, _ in seen] == ["short", "short", "failed"]
