"""The packages that a fix adds are a smallest set: each is needed, and nothing that was reported is missing afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.report.causes import causes
from dockerlint_alpine.run.analysis import Doctor, configure, fix_bytes
from dockerlint_alpine.stages import ApkStep, Timeline

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from tests.conftest import Judge

DOCTOR = Doctor(configure())
NOWHERE = Path("/nonexistent/Dockerfile")
BASES = ["python:3.11-alpine3.19", "python:3.12-alpine3.21", "python:3.10-alpine3.16", "alpine:3.18"]
WANTED = """
    psycopg2==2.9.9 mysqlclient==2.2.4 lz4==4.4.5 python-ldap==3.4.4 pycurl==7.45.3 numpy==1.24.4 bcrypt==4.0.1
    greenlet==3.0.3 lxml==4.9.3 cffi==1.16.0 psutil==5.9.8 python-magic==0.4.27 pillow==10.2.0 uvloop==0.19.0
""".split()


def text(base: str, wanted: list[str], packages: list[str], *, source: bool, delete: bool) -> bytes:
    """A stage that compiles what is wanted, with these packages and with or without a clean-up."""
    python = "RUN apk add --no-cache python3 py3-pip\n" if base.startswith("alpine") else ""
    lists = f"RUN apk add --no-cache {' '.join(packages)}\n" if packages and not delete else ""
    first = f"apk add --no-cache --virtual .deps {' '.join(packages or ['make'])} && " if delete else ""
    last = " && apk del .deps" if delete else ""
    sources = "--no-binary :all: " if source else ""
    return f"FROM {base}\n{python}{lists}RUN {first}pip install {sources}{' '.join(wanted)}{last}\n".encode()


def timeline(data: bytes) -> Timeline:
    (found,) = DOCTOR.timelines(data, NOWHERE, shown_as="Dockerfile")
    return found


def asked(data: bytes) -> set[str]:
    """Every package that some apk add of the text asks for."""
    (stage,) = timeline(data).stages.values()
    steps = (step for step in stage.steps if isinstance(step, ApkStep) and step.command.verb == "add")
    return {operand.text for step in steps for operand in step.command.operands}


def unmet(data: bytes) -> list[Finding]:
    """What a stage lacks, before one cause is told once: nothing but the solver's worlds decides that."""
    findings = [
        one for one in DOCTOR.found_in(timeline(data)) if one.fix is not None and one.fix.applicability == "safe"
    ]
    return [one for one in findings if one.traits.purpose is not None]


@given(
    base=st.sampled_from(BASES),
    wanted=st.lists(st.sampled_from(WANTED), min_size=1, max_size=5, unique=True),
    packages=st.lists(st.sampled_from(["bash", "postgresql-dev", "gcc", "libffi-dev"]), max_size=2, unique=True),
    source=st.booleans(),
    delete=st.booleans(),
)
def test_without_any_one_of_them_a_need_is_unmet(
    base: str, wanted: list[str], packages: list[str], *, source: bool, delete: bool
) -> None:
    old = text(base, wanted, packages, source=source, delete=delete)
    new = fix_bytes(DOCTOR, old, NOWHERE).new
    assert not unmet(new)
    for package in asked(new) - asked(old):
        without = b"\n".join(
            b" ".join(word for word in line.split(b" ") if word != package.encode()) for line in new.split(b"\n")
        )
        without = without.replace(b"RUN apk add --no-cache\n", b"")
        assert unmet(without), package


def test_the_compiler_for_cplusplus_brings_the_one_for_c(judge: Judge) -> None:
    report = judge("FROM python:3.11-alpine3.19\nRUN pip install --no-binary :all: greenlet==3.0.3 lz4==4.4.5\n")
    packages = {package for one in report.findings if one.severity == "error" for package in one.packages}
    assert packages == {"g++"}
    (finding,) = (one for one in report.findings if one.packages == ("g++",))
    assert {also.packages for also in finding.brought} >= {("gcc",), ("musl-dev",)}


def test_what_a_deleted_list_brings_is_missing_afterwards_and_told_at_once(judge: Judge) -> None:
    """The fix puts libpq-dev into the list that is deleted, so libpq is told now and not after the fix."""
    run = "RUN apk add --no-cache --virtual .deps gcc musl-dev && pip install psycopg2==2.9.9 && apk del .deps\n"
    report = judge(f"FROM python:3.11-alpine3.19\n{run}")
    assert [(one.code, one.packages) for one in report.findings if one.severity == "error"] == [
        ("AD201", ("libpq",)),
        ("AD101", ("libpq-dev",)),
    ]


