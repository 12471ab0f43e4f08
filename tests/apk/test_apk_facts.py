"""The solver against answers of the real apk on the same indexes (see make_facts.py).

A default run takes every seventh fact of each index pair; ALPINE_DOCTOR_ALL_FACTS=1 takes all (two minutes).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dockerlint_alpine.apk import Constraint, Index, IndexStore
from dockerlint_alpine.apk.explain import explain
from dockerlint_alpine.apk.solver import Request, Solver, run

FACTS = sorted((Path(__file__).parent / "facts").glob("*.json"))
STEP = 1 if os.environ.get("ALPINE_DOCTOR_ALL_FACTS") else 7


def asked(index: Index, fact: dict[str, Any]) -> Request:
    """The question as apk gets it: what is installed, the world file, the command line."""
    before = {one.name: one for one in map(Constraint.parse, fact.get("world", ()))}
    given = {one.name: one for one in map(Constraint.parse, fact.get("add", fact.get("del", ())))}
    installed = []
    if before:
        solver = run(index.catalog, index.behaviour, Request(tuple(before.values()), frozenset(before)))
        installed = [change.new.package for change in solver.changes if change.new]
    if "del" in fact:
        world, named = {name: one for name, one in before.items() if name not in given}, frozenset[str]()
    else:
        world, named = before | given, frozenset(given)
    return Request(tuple(world.values()), named, installed, (), index.repositories)


def answer(solver: Solver) -> list[str]:
    """Changes as the facts hold them: ``name version`` for a new package, ``-name version`` for one that goes."""

    def lines() -> Iterator[str]:
        for change in solver.changes:
            if change.old is None and change.new is not None:
                yield f"{change.new.package.name} {change.new.package.version}"
            elif change.new is None and change.old is not None:
                yield f"-{change.old.package.name} {change.old.package.version}"

    return sorted(lines())


def blocks(solver: Solver) -> dict[str, dict[str, list[str]]]:
    return {
        problem.subject: {label: sorted(" ".join(values).split()) for label, values in problem.lines}
        for problem in explain(solver)
    }


@pytest.mark.parametrize("path", FACTS, ids=lambda path: path.stem)
def test_same_answer_as_apk(store: IndexStore, path: Path) -> None:
    facts = json.loads(path.read_text("utf-8"))
    index = store.open(facts["release"], facts["arch"], facts["repositories"])
    for fact in facts["sets"][::STEP]:
        solver = run(index.catalog, index.behaviour, asked(index, fact))
        assert bool(solver.errors) == fact.get("fails", False), fact
        if "answer" in fact:
            assert answer(solver) == sorted(fact["answer"]), fact
        if "sha256" in fact:
            assert hashlib.sha256("\n".join(answer(solver)).encode()).hexdigest() == fact["sha256"], fact
        if "problems" in fact:
            assert blocks(solver) == fact["problems"], fact


def test_there_are_facts_for_ten_pairs_and_every_kind_of_answer() -> None:
    facts = [fact for path in FACTS for fact in json.loads(path.read_text("utf-8"))["sets"]]
    assert len(FACTS) >= 10
    assert len(facts) > 800
    for key in ("answer", "sha256", "problems", "world", "del"):
        assert sum(key in fact for fact in facts) > 50, key
