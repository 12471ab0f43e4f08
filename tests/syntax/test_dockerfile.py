"""The parser's promises that no oracle can check: losslessness, places, problems."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.syntax import Dockerfile, Instruction, Mount, SourceText, key_values, parse

from .fragments import SOUP, dockerfiles


def parts(parsed: Dockerfile) -> list[Instruction]:
    return [part for one in parsed.instructions for part in (one, one.onbuild) if part is not None]


def in_file(parsed: Dockerfile, source: SourceText) -> None:
    """Every character of a text that points into the file is written there."""
    for index, character in enumerate(source.text):
        start, end = source.offset(index), source.end_offset(index)
        assert start is not None
        assert end is not None
        assert parsed.data[start:end].decode("utf-8", "surrogateescape") == character


def check(data: bytes) -> None:
    parsed = parse(data)
    assert bytes(parsed) == data
    behind = 0
    for instruction in parsed.instructions:
        assert behind <= instruction.start <= instruction.end <= len(data)
        behind = instruction.end
        assert parsed.line_of(instruction.start) == instruction.line
        assert instruction.line <= instruction.end_line
    for part in parts(parsed):
        in_file(parsed, part.source)
        in_file(parsed, part.logical_line)
        part.words()
        key_values(part)
        for start, end in part.comments:
            assert data[start : start + 1] == b"#"
            assert b"\n" not in data[start:end]
        for document in part.heredocs:
            start, end = document.span
            assert data[start:end].decode("utf-8", "surrogateescape") == document.content
            in_file(parsed, document.source)


@given(st.one_of(st.binary(max_size=200), SOUP.map(lambda text: text.encode("utf-8", "surrogateescape"))))
def test_any_bytes(data: bytes) -> None:
    check(data)


@given(dockerfiles())
def test_generated_files(text: str) -> None:
    check(text.encode())


def test_mutated_files() -> None:
    """Bytes knocked out of a real file, among them halves of UTF-8 sequences."""
    whole = (
        '# syntax=x\nFROM é AS b\nRUN --mount=a <<E && \\\n  ü\nx\nE\nENV A="ö b" \\\n # c\n C=d\nCMD ["é"]\n'.encode()
    )
    rng = random.Random(1)
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            position = rng.randrange(len(data))
            data[position : position + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        check(bytes(data))


def test_places() -> None:
    data = b"\xef\xbb\xbf# syntax=x\r\n  FROM a AS b\r\n\r\n# note\r\nRUN x \\\r\n  # why\r\n  y <<E\r\nbody\r\nE\r\nUSER z"
    parsed = parse(data)
    assert parsed.has_bom
    assert parsed.eol == "\r\n"
    assert [(d.name, d.value, d.line) for d in parsed.directives] == [("syntax", "x", 1)]
    found = [data[one.start : one.end] for one in parsed.instructions]
    assert found == [b"FROM a AS b", b"RUN x \\\r\n  # why\r\n  y <<E\r\nbody\r\nE", b"USER z"]
    run = parsed.instructions[1]
    assert (run.line, run.end_line, run.value) == (5, 9, "x   y <<E")
    assert [data[slice(*span)] for span in run.comments] == [b"# why"]
    assert [data[slice(*span)] for span in parsed.comments] == [b"# syntax=x", b"# note"]
    (document,) = run.heredocs
    assert document.terminator is not None
    assert (data[slice(*document.span)], data[slice(*document.terminator)]) == (b"body\r\n", b"E")
    assert parsed.position(data.index(b"y <<E")) == (7, 3)
    assert parsed.instruction_at(data.index(b"body")) is run
    assert parsed.instruction_at(data.index(b"# note")) is None


def test_heredoc_that_strips_tabs_keeps_its_bytes() -> None:
    data = b"RUN <<-E\n\tapk add x\n\t\ty\n\tE\n"
    (document,) = parse(data).instructions[0].heredocs
    assert document.content == "\tapk add x\n\t\ty\n"
    assert document.source.text == "apk add x\ny\n"
    assert document.source.slice(4, 7).span() == (14, 17)


def test_flags_compare_with_strings_and_keep_their_place() -> None:
    data = b'COPY --from=b --chown="a b" x y'
    copy = parse(data).instructions[0]
    assert copy.flags == ("--from=b", "--chown=a b")
    flag = copy.flag("chown")
    assert flag is not None
    assert (flag.name, flag.value) == ("chown", "a b")
    assert flag.span == (14, 27)
    assert copy.flag("link") is None


def test_mount() -> None:
    mount = Mount.parse('--mount=type=cache,"target=/a,b",source=x,from=y,readonly')
    assert (mount.type, mount.target, mount.source, mount.from_) == ("cache", "/a,b", "x", "y")
    assert ("readonly", "true") in mount.options
    assert Mount.parse("--mount=dst=/x").type == "bind"
    assert Mount.parse("").options == ()


def test_key_values() -> None:
    parsed = parse(b'ENV A="b c" \\\n D=e\nENV OLD a "b"  c\nARG X\nARG Y=1 Z\nLABEL "a b"=c\nRUN A=b\n')
    found = [[(p.key, p.value and p.value.text, p.separator) for p in key_values(one)] for one in parsed.instructions]
    assert found == [
        [("A", '"b c"', "="), ("D", "e", "=")],
        [("OLD", 'a "b"  c', "")],
        [("X", None, "")],
        [("Y", "1", "="), ("Z", None, "")],
        [('"a b"', "c", "=")],
        [],
    ]


def test_json_strings_know_where_they_are_written() -> None:
    data = b'CMD ["a\\u00e9", \\\n "\\ud83d\\ude00b"]'
    command = parse(data).instructions[0]
    assert command.json is not None
    first, second = command.json
    assert (first.text, second.text) == ("aé", "😀b")
    assert data[slice(*first.slice(1, 2).span() or ())] == b"\\u00e9"
    assert data[slice(*second.slice(0, 1).span() or ())] == b"\\ud83d\\ude00"
    assert [data[slice(*written.span() or ())] for written in command.json_written] == [
        b'"a\\u00e9"', b'"\\ud83d\\ude00b"'
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("FROM a\nFOO x\n", 2, "unknown instruction: FOO"),
        ("# escape=x\nFROM a", 1, "invalid escape token 'x'"),
        ("# syntax=a\n# syntax=b\nFROM a", 2, "only one syntax parser directive can be used"),
        ("FROM a\nRUN <<E\nx\n", 2, "unterminated heredoc E"),
        ("FROM a\nRUN x \\\n\n y\n", 4, "empty continuation line"),
        ("FROM a\nENV x\n", 2, "ENV must have two arguments"),
        ("FROM a\nENV x=1 y\n", 2, 'can\'t find = in "y"'),
        ("FROM a b\n", 1, "FROM requires either one or three arguments"),
        ("FROM\n", 1, "FROM requires either one or three arguments"),
        ("FROM a\nCOPY x\n", 2, "COPY requires at least two arguments"),
        ("FROM a\nWORKDIR\n", 2, "WORKDIR requires exactly one argument"),
        ("FROM a\nSHELL x\n", 2, "SHELL requires the arguments to be in JSON form"),
        ("FROM a\nRUN [1]\n", 2, "arrays must be comprised of strings only"),
        ("FROM a\nONBUILD FROM b\n", 2, "FROM isn't allowed as an ONBUILD trigger"),
        ("FROM a\nONBUILD FOO b\n", 2, "unknown instruction: FOO"),
        ("", 1, "file with no instructions"),
        ("FROM a\nRUN " + "x" * 65_532 + "\n", 2, "line greater than max allowed size of 65535"),
    ],
)
def test_problems(text: str, line: int, message: str) -> None:
    problems = parse(text.encode()).problems
    assert [(problem.line, message in problem.message) for problem in problems] == [(line, True)]


def test_a_line_of_just_the_allowed_length() -> None:
    assert parse(b"FROM a\nRUN " + b"x" * 65_531 + b"\n").problems == ()


def test_a_good_file_has_no_problems() -> None:
    text = (
        '# syntax=x\n# check=skip=A\n\nARG V=1\nFROM a:$V AS b\nRUN x\nCMD ["a"]\nONBUILD COPY a b\nHEALTHCHECK NONE\n'
    )
    parsed = parse(text.encode())
    assert parsed.problems == ()
    assert [directive.name for directive in parsed.directives] == ["syntax", "check"]


@pytest.mark.parametrize(
    "data",
    [
        b"RUN a" + b" \\\n b" * 300_000,
        b"RUN <<E\n" * 50_000,
        b"ONBUILD " * 100_000,
        b"RUN [" * 1 + b"[" * 100_000,
        b"ENV A=" + b"'" * 99_999,
        b"RUN " + b"<<E " * 2_000 + b"\n" + b"E\n" * 2_000,
        "RUN é\\\n".encode() * 100_000,
        b"\\\n" * 200_000,
    ],
)
def test_large_files_are_linear(data: bytes) -> None:
    """They would take minutes if anything were quadratic; there is no clock here, the test run itself would hang."""
    assert bytes(parse(data)) == data
