from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from dockerlint_alpine.python.versions import (
    InvalidSpecifierError,
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


@given(st.lists(version, max_size=8))
def test_sorted_versions_keep_their_spelling_and_the_order_of_pep_440(versions: list[str]) -> None:
    found = sort_versions([*versions, "not-a-version"])
    assert set(found) == set(versions)
    assert all(Version(first) <= Version(second) for first, second in itertools.pairwise(found))


@given(version)
def test_a_version_is_the_same_as_itself_with_zeros(text: str) -> None:
    assert same_version(text, str(Version(text)))
    assert not same_version(text, "not-a-version")


@pytest.mark.parametrize(
    ("text", "pin"),
    [("==1.0", "1.0"), ("== 1.0,<2", "1.0"), ("===1.0-odd", "1.0-odd"), ("==1.*", None), (">=1", None), ("", None)],
)
def test_pin(text: str, pin: str | None) -> None:
    assert specifiers(text).pin == pin


@pytest.mark.parametrize("text", ["~=1", ">=1.*", "1.0", "==", "==1..2", "==" + "1" * 8000, ">=1," * 400])
def test_what_is_no_specifier_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpecifierError):
        specifiers(text)


@pytest.mark.parametrize(
    ("text", "pre", "kept"),
    [
        (">=1", False, ["1.0", "2.0"]),
        (">=1", True, ["1.0", "2.0b1", "2.0"]),
        (">=2.0a1", False, ["2.0b1", "2.0"]),
        ("==2.0b1", False, ["2.0b1"]),
        (">3", False, []),
    ],
)
def test_pre_releases_are_candidates_where_pip_takes_them(text: str, pre: bool, kept: list[str]) -> None:
    assert specifiers(text).filter(["0.9", "1.0", "2.0b1", "2.0"], pre=pre) == kept


def test_versions_that_are_none() -> None:
    assert not is_pre_release("1.0-legacy-build")
    assert not specifiers(">=1").contains("1.0-legacy-build")
    assert specifiers("===1.0-legacy-build").contains("1.0-legacy-build")
    assert not same_version("1" * 8000, "2" * 8000)
