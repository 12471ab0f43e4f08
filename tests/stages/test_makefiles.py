"""Makefiles whose plain targets a RUN makes, beside what GNU make itself would run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dockerlint_alpine.stages.makefiles import read_call, read_recipes
from dockerlint_alpine.stages.scripts import ScriptFile
from dockerlint_alpine.syntax import parse_script
from dockerlint_alpine.syntax.source import SourceText
from tests.stages.support import end, places, said

MAKEFILE = """\
# how it is installed
PKGS := gcc \\
    musl-dev   # a compiler
PIP ?= pip3
REQ = $(DIR)/requirements.txt
DIR = conf
PKGS += make

all: lint

.PHONY: deps install
deps: base
\t@echo $(PKGS) $$HOME
\t-echo one \\
\t  two
base: ; @echo $@ base

install: deps deps
\techo $(PIP) install -r $(REQ)

%.o: %.c
\tcc $<
ifdef X
odd:
\techo odd
endif
shell:
\techo $(X)
"""


def recipes(text: str, *words: str) -> list[str] | None:
    source = SourceText.literal(" ".join(("make", *words)))
    (command,) = parse_script(source).commands
    call = read_call([arg for word in command.words for arg in word.expand({})], "/w")
    assert call is not None
    found = read_recipes(ScriptFile("/w/Makefile", "Makefile", text.encode()), call, {})
    return None if found is None else [one.text for one in found]


def test_prerequisites_come_first_and_once() -> None:
    assert recipes(MAKEFILE, "install") == [
        "echo base base",
        "echo gcc musl-dev make $HOME",
        "echo one \\\n\t  two",
        "echo pip3 install -r conf/requirements.txt",
    ]


@pytest.mark.parametrize("words", [["install"], ["PIP=uv", "install"], ["base", "DIR=x", "install"], ["deps"]])
@pytest.mark.skipif(shutil.which("make") is None, reason="GNU make is not installed")
def test_gnu_make_prints_the_same(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    done = subprocess.run(["make", "-n", *words], cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = recipes(MAKEFILE, *words)
    assert lines is not None
    assert " ".join(lines).split() == done.stdout.split()


@pytest.mark.parametrize("words", [["nowhere"], ["x.o"], ["odd"], ["-f", "other.mk", "lint"]])
def test_a_target_that_is_not_plain_is_not_known(words: list[str]) -> None:
    assert recipes(MAKEFILE, *words) is None


def test_a_name_without_a_value_is_left_to_the_shell() -> None:
    assert recipes(MAKEFILE, "shell") == ["echo ${X}"]


def test_what_a_command_prints_is_a_substitution_of_the_shell() -> None:
    text = 'V = $(shell git rev-parse HEAD)\nall:\n\techo "$(V)" $$X $(shell  date) > x\n'
    assert recipes(text) == ['echo "$(git rev-parse HEAD)" $X $(date) > x']


def test_values_that_hold_each_other_stay_small() -> None:
    text = "".join(f"A{n} = $(A{n + 1})$(A{n + 1})\n" for n in range(40)) + "A40 = x$(A0)\nall:\n\techo $(A0)\n"
    (line,) = recipes(text) or ()
    assert len(line) < 100_000


HEAD = "FROM python:3.11-alpine3.19\nWORKDIR /app\nCOPY . .\n"


def test_a_run_that_makes_a_target(run) -> None:
    files = {
        "Makefile": "include x.mk\ndeps:\n\tapk add gcc\n\tcd /tmp && true\nlocal: deps\n\tpip install -r r.txt\n",
        "r.txt": "lz4==4.4.5\n",
    }
    timeline = run(f"{HEAD}RUN apk add make && make -C /app local\n", files)
    assert end(timeline).world.has("cmd:gcc")
    assert "lz4" in places(timeline)
    assert not said(timeline)
    step = last_step(timeline)
    assert (step.written.path, step.written.line) == ("Makefile", 6)
    assert said(run(f"{HEAD}RUN make other\n")) == [
        ("unknown-value", "Makefile installs packages but can't be analysed: move its commands into a RUN")
    ]


def last_step(timeline):
    return timeline.stages[max(timeline.stages)].steps[-1]
