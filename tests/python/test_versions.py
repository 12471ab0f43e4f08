from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from dockerlint_alpine.python.versions import (
    InvalidSpecifierError,
    Specifiers,
    clean_specifier,
    is_pre_release,
    same_version,
    sort_versions,
    specifiers,
)

number = st.integers(0, 4).map(str)
plain = st.lists(number, min_size=1, max_size=4).map(".".join)
suffix = st.sampled_from(
    ["", "", "", "a1", "b2", "rc1", ".dev1", ".post1", "-1", "+local.1", "c3", ".post2.dev3", "-alpha.1"]
)
version = st.tuples(st.sampled_from(["", "", "", "1!", "v"]), plain, suffix).map("".join)
operator = st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~=", "==="])
clause = st.tuples(
    operator, st.sampled_from(["", " "]), st.one_of(plain, version), st.sampled_from(["", "", ".*"])
).map("".join)
specifier = st.lists(clause, max_size=3).map(",".join)


@given(specifier, version)
def test_contains_is_what_packaging_says(text: str, candidate: str) -> None:
    try:
        expected = SpecifierSet(text).contains(candidate, prereleases=True)
    except InvalidSpecifier:
        with pytest.raises(InvalidSpecifierError):
            Specifiers(text)
        return
    assert Specifiers(text).contains(candidate) == expected


@given(specifier, st.lists(version, max_size=6, unique=True), st.booleans())
def test_filter_is_what_packaging_filters(text: str, candidates: list[str], pre: bool) -> None:
    try:
        expected = list(SpecifierSet(text).filter(candidates, prereleases=True if pre else None))
    except InvalidSpecifier:
        return
    assert Specifiers(text).filter(candidates, pre=pre) == expected


@given(st.lists(version, max_size=8))
def test_sort_is_packagings_order(versions: list[str]) -> None:
    assert [Version(text) for text in sort_versions(versions)] == sorted({t: Version(t) for t in versions}.values())


@given(version)
def test_pre_release_is_packagings(text: str) -> None:
    assert is_pre_release(text) == Version(text).is_prerelease


@given(version, version)
def test_same_version(left: str, right: str) -> None:
    assert same_version(left, right) == (Version(left) == Version(right))


@given(specifier)
def test_clean_specifier_accepts_only_what_packaging_accepts_and_means_the_same(text: str) -> None:
    cleaned = clean_specifier(text)
    if cleaned is not None:
        assert SpecifierSet(cleaned) == SpecifierSet(text)


@pytest.mark.parametrize(
    ("text", "pin"),
    [("==1.0", "1.0"), ("== 1.0,<2", "1.0"), ("===1.0-odd", "1.0-odd"), ("==1.*", None), (">=1", None), ("", None)],
)
def test_pin(text: str, pin: str | None) -> None:
    assert specifiers(text).pin == pin


def test_legacy_versions_are_left_out() -> None:
    assert sort_versions(["2.0", "not-a-version", "1.0"]) == ["1.0", "2.0"]
