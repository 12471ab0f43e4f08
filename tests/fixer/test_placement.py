"""Which of several lists a package goes into."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dockerlint_alpine.fixer.placement import add_new_run
from dockerlint_alpine.run.analysis import Doctor, configure
from tests.conftest import Mend

STAGE = """\
FROM python:3.11-alpine3.19 AS b
RUN apk add --no-cache gcc musl-dev lz4-dev
RUN pip install --prefix=/i lz4==4.4.5
FROM python:3.11-alpine3.19
{}COPY --from=b /i /usr/local
"""


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        # the longest list is the one where its author keeps what the image needs
        ("RUN apk add --no-cache tini\nRUN apk add --no-cache curl libpq\n", "curl libpq lz4-libs"),
        ("RUN apk add --no-cache curl libpq\nRUN apk add --no-cache tini\n", "curl libpq lz4-libs"),
        # of equally long ones the earliest
        ("RUN apk add --no-cache tini\nRUN apk add --no-cache curl\n", "tini lz4-libs"),
        # a list with a name is there to be deleted, however long it is
        ("RUN apk add --no-cache -t .tools curl jq git\nRUN apk add --no-cache tini\n", "tini lz4-libs"),
        # what may fail brings nothing for certain
        ("RUN apk add --no-cache curl jq \\\n || true\nRUN apk add --no-cache tini || exit 1\n", "tini lz4-libs"),
        # build packages do not belong to what runs
        ("RUN apk add --no-cache gcc musl-dev make\nRUN apk add --no-cache tini\n", "tini lz4-libs"),
    ],
)
def test_a_runtime_package_goes_where_the_image_keeps_its_own(mend: Mend, lists: str, expected: str) -> None:
    new = mend(STAGE.format(lists), select=["AD201"]).new.decode()
    assert re.search(rf"apk add --no-cache {expected}(?: \|\| exit 1)?\n", new)


def test_a_build_package_goes_to_the_list_that_is_deleted(mend: Mend) -> None:
    text = (
        "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev make cmake \\\n"
        " && apk add --no-cache --virtual .b linux-headers \\\n && pip install psycopg2==2.9.9 && apk del .b\n"
    )
    new = mend(text, select=["AD101"]).new.decode()
    assert "--virtual .b linux-headers libpq-dev" in new.replace(" postgresql-dev", " libpq-dev")


@pytest.mark.parametrize(("more", "where"), [("", "after line 1"), ("CMD curl\n", "before line 2")])
def test_a_new_run_says_where_it_stands(tmp_path: Path, more: str, where: str) -> None:
    place = tmp_path / "Dockerfile"
    data = f"FROM python:3.11-alpine3.19\n{more}".encode()
    (timeline,) = Doctor(configure(context=tmp_path)).timelines(data, place, shown_as="Dockerfile")
    placed = add_new_run(timeline, timeline.stages[0], "curl")
    assert placed is not None
    assert placed[0].title == f"add RUN apk add --no-cache curl {where}"


SCRIPT = """\
#!/bin/sh
set -e
apk add --no-cache --virtual .build \\
    gcc \\
    musl-dev
