"""``rules/errors.toml`` itself: its schema, and that every pattern takes its own sample."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from dockerlint_alpine.diagnose.errors import PatternError
from dockerlint_alpine.diagnose.patterns import PatternSet, validate

from .conftest import RULES

ENTRY = {
    "id": "x", "title": "the {name}", "find": ["broken"], "regex": "broken (?P<name>\\w+)", "lookup": "command",
    "sample": "broken pipe",
}  # fmt: skip


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return tomllib.loads((RULES / "errors.toml").read_text("utf-8"))


def test_the_file_is_sound(raw: dict[str, Any]) -> None:
    assert validate(raw) == ()


def test_every_line_that_a_pattern_takes_is_found_by_its_texts(raw: dict[str, Any]) -> None:
    patterns = PatternSet.parse(raw)
    for pattern in patterns.patterns:
        taken = [line for line in pattern.sample.splitlines() if pattern.read(line)]
        assert taken
        assert all(any(text in line.encode() for text in patterns.literals) for line in taken)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regex": "("}, "regex"),
        ({"regex": None}, "regex is missing"),
        ({"sample": ""}, "sample is missing"),
        ({"find": []}, "find is missing"),
        ({"lookup": "crystal ball"}, "not one of"),
        ({"lookup": None}, "exactly one of"),
        ({"needs": ["cmd:gcc"]}, "exactly one of"),
        ({"lookup": None, "helps": False}, "advice"),
        ({"title": "the {colour}"}, "colour"),
        ({"overrules": ["nobody"]}, "nobody"),
        ({"colour": "red"}, "unknown key"),
        ({"find": "broken"}, "list of texts"),
    ],
)
def test_a_broken_pattern_is_named(change: dict[str, Any], message: str) -> None:
    entry = {key: value for key, value in {**ENTRY, **change}.items() if value is not None}
    with pytest.raises(PatternError, match=message):
        PatternSet.parse({"pattern": [entry]})


def test_a_sample_that_another_pattern_takes_is_told() -> None:
    first = {**ENTRY, "id": "greedy", "regex": "broken"} | {"title": "t"}
    problems = validate({"pattern": [first, ENTRY]})
    assert problems == ("rules/errors.toml: x: its sample is read as greedy",)


def test_two_patterns_of_one_id() -> None:
    with pytest.raises(PatternError, match="same id"):
        PatternSet.parse({"pattern": [ENTRY, ENTRY]})


def test_no_rules_at_all() -> None:
    assert validate({}) == ()
    assert PatternSet.parse({}).read("fatal error: ffi.h: No such file or directory") is None
