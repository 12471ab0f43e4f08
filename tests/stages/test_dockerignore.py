from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.stages.dockerignore import component, parse_dockerignore
from dockerlint_alpine.system import globs


@pytest.mark.parametrize(
    ("text", "path", "excluded"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "sub/a.txt", False),
        ("**/*.txt", "sub/deep/a.txt", True),
        ("**/*.txt", "a.txt", True),
        ("sub", "sub/deep/a.txt", True),
        ("/sub/", "sub/a", True),
        ("*\n!requirements.txt", "requirements.txt", False),
        ("*\n!requirements.txt", "other.txt", True),
        ("!a\na", "a", True),
        ("# a", "a", False),
        ("a?c", "abc", True),
        ("a[b-d]c", "acc", True),
        ("a[^b]c", "abc", False),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("sub/**", "sub/a", True),
        (".", "a", False),
        ("[", "[", False),
    ],
)
def test_patterns(text: str, path: str, excluded: bool) -> None:
    assert parse_dockerignore(text).excludes(path) is excluded


def test_the_root_itself_is_never_left_out() -> None:
    assert not parse_dockerignore("*").excludes("")


@given(st.text(max_size=30))
def test_any_text_is_read(text: str) -> None:
    parse_dockerignore(text).excludes("a/b")


@given(st.text("abc.", min_size=1, max_size=8))
def test_a_plain_name_matches_itself_alone(name: str) -> None:
    assert re.fullmatch(globs.expression(component(name)), name)
    assert not re.fullmatch(globs.expression(component(name)), f"{name}x")
