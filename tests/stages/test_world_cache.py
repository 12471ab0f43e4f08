from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.python.model import Origin, Requested, RequirementSet, Target
from dockerlint_alpine.stages import WorldCache

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge

TARGET = Target("3.11", musl=(1, 2))


def test_the_least_recently_used_answer_goes_first() -> None:
    cache = WorldCache(limit=2)
    made: list[str] = []

    def ask(name: str) -> str:
        return cache.recall(name, lambda: made.append(name) or name.upper())

    assert [ask("a"), ask("b"), ask("a"), ask("c"), ask("a"), ask("b")] == ["A", "B", "A", "C", "A", "B"]
    assert made == ["a", "b", "c", "b"]
    assert len(cache) == 2


def wanted(text: str, path: str, line: int, **fields: object) -> Requested:
    name, equals, version = text.partition("==")
    return Requested(text, name, Origin(path, line), specifier=equals + version, chain=(f"{path}:{line}",), **fields)


def resolve(cache: WorldCache, knowledge: Knowledge, *requested: Requested, constraints: tuple[Requested, ...] = ()):
    found = RequirementSet(requested=requested, constraints=constraints)
    return cache.resolution(found, TARGET, knowledge.facts, installed={}, as_of=None, no_deps=False)


def test_the_same_requirements_elsewhere_are_resolved_once_and_keep_their_own_origins(knowledge: Knowledge) -> None:
    cache = WorldCache()
    first = resolve(cache, knowledge, wanted("lz4==4.4.5", "a.txt", 1))
    second = resolve(cache, knowledge, wanted("lz4==4.4.5", "sub/b.txt", 7))
    assert len(cache) == 1
    assert [(one.chain, one.origin) for one in first.distributions] == [(("a.txt:1",), Origin("a.txt", 1))]
    assert [(one.chain, one.origin) for one in second.distributions] == [(("sub/b.txt:7",), Origin("sub/b.txt", 7))]


def test_chains_go_on_below_a_requirement(knowledge: Knowledge) -> None:
    found = resolve(WorldCache(), knowledge, wanted("clickhouse-connect==0.8.18", "r.txt", 3))
    lz4 = next(one for one in found.distributions if one.name == "lz4")
    assert lz4.chain == ("r.txt:3", "clickhouse-connect", "lz4")


def test_reasons_name_the_real_places(knowledge: Knowledge) -> None:
    found = resolve(
        WorldCache(), knowledge, wanted("lz4==4.4.5", "r.txt", 1), constraints=(wanted("lz4==4.0.0", "c.txt", 2),)
    )
    (problem,) = found.unresolved
    assert "r.txt:1" in problem.reason
    assert "c.txt:2" in problem.reason
    assert "\x00" not in repr(found)


def test_another_target_is_another_question(knowledge: Knowledge) -> None:
    cache = WorldCache()
    one = RequirementSet(requested=(wanted("lz4==4.4.5", "r.txt", 1),))
    for target in (TARGET, Target("3.12", musl=(1, 2))):
        cache.resolution(one, target, knowledge.facts, installed={}, as_of=None, no_deps=False)
    cache.resolution(one, TARGET, knowledge.facts, installed={"lz4": "4.4.5"}, as_of=None, no_deps=False)
    assert len(cache) == 3
