"""Words of a shell: a real shell is the oracle."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dockerlint_alpine.syntax import SourceText, parse_script, unknown_value

VALUES = {"A": "x y", "B": "", "C": "py3.11.9", "D": " lead  trail ", "Q": "a'b\"c"}
VARIABLES = {name: SourceText.literal(value) for name, value in VALUES.items()}
SH, BASH, BUSYBOX = (shutil.which(name) or "" for name in ("sh", "bash", "busybox"))

ATOMS = st.sampled_from(
    ["a", "b-c", "$A", "${B}", "$C", "$D", "$Q", "'", '"', "'q r'", '"d e"', '"$A"', '"${D}"', "\\ ", "\\\\", '\\"', "\\'",
     "${N:-d e}", '"${N:-d e}"', "${A:-z}", "${B:-z}", "${B-z}", "${A:+p q}", "${B:+p}", "${B+p}", "${C%.*}", "${C%%.*}",
     "${C#*.}", "${C##*.}", "${#C}", '"${N:-"i j"}"', "${N:-'k l'}", "$", "=", "#", "\\\n", "${C#py}", "${C%[0-9]}", "\\$A",
     '"\\$A\\x"', "é", "'\\'", "${A}${C}", '""', "''", "${N:-$A}", '${N:-"$A"}', "~", "%"]
)  # fmt: skip
LISTS = st.lists(st.one_of(ATOMS, st.just(" ")), min_size=1, max_size=7).map("".join)


def shell_args(text: str, *shell: str) -> list[str] | None:
    """What a real shell makes of the words; ``None`` when it refuses them."""
    script = f"set -f; HOME='~'; printf '%s\\0' begin {text}\n"
    environment = {**VALUES, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([*shell, "-c", script], env=environment, capture_output=True, check=False, timeout=20)
    if done.returncode or done.stderr:
        return None
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[1:-1]


def agree(text: str, *shell: str) -> None:
    expected = shell_args(text, *shell)
    script = parse_script(SourceText.literal("begin " + text))
    if expected is None or not script.commands or re.search(r"#.*\n", text):  # a comment ends there: two commands
        return
    args = [arg for word in script.commands[0].words[1:] for arg in word.expand(VARIABLES)]
    if any(not arg.known for arg in args):
        return  # said to be unknown is never wrong
    assert len(script.commands) == 1
    assert [arg.text for arg in args] == expected


@pytest.mark.skipif(not SH, reason="needs a POSIX shell")
@given(LISTS)
@example("''$A\\\na")  # the name is Aa
@example("'a\\\nb' \"$A\\\na'\" \\' $A\\\nb'")
def test_against_sh(text: str) -> None:
    assume("$'" not in text)  # dash does not know it; busybox, which Alpine has, does
    agree(text, SH)


@pytest.mark.skipif(not BUSYBOX, reason="needs busybox")
@given(LISTS)
def test_against_busybox(text: str) -> None:
    agree(text, BUSYBOX, "sh")


@pytest.mark.skipif(not BASH, reason="needs bash")
@given(
    st.lists(
        st.one_of(ATOMS, st.sampled_from([" ", "$'a\\tb\\x41\\''", "${C:2:2}", "${C:3}"])), min_size=1, max_size=6
    ).map("".join)
)
def test_against_bash(text: str) -> None:
    assume(not re.search(r"\$(?![A-Z{'])", text))  # bash joins the fields of ${A:+p q} when a lone $ follows
    agree(text, BASH)


def expand(text: str, **values: str) -> list[tuple[str, tuple[str, ...]]]:
    variables = {name: SourceText.literal(value) for name, value in values.items()}
    (command,) = parse_script(SourceText.literal(text)).commands
    return [(arg.text, arg.unknown) for word in command.words for arg in word.expand(variables)]


def test_unknown_is_reported_and_left_as_written() -> None:
    assert expand('a $X "p$Y-${X%x}" $(cat f) `cat g`') == [
        ("a", ()), ("$X", ("X",)), ("p$Y-${X%x}", ("Y", "X")), ("$(cat f)", ("$(cat f)",)), ("`cat g`", ("`cat g`",)),
    ]  # fmt: skip


def test_unknown_travels_through_variables() -> None:
    (command,) = parse_script(SourceText.literal("apk $V ${V:-d}")).commands
    args = [arg for word in command.words for arg in word.expand({"V": unknown_value("V")})]
    assert [(arg.text, arg.unknown) for arg in args[1:]] == [("${V}", ("V",)), ("${V}", ("V",))]


def test_comments_in_backquotes_vanish() -> None:
    assert expand("a `# why` b $(  ) c") == [("a", ()), ("b", ()), ("c", ())]


def test_arithmetic_is_unknown() -> None:
    assert expand("a $((1 + 2))b") == [("a", ()), ("$((1 + 2))b", ("$((1 + 2))",))]


def test_where_arguments_are_written() -> None:
    data = b"RUN apk 'a b' $V x${V} \"${V}\""
    value = SourceText.from_bytes(b"....gcc musl", 4, 12)
    (command,) = parse_script(SourceText.from_bytes(data, 4, len(data))).commands
    args = [arg for word in command.words for arg in word.expand({"V": value})]
    assert [(arg.text, arg.span) for arg in args] == [
        ("apk", (4, 7)), ("a b", (9, 12)), ("gcc", (4, 7)), ("musl", (8, 12)), ("xgcc", None), ("musl", (8, 12)),
        ("gcc musl", (4, 12)),
    ]  # fmt: skip
    assert [arg.value is value for arg in args] == [False, False, True, True, False, True, False]
    assert args[1].word.span == (8, 13)


def test_globs_are_marked() -> None:
    (command,) = parse_script(SourceText.literal("x a* 'b*' \\* $G \"$G\"")).commands
    args = [arg for word in command.words for arg in word.expand({"G": SourceText.literal("c?")})]
    assert [arg.glob for arg in args] == [False, True, False, False, True, False]
