"""Dockerfile-level expansion: BuildKit's rules, each row checked by hand against lex.go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.syntax import SourceText, expand, key_values, parse

SCOPE = {
    "V": SourceText.literal("3.19.1"),
    "E": SourceText.literal(""),
    "P": SourceText.literal("/usr/local/bin"),
    "S": SourceText.literal("a  b"),
    "ö": SourceText.literal("o"),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alpine:$V", "alpine:3.19.1"),
        ("${V}x$V.y$", "3.19.1x3.19.1.y$"),
        ("${N:-d} ${N-d} ${E:-d} ${E-d} ${V:-d}", "d d d  3.19.1"),
        ("${N:+x} ${N+x} ${E:+x} ${E+x} ${V:+x}", "   x x"),
        ("${V:?no} ${E?no}", "3.19.1 "),
        ("${V%.*} ${V%%.*} ${V#*.} ${V##*.}", "3.19 3 19.1 1"),
        ("${P/local/x} ${P//\\//-} ${P/l*b/L}", "/usr/x/bin -usr-local-bin /usr/Lin"),
        ("${P//?b/X}", "/usr/localXin"),
        ("${N:-${M:-${V}}}", "3.19.1"),
        ("${N:-a $V}", "a 3.19.1"),
        ("'$V' \"$V\" \"'$V'\" \\$V", "$V 3.19.1 '3.19.1' $V"),
        ('"a\\"b" "a\\b" a\\b \'a\\b\'', 'a"b a\\b ab a\\b'),
        ("$ö $1x $@", "o x "),
        ("${V#3} ${V%1} ${V#x} ${V%.1}", ".19.1 3.19. 3.19.1 3.19"),
        ("a<b <<c", "a<b <<c"),
    ],
)
def test_values(text: str, expected: str) -> None:
    result = expand(SourceText.literal(text), SCOPE)
    assert (result.text, result.problems) == (expected, ())


@pytest.mark.parametrize(
    "text",
    ["${N?x}", "${E:?x}", "${V", "${}", "${:x}", "${V:=x}", "${V=x}", "'a", '"a', "${V/a", "${V/a/b", "${V%\\a}"],
)
def test_refused(text: str) -> None:
    result = expand(SourceText.literal(text), SCOPE)
    assert result.problems
    assert result.text == text


def test_unknown_names_are_told() -> None:
    assert expand(SourceText.literal("$N-${M}-${V}-${X:-d}"), SCOPE).unknown == ("N", "M")
    assert expand(SourceText.literal("'$N'"), SCOPE).unknown == ()


def test_escape_token() -> None:
    assert expand(SourceText.literal("C:\\$V`$V"), SCOPE, escape="`").text == "C:\\3.19.1$V"


def test_the_value_still_points_to_where_it_was_written() -> None:
    data = b'ENV V="3.1\\\n9"\nFROM alpine:$V'
    parsed = parse(data)
    (pair,) = key_values(parsed.instructions[0])
    assert pair.value is not None
    scope = {pair.key: expand(pair.value, {}).source}
    image = expand(parsed.instructions[1].source, scope).source
    assert image.text == "alpine:3.19"
    assert data[slice(*image.slice(7, 10).span() or ())] == b"3.1"
    assert data[slice(*image.slice(0, 6).span() or ())] == b"alpine"


@given(st.text(alphabet="$${}VN:-+?#%/*\\'\" ab`<", max_size=30), st.sampled_from(["\\", "`"]))
def test_never_raises(text: str, escape: str) -> None:
    source = SourceText.literal(text)
    result = expand(source, SCOPE, escape=escape)
    assert all("\n" not in problem for problem in result.problems)
    if not set(text) & set("$\\\"'`"):
        assert result.text == text


def test_deep_nesting_is_refused_not_crashed() -> None:
    assert expand(SourceText.literal("${N:-" * 5000), SCOPE).problems
    assert expand(SourceText.literal('"${N:-' * 5000), SCOPE).problems