def test_a_library_that_is_linked_is_named_although_another_package_brings_it(judge: Judge) -> None:
    """pycurl's curl-dev brings openssl-dev, which another distribution links: AD103 would ask for its name."""
    report = judge(
        "FROM python:3.11-alpine3.19\nRUN apk add gcc musl-dev libffi-dev cargo\n"
        "RUN pip install --no-binary :all: pycurl==7.45.3 cryptography==40.0.2\n"
    )
    wanted = {package for one in report.findings if one.code == "AD101" for package in one.packages}
    assert {"curl-dev", "openssl-dev"} <= wanted


@pytest.mark.parametrize(
    ("packages", "wanted", "code", "said"),
    [
        (
            "gcc musl-dev libffi-dev",
            "cffi==1.14.4 markupsafe==1.1.1",
            "AD502",
            "cffi 1.14.4 and markupsafe 1.1.1 are compiled; cffi 1.15.1 and markupsafe 2.1.2 have wheels",
        ),
        (
            "build-base postgresql-dev mariadb-dev linux-headers",
            "--no-binary :all: uwsgi==2.0.31",
            "AD103",
            "uwsgi 2.0.31 links 2 libraries in this stage only because other packages pull them in:"
            " add openssl-dev zlib-dev",
        ),
    ],
)
def test_notes_that_differ_in_names_are_one_line(
    judge: Judge, packages: str, wanted: str, code: str, said: str
) -> None:
    report = judge(f"FROM python:3.11-alpine3.19\nRUN apk add {packages}\nRUN pip install {wanted}\n")
    assert [one.headline for one in causes(report.findings) if one.codes == (code,)] == [said]


def test_of_what_has_no_wheel_none_is_named(judge: Judge) -> None:
    wanted = "RUN apk add gcc musl-dev libffi-dev\nRUN pip install uwsgi==2.0.31 psycopg2==2.9.9\n"
    (cause,) = causes(judge(f"FROM python:3.11-alpine3.19\n{wanted}", select=["AD502"]).findings)
    assert cause.headline == "psycopg2 2.9.9 and uwsgi 2.0.31 are compiled"


def test_what_can_never_be_compiled_lacks_nothing_where_it_runs(judge: Judge) -> None:
    report = judge("FROM python:3.10-alpine3.16\nRUN pip install --no-binary cryptography cryptography==43.0.1\n")
    codes = {one.code for one in report.findings if one.distribution and one.distribution.name == "cryptography"}
    assert "AD504" in codes
    assert "AD201" not in codes


@pytest.mark.parametrize(
    ("dockerfile", "kind", "title", "saves"),
    [
        (
            "FROM alpine:3.14\nRUN apk add --no-cache py3-pip && pip3 install lxml==4.9.3 psycopg2==2.9.9\n",
            "pip",
            "pip3 install -U 'pip>=21.2' first",
            "then only psycopg2 is compiled: gcc musl-dev postgresql-dev python3-dev",
        ),
        (
            "FROM python:3.14-alpine3.22\nRUN pip install uvloop==0.16.0\n",
            "version",
            "use uvloop 0.22.1, which has a wheel that fits",
            "nothing is compiled then",
        ),
        (
            "FROM python:3.14-alpine3.22\nRUN apk add gcc musl-dev && pip install lz4==4.3.3 uvloop==0.16.0\n",
            "version",
            "use uvloop 0.22.1, which has a wheel that fits",
            "nothing is missing then",
        ),
    ],
)
def test_ways_out_come_with_what_they_spare(judge: Judge, dockerfile: str, kind: str, title: str, saves: str) -> None:
    report = judge(dockerfile)
    found = {remedy for one in report.findings for remedy in one.remedies}
    assert (kind, title, saves) in {(one.kind, one.title, one.saves) for one in found}


def test_no_way_out_is_told_that_no_fact_bears(judge: Judge) -> None:
    """psycopg2 has no wheels in any version: neither pip nor another version or Python helps."""
    report = judge("FROM alpine:3.14\nRUN apk add --no-cache py3-pip && pip3 install psycopg2==2.9.9\n")
    assert report.findings
    assert not any(one.remedies for one in report.findings)