pip install psycopg2==2.9.9
apk del .build
"""


def test_a_list_in_a_script_takes_what_the_script_needs(mend: Mend) -> None:
    text = "FROM python:3.11-alpine3.19\nCOPY . /app\nRUN sh /app/install.sh\n"
    done = mend(text, {"install.sh": SCRIPT}, select=["AD1"])
    assert done.new == done.old
    (other,) = done.others
    assert other.path.endswith("install.sh")
    assert other.new.decode() == SCRIPT.replace("    gcc \\\n", "    gcc \\\n    libpq-dev \\\n")
    assert not done.left.findings


@pytest.mark.parametrize(
    "line",
    [
        "apk add gcc $EXTRA musl-dev",
        "if true; then apk add gcc musl-dev; fi",
        "A=gcc; B=musl-dev; apk add $A $B",
    ],
)
def test_a_list_of_a_script_that_does_not_stand_there_alone_is_left(mend: Mend, line: str) -> None:
    text = "FROM python:3.11-alpine3.19\nCOPY . /app\nENV EXTRA=make\nRUN sh /app/install.sh\n"
    done = mend(text, {"install.sh": f"{line}\npip install psycopg2==2.9.9\n"}, select=["AD101"], unsafe_fixes=True)
    assert not done.others
    assert b"RUN apk add --no-cache libpq-dev\n" in done.new


def test_a_program_that_a_run_starts_is_not_put_into_the_script(mend: Mend) -> None:
    text = "FROM alpine:3.19\nCOPY . /app\nRUN bash /app/install.sh\n"
    done = mend(text, {"install.sh": "apk add curl\n"}, select=["AD204"])
    assert not done.others
    assert b"RUN apk add --no-cache bash\n" in done.new


def test_a_list_with_a_name_is_for_building(mend: Mend) -> None:
    """Of two lists that nothing deletes: whoever named one meant to."""
    text = (
        "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev\nRUN apk add --no-cache -t .b make g++\n"
        "RUN pip install psycopg2==2.9.9\n"
    )
    assert b"-t .b make g++ libpq-dev\n" in mend(text, select=["AD101"]).new


def test_a_list_that_is_deleted_before_the_need_is_too_early(mend: Mend) -> None:
    text = (
        "FROM python:3.11-alpine3.19\nRUN apk add --no-cache -t .a gcc musl-dev make cmake\nRUN apk del .a\n"
        "RUN apk add --no-cache -t .b gcc\nRUN pip install psycopg2==2.9.9\nRUN apk del .b\n"
    )
    assert b"-t .b gcc libpq-dev\n" in mend(text, select=["AD101"]).new


def test_a_list_that_another_stage_reads_too_comes_last(mend: Mend) -> None:
    both = "FROM python:3.11-alpine3.19{}\nCOPY pk /pk\nRUN apk add --no-cache $(cat /pk)\n"
    text = (
        both.format(" AS x") + both.format("") + "RUN apk add --no-cache tini\nRUN pip install python-magic==0.4.27\n"
    )
    done = mend(text, {"pk": "curl\nlibpq\njq\n"}, select=["AD203"])
    assert b"apk add --no-cache tini libmagic\n" in done.new
    assert not done.others


def test_a_list_behind_the_need_is_too_late(mend: Mend) -> None:
    text = "FROM python:3.11-alpine3.19\nRUN curl -fsS https://h.example/x\nRUN apk add --no-cache jq git tini\n"
    new = mend(text, select=["AD204"]).new.decode().splitlines()
    assert new[1:] == ["RUN apk add --no-cache curl", *text.splitlines()[1:]]


SHARED = """\
FROM python:3.11-alpine3.19 AS base
RUN apk add --no-cache tini{}
FROM base AS one
{}
FROM base AS two
RUN {}
FROM python:3.11-alpine3.19 AS w
RUN apk add --no-cache gcc musl-dev lz4-dev && pip install --prefix=/i lz4==4.4.5
"""
COPIED, BUILT = "COPY --from=w /i /usr/local", "RUN pip install psycopg2==2.9.9"


@pytest.mark.parametrize(
    ("listed", "one", "two", "place", "expected"),
    [
        # the other stage has it anyway
        ("", COPIED, "apk add --no-cache lz4-libs", 1, "RUN apk add --no-cache tini lz4-libs"),
        # the other stage would get what it does not need
        ("", COPIED, "python -V", 3, "RUN apk add --no-cache lz4-libs"),
        # what builds does not go where something runs
        (" gcc musl-dev", BUILT, "apk add --no-cache libpq-dev", 3, "RUN apk add --no-cache libpq-dev"),
    ],
)
def test_the_base_s_list_serves_when_all_that_are_built_from_it_have_the_package(
    mend: Mend, listed: str, one: str, two: str, place: int, expected: str
) -> None:
    text = SHARED.format(listed, one, two)
    new = mend(text, select=["AD101", "AD201"]).new.decode().splitlines()
    assert new[place] == expected
    assert len(new) == len(text.splitlines()) + (place != 1)


def test_a_new_list_is_not_aligned_to_another_command(mend: Mend) -> None:
    lists = f"RUN apk add -t .b gcc \\\n{' ' * 18}musl-dev \\\n{' ' * 18}lz4-dev\n"
    done = mend(f"FROM python:3.11-alpine3.19\n{lists}RUN pip install --no-binary :all: lz4==4.4.5\nRUN apk del .b\n")
    assert b"RUN apk add --no-cache lz4-libs\n" in done.new


@pytest.mark.parametrize(
    ("lists", "install"),
    [
        ('apk add "tini', "pip install lz4==4.4.5"),  # the shell never gets to the apk add: the list is left
        ("apk add tini", "for i in a b; do pip install lz4==4.4.5"),  # nor to the pip: nothing is needed for certain
    ],
)
def test_a_run_that_the_shell_cannot_read_is_no_place_and_no_reason(mend: Mend, lists: str, install: str) -> None:
    text = f"FROM python:3.11-alpine3.19\nRUN {lists}\nRUN {install}\n"
    new = mend(text, select=["AD101", "AD102"]).new.decode()
    assert f"RUN {lists}\n" in new
    assert ("RUN apk add --no-cache gcc" in new) == (install.startswith("pip"))
