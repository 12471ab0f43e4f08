"""What ``sed`` makes of a text, beside busybox's or GNU's own."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockerlint_alpine.stages.text_filters import Edit, sed
from dockerlint_alpine.syntax import expand_command, parse_script
from dockerlint_alpine.syntax.source import SourceText
from dockerlint_alpine.system.patterns import Steps

TEXT = "lxml==4.9\npsycopg2-binary>=2.8,<3  # a/b\n# psycopg2\nPillow[x]~=9.0; python_version < '3'\n\nuvloop\n"


def read(command: str) -> Edit | None:
    (one,) = parse_script(SourceText.literal(command)).commands
    return sed(expand_command(one, {})[1:])


PLAIN = [
    "sed -Ei 's/psycopg2-binary.+//' r.txt",
    "sed -i '/^psycopg2/d' r.txt",
    "sed -i -e '/lxml/d' -e 's/Pillow/pillow/g;s/==/>=/' r.txt",
    "sed -i.bak 's/psycopg2-binary/psycopg2/' r.txt",
    r"sed -i 's/\(uv\)loop/\1/; $d' r.txt",
    "sed -i -E 's/^(uv)(loop)$/\\2-&-\\1/' r.txt",
    "sed --in-place 's#a/b#c#' r.txt",
    r"sed -i 's/a\/b/c\/d/' r.txt",
    "sed -i '2d' r.txt",
    "sed -i '/psycopg2/!d' r.txt",
    "sed -i '/uvloop/s/v/V/I' r.txt",
    "sed -i 's/[[:space:]]*#.*$//' r.txt",
    "sed -i 's/x\\[/y/' r.txt",
    "sed -i 's/[0-9]/N/g' r.txt",
    "sed -i '1!s/^/z/' r.txt",
    "sed -i '/psycopg2$/,$d' r.txt",
    "sed -i '2,/uvloop/d' r.txt",
    "sed -i '/psycopg2/,3s/p/P/' r.txt",
    "sed -i '3,1d' r.txt",
    "sed -i '2,3!d' r.txt",
    "sed -i '/Pillow/,/none/s/o/0/g' r.txt",
    "sed -i '/psycopg2/,/psycopg2/d' r.txt",
    "sed -i '$,$d' r.txt",
]


@pytest.mark.parametrize("command", PLAIN)
def test_as_sed_does(command: str) -> None:
    """Lines that are deleted are empty here."""
    edit = read(command)
    assert edit is not None
    assert (edit.in_place, edit.files) == (True, ("r.txt",))
    program = shutil.which("sed")
    assert program is not None
    words = [word.text for word in expand_command(parse_script(SourceText.literal(command)).commands[0], {})][1:-1]
    words = [word for word in words if not word.startswith("--in-place")]
    words = ["-E" if word == "-Ei" else word for word in words if word != "-i" and not word.startswith("-i.")]
    done = subprocess.run([program, *words], input=TEXT, capture_output=True, text=True, check=True)
    made = edit.lines(TEXT, Steps())
    assert made is not None
    assert made.count("\n") == TEXT.count("\n")
    assert [line for line in made.split("\n") if line] == [line for line in done.stdout.split("\n") if line]


@pytest.mark.parametrize(
    "command",
    [
        "sed -i 's/a/b/w file' r.txt",
        "sed -i 's/a|b/c/' -E r.txt",
        "sed -i '1,d' r.txt",
        "sed -i '1,+2d' r.txt",
        "sed -i '/a/{s/b/c/}' r.txt",
        "sed -i 'a x' r.txt",
        "sed -n -i 's/a/b/p' r.txt",
        "sed -i 's/a/b/2' r.txt",
        r"sed -i 's/a/\U&/' r.txt",
        r"sed -i 's/\(a\)/\2/' r.txt",
        r"sed -i 's/\<a/b/' r.txt",
        "sed -i 's/a*b*c*/x/' r.txt",
        "sed -i 's/a/b' r.txt",
        "sed -i 's//b/' r.txt",
        "sed -i 's/[/b/' r.txt",
        'sed -i "s/$A/b/" r.txt',
        "sed -i d",
        "sed -i",
        "sed -f x -i r.txt",
        "sed -i 'y/ab/cd/' r.txt",
    ],
)
def test_what_is_not_plain(command: str) -> None:
    found = read(command)
    assert found is None or not found.files


@settings(max_examples=200)
@given(st.text(alphabet="s/d!$1ab\\()*.+[]|&;,{}^ \n", max_size=30), st.text(max_size=40))
def test_no_script_is_a_traceback(script: str, text: str) -> None:
    edit = read(f"sed -i {shlex.quote(script)} r.txt")
    if edit is not None:
        made = edit.lines(text, Steps())
        assert made is not None
        assert made.count("\n") == text.count("\n")


def test_what_would_take_long_is_not_done() -> None:
    edit, steps = read("sed -i 's/.*.*b//' r.txt"), Steps()
    assert edit is not None
    assert edit.lines("a" * 200, steps) is not None
    assert edit.lines("a" * 200 + "\n" + "a" * 300, steps) is None
    assert 0 <= steps.left < Steps().left
    grows = read(f"sed -i '{'s/.*/&&/;' * 40}' r.txt")
    assert grows is not None
    assert grows.lines("a" * 9, Steps()) is None
    longer = read(f"sed -i 's/a/{'b' * 100}/g' r.txt")
    assert longer is not None
    assert longer.lines("a" * 99, Steps()) is None
    assert read(f"sed -i 's/a/{'b' * 201}/g' r.txt") is None
