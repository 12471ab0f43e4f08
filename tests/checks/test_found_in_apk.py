"""AD202: Python distributions of apk that an installer counts on, and that are not where the code runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.run.analysis import Doctor, configure
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import resolver

Check = Callable[..., list[Finding]]
ALONE = """FROM alpine:3.17
COPY r.txt .
RUN apk add --no-cache python3 {more} && apk add --no-cache --virtual .deps py3-pip && pip3 install {options} -r r.txt{end}
"""
COPIED = """FROM alpine:3.17 AS build
COPY r.txt .
RUN apk add --no-cache py3-pip && pip3 install --user -r r.txt
FROM alpine:3.17
RUN apk add --no-cache python3 {more}
COPY --from=build /root/.local /usr
"""
GONE = " && apk del .deps"


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    found = LocalIndex()
    found.add_wheel("top", "1.0", "py3-none-any", ["packaging>=20", "other"])
    found.add_wheel("other", "1.0", "py3-none-any", ["six"])
    found.add_wheel("old", "1.0", "py3-none-any", ["setuptools"])
    found.add_wheel("setuptools", "70.0", "py3-none-any")
    found.add_wheel("packaging", "23.0", "py3-none-any")
    found.add_wheel("six", "1.17", "py3-none-any")
    with serve(found):
        yield found


@pytest.fixture
def check(project: Callable[[Mapping[str, str]], Path], tmp_path: Path, index: LocalIndex) -> Check:
    def run(dockerfile: str, requirements: str = "top\n") -> list[Finding]:
        root = project({"Dockerfile": dockerfile, "r.txt": requirements})
        way = resolver(tmp_path, {"PIP_INDEX_URL": index.url})
        report = Doctor(configure(context=root), resolver=way).check_file(root / "Dockerfile")
        return [one for one in report.findings if one.code == "AD202"]

    return run


@pytest.mark.parametrize(
    ("more", "options", "end", "packages"),
    [
        ("", "", GONE, ["py3-packaging", "py3-six"]),
        ("", "", " && apk del py3-pip || true", []),
        ("py3-six", "", GONE, ["py3-packaging"]),
        ("", "--ignore-installed", GONE, []),
        ("", "--target /x", GONE, []),
        ("", "", "", []),
        ("$MORE", "", GONE, []),
    ],
)
def test_what_apk_del_takes_away(check: Check, more: str, options: str, end: str, packages: list[str]) -> None:
    found = check(ALONE.format(more=more, options=options, end=end))
    assert sorted(package for one in found for package in one.packages) == packages
    assert {one.severity for one in found} <= {"warning"}


def test_what_is_said(check: Check) -> None:
    found = {one.need: one for one in check(ALONE.format(more="", options="", end=GONE), "top\nsix\n")}
    assert found["py3-packaging"].message == (
        "top 1.0 requires packaging; pip found that in py3-packaging, and apk del .deps removes it:"
        " add py3-packaging to a list that is not deleted"
    )
    assert "r.txt:2 asks for six; pip found that in py3-six, and " in found["py3-six"].message
    assert found["py3-six"].location.line == 3
    fix = found["py3-six"].fix
    assert fix is not None
    assert (fix.title, fix.applicability) == ("add py3-six to the apk add in line 3", "safe")


def test_what_is_often_required_for_nothing_is_a_note(check: Check) -> None:
    (found,) = check(ALONE.format(more="", options="", end=GONE), "old\n")
    assert (found.need, found.severity) == ("py3-setuptools", "info")


@pytest.mark.parametrize(("more", "packages"), [("", ["py3-packaging", "py3-six"]), ("py3-pip", [])])
def test_what_a_copy_leaves_behind(check: Check, more: str, packages: list[str]) -> None:
    found = check(COPIED.format(more=more))
    assert sorted(package for one in found for package in one.packages) == packages
    assert all(" and stage 1 has none: add py3-" in one.message for one in found)


def test_another_python_has_its_own(check: Check) -> None:
    assert not check(COPIED.format(more="").replace("FROM alpine:3.17\n", "FROM python:3.10-alpine3.17\n"))
