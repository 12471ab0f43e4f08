"""Versions: apk-tools' own vectors restated, and what must hold for all versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.apk import Version, compare
from dockerlint_alpine.apk.version import EQUAL, GREATER, LESS, is_valid

RESULT = {"<": LESS, "=": EQUAL, ">": GREATER}

# Facts about apk-tools 2.14 and 3: test/version.data and test/unit/version.data say the same of these.
BOTH = """
2.34 > 0.1.0_alpha
0.1.0_alpha = 0.1.0_alpha
0.1.0_alpha < 0.1.3_alpha
0.1.0_alpha2 > 0.1.0_alpha
0.1.0_alpha < 2.2.39-r1
2.2.39-r1 > 1.0.4-r3
1.0.4-r3 < 1.0.4-r4
1.0.4-r4 < 1.6
0.7-r1 < 1.0.0
1.1 > 1.1_alpha1
1.1_alpha1 < 1.2.1
1.2.1 > 1.2
1.2 < 1.3_alpha
1.3_alpha < 1.3_alpha2
1.3_alpha2 < 1.3_alpha3
1.3_alpha8 > 0.6.0
1.3_alpha2 < 1.3_beta
1.3_beta < 1.3_pre
1.3_pre < 1.3_rc
1.3_rc < 1.3
1.3 < 1.3_cvs
1.3_cvs < 1.3_svn
1.3_svn < 1.3_git
1.3_git < 1.3_hg
1.3_hg < 1.3_p
1.3_p1 < 1.3_p2
1.0_p10 > 1.0_p9
0.1_pre2 < 0.1_rc1
1.0 < 1.0-r0
1.0-r9 < 1.0-r10
1.0 < 1.0a
1.0a < 1.0b

1.1 < 1.10
1.9 < 1.10
2 < 10
20190702 < 20200101
7.8.20-r1 > 7.8.3
0.12.1 > 0.7.1
1.5.1-r1 = 1.5.1-r1
6.3_p20230312 > 6.3
1.2.3_alpha4_p5 > 1.2.3_alpha4
13.2.1_git20231014-r0 > 13.2.1
3.1.8-r1 > 3.1.8-r0
"""


@pytest.mark.parametrize("line", [line for line in BOTH.splitlines() if line])
def test_vectors(line: str) -> None:
    left, sign, right = line.split()
    for dialect in (2, 3):
        assert compare(left, right, dialect=dialect) == RESULT[sign]
        assert compare(right, left, dialect=dialect) == {LESS: GREATER, GREATER: LESS, EQUAL: EQUAL}[RESULT[sign]]


@pytest.mark.parametrize(
    ("version", "two", "three"),
    [
        ("1.2.3-r4", True, True),
        ("1.0_alpha1_pre2_p3", True, True),
        ("1.0_foo", False, False),
        ("1.0-4", False, False),
        ("1.0~abcdef", False, True),
        ("a1", True, False),
        ("1.0ab", False, False),
        ("", True, False),
    ],
)
def test_what_is_a_version(version: str, two: bool, three: bool) -> None:
    assert is_valid(version) is two
    assert is_valid(version, dialect=3) is three


def test_leading_zeros_are_where_the_dialects_part() -> None:
    assert compare("1.00", "1.0") == LESS
    assert compare("1.00", "1.0", dialect=3) == GREATER
    assert compare("1.01", "1.1") == LESS == compare("1.01", "1.1", dialect=3)


def test_the_prefix_of_a_fuzzy_comparison() -> None:
    assert compare("1.2.3", "1.2", fuzzy=True) == EQUAL == compare("1.2.3", "1.2", fuzzy=True, dialect=3)
    assert compare("1.2", "1.2.3", fuzzy=True) == EQUAL
    assert compare("1.2", "1.2.3", fuzzy=True, dialect=3) == LESS
    assert compare("1.20", "1.2", fuzzy=True) == GREATER


numbers = st.integers(0, 10**6).map(str)
suffixes = st.tuples(
    st.sampled_from(["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"]), st.one_of(st.just(""), numbers)
).map(lambda pair: f"_{pair[0]}{pair[1]}")
versions = st.tuples(
    st.lists(numbers, min_size=1, max_size=4).map(".".join),
    st.sampled_from(["", "", "a", "z"]),
    st.lists(suffixes, max_size=2).map("".join),
    st.one_of(st.just(""), st.integers(0, 99).map(lambda n: f"-r{n}")),
).map("".join)


@given(versions, st.sampled_from([2, 3]))
def test_every_version_of_the_grammar_is_one(version: str, dialect: int) -> None:
    assert is_valid(version, dialect=dialect)  # type: ignore[arg-type]
    assert compare(version, version, dialect=dialect) == EQUAL  # type: ignore[arg-type]


@given(versions, versions, st.sampled_from([2, 3]))
def test_antisymmetry(left: str, right: str, dialect: int) -> None:
    mirror = {LESS: GREATER, GREATER: LESS, EQUAL: EQUAL}
    assert compare(right, left, dialect=dialect) == mirror[compare(left, right, dialect=dialect)]  # type: ignore[arg-type]


@given(st.lists(versions, min_size=3, max_size=8))
def test_sorting_is_total(texts: list[str]) -> None:
    ordered = sorted(map(Version, texts))
    for at, first in enumerate(ordered):
        assert all(first <= later for later in ordered[at:])


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_can_be_compared(left: str, right: str) -> None:
    for dialect in (2, 3):
        assert compare(left, right, dialect=dialect) in (LESS, EQUAL, GREATER)
        is_valid(left, dialect=dialect)


@given(versions, versions)
def test_equal_versions_hash_alike(left: str, right: str) -> None:
    if Version(left) == Version(right):
        assert hash(Version(left)) == hash(Version(right))
