"""One scanner of options for many programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.system.options import OptionTable, Others, scan

VALUES, FLAGS = "--file -f, --index-url -i --url\n--tag -t", "--quiet -q, --upgrade -U"


def scanned(line: str, others: Others) -> list[tuple[str | None, str]]:
    return [
        (word.option, word.value) for word in scan(line.split(), OptionTable.build(VALUES, FLAGS, others=others))[0]
    ]


@pytest.mark.parametrize(
    ("line", "others", "found"),
    [
        ("-qf a b", "error", [("--quiet", ""), ("--file", "a"), (None, "b")]),
        (
            "-Ufa --url=x - -- -q",
            "error",
            [("--upgrade", ""), ("--file", "a"), ("--index-url", "x"), (None, "-"), (None, "-q")],
        ),
        ("--index x --up", "error", [("--index-url", "x"), ("--upgrade", "")]),
        ("--nothing a -x", "error", [(None, "a")]),
        (
            "--nothing a --more=1 -xq",
            "flag",
            [("--nothing", ""), (None, "a"), ("--more", "1"), ("-x", ""), ("--quiet", "")],
        ),
        ("--nothing a -q -xb -y c", "value", [("--nothing", "a"), ("--quiet", ""), ("-x", "b"), ("-y", "c")]),
        ("--ta x -f", "flag", [("--ta", ""), (None, "x"), ("--file", "")]),
    ],
)
def test_options_and_operands(line: str, others: Others, found: list[tuple[str | None, str]]) -> None:
    assert scanned(line, others) == found


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-f", "-f needs a value"),
        ("--tag", "--tag needs a value"),
        ("--quiet=1", "--quiet takes no value"),
        ("-x", "no such option: -x"),
        ("--u", "ambiguous option: --u"),
    ],
)
def test_what_makes_no_sense_is_said(line: str, problem: str) -> None:
    table = OptionTable.build(VALUES, FLAGS)
    assert scan(line.split(), table) == ([], [problem])
    assert not scan(line.split(), OptionTable.build(VALUES, FLAGS, others="flag"))[1]


@given(st.lists(st.text("-=aft ", max_size=6)), st.sampled_from(["flag", "value"]))
def test_every_word_is_taken_once_and_in_order(args: list[str], others: Others) -> None:
    words, problems = scan(args, OptionTable.build(VALUES, FLAGS, others=others))
    places = [word.index for word in words]
    assert not problems
    assert places == sorted(places)
    assert all(args[word.index] == word.value for word in words if word.option is None)
