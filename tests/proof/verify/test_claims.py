"""Findings held against what a loader said, what imports did and what the bytes show, without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dockerlint_alpine.elf.images import open_image_file
from dockerlint_alpine.elf.inspection import inspect
from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.proof.image import BuiltImage, stage_of
from dockerlint_alpine.proof.verify.claims import Reality, fails
from dockerlint_alpine.proof.verify.import_level import Imported
from dockerlint_alpine.proof.verify.loader_level import Loaded, read_answer
from dockerlint_alpine.run.analysis import Doctor, configure
from tests.elf.building import elf_bytes
from tests.proof.images import SITE, as_image, distribution, image_files, predicted_packages, write_tar

EXTENSION = f"/{SITE}/lz4/_version.cpython-311-x86_64-linux-musl.so"
OTHER = f"/{SITE}/six/_six.so"
LZ4 = """\
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev postgresql-dev lz4-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq
COPY --from=builder /install /usr/local
"""
MISSING = f"Error loading shared library liblz4.so.1: No such file or directory (needed by {EXTENSION})"
SYMBOL = f"Error relocating {EXTENSION}: LZ4_compress_HC: symbol not found"


class Case:
    """A Dockerfile, an image of it, and what is said of its objects."""

    def __init__(self, folder: Path, text: str = LZ4, *, lz4: bool = True) -> None:
        path = folder / "Dockerfile"
        path.write_text(text)
        doctor = Doctor(configure(context=folder))
        (timeline,) = doctor.timelines(text.encode(), path, shown_as="Dockerfile")
        self.stage = stage_of(timeline, None)
        self.findings = doctor.report("Dockerfile", [timeline]).findings
        objects = {EXTENSION.removeprefix(f"/{SITE}/"): elf_bytes(needed=[b"liblz4.so.1"])}
        here = [distribution("lz4", "4.4.5", objects)] if lz4 else []
        files = image_files(predicted_packages(text, folder), *here, distribution("six", "1.17.0", {}))
        subject = open_image_file(as_image(write_tar(folder / "image.tar", files), {"Env": ["PATH=/usr/bin:/bin"]}))
        self.image = BuiltImage(subject, inspect(subject, self.stage.packages), self.stage)

    def reality(self, *lines: str, imported: Sequence[Imported] | None = None, asked: bool = True) -> Reality:
        loaded = [read_answer(EXTENSION, "\n".join(lines), preloaded=True)] if asked else None
        packages = {"so:liblz4.so.1": ["lz4-libs"]}
        return Reality(self.image, loaded, imported, lambda need: packages.get(need, []), self.stage)

    def finding(self, code: str = "AD201") -> Finding:
        return next(one for one in self.findings if one.code == code)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_the_loader_confirms(case: Case) -> None:
    claim = case.reality(MISSING).claim(case.finding())
    assert (claim.verdict, claim.level) == ("confirmed", "loader")
    assert claim.reason == f"{EXTENSION}: {MISSING}"
    assert list(case.reality(MISSING).missed(case.findings)) == []


def test_the_loader_refutes(case: Case) -> None:
    claim = case.reality().claim(case.finding())
    assert (claim.verdict, claim.level) == ("refuted", "loader")


def test_another_fault_hides_the_predicted_one(case: Case) -> None:
    other = MISSING.replace("liblz4", "libother")
    assert case.reality(other).claim(case.finding()).verdict == "not-reached"
    (miss,) = case.reality(other).missed(case.findings)
    assert (miss.what, miss.packages) == ("libother.so.1", ())


def test_a_symbol_that_no_library_has_is_missed(case: Case) -> None:
    (miss,) = case.reality(SYMBOL).missed(())
    assert (miss.kind, miss.distribution, miss.what, miss.line) == ("symbol", "lz4", "LZ4_compress_HC", SYMBOL)


def test_what_no_finding_says_has_its_package(case: Case) -> None:
    (miss,) = case.reality(MISSING).missed(())
    assert (miss.kind, miss.packages) == ("missing", ("lz4-libs",))


def test_without_the_loader_nothing_is_reached(case: Case) -> None:
    assert case.reality(asked=False).claim(case.finding()).verdict == "not-reached"


def test_what_is_not_in_the_image_is_refuted(tmp_path: Path) -> None:
    case = Case(tmp_path, lz4=False)
    claim = Reality(case.image, [], None, lambda _: (), case.stage).claim(case.finding())
    assert (claim.verdict, claim.level, claim.reason) == ("refuted", "bytes", "lz4 is not installed in the image")


def test_a_build_that_came_to_its_end_refutes_what_would_have_stopped_it(tmp_path: Path) -> None:
    case = Case(tmp_path, "FROM python:3.11-alpine3.19\nRUN apk add --no-cache python-dev\n", lz4=False)
    finding = case.finding("AD301")
    assert fails(finding)
    assert case.reality().claim(finding).reason == "the build completed"


def test_an_import_shows_what_the_loader_can_not(case: Case) -> None:
    crash = Imported(EXTENSION, "lz4._version", "crash", "ended by signal 11", "11")
    own = Imported(EXTENSION, "lz4._version", "error", "RuntimeError: no")
    library = Imported(EXTENSION, "lz4._version", "library", f"OSError: {MISSING}", "liblz4.so.1")
    assert [miss.kind for miss in case.reality(imported=[crash]).missed(())] == ["crash"]
    assert list(case.reality(imported=[own]).missed(())) == []
    assert [miss.packages for miss in case.reality(imported=[library]).missed(())] == [("lz4-libs",)]


def test_each_thing_is_missed_once(case: Case) -> None:
    reality = case.reality(MISSING)
    reality.loaded = [*(reality.loaded or ()), Loaded(OTHER, reality.loaded[0].faults)]  # type: ignore[index]
    assert len(list(reality.missed(()))) == 2  # once for lz4, once for the object that nobody owns
    reality.loaded = [reality.loaded[0], reality.loaded[0]]
    assert len(list(reality.missed(()))) == 1


def test_what_a_container_installs_when_it_starts_is_not_in_its_image(tmp_path: Path) -> None:
    case = Case(
        tmp_path, "FROM python:3.11-alpine3.19\nCMD pip install python-magic==0.4.27 psycopg2==2.9.9\n", lz4=False
    )
    assert {case.reality().claim(case.finding(code)).verdict for code in ("AD101", "AD102", "AD203")} == {"not-reached"}
