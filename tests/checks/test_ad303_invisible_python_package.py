"""AD303: apk's Python packages beside the image's own Python, and all the ways in which they are of use there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.model.reports import FileReport
    from tests.conftest import Judge, Mend

BASE = "FROM python:3.12-alpine3.19\n"


def invisible(report: FileReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "AD303"]


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("py3-lxml", "lxml"),
        ("py3-numpy", "numpy"),
        ("py3-yaml", "pyyaml"),
        ("py3-dateutil", "python-dateutil"),
        ("py3-ruamel.yaml", "ruamel-yaml"),
        ("py3-cryptography=~41", "cryptography"),
        ("py3-virtualenv", "virtualenv"),
    ],
)
def test_the_distribution_is_named(judge: Judge, name: str, distribution: str) -> None:
    (finding,) = invisible(judge(f"{BASE}RUN apk add --no-cache libpq {name}\n"))
    assert finding.message.endswith(f"install {distribution} with pip")
    assert finding.severity == "warning"
    assert finding.fix is not None
    assert finding.fix.applicability == "display"
    assert finding.fix.title.endswith(f"pip install {distribution}")


@pytest.mark.parametrize(
    ("name", "install", "own"),
    [
        ("py3-pip", "", "pip"),  # the official images bring it
        ("py-pip", "pip install requests", "pip"),
        ("py3-lxml", "pip install lxml==5.3.0", "lxml"),
    ],
)
def test_what_the_image_s_python_has_anyway_is_taken_out(
    judge: Judge, mend: Mend, name: str, install: str, own: str
) -> None:
    text = f"{BASE}RUN apk add --no-cache libpq {name}\nRUN true {install and '&& ' + install}\n"
    (finding,) = invisible(judge(text))
    assert finding.message.endswith(f"the Python in /usr/local has its own {own}: remove it")
    assert finding.fix is not None
    assert finding.fix.applicability == "unsafe"
    assert mend(text, select=["AD303"], unsafe_fixes=True).new.decode() == text.replace(f" {name}", "", 1)


@pytest.mark.parametrize(("python", "fate"), [("3.11", "has its own setuptools"), ("3.12", "can't import it: install")])
def test_the_official_images_had_setuptools(judge: Judge, python: str, fate: str) -> None:
    (finding,) = invisible(judge(f"FROM python:{python}-alpine3.19\nRUN apk add libpq py3-setuptools\n"))
    assert fate in finding.message


def test_another_python_of_the_stage_has_nothing_to_do_with_it(judge: Judge) -> None:
    text = f"{BASE}RUN python -m venv /v && apk add py3-lxml tini && /v/bin/pip install lxml==5.3.0\n"
    (finding,) = invisible(judge(text))
    assert finding.message.endswith("install lxml with pip")


@pytest.mark.parametrize(
    ("release", "tie"),
    [
        ("3.17", "py3-lxml 4.9.2-r0 of Alpine 3.17 main provides py3.10:lxml"),
        ("3.18", "py3-lxml 4.9.3-r0 of Alpine 3.18 main depends on python3~3.11"),
        ("3.21", "py3-lxml 5.3.0-r0 of Alpine 3.21 main depends on python3~3.12"),
    ],
)
def test_the_evidence_ties_it_to_alpines_python(judge: Judge, release: str, tie: str) -> None:
    (finding,) = invisible(judge(f"FROM python:3.11-alpine{release}\nRUN apk add py3-lxml tini\n"))
    assert [item.detail for item in finding.evidence] == [
        f"python:3.11-alpine{release} has its Python in /usr/local",
        tie,
    ]
    assert finding.confidence == "certain"


def test_older_releases_say_less(judge: Judge) -> None:
    (finding,) = invisible(judge("FROM python:3.8-alpine3.12\nRUN apk add py3-lxml tini\n"))
    assert "is for Alpine's own Python 3.8; " in finding.message
    assert finding.evidence[1].detail.endswith("community is built for python3 3.8")


def test_a_program_may_be_what_it_is_for(judge: Judge) -> None:
    (finding,) = invisible(judge(f"{BASE}RUN apk add py3-virtualenv tini\n"))
    assert finding.confidence == "possible"
    assert not invisible(judge(f"{BASE}RUN apk add py3-virtualenv tini && virtualenv /venv\n"))


@pytest.mark.parametrize(
    "text",
    [
        "FROM alpine:3.19\nRUN apk add python3 py3-lxml\n",
        "FROM node:20-alpine3.19\nRUN apk add py3-lxml\n",
        f"{BASE}RUN apk add python3-dev lxml libxml2-dev\n",
        f"{BASE}RUN apk add py3-pybind11-dev py3-numpy-doc\n",
        f"{BASE}RUN apk add supervisor py3-lxml\n",
        f"{BASE}RUN apk add uwsgi-python3 py3-lxml\n",
        f"{BASE}RUN apk add ansible\nRUN apk add py3-jmespath\n",
        f"{BASE}RUN apk add py3-lxml && /usr/bin/python3 -c 'import lxml'\n",
        f"{BASE}RUN apk add py3-lxml\nENV PYTHONPATH=/usr/lib/python3.11/site-packages\n",
        f"{BASE}RUN apk add py3-lxml\nENV PATH=/usr/bin:$PATH\n",
        f"{BASE}RUN apk add py3-lxml && rm /usr/local/bin/python*\n",
        f"{BASE}RUN apk add py3-lxml && ln -s /usr/lib/python3.11/site-packages/lxml /usr/local/lib/python3.12/\n",
        f'{BASE}RUN apk add py3-pygments tini\nCMD ["pygmentize"]\n',
        f"{BASE}RUN apk del py3-lxml\n",
        f"ONBUILD RUN apk add py3-lxml\n{BASE}",
        f"{BASE}ONBUILD RUN apk add py3-lxml\n",
    ],
)
def test_where_it_is_of_use_or_is_not_added(judge: Judge, text: str) -> None:
    assert not invisible(judge(text))


def test_glib_dev_does_not_import_lxml(judge: Judge) -> None:
    """Some -dev packages depend on Python for their tools; that is no use of other modules."""
    assert invisible(judge(f"{BASE}RUN apk add glib-dev meson py3-lxml\n")) == []
    assert invisible(judge(f"{BASE}RUN apk add glib-dev py3-lxml\n"))


def test_a_stage_built_from_the_image_is_one_of_its_kind(judge: Judge) -> None:
    text = (
        "FROM python:3.12-alpine3.19 AS base\nRUN true\nFROM base\nRUN apk add tini py3-lxml\n"
        "FROM alpine:3.19\nRUN apk add py3-lxml\n"
    )
    assert [finding.stage.index for finding in invisible(judge(text)) if finding.stage] == [1]


def test_a_branch_is_only_possible(judge: Judge) -> None:
    (finding,) = invisible(judge(f'{BASE}ARG A\nRUN if [ -n "$A" ]; then apk add py3-lxml; fi\n'))
    assert finding.confidence == "possible"


def test_the_fix_shown_takes_it_out_of_the_list(judge: Judge, mend) -> None:
    text = f"{BASE}RUN apk add --no-cache \\\n    libpq \\\n    py3-lxml\n"
    (finding,) = invisible(judge(text))
    assert finding.fix is not None
    (edit,) = finding.fix.edits
    assert text[: edit.start] + edit.text + text[edit.end :] == f"{BASE}RUN apk add --no-cache \\\n    libpq\n"
    assert not mend(text, select=["AD303"], unsafe_fixes=True).changed


def test_a_list_of_nothing_else_is_left(judge: Judge) -> None:
    (finding,) = invisible(judge(f"{BASE}RUN apk add py3-lxml\n"))
    assert finding.fix is None
