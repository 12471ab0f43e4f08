"""What is new since a revision of git, and what a baseline does not know."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_check_and_fix import run

OLD = (
    "FROM python:3.11-alpine3.19\nRUN pip install psycopg2==2.9.9\n"
    "COPY requirements.txt .\nRUN pip install -r requirements.txt\n"
)
PSYCOPG2 = {("AD101", "psycopg2"), ("AD102", "psycopg2")}
LXML = {("AD101", "lxml"), ("AD102", "lxml")}


def git(*args: str, cwd: Path) -> None:
    names = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *names, *args], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    (top / "app").mkdir(parents=True)
    (top / "app" / "Dockerfile").write_text(OLD)
    (top / "app" / "requirements.txt").write_text("lxml==4.9.0\n")
    git("init", "-q", cwd=top)
    git("add", ".", cwd=top)
    git("commit", "-qm", "first", cwd=top)
    return top


def found(*args: str, cwd: Path, code: int | None = None) -> set[tuple[str, str]]:
    done = run("check", "--offline", "--ignore", "AD502", "--output-format", "json", *args, cwd=cwd)
    assert code is None or done.returncode == code, done.stderr
    findings = [one for file in json.loads(done.stdout)["files"] for one in file["findings"]]
    return {(one["code"], one["distribution"]["name"]) for one in findings}


def test_nothing_is_new_where_only_lines_moved(repository: Path) -> None:
    place = repository / "app" / "Dockerfile"
    place.write_text("# syntax of today\n\n" + OLD)
    assert found(cwd=repository) == PSYCOPG2 | LXML
    assert found("--since", "HEAD", cwd=repository, code=0) == set()


def test_an_edited_instruction_is_new_with_all_that_it_says(repository: Path) -> None:
    place = repository / "app" / "Dockerfile"
    place.write_text(OLD.replace("install psycopg2", "install --no-cache-dir psycopg2"))
    assert found("--since", "HEAD", cwd=repository, code=1) == PSYCOPG2


def test_an_edited_requirement_is_new_though_the_dockerfile_is_not(repository: Path) -> None:
    (repository / "app" / "requirements.txt").write_text("# first\nlxml==4.8.0\n")
    assert found("--since", "HEAD", cwd=repository, code=1) == {("AD504", "lxml")}


def test_a_cause_that_changed_is_new(repository: Path) -> None:
    place = repository / "app" / "Dockerfile"
    place.write_text(OLD.replace("alpine3.19", "alpine3.18"))
    assert found("--since", "HEAD", cwd=repository, code=1) == PSYCOPG2 | LXML


def test_a_new_file_is_new(repository: Path) -> None:
    (repository / "other.Dockerfile").write_text("FROM python:3.11-alpine3.19\nRUN pip install psycopg2==2.9.9\n")
    assert found("--since", "HEAD", cwd=repository, code=1) == PSYCOPG2


@pytest.mark.parametrize(
    ("folder", "path"), [("app", "Dockerfile"), ("new", "../app/Dockerfile"), (".", "app"), ("..", "repository")]
)
def test_it_does_not_matter_where_one_stands(folder: str, path: str, repository: Path) -> None:
    (repository / "new").mkdir()
    place = repository / "app" / "Dockerfile"
    place.write_text(f"# moved\n{OLD}RUN pip install --no-binary :all: pylibmc==1.6.3\n")
    assert {name for _, name in found("--since", "HEAD", path, cwd=repository / folder)} == {"pylibmc"}


def test_what_is_left_out_is_told(repository: Path) -> None:
    done = run("check", "--offline", "--since", "HEAD", "--quiet", cwd=repository)
    assert done.returncode == 0
    assert b"findings omitted that HEAD also has" in done.stderr


@pytest.mark.parametrize(
    ("revision", "said"), [("nope", "no commit nope"), ("--help", "no commit --help"), ("", "expected a commit")]
)
def test_no_such_revision(revision: str, said: str, repository: Path) -> None:
    done = run("check", "--offline", f"--since={revision}", cwd=repository)
    assert done.returncode == 2
    assert said in done.stderr.decode()


def test_no_repository(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(OLD)
    done = run("check", "--offline", "--since", "HEAD", cwd=tmp_path)
    assert done.returncode == 2
    assert b"is not in a git repository" in done.stderr


def test_a_baseline_knows_what_moved_and_not_what_is_new(repository: Path) -> None:
    folder, place = repository / "app", repository / "app" / "Dockerfile"
    options = ("--baseline", "known.json")
    assert found(*options, "--update-baseline", cwd=folder, code=0) == set()
    entries = json.loads((folder / "known.json").read_text())["findings"]
    assert {entry["path"] for entry in entries} == {"Dockerfile"}
    assert all(entry["message"] and entry["code"] for entry in entries)
    place.write_text("# moved\n" + OLD.replace("alpine3.19", "alpine3.19 AS web").replace(" AS web", "", 1))
    assert found(*options, cwd=folder, code=0) == set()
    assert found("--baseline", "app/known.json", cwd=repository, code=0) == set()
    place.write_text(OLD + "RUN pip install --no-binary :all: pylibmc==1.6.3\n")
    assert {name for _, name in found(*options, cwd=folder)} == {"pylibmc"}
    place.write_text(OLD.replace("RUN pip install psycopg2==2.9.9\n", ""))
    done = run("check", "--offline", *options, cwd=folder)
    assert b"of its findings are gone; --update-baseline removes them" in done.stderr


def test_the_summary_says_that_known_findings_are_left_out(repository: Path) -> None:
    options = ("--offline", "--ignore", "AD502", "--baseline", "known.json")
    done = run("check", *options, "--update-baseline", cwd=repository)
    assert done.stdout.decode() == (
        "No new problems found in 1 Dockerfile with 1 Alpine stage.\n6 findings written to known.json.\n"
    )
    done = run("check", *options, cwd=repository)
    assert done.stdout.decode() == (
        "No new problems found in 1 Dockerfile with 1 Alpine stage.\n6 known findings omitted: known.json.\n"
    )
    assert done.stderr == b""
    assert b"6 known findings omitted" in run("check", *options, "--output-format", "json", cwd=repository).stderr


def test_what_is_known_is_in_no_fix_of_what_is_new(repository: Path) -> None:
    place, text = repository / "app" / "Dockerfile", "FROM python:3.11-alpine3.19\n{}RUN pip install lxml==4.9.0\n"
    place.write_text(text.format(""))
    git("commit", "-aqm", "second", cwd=repository)
    run("check", "--offline", "--baseline", "known.json", "--update-baseline", cwd=repository)
    place.write_text(text.format("RUN pip install psycopg2==2.9.9\n"))
    for narrow in (("--baseline", "known.json"), ("--since", "HEAD")):
        report = json.loads(run("check", "--offline", "--output-format", "json", *narrow, cwd=repository).stdout)
        fixes = {one["fix"]["edits"][0]["text"] for one in report["files"][0]["findings"]}
        assert fixes == {"RUN apk add --no-cache gcc libpq-dev musl-dev\n"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}', "\xff"]
)
def test_a_file_that_is_no_baseline(text: str, repository: Path) -> None:
    (repository / "known.json").write_text(text)
    done = run("check", "--offline", "--baseline", "known.json", cwd=repository)
    assert done.returncode == 2
    assert done.stderr.decode().strip().count("\n") == 3
    assert "--baseline known.json: " in done.stderr.decode()


def test_options_that_need_each_other(repository: Path) -> None:
    assert b"requires --baseline FILE" in run("check", "--update-baseline", cwd=repository).stderr
    assert b"--update-baseline writes it" in run("check", "--baseline", "none.json", cwd=repository).stderr
