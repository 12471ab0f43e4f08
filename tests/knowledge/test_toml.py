from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.knowledge import toml

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
keys = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
values = st.one_of(words, st.booleans(), st.integers(-(2**40), 2**40), st.lists(words, max_size=4))
flat = st.dictionaries(keys, st.one_of(values, st.dictionaries(keys, values, max_size=3)), max_size=5)
tables = st.recursive(
    flat,
    lambda inner: st.builds(
        lambda own, key, items: {**own, key: items}, flat, keys, st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(tables)
def test_what_is_written_is_read_back(table: dict[str, object]) -> None:
    assert tomllib.loads(toml.dumps(table)) == table


@pytest.mark.parametrize("kind", ["distribution", "library", "wheels"])
def test_every_rule_survives_being_written(knowledge: Knowledge, kind: str) -> None:
    for name in knowledge.names(kind)[:: 1 if kind != "wheels" else 10]:
        raw = knowledge.raw(kind, name)
        assert tomllib.loads(toml.dumps(raw)) == raw, name


def test_the_style_is_that_of_the_rules() -> None:
    entry = {
        "name": "x",
        "dev": {"3.12": "a", "3.17": "b"},
        "build": [{"language": ["c"], "library": [{"use": "lz4", "required": True}]}],
        "evidence": ["a" * 60, "b" * 60],
    }
    assert toml.dumps(entry) == (
        'name = "x"\ndev = { "3.12" = "a", "3.17" = "b" }\n'
        f'evidence = [\n  "{"a" * 60}",\n  "{"b" * 60}",\n]\n\n'
        '[[build]]\nlanguage = ["c"]\n\n[[build.library]]\nuse = "lz4"\nrequired = true\n'
    )


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType has no place"):
        toml.dumps({"a": None})
