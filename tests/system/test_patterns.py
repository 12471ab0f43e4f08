"""A pattern that is compiled at its first use is otherwise the one that ``re.compile`` gives."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dockerlint_alpine.system.patterns import Steps, lazy_pattern


@pytest.mark.parametrize(
    ("expression", "text"), [(r"(?P<name>[a-z]+)=(\d+)", "one=1, TWO=2"), (rb"([a-z]+)=(\d+)", b"one=1, TWO=2")]
)
def test_it_answers_as_re_does(expression: Any, text: Any) -> None:
    """Every method and attribute, for text and bytes; and again when it is compiled already."""
    lazy, eager = lazy_pattern(expression, re.IGNORECASE), re.compile(expression, re.IGNORECASE)
    for _ in range(2):
        assert [match.span() for match in lazy.finditer(text)] == [match.span() for match in eager.finditer(text)]
        assert lazy.findall(text) == eager.findall(text)
        assert lazy.sub(rb"\2" if isinstance(text, bytes) else r"\2", text) == eager.sub(
            rb"\2" if isinstance(text, bytes) else r"\2", text
        )
        assert lazy.split(text, 1) == eager.split(text, 1)
        for at in range(len(text)):
            assert (lazy.match(text, at) is None) == (eager.match(text, at) is None)
        assert lazy.fullmatch(text) is None
        assert (lazy.pattern, lazy.flags, lazy.groups) == (eager.pattern, eager.flags, eager.groups)
        assert lazy.groupindex == eager.groupindex


def test_it_is_compiled_when_it_is_used() -> None:
    """Its text is there before; what is wrong with it is said by ``re`` at the first use."""
    wrong = lazy_pattern("(")
    assert wrong.pattern == "("
    with pytest.raises(re.error, match="missing"):
        wrong.match("")
    with pytest.raises(AttributeError, match="matches"):
        lazy_pattern("a").matches  # type: ignore[attr-defined] # noqa: B018


def test_steps_are_taken_until_there_are_none() -> None:
    steps = Steps(1000)
    assert steps.takes("(?:a)|(?:b)", 99)
    assert steps.left == 900
    assert not steps.takes("a*b+", 99)
    assert steps.takes("a*", 29)
    assert (steps.left, steps.takes("", 0)) == (0, False)
