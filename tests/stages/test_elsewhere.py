"""Bases that other Dockerfiles of the project build: their final stage is where a stage starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.discovery import find_jobs

BASE = "FROM python:3.11-alpine3.19\nENV PKG=nosuch\nWORKDIR /srv\nRUN apk add --no-cache gcc musl-dev postgresql-dev\n"
LZ4 = f"{BASE}RUN pip install lz4==4.4.5\n"
COMPILES = "RUN pip install psycopg2==2.9.9\n"
COMPOSE = "services:\n  base: {image: 'acme/base:1', build: base}\n  app: {build: app}\n"
BAKE = (
    'target "base" {\n  context = "base"\n  tags = ["acme/base:1"]\n}\n'
    'target "app" {\n  context = "app"\n  contexts = { start = "target:base", other = "docker-image://alpine:3.18" }\n}\n'
)

Found = Callable[..., dict[str, FileReport]]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """Judge all Dockerfiles of a project, by their names."""

    def run(files: Mapping[str, str], **settings: object) -> dict[str, FileReport]:
        for name, text in {".git/HEAD": "", **files}.items():
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        monkeypatch.chdir(tmp_path)
        doctor = Doctor(configure(**settings))
        jobs, errors = find_jobs([])
        assert errors == []
        return {
            job.shown_as: doctor.for_job(job).check_bytes(
                job.text or job.path.read_bytes(), job.path, shown_as=job.shown_as
            )
            for job in jobs
        }

    return run


def codes(report: FileReport) -> list[tuple[str, str]]:
    return [(one.code, one.confidence) for one in report.findings if one.code != "AD401"]


@pytest.mark.parametrize(
    ("name", "files", "confidence"),
    [
        ("acme/base:1", {"compose.yml": COMPOSE}, "likely"),
        ("docker.io/acme/base:1", {"compose.yml": COMPOSE}, "likely"),
        ("acme/base:1", {"docker-bake.hcl": BAKE}, "likely"),
        ("start", {"docker-bake.hcl": BAKE}, "certain"),
        ("start", {"compose.yml": "services:\n  b: {build: base}\n  app: {build: {context: app, "
                                  "additional_contexts: {start: 'service:b'}}}\n"}, "certain"),
        ("ghcr.io/acme/base", {}, "likely"),
        ("ghcr.io/acme/base:2.7.18", {}, "possible"),
        ("acme/images:base", {}, "likely"),
    ],
)  # fmt: skip
def test_the_world_of_the_base(found: Found, name: str, files: dict[str, str], confidence: str) -> None:
    app = f"FROM {name}\nRUN apk add curl $PKG\n{COMPILES}"
    report = found({"base/Dockerfile": BASE, "app/Dockerfile": app, **files})["app/Dockerfile"]
    assert codes(report) == [("AD301", confidence)]
    assert report.findings[0].stage is not None
    assert (report.findings[0].stage.alpine, report.findings[0].stage.python) == ("3.19", "3.11")
    assert report.notes == (f"{name} is assumed to be the image that base/Dockerfile builds",)


@pytest.mark.parametrize("name", ["acme/base:2", "base", "acme/other", "python:3.11-alpine3.19", "base:1"])
def test_other_names_are_other_images(found: Found, name: str) -> None:
    reports = found(
        {"base/Dockerfile": LZ4, "app/Dockerfile": f"FROM {name}\nRUN apk add curl\n", "compose.yml": COMPOSE}
    )
    assert not any("base/Dockerfile" in note for note in reports["app/Dockerfile"].notes)


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ("", ["git"]),
        ("COPY x /srv/\n", ["git"]),
        ("RUN apk add git\n", []),
        ("COPY bin /usr/bin/\n", []),
        ("COPY --from=some/image / /\n", []),
        ("RUN ./install\n", []),
        ("RUN ln -s /x /usr/bin/git\n", []),
    ],
)
def test_programs_that_the_base_has_or_may_have_got(found: Found, more: str, missing: list[str]) -> None:
    app = "FROM acme/base:1\nRUN pip install git+https://example.org/x\n"
    names = ("base/x", "base/bin/git")
    files = {"base/Dockerfile": BASE + more, "app/Dockerfile": app, "compose.yml": COMPOSE, **dict.fromkeys(names, "")}
    report = found(files)["app/Dockerfile"]
    assert [name for one in report.findings if one.code == "AD204" for name in one.packages] == missing


@pytest.mark.parametrize(("got", "missing"), [("RUN wget -O /tini https://h.example/x\n", []), ("", ["tini"])])
def test_programs_copied_from_the_base(found: Found, got: str, missing: list[str]) -> None:
    app = 'FROM acme/base:1 AS b\nFROM alpine:3.19\nCOPY --from=b /tini /usr/bin/tini\nENTRYPOINT ["tini", "--"]\n'
    report = found({"base/Dockerfile": BASE + got, "app/Dockerfile": app, "compose.yml": COMPOSE})["app/Dockerfile"]
    assert [name for one in report.findings if one.code == "AD204" for name in one.packages] == missing


def test_an_image_that_a_context_names(found: Found) -> None:
    report = found(
        {"base/Dockerfile": BASE, "app/Dockerfile": "FROM other\nRUN apk add nosuch\n", "docker-bake.hcl": BAKE}
    )
    assert "Alpine 3.18 has no package nosuch" in report["app/Dockerfile"].findings[0].message


def test_what_is_compiled_there_is_missing_a_library_here(found: Found) -> None:
    app = "FROM python:3.11-alpine3.19\nCOPY --from=start /usr/local /usr/local\n"
    reports = found({"base/Dockerfile": LZ4, "app/Dockerfile": app, "docker-bake.hcl": BAKE})
    (finding,) = reports["app/Dockerfile"].findings
    assert (finding.code, finding.packages) == ("AD201", ("lz4-libs",))
    assert not [one for one in reports["base/Dockerfile"].findings if one.code == "AD201"]


def test_what_the_base_lacks_is_said_once(found: Found) -> None:
    base = f"{LZ4}RUN apk del postgresql-dev\n"
    reports = found(
        {"base/Dockerfile": base, "app/Dockerfile": "FROM acme/base:1\nRUN apk add curl\n", "compose.yml": COMPOSE}
    )
    assert "AD202" in {one.code for one in reports["base/Dockerfile"].findings}
    assert not codes(reports["app/Dockerfile"])


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        ({"app/Dockerfile": "FROM acme/base:1\nRUN apk add curl\n", "compose.yml": COMPOSE}, "warning"),
        ({"app/Dockerfile": "FROM start\n", "docker-bake.hcl": BAKE}, "warning"),
        ({"app/Dockerfile": "FROM base\n"}, "warning"),
        ({"app/Dockerfile": "FROM alpine:3.19 AS base\nFROM base\n"}, "error"),
        ({"app/Dockerfile": "FROM alpine:3.19\nCOPY --from=acme/base:1 /srv /srv\n", "compose.yml": COMPOSE}, "error"),
    ],
)
def test_what_the_base_lacks_is_no_error_where_others_start_from_it(
    found: Found, files: dict[str, str], severity: str
) -> None:
    report = found({"base/Dockerfile": f"{LZ4}RUN apk del postgresql-dev\n", **files})["base/Dockerfile"]
    assert {one.severity for one in report.findings if one.code == "AD202"} == {severity}


def test_what_is_taken_away_here_is_said_here(found: Found) -> None:
    app = "FROM acme/base:1\nRUN apk del postgresql-dev\n"
    reports = found({"base/Dockerfile": LZ4, "app/Dockerfile": app, "compose.yml": COMPOSE})
    assert [one.code for one in reports["app/Dockerfile"].findings] == ["AD202"]


def test_a_folder_as_a_context(found: Found) -> None:
    bake = 'target "app" {\n  context = "app"\n  contexts = { src = "reqs" }\n}\n'
    app = "FROM python:3.11-alpine3.19\nCOPY --from=src r.txt .\nRUN pip install -r r.txt\n"
    reports = found({"app/Dockerfile": app, "reqs/r.txt": "psycopg2==2.9.9\n", "docker-bake.hcl": bake})
    assert {one.code for one in reports["app/Dockerfile"].findings} >= {"AD101", "AD102"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"a/Dockerfile": "FROM acme/b\nRUN apk add x\n", "b/Dockerfile": "FROM acme/a\nRUN apk add x\n"},
            "built from each other in a circle",
        ),
        (
            {"a/Dockerfile": "FROM acme/b\nRUN apk add x\n", "x/b/Dockerfile": BASE, "y/b/Dockerfile": BASE},
            "acme/b may be built by x/b/Dockerfile or y/b/Dockerfile",
        ),
        (
            {"a/Dockerfile": "FROM acme/b\nRUN apk add x\n", "b/Dockerfile": "FROM nobody/knows\n"},
            "acme/b is built by b/Dockerfile, and the base image of that is not known",
        ),
        ({"a/Dockerfile": "FROM acme/a\nRUN apk add x\n", "b/Dockerfile": BASE}, "base image acme/a is not known"),
        (
            {"a/Dockerfile": "FROM acme/python3:3.10.11.7\nRUN apk add x\n", "python3/Dockerfile": BASE},
            "acme/python3:3.10.11.7 is of another day: python3/Dockerfile has Python 3.11 now",
        ),
        (
            {"a/Dockerfile": "FROM acme/b\n", "b/Dockerfile": "FROM nobody/knows\nONBUILD RUN apk add y\n"},
            "acme/b is built by b/Dockerfile, and the base image of that is not known",
        ),
    ],
)
def test_what_is_not_known_is_said(found: Found, files: dict[str, str], message: str) -> None:
    report = found(files)["a/Dockerfile"]
    assert any(message in one.message for one in report.findings), [one.message for one in report.findings]


TRIGGERS = (
    "FROM python:3.11-alpine3.19\nRUN apk add gcc musl-dev\nONBUILD ARG MORE=nosuch\nONBUILD ENV GET=requirements.txt\n"
    "ONBUILD COPY $GET ./\nONBUILD RUN apk add --no-cache $MORE \\\n  alsonot && pip install \\\n  -r $GET\n"
)


def test_triggers_of_the_base_run_here_on_the_files_of_this_context(found: Found) -> None:
    files = {"b/Dockerfile": TRIGGERS, "b/requirements.txt": "lz4==4.4.5\n", "a/requirements.txt": "psycopg2==2.9.9\n"}
    reports = found({"a/Dockerfile": "FROM acme/b\nRUN echo $GET\n", **files})
    assert [one.code for one in reports["b/Dockerfile"].findings] == []
    findings = reports["a/Dockerfile"].findings
    build, *unknown, running = (one for one in findings if one.severity == "error")
    assert (build.code, build.packages, running.code, running.packages) == (
        "AD101",
        ("libpq-dev",),
        "AD201",
        ("libpq",),
    )
    assert {one.location.line for one in (build, *unknown)} == {1}
    assert "b/Dockerfile:7: pip install -r $GET" in {one.detail for one in build.evidence}
    assert {"Alpine 3.19 has no package nosuch", "Alpine 3.19 has no package alsonot"} == {
        one.message.partition(":")[0] for one in unknown
    }
    assert build.fix is None, "nothing here runs before the trigger"
    assert running.fix is not None
    assert [one.path for one in running.fix.edits] == [None]


def test_triggers_of_a_base_of_the_base_have_run_there(found: Found) -> None:
    files = {"b/Dockerfile": TRIGGERS, "c/Dockerfile": "FROM acme/b\n", "a/requirements.txt": "lz4==4.4.5\n"}
    reports = found({"a/Dockerfile": "FROM acme/c\nRUN apk add alsonot\n", **files})
    assert codes(reports["a/Dockerfile"]) == [("AD301", "likely")]
    assert len([one for one in reports["c/Dockerfile"].findings if one.code == "AD301"]) == 2


def test_a_chain_of_builds_comes_to_an_end(found: Found) -> None:
    files = {f"s{n}/Dockerfile": f"FROM acme/s{n + 1}\nRUN apk add x\n" for n in range(20)} | {"s20/Dockerfile": BASE}
    reports = found(files)
    assert any("nested too deeply" in one.message for one in reports["s0/Dockerfile"].findings)
    assert codes(reports["s18/Dockerfile"]) == [("AD301", "likely")]


def test_an_image_that_is_not_alpine(found: Found) -> None:
    reports = found(
        {"base/Dockerfile": "FROM debian:12\n", "app/Dockerfile": "FROM acme/base\nRUN apt-get install -y gcc\n"}
    )
    assert not reports["app/Dockerfile"].findings
    reports = found({"app/Dockerfile": "FROM acme/base\nRUN apk add gcc\n"})
    assert [one.code for one in reports["app/Dockerfile"].findings] == ["AD902"]


def test_whoever_calls_apt_starts_from_another_image_of_that_name(found: Found) -> None:
    start = {"base/Dockerfile": "FROM python:3.11-alpine3.19\n"}
    app = "FROM acme/base\nRUN {}pip install python-magic==0.4.27\nCMD python -c 'import magic'\n"
    assert found({**start, "app/Dockerfile": app.format("")})["app/Dockerfile"].findings
    called = "apt-get update && apt-get install -y libmagic1 && "
    assert not found({**start, "app/Dockerfile": app.format(called)})["app/Dockerfile"].findings


SDK = '[project]\nname = "acme-sdk"\nversion = "1"\ndependencies = ["lz4==4.4.5"]\n'


@pytest.mark.parametrize(
    ("requirement", "known"),
    [
        ("acme-sdk @ git+https://git.example/acme.git@main#subdirectory=libs/sdk", True),
        ("git+https://git.example/acme.git#egg=acme_sdk&subdirectory=libs/sdk", True),
        ("acme-app @ https://git.example/acme/-/archive/main/acme-main.tar.gz", True),
        ("acme-app @ https://git.example/acme/archive/v1.tar.gz", True),
        ("acme-app @ https://files.example/acme-app-1.tar.gz", False),
        ("other @ git+https://git.example/acme.git#subdirectory=libs/sdk", False),
        ("acme-sdk @ git+https://git.example/acme.git", False),
        ("acme-sdk @ git+https://git.example/acme.git#subdirectory=../outside", False),
    ],
)
def test_what_git_would_fetch_from_the_same_repository(
    found: Found, tmp_path: Path, requirement: str, known: bool
) -> None:
    outside = tmp_path.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "pyproject.toml").write_text(SDK)
    files = {
        "libs/sdk/pyproject.toml": SDK,
        "pyproject.toml": SDK.replace("acme-sdk", "acme-app"),
        "app/Dockerfile": "FROM python:3.11-alpine3.19\nRUN apk add git\nCOPY r.txt .\nRUN pip install -r r.txt\n",
        "app/r.txt": f"{requirement}\n",
    }
    report = found(files)["app/Dockerfile"]
    assert (report.unknown == 0) is known
    assert any(one.distribution is not None and one.distribution.name == "lz4" for one in report.findings) is known


def test_of_several_folders_that_of_name_and_tag(found: Found) -> None:
    """acme/python:3 is what python/3/Dockerfile makes, also beside python/Dockerfile."""
    own = "FROM alpine:3.{}\nRUN apk add python3 py3-pip\n"
    files = {"python/Dockerfile": own.format(17), "python/3/Dockerfile": own.format(18)}
    app = "FROM acme/python:{}\nRUN pip install lz4==4.3.3\n"
    reports = found({**files, "app/Dockerfile": app.format(3), "other/Dockerfile": app.format(2)})
    stages = {name: {one.stage.alpine for one in reports[name].findings if one.stage} for name in reports}
    assert stages["app/Dockerfile"] == {"3.18"}
    assert stages["other/Dockerfile"] == {"3.17"}
