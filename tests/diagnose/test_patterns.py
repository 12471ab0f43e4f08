"""``rules/errors.toml`` itself: its schema, and that every pattern takes its own sample."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from dockerlint_alpine.diagnose import lookup as lookup_module
from dockerlint_alpine.diagnose import patterns as patterns_module
from dockerlint_alpine.diagnose import ways as ways_module
from dockerlint_alpine.diagnose.errors import PatternError
from dockerlint_alpine.diagnose.model import Moment
from dockerlint_alpine.diagnose.patterns import HeaderRule, Pattern, PatternSet, System
from tests.diagnose.samples import validate

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
        ({"regex": None}, "missing required field `regex`"),
        ({"sample": ""}, r"length >= 1 - at `\$.pattern\[0\].sample`"),
        ({"find": []}, r"length >= 1 - at `\$.pattern\[0\].find`"),
        ({"lookup": "crystal ball"}, "Invalid enum value 'crystal ball'"),
        ({"lookup": None}, "exactly one of"),
        ({"needs": ["cmd:gcc"]}, "exactly one of"),
        ({"lookup": None, "helps": False}, "advice"),
        ({"title": "the {colour}"}, "colour"),
        ({"overrules": ["nobody"]}, "nobody"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"find": "broken"}, "Expected `array`, got `str`"),
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


def test_the_head_of_the_file_tells_every_key_and_value() -> None:
    """The head is what people read before they add a pattern: it names all that is read, and nothing else."""
    text = (RULES / "errors.toml").read_text("utf-8")
    head = " ".join(line.lstrip("# ") for line in text.split("\n\n[[pattern]]")[0].splitlines() if line.startswith("#"))
    keys = {word for line in text.splitlines() if (word := _key(line)) is not None}
    assert keys == {key for one in (Pattern, System, HeaderRule) for key in one.__struct_encode_fields__}
    told = head.partition(" lookup ")[2].partition(" needs ")[0]
    assert sorted(told.replace(",", " ").split()) == sorted(get_args(patterns_module.Lookup))
    told = head.partition("Tables: ")[2].partition(".")[0]
    assert told.split(", ") == list(patterns_module.TABLES)
    for word in (*get_args(patterns_module.Strength), *get_args(Moment), "either"):
        assert word in head


def _key(line: str) -> str | None:
    """The key that a line of the head describes: two blanks more than running text, then the key."""
    found = re.match(r"#   ([a-z]+(?:, [a-z]+)*)  +\S", line)
    return found[1].partition(",")[0] if found is not None else None


def test_a_text_of_advice_that_is_missing_or_names_what_it_is_not_given() -> None:
    known = dict.fromkeys(patterns_module.ADVICE, "x")
    with pytest.raises(PatternError, match="advice: no-package is missing"):
        PatternSet.parse({"advice": {key: text for key, text in known.items() if key != "no-package"}})
    with pytest.raises(PatternError, match="no-package names 'colour'"):
        PatternSet.parse({"advice": {**known, "no-package": "no {colour}"}})
    with pytest.raises(PatternError, match="unknown key 'horoscope'"):
        PatternSet.parse({"advice": {**known, "horoscope": "x"}})


def test_every_text_of_advice_is_said_somewhere(raw: dict[str, Any]) -> None:
    source = "".join(Path(module.__file__).read_text("utf-8") for module in (lookup_module, ways_module))
    assert raw["advice"].keys() == patterns_module.ADVICE.keys()
    assert not [key for key in patterns_module.ADVICE if f'"{key}"' not in source]
