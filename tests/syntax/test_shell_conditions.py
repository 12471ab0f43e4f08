"""Conditions that the platform decides, as BusyBox's shell decides them, and those that stay open."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.syntax import SourceText, expanded_commands
from dockerlint_alpine.syntax.shell.parser import parse_script

BUSYBOX = shutil.which("busybox") or ""
ARCHES = ["amd64", "arm64", "arm", ""]


def ran(script: str, arch: str, **more: str) -> list[tuple[str, bool]]:
    """What ``echo`` says, and whether it may not."""
    variables = {"TARGETARCH": arch, "$(uname -m)": "x86_64", **more}
    values = {name: SourceText.literal(value) for name, value in variables.items()}
    commands = expanded_commands(parse_script(SourceText.literal(script)), values)
    return [(" ".join(arg.text for arg in one.args[1:]), one.conditional) for one in commands if one.name == "echo"]


words = st.sampled_from(["arm", "arm64", "amd64", "'arm'", "arm*", '"$TARGETARCH"', "$M", "x"])
tests = st.one_of(
    st.builds(
        "[ {}{} {} {} ]".format,
        st.sampled_from(["", "! "]),
        st.sampled_from(['"$TARGETARCH"', '"x$TARGETARCH"', '"$M"']),
        st.sampled_from(["=", "!="]),
        st.sampled_from(["arm", "arm64", '"xarm"', '"$M"', "''"]),
    ),
    st.builds("[ {} {} ]".format, st.sampled_from(["-n", "-z"]), st.sampled_from(['"$TARGETARCH"', '"$M"'])),
    st.builds("! test {} = arm".format, st.sampled_from(['"$TARGETARCH"', '"${TARGETARCH}"'])),
)
cases = st.lists(st.lists(words.filter(lambda one: "$" not in one), min_size=1, max_size=2), min_size=1, max_size=3)


def scripts(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("if {}; then {}; elif {}; then {}; else {}; fi".format, tests, inner, tests, inner, inner),
        st.builds("{} && {{ {}; }}".format, tests, inner),
        st.builds("{} || {{ {}; }}".format, tests, inner),
        st.builds("{} && {} && {{ {}; }}".format, tests, tests, inner),
        st.builds(
            lambda subject, listed, bodies: (
                f"case {subject} in "
                + " ".join(f"{'|'.join(one)}) {body};;" for one, body in zip(listed, bodies * 3, strict=False))
                + " esac"
            ),
            st.sampled_from(["$TARGETARCH", '"$M"', "x$TARGETARCH"]),
            cases,
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds("{}; {}".format, inner, inner),
    )


leaves = st.one_of(
    st.integers(0, 9).map("echo {}".format),
    st.sampled_from(["M=$TARGETARCH", "M=arm", 'echo "$M"', "M=x$TARGETARCH"]),
)
script = st.recursive(leaves, scripts, max_leaves=8).map(lambda text: f"M=z; {text}")


@pytest.mark.property
@pytest.mark.skipif(not BUSYBOX, reason="needs busybox")
@given(script, st.sampled_from(ARCHES))
def test_against_busybox(text: str, arch: str) -> None:
    done = subprocess.run(
        [BUSYBOX, "ash", "-c", text], env={"TARGETARCH": arch}, capture_output=True, text=True, check=False
    )
    found = ran(text, arch)
    assert [said for said, maybe in found if not maybe] == done.stdout.splitlines()
    assert not any(maybe for _, maybe in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[ "$TARGETARCH" = arm ] && echo 1; echo 2', [("2", False)]),
        ('[[ $TARGETARCH == amd* ]] && echo 1', [("1", False)]),
        ('[[ $TARGETARCH == "amd*" ]] && echo 1', []),
        ('if [ "$(uname -m)" = "aarch64" ]; then echo 1; else echo 2; fi', [("2", False)]),
        ("case `uname  -m` in x86*) echo 1;; *) echo 2;; esac", [("1", False)]),
        ('M=$(uname -m); [ "$M" != x86_64 ] || echo 1', [("1", False)]),
        ('X=a; [ "$TARGETARCH" = amd64 ] && X=b; echo $X', [("b", False)]),
        ('f() { if [ "$1" = 1 ]; then echo a; else echo b; fi; }; f 1; f "2"', [("a", False), ("b", False)]),
        ('f() { if [ "$1" = 1 ]; then echo a; else echo b; fi; }; f $MODE', [("a", True), ("b", True)]),
        ('f() { M=$TARGETARCH; }; f; [ "$M" = arm ] && echo 1', []),
        ('M=arm; eval "M=$MODE"; [ "$M" = arm ] && echo 1', [("1", True)]),
        ('M=arm; eval "X=$MODE"; [ "$M" = arm ] && echo 1', [("1", False)]),
        ('if [ $TARGETARCH != amd64 ]; then echo 1; elif test -n $TARGETARCH; then echo 2; else echo 3; fi', [("2", False)]),
        ('if [ "$TARGETARCH" = arm ]; then echo 1; elif [ -f q ]; then echo 2; else echo 3; fi', [("2", True), ("3", True)]),
        ('for p in amd64 2; do if [ "$p" = amd64 ]; then echo 1; fi; done', [("1", True)]),
        ('X=a; ( X=$TARGETARCH ); [ "$X" = amd64 ] && echo 1', [("1", True)]),
        # What a branch or a loop may assign is not known behind it, and what decides a branch is asked where it begins.
        ('M=z; [ -f q ] && M=arm; case $M in arm) echo 1;; *) echo 2;; esac', [("1", True), ("2", True)]),
        ('M=arm; case $M in arm) M=x; echo 1;; esac; case $M in arm) echo 2;; esac', [("1", False)]),
        ('M=a; for i in 1 2; do [ "$M" = b ] && echo 1; M=b; done', [("1", True)]),
        ('M=a; while q; do [ "$M" = b ] && echo 1; M=b; done', [("1", True)]),
        ('for i in 1 2; do [ "$TARGETARCH" = arm ] && echo 1; echo 2; done', [("2", False)]),
        # Who builds may say otherwise, or nobody knows.
        ('[ "$MODE" = dev ] && echo 1', [("1", True)]),
        ('[ "${MODE:-prod}" = dev ] && echo 1', [("1", True)]),
        ('M=$MODE; [ "$M" = dev ] && echo 1', [("1", True)]),
        ('read TARGETARCH; [ "$TARGETARCH" = arm ] && echo 1', [("1", True)]),
        ('[ "$(uname -r)" = 5 ] && echo 1', [("1", True)]),
        ('[ "$TARGETARCH" = arm -o -n "$MODE" ] && echo 1', [("1", True)]),
        ('[ "$TARGETARCH" = arm ] && true || echo 1', [("1", True)]),
        ('if [ "$TARGETARCH" = arm ] && [ -n "$MODE" ]; then echo 1; fi', [("1", True)]),
        ('while [ "$TARGETARCH" = arm ]; do echo 1; done', [("1", True)]),
        ('case $TARGETARCH in arm) echo 1;& amd64) echo 2;; esac', [("2", True)]),
        ("[ x ] && echo 1", [("1", True)]),
    ],
)  # fmt: skip
def test_what_decides(text: str, said: list[tuple[str, bool]]) -> None:
    assert ran(text, "amd64", MODE="prod") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("if [ -z ${V+x} ]; then P=a; else P=a==$V; fi; echo $P", "a"),
        ('P=b; [ "$MODE" = prod ] && P=a; echo $P', "a"),
        ('if test "$MODE" = dev; then P=b; elif [ -n "$MODE" ]; then P=a; else P=c; fi; echo $P', "a"),
        ("case $MODE in dev) P=b;; prod|x) P=a; [ -z ${V+x} ] && P=$P$P;; *) P=c;; esac; echo $P", "aa"),
        ('P=a; [ "$MODE" = dev ] && P=$P-dev; echo $P', "a"),
        # A test that has no value, a loop that may go on with another one, and what only a file decides.
        ('P=b; [ "$OTHER" = x ] && P=a; echo $P', "${P}"),
        ('for m in 1 2; do [ "$MODE" = prod ] && P=a; done; echo $P', "${P}"),
        ("P=b; [ -f x ] && P=a; echo $P", "${P}"),
    ],
)
def test_what_a_build_without_arguments_assigns(text: str, said: str) -> None:
    assert [one for one, _ in ran(text, "amd64", MODE="prod")] == [said]
