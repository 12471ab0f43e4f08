"""The solver against answers of the real apk on the same indexes (see make_facts.py).

A default run takes every twentieth fact of each file; ALPINE_DOCTOR_ALL_FACTS=1 takes all (some minutes).
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dockerlint_alpine.apk import Constraint, Index, IndexStore, Package, Problem, World
from dockerlint_alpine.apk.behaviour import TOOLS_2_12, TOOLS_2_14_4, TOOLS_2_14_6, TOOLS_2_14_9, TOOLS_3_0, Behaviour
from dockerlint_alpine.apk.explain import explain
from dockerlint_alpine.apk.outcome import run
from dockerlint_alpine.apk.solver_state import Request

FACTS = sorted((Path(__file__).parent / "facts").glob("*.json"))
STEP = 1 if os.environ.get("ALPINE_DOCTOR_ALL_FACTS") else 20


BEHAVIOURS = {
    "2.10.8": TOOLS_2_12,
    "2.12.7": TOOLS_2_12,
    "2.12.9": TOOLS_2_12,
    "2.12.14": TOOLS_2_14_4,
    "2.14.4": TOOLS_2_14_4,
    "2.14.6": TOOLS_2_14_6,
    "2.14.9": TOOLS_2_14_9,
    "3.0.3-r1": TOOLS_3_0,
    "3.0.6": TOOLS_3_0,
}
"""By the version that the facts were made with."""
BUILD = ".build-deps"


def solved(index: Index, fact: dict[str, Any]) -> tuple[list[str], tuple[Problem, ...]]:
    """The changes as the facts hold them, and the problems, of one question."""
    if "virtual" in fact or "del" in fact:
        return solved_by_world(index, fact)
    before = {one.name: one for one in map(Constraint.parse, fact.get("world", ()))}
    given = {one.name: one for one in map(Constraint.parse, fact["add"])}
    installed = []
    if before:
        outcome = run(index.catalog, index.behaviour, Request(tuple(before.values()), frozenset(before)))
        installed = [new for _, new in outcome.pairs if new]
    request = Request(tuple((before | given).values()), frozenset(given), installed, (), index.repositories)
    outcome = run(index.catalog, index.behaviour, request)
    tagged = any(one.tag for one in given.values())
    problems = explain(outcome.failed) if outcome.failed else tuple(Problem("tag", (), ()) for _ in range(tagged))
    return sorted(lines(outcome.pairs)), problems


def solved_by_world(index: Index, fact: dict[str, Any]) -> tuple[list[str], tuple[Problem, ...]]:
    world = World.of(index, fact.get("world", ()))
    if "virtual" in fact:
        world = world.add(*fact["virtual"], virtual=BUILD, exact_errors=True)
    if "del" in fact:
        world = world.remove(*fact["del"])
    return sorted(lines((one.old, one.new) for one in world.solution.changes)), world.problems


def lines(changes: Iterable[tuple[Package | None, Package | None]]) -> Iterator[str]:
    """``name version`` for a new package, ``-name version`` for one that goes."""
    for old, new in changes:
        if new is not None and old is None and new.name != BUILD:
            yield f"{new.name} {new.version}"
        elif old is not None and new is None and old.name != BUILD:
            yield f"-{old.name} {old.version}"


def blocks(problems: Iterable[Problem]) -> dict[str, dict[str, list[str]]]:
    return {
        problem.subject: {label: sorted(" ".join(values).split()) for label, values in problem.lines}
        for problem in problems
    }


def behaving(index: Index, behaviour: Behaviour) -> Index:
    """The same packages as another apk-tools sees them."""
    found = copy.copy(index)
    found.behaviour = behaviour
    return found


@pytest.mark.parametrize("path", FACTS, ids=lambda path: path.stem)
def test_same_answer_as_apk(store: IndexStore, path: Path) -> None:
    facts = json.loads(path.read_text("utf-8"))
    index = behaving(store.open(facts["release"], facts["arch"], facts["repositories"]), BEHAVIOURS[facts["apk_tools"]])
    for fact in facts["sets"][::STEP]:
        answer, problems = solved(index, fact)
        assert bool(problems) == fact.get("fails", False), fact
        if "answer" in fact:
            assert answer == sorted(fact["answer"]), fact
        if "sha256" in fact:
            assert hashlib.sha256("\n".join(answer).encode()).hexdigest() == fact["sha256"], fact
        if "problems" in fact:
            assert blocks(problems) == fact["problems"], fact


def test_there_are_facts_for_ten_pairs_and_every_kind_of_answer() -> None:
    facts = [fact for path in FACTS for fact in json.loads(path.read_text("utf-8"))["sets"]]
    assert len(FACTS) >= 10
    assert len(facts) > 800
    for key in ("answer", "sha256", "problems", "world", "del"):
        assert sum(key in fact for fact in facts) > 50, key
