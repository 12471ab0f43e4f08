from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.knowledge import RuleError, schema

FILE = "rules/distributions/lz4.toml"
GOOD = """
name = "lz4"
[[build]]
versions = ">=2.0"
language = ["c"]
[[build.library]]
use = "lz4"
linkage = "system-if-present"
detect = ["pkg-config"]
unless-env = { PYLZ4_USE_SYSTEM_LZ4 = "0" }
evidence = ["setup.py of lz4 4.4.5"]
"""


def parse(text: str) -> Any:
    return schema.distribution(tomllib.loads(text), FILE)


def test_the_example_of_the_design_reads_as_it_stands() -> None:
    entry = parse(GOOD)
    link = entry.builds[0].libraries[0]
    assert (link.library, link.linkage, link.required) == ("lz4", "system-if-present", False)
    assert not link.switched_on({"PYLZ4_USE_SYSTEM_LZ4": "0"})
    assert link.switched_on({})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"system-if-present"',
            '"foo"',
            "build[0].library[0].linkage: 'foo' is not one of always, system-if-present, bundled, dlopen",
        ),
        (
            '["pkg-config"]',
            '["magic"]',
            "build[0].library[0].detect[0]: 'magic' is not one of pkg-config, tool, header, linker",
        ),
        ('use = "lz4"', "", "build[0].library[0]: missing key `use`"),
        ('name = "lz4"', 'name = "LZ4_x"', "name: 'LZ4_x' is not normalised: 'lz4-x'"),
        ('language = ["c"]', "language = 3", "build[0].language: Expected `array`, got `int`"),
        ('language = ["c"]', 'needs = ["cmd:"]', "build[0].needs[0]: Expected a need such as 'cmd:cmake'"),
        ('versions = ">=2.0"', "versions = 2", "build[0].versions: Expected `str`, got `int`"),
        ('evidence = ["setup.py of lz4 4.4.5"]', "", "build[0].evidence: missing"),
    ],
)
def test_an_error_names_the_file_the_key_and_what_is_wrong(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(RuleError) as caught:
        parse(GOOD.replace(old, new))
    assert str(caught.value) == f"{FILE}: {message}"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(RuleError, match=r"build\[0\]: unknown key `libary`"):
        parse(GOOD.replace("[[build.library]]", "[[build.libary]]"))


def test_a_specifier_that_is_none_is_found_when_maintainers_ask() -> None:
    entry = parse(GOOD.replace(">=2.0", "> 2 or so"))
    with pytest.raises(RuleError, match=r"build\[0\]\.versions: '> 2 or so' is not a version range"):
        schema.check_specifiers(entry, FILE)


def test_a_library_that_no_index_could_find_is_refused() -> None:
    with pytest.raises(RuleError, match="no index could find it"):
        schema.library({"name": "x", "headers": ["x.h"], "evidence": ["y"]}, "rules/libraries/x.toml")


def test_a_pinned_name_holds_from_its_release_on() -> None:
    raw = {
        "name": "libpq",
        "dev": {"3.15": "libpq-dev", "3.12": "postgresql-dev"},
        "tools": ["pg_config"],
        "evidence": ["x"],
    }
    library = schema.library(raw, "f")
    assert library.build_needs("3.14") == ("postgresql-dev", "cmd:pg_config")
    assert library.build_needs("3.19") == ("libpq-dev", "cmd:pg_config")
    assert library.build_needs("edge")[0] == "libpq-dev"
    assert library.build_needs(None)[0] == "libpq-dev"
    assert library.build_needs("3.9") == ("cmd:pg_config",)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "name",
        "build",
        "library",
        "use",
        "linkage",
        "versions",
        "language",
        "evidence",
        "runtime",
        "kind",
        "any",
        "impossible",
    ]
)
TABLES = st.dictionaries(KEYS, VALUES | st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=2), max_size=6)


@given(TABLES)
def test_any_table_is_read_or_refused_with_a_rule_error(raw: dict[str, Any]) -> None:
    for read in (schema.distribution, schema.library, schema.languages):
        said = refusal(read, raw)
        assert said is None or said.startswith("f.toml: ")
        assert "\n" not in (said or "")


def refusal(read: Any, raw: dict[str, Any]) -> str | None:
    try:
        read(raw, "f.toml")
    except RuleError as error:
        return str(error)
    return None


def test_calls_are_of_a_feature() -> None:
    with pytest.raises(RuleError, match="'calls' and 'used-by' are of a feature"):
        parse(GOOD.replace("[[build.library]]", '[[build.library]]\ncalls = ["a.b"]'))
