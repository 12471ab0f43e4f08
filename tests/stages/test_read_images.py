"""Bases that no rule knows, read from their registry: what a stage that starts from one has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dockerlint_alpine.knowledge.image_contents import ImageContents, ImagePython
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.discovery import find_jobs

from .support import Silent

Judged = Callable[..., FileReport]
PYTHON = ImagePython("/usr/local", "3.11", pip="24.0")
IMAGE = ImageContents(
    "sha256:" + "a" * 64,
    created="2024-05-06",
    alpine="3.19",
    world=("alpine-baselayout", "apk-tools", "busybox", "ca-certificates"),
    virtual=((".build", ("gcc", "musl-dev")),),
    packages=("alpine-baselayout", "apk-tools", "busybox", "ca-certificates", "gcc", "musl-dev"),
    pythons=(PYTHON,),
    programs=frozenset({"pip", "python3", "tini"}),
    environment=(("PATH", "/usr/local/bin:/usr/bin:/bin"),),
    workdir="/srv",
)
PLAIN = IMAGE.packages[:4]
COMPILES = "RUN pip install lz4==4.4.5"


class Registry(Silent):
    """Has one image, or a reason for none; of the index it knows nothing."""

    def __init__(self, holds: ImageContents | str) -> None:
        self.holds = holds
        self.asked: list[tuple[str, str]] = []

    def image(self, reference: str, platform: str) -> ImageContents:
        self.asked.append((reference, platform))
        if isinstance(self.holds, str):
            raise ResolverError(self.holds)
        return self.holds


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """Judge a Dockerfile whose base is ``image`` (contents changed by ``holds``, or why it can't be read)."""

    def judge(
        body: str, holds: ImageContents | str = IMAGE, registry: Registry | None = None, **settings: Any
    ) -> FileReport:
        text = body if body.startswith(("FROM", "ARG")) else f"FROM acme/base:1\n{body}\n"
        (tmp_path / "Dockerfile").write_text(text)
        resolver = registry or Registry(holds)
        doctor = Doctor(
            configure(context=tmp_path, **{"select": ["AD1", "AD2", "AD3", "AD9"], **settings}), resolver=resolver
        )
        return doctor.check_file(tmp_path / "Dockerfile")

    return judge


def changed(**changes: object) -> ImageContents:
    from msgspec.structs import replace

    return replace(IMAGE, **changes)


def packages(report: FileReport) -> list[str]:
    return sorted(name for one in report.findings for name in one.packages if name)


def notices(report: FileReport) -> list[str]:
    return [one.message for one in report.findings if one.code.startswith("AD9")]


def test_its_packages_and_its_python_count(judged: Judged) -> None:
    assert packages(judged(COMPILES)) == []
    report = judged(f"RUN apk del .build\n{COMPILES}")
    assert packages(report) == ["gcc", "musl-dev"]
    assert {one.confidence for one in report.findings} == {"certain"}
    assert report.findings[0].stage.python == "3.11"
    assert (
        "acme/base:1 is judged by what its registry has (sha256:aaaaaaaaaaaa): Alpine 3.19, Python 3.11 in /usr/local"
        in (report.notes)
    )


def test_a_package_that_is_there_without_being_asked_for_counts(judged: Judged) -> None:
    report = judged(f"RUN apk del .build\n{COMPILES}", changed(packages=(*IMAGE.packages, "build-base")))
    assert packages(report) == []


def test_what_pip_put_there_is_not_compiled_again(judged: Judged) -> None:
    held = changed(
        virtual=(), packages=PLAIN, distributions=(("lz4", "4.4.5", "/usr/local/lib/python3.11/site-packages"),)
    )
    assert packages(judged(COMPILES, held)) == []
    assert packages(judged("RUN pip install lz4==4.4.4", held)) == ["gcc", "musl-dev"]


def test_an_environment_in_it_is_where_pip_installs(judged: Judged) -> None:
    held = changed(
        virtual=(), packages=("python3",), world=("python3",),
        pythons=(ImagePython("/opt/venv", "3.11", pip="24.0", home="/usr"),),
        environment=(("PATH", "/opt/venv/bin:/usr/bin:/bin"),),
    )  # fmt: skip
    report = judged(COMPILES, held)
    assert packages(report) == ["gcc", "musl-dev", "python3-dev"]
    assert not any(one.code == "AD304" for one in report.findings)


def test_its_user_is_root_again_where_packages_are_added(judged: Judged) -> None:
    report = judged(COMPILES, changed(virtual=(), packages=PLAIN, user="app:app"))
    (text,) = {edit.text for one in report.findings if one.fix for edit in one.fix.edits}
    assert text.startswith("USER root\nRUN apk add --no-cache gcc musl-dev\nUSER app\n")


def test_libraries_and_programs_beside_apk_are_there(judged: Judged) -> None:
    start = 'RUN pip install psycopg2-binary==2.9.9 --no-binary :all:\nCMD ["tini"]'
    held = changed(packages=(*IMAGE.packages, "libpq-dev"))
    gone = f"{start}\nRUN apk del .build libpq-dev"
    assert packages(judged(f'{gone}\nCMD ["tini"]', held)) == ["libpq"]
    assert (
        packages(judged(f'{gone}\nCMD ["tini"]', changed(packages=held.packages, libraries=frozenset({"libpq.so.5"}))))
        == []
    )
    assert packages(judged('RUN apk add --no-cache gcc\nCMD ["tini"]', changed(programs=frozenset()))) == ["tini"]


def test_packages_of_others_are_no_reason_to_doubt_alpines(judged: Judged) -> None:
    report = judged(f"{COMPILES}\nRUN git clone x", changed(packages=(*IMAGE.packages, "glibc-bin")))
    assert packages(report) == []  # glibc-bin may have brought git
    assert packages(judged(f"{COMPILES}\nRUN git clone x")) == ["git"]


def test_onbuild_runs_first(judged: Judged) -> None:
    held = changed(virtual=(), packages=PLAIN, onbuild=("RUN pip install lz4==4.4.5",))
    report = judged("RUN apk add --no-cache bash", held)
    assert packages(report) == ["gcc", "musl-dev"]
    assert {one.location.line for one in report.findings} == {1}


def test_an_image_without_a_package_database_stays_unknown(judged: Judged) -> None:
    (notice,) = notices(judged(COMPILES, changed(virtual=(), packages=(), world=())))
    assert "acme/base:1 is not known (its package database was removed)" in notice


def test_the_index_of_edge_may_be_of_another_day_than_the_image(judged: Judged) -> None:
    report = judged(f"RUN apk del .build\n{COMPILES}", changed(alpine="edge"))
    assert {one.confidence for one in report.findings} == {"likely"}


def test_a_system_that_is_not_alpine_has_no_findings(judged: Judged) -> None:
    assert judged(COMPILES, changed(alpine="")).findings == ()


def test_an_image_of_one_platform_is_judged_for_it(judged: Judged) -> None:
    report = judged(f"RUN apk del .build\n{COMPILES}", changed(platform="linux/arm64"))
    assert {one.platforms for one in report.findings} == {("linux/arm64",)}


def test_an_image_that_was_built_later_may_be_another(judged: Judged) -> None:
    report = judged(f"RUN apk del .build\n{COMPILES}", changed(created="2026-05-06"), as_of="2026-01-01")
    assert {one.confidence for one in report.findings if one.packages} == {"likely"}
    assert any("what it was on 2026-01-01 is not known" in note for note in report.notes)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (NOBODY_ASKED, "base image acme/base:1 is not known (--online reads it): give"),
        ("docker.io has no such image", "base image acme/base:1 is not known (docker.io has no such image): give"),
    ],
)
def test_why_it_was_not_read_is_told(judged: Judged, reason: str, said: str) -> None:
    (notice,) = notices(judged(COMPILES, reason))
    assert said in notice


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (f"FROM acme/base:1\n{COMPILES}\n", ["acme/base:1"]),
        (f"FROM --platform=linux/arm64 acme/base:1\n{COMPILES}\n", ["acme/base:1"]),
        (f"FROM alpine\n{COMPILES}\nFROM acme/app\nCOPY --from=0 /x /x\n", ["acme/app"]),
        (f"FROM acme/app:3.19-alpine\n{COMPILES}\n", ["acme/app:3.19-alpine"]),  # its name is a guess
        (f"FROM mirror.example/python:3.11-alpine3.19\n{COMPILES}\n", ["mirror.example/python:3.11-alpine3.19"]),
        (f"FROM python@sha256:{'b' * 64}\n{COMPILES}\n", [f"python@sha256:{'b' * 64}"]),
        (f"FROM python:3.11-alpine3.19\n{COMPILES}\n", []),
        (f"FROM python:3.11\n{COMPILES}\n", []),
        (f"FROM alpine\n{COMPILES}\n", []),
        (f"FROM scratch\n{COMPILES}\n", []),
        (f"ARG B\nFROM $B\n{COMPILES}\n", []),
        (f"FROM {{{{base}}}}:1\n{COMPILES}\n", []),
        (f"FROM acme/base:1 AS a\n{COMPILES}\nFROM a\n{COMPILES}\n", ["acme/base:1"]),
        ("FROM acme/base:1\nCOPY x y\n", []),
    ],
)
def test_which_images_are_asked_for(judged: Judged, text: str, asked: list[str]) -> None:
    registry = Registry(IMAGE)
    judged(text, registry=registry)
    assert [reference for reference, _ in registry.asked] == asked


def test_who_says_the_release_needs_no_registry(judged: Judged) -> None:
    registry = Registry(IMAGE)
    judged(COMPILES, registry=registry, alpine="3.18")
    assert registry.asked == []


def test_of_several_builds_the_registry_tells_which_image_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = (
        "services:\n  a: {image: 'acme/base:1', build: a}\n  b: {image: 'acme/base:1', build: b}\n  app: {build: .}\n"
    )
    files = {"compose.yml": compose, "Dockerfile": f"FROM acme/base:1\n{COMPILES}\n"}
    for name, text in {**files, "a/Dockerfile": "FROM alpine:3.19\n", "b/Dockerfile": "FROM alpine:3.20\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    (job,) = (one for one in find_jobs([])[0] if one.shown_as == "Dockerfile")
    for holds, said in ((IMAGE, []), (NOBODY_ASKED, ["acme/base:1 may be built by"])):
        doctor = Doctor(configure(select=["AD1", "AD9"]), resolver=Registry(holds))
        found = notices(doctor.for_job(job).check_bytes(job.path.read_bytes(), job.path, shown_as=job.shown_as))
        assert [message[: len("acme/base:1 may be built by")] for message in found] == said
