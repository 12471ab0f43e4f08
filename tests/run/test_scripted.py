"""CI jobs and development containers: what they run is judged where it stands, and nothing is rewritten."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.run.builds import Build, BuildFileError
from dockerlint_alpine.run.scripted import read_scripts
from tests.cli.test_check_and_fix import run

Project = Callable[[Mapping[str, str]], Path]

WORKFLOW = """\
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    container: python:3.11-alpine3.19
    steps:
      - uses: actions/checkout@v4
      - run: apk add --no-cache gcc musl-dev
      - name: what it needs
        run: |
          # comments are none of the shell's business
          pip install -r requirements.txt
          if true; then
            echo on
          fi
          pip install \\
            psycopg2==2.9.9
      - run: pytest ${{ matrix.options }}
  elsewhere:
    runs-on: ubuntu-latest
    container: { image: "node:20" }
    steps: [{ run: npm ci }]
"""
GITLAB = """\
image: python:3.11-alpine3.19
before_script:
  - apk add --no-cache gcc musl-devel
test:
  script:
    - pip install psycopg2==2.9.9
build:
  image: debian:12
  script: [make]
"""
DEVCONTAINER = """\
{
  // what the editor starts
  "image": "python:3.11-alpine3.19", /* of Alpine */
  "postCreateCommand": "pip install psycopg2==2.9.9",
}
"""


def found(root: Path, *paths: str) -> list[tuple[str, str, str]]:
    """Code, path and the text that is marked, of every error."""
    done = run("check", "--offline", "--output-format", "json", *paths, cwd=root)
    errors = []
    for file in json.loads(done.stdout)["files"]:
        lines = (root / file["path"]).read_bytes().split(b"\n")
        for one in file["findings"]:
            assert one["fix"] is None
            place = one["location"]
            marked = lines[place["line"] - 1][place["column"] - 1 :]
            if place["line"] == place["end_line"]:
                marked = marked[: place["end_column"] - place["column"]]
            if one["severity"] == "error":
                errors.append((one["code"], file["path"], marked.decode()))
    return errors


def test_jobs_and_containers_are_judged_in_their_places(project: Project) -> None:
    workflow, container = ".github/workflows/test.yml", ".devcontainer/devcontainer.json"
    root = project(
        {workflow: WORKFLOW, ".gitlab-ci.yml": GITLAB, container: DEVCONTAINER, "requirements.txt": "lxml==4.9.0\n"}
    )
    errors = found(root)
    assert ("AD101", workflow, "pip install -r requirements.txt") in errors
    assert [text for code, path, text in errors if (code, path) == ("AD101", workflow)][1].startswith("pip install \\")
    assert ("AD301", ".gitlab-ci.yml", "musl-devel") in errors
    assert ("AD101", ".gitlab-ci.yml", "pip install psycopg2==2.9.9") in errors
    assert ("AD101", container, "pip install psycopg2==2.9.9") in errors
    assert {path for _, path, _ in errors} == {workflow, ".gitlab-ci.yml", container}
    assert found(root, workflow) == [one for one in errors if one[1] == workflow]


@pytest.mark.parametrize("value", ["2021-13-45", "!!int x", "!!python/name:os.system ''"])
def test_a_value_that_is_none_costs_nothing(tmp_path: Path, value: str) -> None:
    """Scripts and images are texts: what else is in the file need not be read."""
    path = tmp_path / "a.yml"
    path.write_text(f"env: {{D: {value}}}\n{WORKFLOW}")
    (build,), refused = read_scripts(path, tmp_path)
    assert "psycopg2" in (build.text or "")
    assert refused == []


def test_fix_leaves_them_alone(project: Project) -> None:
    root = project({".gitlab-ci.yml": GITLAB})
    assert run("fix", "--offline", ".gitlab-ci.yml", cwd=root).returncode in {0, 1, 2}
    assert (root / ".gitlab-ci.yml").read_text() == GITLAB


def test_the_excerpt_is_the_file_s_own(project: Project) -> None:
    root = project({".gitlab-ci.yml": GITLAB})
    said = run("check", "--offline", ".gitlab-ci.yml", cwd=root).stdout.decode()
    assert "3 |   - apk add --no-cache gcc musl-devel" in said
    assert " --> .gitlab-ci.yml:3:28" in said


def test_a_container_that_is_built_is_its_dockerfile(project: Project) -> None:
    build = '"build": {"dockerfile": "Dockerfile", "context": "..", "args": {"V": "3.19"}}'
    given = f'{{{build}, // "x": {{}}\n// {{}} ]\n"a": [1],\n}}'
    dockerfile = "ARG V=3.12\nFROM alpine:$V\nRUN apk add nosuch\n"
    root = project({".devcontainer/devcontainer.json": given, ".devcontainer/Dockerfile": dockerfile, ".git/HEAD": ""})
    said = run("check", "--offline", "--output-format", "concise", cwd=root).stdout.decode()
    assert "Alpine 3.19 has no package nosuch" in said
    assert said.count("AD301") == 1
    (root / ".devcontainer" / "devcontainer.json").write_text('{"build": {"dockerfile": "../../../etc/x"}}')
    done = run("check", "--offline", ".devcontainer/devcontainer.json", cwd=root)
    assert done.returncode == 2
    assert "is outside the project" in done.stdout.decode()


@pytest.mark.parametrize(
    "script",
    [
        "|\n          apk add a # why",  # the rest of a joined line would be a comment
        '"apk add \\x61"',  # what is run is not what is written
        ">\n          apk add\n          a",
    ],
)
def test_scripts_that_are_not_what_is_written_are_not_read(script: str, project: Project) -> None:
    text = WORKFLOW.partition("      - run: apk")[0] + f"      - run: {script}\n"
    root = project({".github/workflows/x.yml": text})
    assert read_scripts(root / ".github/workflows/x.yml", root) == ([], [])


def test_another_folder_or_shell_is_not_guessed_at(project: Project) -> None:
    for more in ("        working-directory: app\n", "        shell: python\n"):
        text = WORKFLOW.partition("      - name")[0] + more
        root = project({".github/workflows/x.yml": text})
        assert read_scripts(root / ".github/workflows/x.yml", root) == ([], [])


def test_an_earthfile_is_refused_with_a_word(project: Project) -> None:
    root = project({"Earthfile": "VERSION 0.8\n"})
    done = run("check", "--offline", "Earthfile", cwd=root)
    assert done.returncode == 2
    assert "Earthfiles are not supported: name a Dockerfile" in done.stdout.decode()


def test_a_file_that_is_missing_is_told_with_using(project: Project) -> None:
    root = project({"Dockerfile": "FROM alpine:3.19\n"})
    done = run("check", "--offline", "--using", "nosuch.txt", cwd=root)
    assert done.returncode == 2
    assert "nosuch.txt: no such file" in done.stdout.decode()


@given(st.sampled_from([WORKFLOW, GITLAB, DEVCONTAINER]), st.data())
def test_any_damage_gives_builds_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
) -> None:
    name = {WORKFLOW: ".github/workflows/x.yml", GITLAB: ".gitlab-ci.yml", DEVCONTAINER: "devcontainer.json"}[text]
    at = data.draw(st.integers(0, len(text)))
    damaged = text[:at] + data.draw(st.text(max_size=8)) + text[at + data.draw(st.integers(0, 40)) :]
    place = tmp_path_factory.getbasetemp() / "damaged" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(damaged.encode("utf-8", "surrogatepass"))
    assert outcome(place) in {"read", "refused"}


def outcome(place: Path) -> str:
    try:
        builds, _ = read_scripts(place, place.parent)
    except BuildFileError as error:
        return "refused" if "\n" not in str(error) else "two lines"
    return "read" if all(isinstance(build, Build) for build in builds) else "something else"
