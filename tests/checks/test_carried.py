"""Findings on releases that are known by their recipes: names make them certain, a carried soname likely at best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from dockerlint_alpine.apk import Index, IndexStore
from dockerlint_alpine.apk.build import write_database
from dockerlint_alpine.apk.snapshot import read_snapshot
from dockerlint_alpine.checks.carried import is_notice
from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.run.analysis import Doctor, analyze, configure, fix

SNAPSHOTS = Path(__file__).resolve().parents[2] / "rules" / "alpine"

LZ4 = """\
FROM python:3.12-alpine{release} AS builder
RUN apk add --no-cache gcc musl-dev postgresql-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.12-alpine{release}
RUN apk add --no-cache libpq{more}
COPY --from=builder /install /usr/local
"""


@pytest.fixture
def judge(project: Callable[[Mapping[str, str]], Path]) -> Callable[[str], FileReport]:
    def run(text: str) -> FileReport:
        (report,) = analyze(project({"Dockerfile": text}) / "Dockerfile").files
        return report

    return run


def only(report: FileReport, code: str) -> Finding:
    (found,) = [finding for finding in report.findings if finding.code == code]
    return found


@pytest.mark.parametrize("release", ["3.23", "3.24"])
def test_a_name_that_no_recipe_has(judge: Callable[[str], FileReport], release: str) -> None:
    found = only(judge(f"FROM python:3.13-alpine{release}\nRUN apk add --no-cache libffi-dev2\n"), "AD301")
    assert (found.severity, found.confidence) == ("error", "certain")
    assert "by its recipes (aports " in found.evidence[0].detail
    assert found.evidence[0].kind == "index"
    assert not is_notice(found)


def test_a_name_that_a_later_release_has_may_have_come_since(judge: Callable[[str], FileReport]) -> None:
    """clang22 came with 3.24; a stable branch takes such packages in now and then."""
    assert only(judge("FROM alpine:3.23\nRUN apk add --no-cache clang22\n"), "AD301").confidence == "likely"
    assert only(judge("FROM alpine:edge\nRUN apk add --no-cache nosuchpackage\n"), "AD301").confidence == "likely"


def test_what_no_recipe_tells_is_not_missed(judge: Callable[[str], FileReport]) -> None:
    report = judge("FROM alpine:3.23\nRUN apk add --no-cache so:libnosuch.so.7 pc:nosuch cmd:nosuch\n")
    assert not [finding for finding in report.findings if finding.code == "AD301"]


def test_a_pin_that_the_branch_has_left_behind(judge: Callable[[str], FileReport]) -> None:
    found = only(
        judge("FROM alpine:3.23\nRUN apk add --no-cache curl=8.5.0-r0 git=2.40.0-r0\n".replace(" git=2.40.0-r0", "")),
        "AD302",
    )
    assert found.confidence == "certain"
    assert "had curl 8.17.0-r1 on 2025-12-03 and has moved on since" in found.message
    assert found.fix is not None
    assert found.fix.edits[0].text == "curl=~8.17"


def test_all_exact_pins_are_not_pinned_exactly_to_what_is_gone(judge: Callable[[str], FileReport]) -> None:
    report = judge("FROM alpine:3.23\nRUN apk add --no-cache curl=8.5.0-r0 git=2.40.0-r0\n")
    texts = {edit.text for finding in report.findings if finding.fix for edit in finding.fix.edits}
    assert texts == {"curl=~8.17", "git=~2.52"}


@pytest.mark.parametrize("release", ["3.23", "3.24"])
def test_the_story_of_the_readme_on_a_release_without_an_index(
    judge: Callable[[str], FileReport], release: str
) -> None:
    found = only(judge(LZ4.format(release=release, more="")), "AD201")
    assert (found.severity, found.confidence, found.packages) == ("error", "likely", ("lz4-libs",))
    assert found.fix is not None
    assert found.fix.applicability == "safe"
    provider = next(one.detail for one in found.evidence if one.detail.startswith("so:liblz4"))
    assert "by its recipes (aports " in provider
    assert "carried over from 3.22" in provider


def test_beside_a_package_that_is_new_in_the_release(judge: Callable[[str], FileReport]) -> None:
    """What it needs is not known: it may bring the library along."""
    new = next(iter(_unread(IndexStore().open("3.23"))))
    found = only(judge(LZ4.format(release="3.23", more=f" {new}")), "AD201")
    assert (found.severity, found.confidence) == ("warning", "possible")
    assert found.fix is not None
    assert found.fix.applicability == "unsafe"


def _unread(index: Index) -> list[str]:
    packages = [
        package for name in ("stevia", "foundry-libs", "libapk", "clapper-libs") for package in index.packages(name)
    ]
    return [name for name in index.unread(packages) if name != "libapk"]


def test_a_library_that_may_have_left_its_package(
    judge: Callable[[str], FileReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Index, "trust", lambda self, need, name: 0.9)
    found = only(judge(LZ4.format(release="3.23", more="")), "AD201")
    assert (found.severity, found.confidence) == ("warning", "possible")
    monkeypatch.setattr(Index, "trust", lambda self, need, name: 0.5)
    report = judge(LZ4.format(release="3.23", more=""))
    assert [finding.code for finding in report.findings] == ["AD902"]
    assert "alpine-doctor index update --alpine 3.23" in report.findings[0].message
    assert report.unknown == 1


def test_a_fixed_file_is_clean(project: Callable[[Mapping[str, str]], Path]) -> None:
    path = project({"Dockerfile": LZ4.format(release="3.23", more="")}) / "Dockerfile"
    result = fix(path)
    assert result.new.count(b" lz4-libs") == 1
    assert not result.left.findings


def test_a_real_index_wins(
    project: Callable[[Mapping[str, str]], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.mktemp("alpine")
    real = read_snapshot(SNAPSHOTS / "v3.22-main-x86_64.APKINDEX.tar.gz")
    write_database(cache / "v3.23-main-x86_64.sqlite", [replace(real, release="3.23")])
    few = replace(real.index, records=real.index.records[:1])
    write_database(
        cache / "v3.23-community-x86_64.sqlite", [replace(real, release="3.23", repository="community", index=few)]
    )
    path = project({"Dockerfile": LZ4.format(release="3.23", more="")}) / "Dockerfile"
    report = Doctor(configure(), store=IndexStore(cache=cache)).check_file(path)
    assert only(report, "AD201").confidence == "certain"
