from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.run.config import matches
from dockerlint_alpine.stages.dockerignore import parse_dockerignore
from dockerlint_alpine.system import globs

NAMES = st.lists(st.sampled_from((globs.NAME, globs.PATH, "a", "b", "[^/]", "[ab]")), max_size=5)
PATTERNS = st.lists(st.just([globs.FOLDERS]) | NAMES.map(lambda name: [*name, "/"]), max_size=4)


@given(PATTERNS, NAMES, st.text("ab/", max_size=10))
def test_atomic_gaps_match_what_the_plain_expression_matches(
    parts: list[list[str]], last: list[str], path: str
) -> None:
    pieces = [piece for part in (*parts, last) for piece in part]
    plain = re.fullmatch("".join(pieces), path, re.DOTALL)
    assert (re.fullmatch(globs.expression(pieces), path, re.DOTALL) is None) == (plain is None)


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/*a" * 40 + "/b", "*/" * 40 + "b", "a**" * 40 + "b"])
def test_gaps_do_not_multiply(pattern: str) -> None:
    """Each of these took more than a day."""
    path = "/".join(["a" * 50] * 60)
    assert not matches(pattern, path)
    assert not parse_dockerignore(pattern).excludes(path)
