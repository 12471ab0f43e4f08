"""What is told is the cause, once: not its symptoms, and not half of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import FileReport
    from tests.conftest import Judge

BASE = "FROM python:3.11-alpine3.19\n"
TOOLS = "gcc musl-dev"


def told(report: FileReport, name: str) -> list[tuple[str, tuple[str, ...]]]:
    found = (one for one in report.findings if one.distribution is not None and one.distribution.name == name)
    return [(one.code, one.packages) for one in found if one.severity == "error"]


def test_the_library_that_the_headers_bring_is_not_told_beside_them(judge: Judge) -> None:
    report = judge(f"{BASE}RUN apk add {TOOLS}\nRUN pip install psycopg2==2.9.9\n")
    assert told(report, "psycopg2") == [("AD101", ("libpq-dev",))]


def test_in_another_stage_both_are_told(judge: Judge) -> None:
    text = (
        f"{BASE}RUN apk add {TOOLS}\nRUN pip install --prefix=/i psycopg2==2.9.9\n{BASE}COPY --from=0 /i /usr/local\n"
    )
    assert told(judge(text), "psycopg2") == [("AD101", ("libpq-dev",)), ("AD201", ("libpq",))]


def test_a_dev_package_that_another_one_brings_is_not_told(judge: Judge) -> None:
    report = judge(f"{BASE}RUN apk add {TOOLS}\nRUN pip install python-ldap==3.4.4\n")
    assert [packages for code, packages in told(report, "python-ldap") if code == "AD101"] == [("openldap-dev",)]


@pytest.mark.parametrize(
    ("packages", "says"),
    [
        ("postgresql-dev", "only because postgresql-dev pulls in lz4-dev"),
        ("postgresql-dev rocksdb-dev", "only because postgresql-dev and rocksdb-dev pull in lz4-dev"),
        ("postgresql-dev lz4-dev", None),
    ],
)
def test_all_that_pull_a_library_in_are_named(judge: Judge, packages: str, says: str | None) -> None:
    report = judge(f"{BASE}RUN apk add {TOOLS} {packages}\nRUN pip install lz4==4.4.5\n")
    messages = [one.message for one in report.findings if one.code == "AD103"]
    assert [one for one in messages if says in one] if says else not messages


@pytest.mark.parametrize(
    ("copies", "found"),
    [
        ("COPY --from=0 /usr/lib/liblz4.so.1 /usr/lib/\n", False),
        ("COPY --from=0 /usr/lib/liblz4.so.1* /usr/lib/\n", False),
        ("COPY --from=0 /usr/lib/liblz4.so.1.9.4 /usr/lib/liblz4.so.1\n", False),
        ("COPY --from=0 /usr/lib/liblz4.so.1.9.4 /usr/lib/\n", True),
    ],
)
def test_a_copied_library_counts_under_the_name_that_is_opened(judge: Judge, copies: str, found: bool) -> None:
    text = (
        f"{BASE}RUN apk add {TOOLS} lz4-dev && pip install --prefix=/i lz4==4.4.5\n"
        f"{BASE}COPY --from=0 /i /usr/local\n{copies}"
    )
    assert bool([one for one in judge(text).findings if one.code == "AD201"]) == found


def test_what_a_branch_may_delete_is_possible_and_no_error(judge: Judge) -> None:
    text = f"{BASE}RUN apk add {TOOLS} lz4-dev && pip install lz4==4.4.5\n"
    report = judge(f'{text}RUN if [ -n "$SLIM" ]; then apk del lz4-dev lz4-libs; fi\n')
    (finding,) = (one for one in report.findings if one.code == "AD202")
    assert (finding.severity, finding.confidence) == ("warning", "possible")
    assert "may remove" in finding.message


LOCK = """version = 1
requires-python = ">=3.11"

[[package]]
name = "app"
version = "1.0"
source = { virtual = "." }
dependencies = [{ name = "only-glibc" }]

[package.metadata]
requires-dist = [{ name = "only-glibc", specifier = "==1.0" }]

[[package]]
name = "only-glibc"
version = "1.0"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://index.example/only_glibc-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", hash = "sha256:0" }]
"""


def test_what_pip_is_certain_to_refuse_is_an_error(judge: Judge) -> None:
    project = '[project]\nname = "app"\nversion = "1.0"\ndependencies = ["only-glibc==1.0"]\n'
    report = judge(
        f"{BASE}RUN pip install uv\nCOPY pyproject.toml uv.lock ./\nRUN uv sync --frozen --no-install-project\n",
        {"uv.lock": LOCK, "pyproject.toml": project},
    )
    found = [(one.code, one.severity) for one in report.findings if "only-glibc" in one.message]
    assert found == [("AD501", "error")]


def test_what_a_wheel_leaves_to_compile_keeps_all_that_it_lacks(judge: Judge) -> None:
    """g++ brings gcc and musl-dev: without numpy they are asked for by themselves."""
    report = judge(f"{BASE}RUN pip install lz4==4.4.5 numpy==1.24.4\n")
    ways = {(way.kind, way.saves) for one in report.findings for way in one.remedies}
    assert ways == {("version", "then only lz4 is compiled: gcc musl-dev")}
