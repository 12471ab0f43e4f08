"""Package lists: the edit looks as if the author had made it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dockerlint_alpine.syntax import (
    Arg,
    Dockerfile,
    LayoutError,
    PackageList,
    SourceText,
    apply_edits,
    expand,
    expanded_commands,
    key_values,
    list_layout,
    parse,
    run_scripts,
)


def operands(data: bytes) -> tuple[Dockerfile, list[Arg]]:
    """The packages of the first ``apk add``, the value of ``-t`` left out."""
    parsed = parse(data)
    scope: dict[str, SourceText] = {}
    for instruction in parsed.instructions:
        for pair in key_values(instruction):
            if pair.value is not None:
                scope[pair.key] = expand(pair.value, scope, escape=parsed.escape).source
        for script in run_scripts(instruction.onbuild or instruction) if "RUN" in instruction.logical_line.text else ():
            for command in expanded_commands(script, scope):
                if command.name == "apk":
                    args = list(command.args[2:])
                    texts = [arg.text for arg in args]
                    if "-t" in texts:
                        del args[texts.index("-t") : texts.index("-t") + 2]
                    return parsed, [arg for arg in args if not arg.text.startswith("-")]
    raise AssertionError("no apk add")


def layout(text: str) -> PackageList:
    return list_layout(*operands(text.encode()))


def insert(text: str, name: str = "lz4-libs") -> str:
    return apply_edits(text.encode(), [layout(text).insert(name)]).decode()


CASES = {
    "one a line, unsorted": (
        "RUN apk add --no-cache \\\n    libpq \\\n    curl \\\n    tini \\\n    && rm -rf /var/cache/*\n",
        "RUN apk add --no-cache \\\n    libpq \\\n    curl \\\n    tini \\\n    lz4-libs \\\n    && rm -rf /var/cache/*\n",
    ),
    "one a line, sorted": (
        "RUN apk add --no-cache \\\n    curl \\\n    libpq \\\n    tini \\\n    && x\n",
        "RUN apk add --no-cache \\\n    curl \\\n    libpq \\\n    lz4-libs \\\n    tini \\\n    && x\n",
    ),
    "sorted, goes first": (
        "RUN apk add \\\n    tini \\\n    zip\n",
        "RUN apk add \\\n    lz4-libs \\\n    tini \\\n    zip\n",
    ),
    "sorted, goes last": ("RUN apk add \\\n    a \\\n    b\n", "RUN apk add \\\n    a \\\n    b \\\n    lz4-libs\n"),
    "sorted without case": ("RUN apk add B a-b C n\n", "RUN apk add B a-b C n lz4-libs\n"),
    "sorted as a locale does": (
        "RUN apk add \\\n  g++ \\\n  gcc \\\n  gccgo \\\n  gcc-java \\\n  make\n",
        "RUN apk add \\\n  g++ \\\n  gcc \\\n  gccgo \\\n  gcc-java \\\n  lz4-libs \\\n  make\n",
    ),
    "inline": (
        "RUN apk add --no-cache libpq curl tini && rm -rf x",
        "RUN apk add --no-cache libpq curl tini lz4-libs && rm -rf x",
    ),
    "inline, sorted": ("RUN apk add curl tini; x", "RUN apk add curl lz4-libs tini; x"),
    "inline, sorted, first": ("RUN apk add tini zip", "RUN apk add lz4-libs tini zip"),
    "inline, pinned": ("RUN apk add b=~1.2 c=2-r0 'a>3'", "RUN apk add b=~1.2 c=2-r0 'a>3' lz4-libs"),
    "sorted, pinned": ("RUN apk add b=~1.2 m=2-r0 z@edge", "RUN apk add b=~1.2 lz4-libs m=2-r0 z@edge"),
    "inline, wrapped": (
        "RUN apk add z musl-dev \\\n   libffi make \\\n   gcc && x",
        "RUN apk add z musl-dev \\\n   libffi make \\\n   gcc lz4-libs && x",
    ),
    "first on the command's line": (
        "RUN apk add zip \\\n        curl\n",
        "RUN apk add zip \\\n        curl \\\n        lz4-libs\n",
    ),
    "first on the command's line, goes first": (
        "RUN apk add tini \\\n        zip\n",
        "RUN apk add lz4-libs \\\n        tini \\\n        zip\n",
    ),
    "windows line ends and tabs": (
        "RUN apk add \\\r\n\tlibpq \\\r\n\tcurl && \\\r\n    rm x\r\n",
        "RUN apk add \\\r\n\tlibpq \\\r\n\tcurl \\\r\n\tlz4-libs && \\\r\n    rm x\r\n",
    ),
    "aligned continuations": (
        "RUN apk add \\\n    zlib      \\\n    libpq     \\\n    tini      \\\n && x",
        "RUN apk add \\\n    zlib      \\\n    libpq     \\\n    tini      \\\n    lz4-libs  \\\n && x",
    ),
    "aligned continuations, a long name": (
        "RUN apk add \\\n    zlib  \\\n    lz    \\\n    t     \\\n && x",
        "RUN apk add \\\n    zlib  \\\n    lz    \\\n    t     \\\n    lz4-libs \\\n && x",
    ),
    "aligned by tabs": (
        "RUN apk add\t\t\\\n\tzlib\t\t\\\n\tlibpq\t\t\\\n\t&& x",
        "RUN apk add\t\t\\\n\tzlib\t\t\\\n\tlibpq\t\t\\\n\tlz4-libs\t\\\n\t&& x",
    ),
    "no blank before the continuation": (
        "RUN apk add\\\n  z\\\n  a\\\n  &&b",
        "RUN apk add\\\n  z\\\n  a\\\n  lz4-libs\\\n  &&b",
    ),
    "another escape token": (
        "# escape=`\nRUN apk add `\n  b `\n  a `\n  && x\n",
        "# escape=`\nRUN apk add `\n  b `\n  a `\n  lz4-libs `\n  && x\n",
    ),
    "end on the last name's line": (
        "RUN apk add \\\n    z \\\n    a; \\\n    foo",
        "RUN apk add \\\n    z \\\n    a \\\n    lz4-libs; \\\n    foo",
    ),
    "single name": ("RUN apk add \\\n    tini \\\n    && x", "RUN apk add \\\n    tini \\\n    lz4-libs \\\n    && x"),
    "no final newline": ("RUN apk add \\\n    z \\\n    a", "RUN apk add \\\n    z \\\n    a \\\n    lz4-libs"),
    "comments in backquotes": (
        "RUN apk add \\\n   zip `# for x` \\\n   a `# y` \\\n  && b",
        "RUN apk add \\\n   zip `# for x` \\\n   a `# y` \\\n   lz4-libs \\\n  && b",
    ),
    "a comment behind the last name stays there": (
        "RUN apk add \\\n z \\\n a # why",
        "RUN apk add \\\n z \\\n lz4-libs \\\n a # why",
    ),
    "groups": (
        "RUN apk add \\\n  # libs\n  zlib-dev \\\n  a-dev \\\n  # tools\n  zip \\\n  curl \\\n && x",
        "RUN apk add \\\n  # libs\n  zlib-dev \\\n  a-dev \\\n  # tools\n  zip \\\n  curl \\\n  lz4-libs \\\n && x",
    ),
    "sorted groups": (
        "RUN apk add \\\n  # b\n  zip \\\n  zoo \\\n  # a\n  curl \\\n  tar \\\n && x",
        "RUN apk add \\\n  # b\n  zip \\\n  zoo \\\n  # a\n  curl \\\n  lz4-libs \\\n  tar \\\n && x",
    ),
    "a comment line in the list": (
        "RUN apk add \\\n    z \\\n    # why\n    a \\\n    ; foo",
        "RUN apk add \\\n    z \\\n    # why\n    a \\\n    lz4-libs \\\n    ; foo",
    ),
    "here-document": (
        "RUN <<EOF\napk add \\\n  b \\\n  a\nfoo\nEOF\n",
        "RUN <<EOF\napk add \\\n  b \\\n  a \\\n  lz4-libs\nfoo\nEOF\n",
    ),
    "here-document that strips tabs": (
        "RUN <<-EOF\n\tapk add b a\n\tEOF\n",
        "RUN <<-EOF\n\tapk add b a lz4-libs\n\tEOF\n",
    ),
    "here-document with another escape token": (
        "# escape=`\nRUN <<E\napk add \\\n  b \\\n  a\nE\n",
        "# escape=`\nRUN <<E\napk add \\\n  b \\\n  a \\\n  lz4-libs\nE\n",
    ),
    "exec form": ('RUN ["apk", "add", "b", "a"]', 'RUN ["apk", "add", "b", "a", "lz4-libs"]'),
    "exec form, tight": ('RUN ["apk","add","b"]', 'RUN ["apk","add","b","lz4-libs"]'),
    "exec form, sorted": ('RUN ["apk","add","m","z"]', 'RUN ["apk","add","lz4-libs","m","z"]'),
    "exec form, one a line": (
        'RUN ["apk", "add", \\\n  "b", \\\n  "a"]',
        'RUN ["apk", "add", \\\n  "b", \\\n  "a", \\\n  "lz4-libs"]',
    ),
    "script in the exec form": ('RUN ["sh","-c","apk add b a && x"]', 'RUN ["sh","-c","apk add b a lz4-libs && x"]'),
    "script in quotes": ("RUN sh -c 'apk add b a' && x", "RUN sh -c 'apk add b a lz4-libs' && x"),
    "value": ('ENV DEPS="z gcc"\nRUN apk add $DEPS', 'ENV DEPS="z gcc lz4-libs"\nRUN apk add $DEPS'),
    "value, single quotes": ("ARG D='z gcc'\nRUN apk add ${D}", "ARG D='z gcc lz4-libs'\nRUN apk add ${D}"),
    "bare value": ("ENV DEPS=gcc\nRUN apk add $DEPS", 'ENV DEPS="gcc lz4-libs"\nRUN apk add $DEPS'),
    "escaped value": ("ENV D=zcc\\ gcc\nRUN apk add $D", "ENV D=zcc\\ gcc\\ lz4-libs\nRUN apk add $D"),
    "old ENV": ("ENV DEPS zcc gcc\nRUN apk add $DEPS", "ENV DEPS zcc gcc lz4-libs\nRUN apk add $DEPS"),
    "value over several lines": (
        'ENV DEPS="\\\n  zcc \\\n  gcc \\\n  "\nRUN apk add $DEPS',
        'ENV DEPS="\\\n  zcc \\\n  gcc \\\n  lz4-libs \\\n  "\nRUN apk add $DEPS',
    ),
    "value over several lines, end on the last": (
        'ENV DEPS="zcc \\\n  yy \\\n  gcc"\nRUN apk add $DEPS',
        'ENV DEPS="zcc \\\n  yy \\\n  gcc \\\n  lz4-libs"\nRUN apk add $DEPS',
    ),
    "assignment in the script": ('RUN D="zcc gcc"; apk add $D', 'RUN D="zcc gcc lz4-libs"; apk add $D'),
    "assignment with line ends in it": (
        'RUN <<E\nD="\n  zcc\n  gcc\n"\napk add $D\nE',
        'RUN <<E\nD="\n  zcc\n  gcc\n  lz4-libs\n"\napk add $D\nE',
    ),
    "loop": ("RUN for p in z b; do apk add $p; done", "RUN for p in z b lz4-libs; do apk add $p; done"),
    "variable among names": ("RUN apk add -t .b $D z b", "RUN apk add -t .b $D z b lz4-libs"),
    "variable among sorted names": ("ENV D=x\nRUN apk add a $D b z", "ENV D=x\nRUN apk add a $D b lz4-libs z"),
    "quoted variable": ('ENV D=x\nRUN apk add "$D"', 'ENV D=x\nRUN apk add "$D" lz4-libs'),
    "quoted names": ("RUN apk add 'b' \"a\"", "RUN apk add 'b' \"a\" lz4-libs"),
    "onbuild": ("ONBUILD RUN apk add b a", "ONBUILD RUN apk add b a lz4-libs"),
}


@pytest.mark.parametrize("case", CASES)
def test_insert(case: str) -> None:
    before, after = CASES[case]
    assert insert(before) == after


@pytest.mark.parametrize("case", CASES)
def test_inserting_twice_goes_on_in_the_same_style(case: str) -> None:
    before, _ = CASES[case]
    once = insert(before, "zz-one")
    twice = insert(once, "zz-two")
    if "DEPS=gcc" not in before:
        assert apply_edits(twice.encode(), [layout(twice).remove("zz-one")]).decode() == insert(before, "zz-two")


@pytest.mark.parametrize("case", CASES)
def test_removing_what_was_inserted_restores_the_file(case: str) -> None:
    before, _ = CASES[case]
    if "DEPS=gcc" in before:
        return
    after = insert(before)
    assert apply_edits(after.encode(), [layout(after).remove("lz4-libs")]).decode() == before


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("RUN apk add a b c", "b", "RUN apk add a c"),
        ("RUN apk add a b c", "a", "RUN apk add b c"),
        ("RUN apk add a b c", "c", "RUN apk add a b"),
        ("RUN apk add \\\n  a \\\n  b \\\n && x", "b", "RUN apk add \\\n  a \\\n && x"),
        ("RUN apk add \\\n  a \\\n  b && x", "b", "RUN apk add \\\n  a && x"),
        ("RUN apk add \\\n  a \\\n  # why\n  b", "b", "RUN apk add \\\n  a"),
        ("RUN apk add a=1 b", "a", "RUN apk add b"),
        ('RUN ["apk","add","a", "b"]', "a", 'RUN ["apk","add", "b"]'),
        ('ENV D="a b"\nRUN apk add $D', "a", 'ENV D="b"\nRUN apk add $D'),
        ("RUN apk add z \\\n  a b \\\n  c d", "a", "RUN apk add z \\\n  b \\\n  c d"),
        ("RUN apk add \\\n  a", "a", "RUN apk add"),
        ("RUN apk add a \\\n  b", "a", "RUN apk add b"),
        ("RUN apk add a && b", "a", "RUN apk add && b"),
        ("ENV D=a\\ b\nRUN apk add $D", "a", "ENV D=b\nRUN apk add $D"),
    ],
)
def test_remove(text: str, name: str, expected: str) -> None:
    assert apply_edits(text.encode(), [layout(text).remove(name)]).decode() == expected


@pytest.mark.parametrize(
    ("text", "name", "new", "expected"),
    [
        ("RUN apk add py-pip b", "py-pip", "py3-pip", "RUN apk add py3-pip b"),
        ("RUN apk add 'a=1' b", "a=1", "a=~2", "RUN apk add 'a=~2' b"),
        ("RUN apk add a=1 b", "a", "aa", "RUN apk add aa=1 b"),
        ('RUN ["apk","add","a"]', "a", "b", 'RUN ["apk","add","b"]'),
        ('ENV D="x a"\nRUN apk add $D', "a", "b", 'ENV D="x b"\nRUN apk add $D'),
    ],
)
def test_replace(text: str, name: str, new: str, expected: str) -> None:
    assert apply_edits(text.encode(), [layout(text).replace(name, new)]).decode() == expected


def test_refusals() -> None:
    with pytest.raises(LayoutError):
        layout("RUN apk add a").insert("a>1")
    with pytest.raises(LayoutError):
        layout("RUN apk add a").remove("b")
    parsed, _ = operands(b"RUN apk add a")
    with pytest.raises(LayoutError):
        list_layout(parsed, [])


NAMES = st.sampled_from(
    ["gcc", "musl-dev", "libpq", "curl", "tini", "a", "zlib-dev", "g++", "Xorg", "py3-pip", "c=~1.2", "d=1.2-r0"]
)


@st.composite
def lists(draw: st.DrawFn) -> str:
    """A Dockerfile with one ``apk add`` in any layout."""
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    if draw(st.booleans()):
        names.sort()
    eol = draw(st.sampled_from(["\n", "\r\n"]))
    escape = draw(st.sampled_from(["\\", "\\", "`"]))
    heredoc = eol == "\n" and draw(st.integers(0, 4)) == 0
    token = "\\" if heredoc else escape
    indent = draw(st.sampled_from(["    ", "  ", "\t", "", "      "]))
    style = draw(st.sampled_from(["inline", "lines", "lines", "wrapped", "aligned"]))
    pad = max(map(len, names)) + 2 if style == "aligned" else 0
    ending = draw(
        st.sampled_from(["", f" && x{eol}", f" {token}{eol}{indent}&& x{eol}", f"; {token}{eol} x{eol}", " && x"])
    )
    body = ""
    for index, name in enumerate(names):
        wrap = style in ("lines", "aligned") or (style == "wrapped" and index % 3 == 2)
        comment = f"{indent}# note{eol}" if wrap and not heredoc and draw(st.integers(0, 5)) == 0 else ""
        blank = " " * max(1, pad - len(names[index - 1])) if index else " "
        body += f"{blank}{token}{eol}{comment}{indent or ' '}{name}" if wrap else f" {name}"
    head = f"# escape=`{eol}" if escape == "`" else ""
    head += f"FROM alpine{eol}"
    if heredoc:
        return f"{head}RUN <<E{eol}apk add{body}{ending.strip(eol)}{eol}E{eol}USER x"
    return f"{head}RUN apk add --no-cache{body}{ending}" + (
        "" if ending and not ending.endswith(eol) else f"{eol}USER x"
    )


@given(lists(), st.sampled_from(["lz4-libs", "lz4-dev", "aa", "zz", "lz4-libs=~1.9"]))
def test_insert_adds_one_operand_and_changes_no_other_byte(text: str, name: str) -> None:
    before = text.encode()
    parsed, old = operands(before)
    edit = list_layout(parsed, old).insert(name)
    assert edit.start == edit.end
    after = apply_edits(before, [edit])
    assert after[: edit.start] + after[edit.start + len(edit.text.encode()) :] == before
    again, new = operands(after)
    texts, expected = [arg.text for arg in new], [arg.text for arg in old]
    assert texts.count(name) == 1
    assert [one for one in texts if one != name] == expected
    assert again.problems == parsed.problems
    assert again.eol == parsed.eol or b"\n" not in before.partition(b"\n")[2]
    if expected == sorted(expected) and len(expected) > 1:
        assert [one.partition("=")[0] for one in texts] == sorted(one.partition("=")[0] for one in texts)
    untouched = [one.logical_line.text for one in parsed.instructions if "apk" not in one.logical_line.text]
    assert untouched == [one.logical_line.text for one in again.instructions if "apk" not in one.logical_line.text]


@given(lists())
def test_style_stays(text: str) -> None:
    """A list of one name a line stays one, and an inline list gets no line."""
    before = layout(text)
    after = insert(text)
    assert layout(after).one_per_line == before.one_per_line
    assert after.count("\n") - text.count("\n") == int(before.one_per_line)


@given(lists())
def test_remove_takes_exactly_one(text: str) -> None:
    parsed, old = operands(text.encode())
    assume(len(old) > 1)
    for arg in old:
        after = apply_edits(text.encode(), [list_layout(parsed, old).remove(arg.text)])
        assert [one.text for one in operands(after)[1]] == [one.text for one in old if one is not arg]
