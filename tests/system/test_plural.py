from __future__ import annotations

import pytest

from dockerlint_alpine.system.plural import listed, plural


@pytest.mark.parametrize(
    ("number", "word", "said"),
    [
        (1, "error", "1 error"),
        (0, "error", "0 errors"),
        (1200, "repository", "1,200 repositories"),
        (2, "key", "2 keys"),
    ],
)
def test_plural(number: int, word: str, said: str) -> None:
    assert plural(number, word) == said


@pytest.mark.parametrize(
    ("names", "most", "said"),
    [
        ("", 0, ""),
        ("a", 1, "a"),
        ("ab", 2, "a and b"),
        ("abab", 2, "a and b"),
        ("abc", 2, "a and 2 more"),
        ("abcd", 0, "a, b, c and d"),
        ("abcde", 4, "a, b, c and 2 more"),
    ],
)
def test_listed(names: str, most: int, said: str) -> None:
    assert listed(names, most) == said
