from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockerlint_alpine.cli.diagnose import diagnose

LOG = "c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory\n"
DOCKERFILE = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev\nRUN pip install foo\n"


def run(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(diagnose, list(args), input=stdin)


def test_text_from_standard_input() -> None:
    result = run("--alpine", "3.19", stdin=LOG)
    assert result.exit_code == 1
    assert "the header ffi.h is missing" in result.output
    assert "add: libffi-dev" in result.output
    assert "log:1" in result.output
    assert "\x1b" not in result.output


def test_json_is_exactly_as_promised(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text(LOG)
    result = run(str(log), "--alpine", "3.19", "--output-format", "json")
    document = json.loads(result.output)
    assert list(document) == ["version", "verdict", "causes"]
    assert (document["version"], document["verdict"]) == (1, "packages")
    (cause,) = document["causes"]
    assert set(cause) == {
        "cause", "moment", "distribution", "need", "packages", "foreseen", "line", "quote", "stage", "confidence",
        "advice",
    }  # fmt: skip
    assert cause["packages"] == ["libffi-dev"]
    assert (cause["moment"], cause["line"], cause["quote"]) == ("build", 1, LOG.strip())


def test_without_a_release_the_answer_says_which_one_it_took() -> None:
    document = json.loads(run("--output-format", "json", stdin=LOG).output)
    assert "does not reveal the Alpine release" in document["causes"][0]["advice"]


def test_not_enough() -> None:
    result = run("--output-format", "json", stdin="ERROR: Failed building wheel for cffi\n")
    document = json.loads(result.output)
    assert document["verdict"] == "not-enough-information"
    assert document["causes"][0]["packages"] == []
    assert "libffi-dev" in document["causes"][0]["foreseen"]


def test_diff_writes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "Dockerfile"
    place.write_text(DOCKERFILE)
    result = run("--dockerfile", str(place), "--diff", stdin=LOG)
    assert "+RUN apk add --no-cache gcc libffi-dev musl-dev" in result.output
    assert place.read_text() == DOCKERFILE
    assert result.exit_code == 1


def test_fix_writes(tmp_path: Path) -> None:
    place = tmp_path / "Dockerfile"
    place.write_text(DOCKERFILE)
    result = run("--dockerfile", str(place), "--fix", stdin=LOG)
    assert result.exit_code == 0
    assert "fixed: add libffi-dev to the apk add in line 2" in result.output
    assert place.read_text() == DOCKERFILE.replace("gcc musl-dev", "gcc libffi-dev musl-dev")


def test_a_service_of_a_compose_file(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  web:\n    build: web\n  api:\n    build: api\n")
    for name in ("web", "api"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(DOCKERFILE)
    compose = str(tmp_path / "compose.yaml")
    assert run("--dockerfile", compose, "--service", "api", "--fix", stdin=LOG).exit_code == 0
    assert "libffi-dev" in (tmp_path / "api" / "Dockerfile").read_text()
    assert "libffi-dev" not in (tmp_path / "web" / "Dockerfile").read_text()
    assert "use --service" in run("--dockerfile", compose, stdin=LOG).output
    assert "no service 'db'" in run("--dockerfile", compose, "--service", "db", stdin=LOG).output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--fix",), "need --dockerfile"),
        (("--service", "web"), "needs --dockerfile"),
        (("no-such.log",), "No such file or directory"),
        (
            (
                "--alpine",
                "buster",
            ),
            "buster",
        ),
        (("--dockerfile", "no-such-file"), "no such file"),
        (("--platform", "windows/amd64"), "windows/amd64"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(args: tuple[str, ...], message: str) -> None:
    result = run(*args, stdin=LOG)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_an_output_file(tmp_path: Path) -> None:
    out = tmp_path / "answer.json"
    result = run("--output-format", "json", "--output-file", str(out), "--exit-zero", stdin=LOG)
    assert (result.exit_code, result.output) == (0, "")
    assert json.loads(out.read_text())["verdict"] == "packages"


def test_a_build_that_went_well_is_no_failure() -> None:
    log = "#6 [2/2] RUN pip install lz4\n#6 DONE 2.4s\n#7 exporting to image\n#7 naming to docker.io/library/app done\n"
    result = run(stdin=log)
    assert (result.exit_code, result.output) == (0, "No failure: the build in this log succeeded\n")
    document = json.loads(run("--output-format", "json", stdin=log).output)
    assert document == {"version": 1, "verdict": "no-failure", "causes": []}


def test_a_pin_is_shown_and_written(tmp_path: Path) -> None:
    log = "ERROR: unable to select packages:\n  curl-8.9.1-r2:\n    breaks: world[curl=8.4.0-r0]\n"
    place = tmp_path / "Dockerfile"
    place.write_text("FROM alpine:3.19\nRUN apk add curl=8.4.0-r0\n")
    shown = run("--dockerfile", str(place), "--diff", stdin=log)
    assert "+RUN apk add curl=~8.9.1" in shown.output
    assert run("--dockerfile", str(place), "--fix", stdin=log).exit_code == 0
    assert place.read_text() == "FROM alpine:3.19\nRUN apk add curl=~8.9.1\n"


def test_first_the_diagnosis_then_the_place_then_what_has_none(tmp_path: Path) -> None:
    log = f"fetch https://dl-cdn.alpinelinux.org/alpine/v3.19/main/x86_64/APKINDEX.tar.gz\n{LOG}"
    place = tmp_path / "Dockerfile"
    place.write_text("FROM debian:12\nRUN pip install foo\n")
    output = run("--dockerfile", str(place), stdin=log).output
    assert output.index("the header ffi.h is missing") < output.index("Add libffi-dev") < output.index("not placed:")
    place.write_text(DOCKERFILE)
    output = run("--dockerfile", str(place), stdin=log).output
    assert "with --fix: add libffi-dev to the apk add in line 2" in output
    assert place.read_text() == DOCKERFILE


def test_a_long_line_is_shown_whole() -> None:
    needed = "/usr/local/lib/python3.12/site-packages/a_very_long_name_of_a_distribution/sub/package/_extension.so"
    log = f"ImportError: Error loading shared library liblz4.so.1: No such file or directory (needed by {needed})\n"
    output = run(stdin=log).output
    assert f"   | {log}" in output


@pytest.mark.parametrize("option", ["--online", "--offline"])
def test_whether_the_index_is_asked(option: str) -> None:
    result = run(option, stdin=LOG)
    assert result.exit_code == 1 or "needs uv" in result.output
