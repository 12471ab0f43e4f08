"""Dockerfiles for the tests: hand-written ones, and a hypothesis grammar that makes more."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = st.sampled_from(
    ["a", "--no-cache", "curl", "é", "'q r'", '"d $X"', "$X", "${Y:-z}", "a\\ b", "x=y", "&&", "||", ";", "|", "#no", "1>&2",
     "``", "\\\\", "<in", "'", '"', "[", "=", "\t", "lib-dev"]
)  # fmt: skip
FLAGS = st.sampled_from(
    ["--mount=type=cache,target=/x", "--from=b", "--platform=$P", "--a='b c'", '--chown="a b"', "--", "--link"]
)
BLANKS = st.sampled_from([" ", "  ", "\t", " \t "])
KEYWORDS = st.sampled_from(
    ["RUN", "run", "COPY", "ADD", "CMD", "ENTRYPOINT", "VOLUME", "EXPOSE", "USER", "Workdir", "MAINTAINER"]
)
NAMES = st.sampled_from(["EOF", "E", "file.txt", "a-b", "É"])


@st.composite
def joints(draw: st.DrawFn, escape: str, eol: str) -> str:
    """Between two words: a blank, or a continuation with comments and empty lines."""
    if draw(st.integers(0, 3)):
        return draw(BLANKS)
    lines = draw(st.lists(st.sampled_from(["# note", "   # it's", "", "  ", f"# {escape}"]), max_size=2))
    tail = draw(st.sampled_from(["", " ", "\t"]))
    between = "".join(line + eol for line in lines)
    return f"{draw(st.sampled_from(['', ' ']))}{escape}{tail}{eol}{between}{draw(st.sampled_from(['', '  ', chr(9)]))}"


@st.composite
def shell_lines(draw: st.DrawFn, escape: str, eol: str) -> str:
    text = draw(KEYWORDS)
    parts = [*draw(st.lists(FLAGS, max_size=2)), *draw(st.lists(WORDS, max_size=6))]
    for part in parts:
        text += draw(joints(escape, eol)) + part
    return text + draw(st.sampled_from(["", " ", f" {escape}{escape}"])) + eol


@st.composite
def pair_lines(draw: st.DrawFn, escape: str, eol: str) -> str:
    keyword = draw(st.sampled_from(["ENV", "LABEL", "ARG", "env"]))
    values = st.sampled_from(["1", '"a b"', "'c d'", f"e{escape} f", "$X", "", '"é"', "a=b", f'"x{escape}"y"', "'it"])
    pairs = [f"K{index}={draw(values)}" for index in range(draw(st.integers(1, 3)))]
    if keyword != "ARG" and draw(st.booleans()):
        return f"{keyword} KEY{draw(BLANKS)}some  'old form' $X{eol}"
    text = keyword
    for pair in pairs:
        text += draw(joints(escape, eol)) + pair
    return text + eol


@st.composite
def json_lines(draw: st.DrawFn, escape: str, eol: str) -> str:
    keyword = draw(st.sampled_from(["RUN", "CMD", "ENTRYPOINT", "COPY", "VOLUME", "HEALTHCHECK CMD", "ONBUILD RUN"]))
    strings = draw(
        st.lists(st.sampled_from(['"a"', '"b c"', '"\\u00e9"', '"\\n\\""', '"/x"', '"<<EOF"']), min_size=2, max_size=4)
    )
    joint = draw(st.sampled_from([",", ", ", f",{escape}{eol} "]))
    return f"{keyword} [{joint.join(strings)}]{eol}"


@st.composite
def heredoc_lines(draw: st.DrawFn, escape: str, eol: str) -> str:
    head = draw(st.sampled_from(["RUN", "COPY", "ADD", "RUN --mount=type=cache,target=/x", "run", "ONBUILD RUN"]))
    names = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
    bodies = ""
    for name in names:
        quote = draw(st.sampled_from(["", "'", '"']))
        dash = draw(st.sampled_from(["", "-"]))
        descriptor = draw(st.sampled_from(["", "3"]))
        head += f"{draw(joints(escape, eol))}{descriptor}<<{dash}{quote}{name}{quote}"
        lines = draw(st.lists(st.sampled_from(["apk add x", "\tfoo", "", "FROM x", "# c", "a \\", "é"]), max_size=3))
        indent = "\t" if dash and draw(st.booleans()) else ""
        bodies += "".join(line + eol for line in lines) + indent + name + eol
    return head + draw(st.sampled_from(["", " /dest", " && x"])) + eol + bodies


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """A file of valid instructions with every kind of line end, continuation, comment and here-document."""
    escape = draw(st.sampled_from(["\\", "\\", "`"]))
    eol = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = draw(st.sampled_from(["", "", "\ufeff"]))
    if draw(st.booleans()):
        text += f"# syntax=docker/dockerfile:1{eol}"
    if escape == "`":
        text += f"# escape=`{eol}"
    text += draw(st.sampled_from(["", f"# comment{eol}", eol])) + f"FROM x AS y{eol}"
    kinds = st.one_of(
        shell_lines(escape, eol), pair_lines(escape, eol), json_lines(escape, eol), heredoc_lines(escape, eol),
        st.sampled_from([eol, f"# a comment{eol}", f"  FROM --platform=$P a AS b{eol}", f"FOO bar{eol}", f"   {eol}",
                         f"ONBUILD COPY a b{eol}", f"HEALTHCHECK NONE{eol}", f"{escape}{eol}USER x{eol}"]),
    )  # fmt: skip
    text += "".join(draw(st.lists(kinds, max_size=6)))
    ending = draw(st.sampled_from(["", "", "", f"RUN a {escape}", f"RUN a {escape}{eol}# c", "USER x"]))
    return text + ending


SOUP = st.text(
    alphabet=st.sampled_from(list("RUN FOMCPYENVABx0 \t\n\r\\`'\"$<>-#={}[]()&|;,/:é\u00a0\ufeff")), max_size=80
)
