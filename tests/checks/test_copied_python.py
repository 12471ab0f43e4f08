"""AD201: what a Python, or Alpine's packages for it, link that a COPY brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import FileReport, Finding
    from tests.conftest import Judge

PYTHON = "FROM alpine:3.20\n{before}COPY --from=python:3.12-alpine3.20 {what}\nCOPY app.py /app.py\n"
LXML = "FROM alpine:3.19 AS b\nRUN apk add python3 py3-lxml py3-yaml\nFROM alpine:3.19\nRUN apk add python3{more}\n{copy}\n"
SITE = "/usr/lib/python3.11/site-packages"


def lacking(report: FileReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "AD201"]


def python(judge: Judge, app: str, before: str = "", what: str = "/usr/local /usr/local") -> list[Finding]:
    return lacking(judge(PYTHON.format(before=before, what=what), {"app.py": app}))


def test_what_the_application_imports_is_an_error(judge: Judge) -> None:
    found = python(judge, "import ctypes\nimport sqlite3\n")
    (rest,) = (one for one in found if one.severity != "error")
    found.remove(rest)
    assert {(one.need, one.packages) for one in found} == {
        ("so:libsqlite3.so.0", ("sqlite-libs",)),
        ("so:libffi.so.8", ("libffi",)),
    }
    assert all(one.fix is not None and one.fix.applicability == "safe" for one in found)
    assert {one.confidence for one in found} == {"certain"}
    assert rest.severity == "warning"
    assert "readline" in rest.packages
    assert not {"libffi", "sqlite-libs", "zlib"} & set(rest.packages)


def test_what_nobody_is_seen_to_import_is_one_warning(judge: Judge) -> None:
    (finding,) = python(judge, "import os\n")
    assert finding.severity == "warning"
    assert {"libffi", "libbz2", "sqlite-libs", "readline"} <= set(finding.packages)
    assert finding.confidence == "likely"
    assert "links libbz2.so.1 and more that this stage lacks: add libbz2 gdbm" in finding.message


@pytest.mark.parametrize(
    "before",
    [
        "RUN apk add libffi libbz2 gdbm xz-libs ncurses-libs readline sqlite-libs libuuid libnsl libtirpc\n",
        "RUN apk add python3 libuuid libnsl libtirpc gdbm\n",
        "COPY --from=python:3.12-alpine3.20 /usr/lib /usr/lib\n",
    ],
)
def test_its_libraries_are_there(judge: Judge, before: str) -> None:
    assert python(judge, "import ctypes, sqlite3, readline, uuid\n", before) == []


def test_a_python_that_does_not_start_lacks_nothing_else(judge: Judge) -> None:
    report = judge("FROM alpine:3.18\nCOPY --from=python:3.12-alpine3.20 /usr/local /usr/local\n")
    assert [finding.code for finding in report.findings] == ["AD503"]


def test_alpines_own_extensions_take_their_needs_along(judge: Judge) -> None:
    found = lacking(judge(LXML.format(more="", copy=f"COPY --from=b {SITE} {SITE}")))
    by_package = {one.packages: one for one in found}
    assert ("libxslt",) in by_package
    assert by_package["libxslt",].severity == "error"
    assert "py3-lxml" in by_package["libxslt",].message
    assert by_package["yaml",].severity == "warning"  # PyYAML does without its extension


def test_packages_that_their_packages_depend_on_are_no_libraries(judge: Judge) -> None:
    text = LXML.format(more="", copy=f"COPY --from=b {SITE} {SITE}").replace("py3-lxml py3-yaml", "py3-requests")
    assert lacking(judge(text)) == []


@pytest.mark.parametrize(
    ("more", "copy", "packages"),
    [
        (" libxslt yaml", f"COPY --from=b {SITE} {SITE}", set()),
        (" libxslt", f"COPY --from=b {SITE}/lxml {SITE}/lxml", set()),
        ("", f"COPY --from=b {SITE}/lxml {SITE}/lxml", {"libxslt"}),  # which brings libxml2
        ("", f"COPY --from=b {SITE}/idna {SITE}/idna", set()),
        ("", "COPY --from=b /usr /usr", set()),
    ],
)
def test_which_of_them_are_copied(judge: Judge, more: str, copy: str, packages: set[str]) -> None:
    found = lacking(judge(LXML.format(more=more, copy=copy)))
    assert {name for one in found for name in one.packages} == packages


SCANNED = '$(scanelf --needed -r /venv | awk \'{ gsub(/,/, "\\nso:", $2); print "so:" $2 }\' | xargs -r apk info -e)'


@pytest.mark.parametrize(
    ("base", "name", "packages", "expected"),
    [
        ("3.12-alpine3.20", ".python-rundeps", "libpq", {("error", "likely"), ("warning", "likely")}),
        ("3.12-alpine3.20", ".python-rundeps", "sqlite-libs libffi", {("warning", "likely")}),
        ("3.12-alpine3.20", ".python-rundeps", SCANNED, {("warning", "possible")}),
        ("3.12-alpine3.20", ".app-rundeps", "libpq", set()),
        ("3.6-alpine3.9", ".python-rundeps", "libpq", set()),  # whether it is replaced there is not known
    ],
)
def test_a_list_of_the_image_is_replaced(
    judge: Judge, base: str, name: str, packages: str, expected: set[tuple[str, str]]
) -> None:
    text = f"FROM python:{base}\nCOPY a.py .\nRUN apk add --virtual {name} {packages}\nCMD python a.py\n"
    found = judge(text, {"a.py": "import sqlite3, ctypes\n"}, select=["AD202"]).findings
    assert {(one.severity, one.confidence) for one in found} == expected
    assert all("libz.so.1" not in one.message for one in found)  # apk itself needs it
