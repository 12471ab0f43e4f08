"""Which files are judged: names, folders, compose files, what git ignores, and trees that are made to trap a search."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.run.discovery import Search, find_jobs

Project = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Write files and go there."""

    def write(files: Mapping[str, str]) -> Path:
        root = project(files)
        monkeypatch.chdir(root)
        return root

    return write


def found(*paths: str, **search: object) -> list[str]:
    jobs, errors = find_jobs(paths, environment={}, search=Search(**search))  # type: ignore[arg-type]
    assert not errors, errors
    return [job.shown_as for job in jobs]


def repository(root: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)


NAMES = (
    "Dockerfile",
    "a/Containerfile",
    "b/\n.Dockerfile",
    "b/Dockerfile.alpine",
    "b/x.alpine.Dockerfile",
    "z/dockerfile-alpine",
)
OTHERS = (
    *("Dockerfile.dockerignore", "Dockerfile.md", "dockerfile.py", "mydockerfile", "Dockerfile~", "Makefile"),
    *(
        "node_modules/x/Dockerfile",
        ".venv/Dockerfile",
        "env/Dockerfile",
        "env/pyvenv.cfg",
        "lib/site-packages/Dockerfile",
    ),
)


def test_names_below_a_folder_in_order(inside: Project) -> None:
    inside(dict.fromkeys(NAMES + OTHERS, "FROM a\n"))
    assert found() == list(NAMES)
    assert found(".") == list(NAMES)
    assert found("b") == ["b/\n.Dockerfile", "b/Dockerfile.alpine", "b/x.alpine.Dockerfile"]
    assert found("node_modules", "env") == ["node_modules/x/Dockerfile", "env/Dockerfile"]  # they were asked for


def test_what_git_ignores_is_passed_over_unless_named(inside: Project) -> None:
    root = inside({
        ".gitignore": "build/\n*.Dockerfile\n!keep.Dockerfile\n",
        "sub/.gitignore": "/Dockerfile\n!x.Dockerfile\n",
        **dict.fromkeys(("Dockerfile", "build/Dockerfile", "x.Dockerfile", "keep.Dockerfile"), "FROM a\n"),
        **dict.fromkeys(("sub/Dockerfile", "sub/x.Dockerfile", "sub/a/Dockerfile"), "FROM a\n"),
    })  # fmt: skip
    outside = found()
    assert "build/Dockerfile" in outside  # no work tree: the files mean nothing
    repository(root)
    assert found() == ["Dockerfile", "keep.Dockerfile", "sub/x.Dockerfile", "sub/a/Dockerfile"]
    assert found("sub") == ["sub/x.Dockerfile", "sub/a/Dockerfile"]
    assert found(respect_gitignore=False) == outside
    assert found("build/Dockerfile", "x.Dockerfile") == ["build/Dockerfile", "x.Dockerfile"]
    assert found("build/Dockerfile", "Dockerfile", everywhere=True) == ["Dockerfile"]
    assert found("build/Dockerfile", everywhere=True) == []


def test_a_repository_inside_has_its_own_rules(inside: Project) -> None:
    root = inside({".gitignore": "Dockerfile\n", "inner/Dockerfile": "FROM a\n", "plain/Dockerfile": "FROM a\n"})
    repository(root)
    repository(root / "inner")
    assert found() == ["inner/Dockerfile"]
    subprocess.run(["rm", "-r", "inner/.git"], cwd=root, check=True)
    (root / "inner/.git").write_text("gitdir: ../elsewhere\n")  # a submodule
    assert found() == ["inner/Dockerfile"]


def test_excluded_folders_are_not_entered(inside: Project) -> None:
    inside({"a/Dockerfile": "FROM a\n", "b/deep/Dockerfile": "FROM a\n"})
    asked: list[str] = []

    def excludes(path: str) -> bool:
        asked.append(path)
        return path == "./b"

    assert found(excludes=excludes) == ["a/Dockerfile"]
    assert not [path for path in asked if "deep" in path]
    assert found("b/deep/Dockerfile", excludes=lambda path: path.startswith("b")) == ["b/deep/Dockerfile"]


def test_what_a_hook_passes_is_sifted_as_a_search_does(inside: Project) -> None:
    inside(dict.fromkeys(("Dockerfile", "Dockerfile.dockerignore", "odd-name", "Dockerfile.md"), "FROM a\n"))
    assert found("Dockerfile", "Dockerfile.dockerignore", "Dockerfile.md", "odd-name", everywhere=True) == [
        "Dockerfile",
        "odd-name",
    ]


def test_links_in_circles_and_to_themselves(inside: Project) -> None:
    root = inside({"a/Dockerfile": "FROM a\n"})
    (root / "a/up").symlink_to(root)
    (root / "a/Containerfile").symlink_to("Containerfile")
    (root / "a/Dockerfile.link").symlink_to("Dockerfile")
    (root / "b").symlink_to("a")
    assert found() == ["a/Dockerfile"]
    assert found("b") == ["b/Dockerfile"]


def test_a_tree_deeper_than_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    deep = "d/" * 1200
    subprocess.run(["mkdir", "-p", deep], check=True)
    Path(deep, "Dockerfile").write_text("FROM a\n")
    jobs, errors = find_jobs([], environment={})
    subprocess.run(["rm", "-r", "d"], check=True)
    assert [job.shown_as for job in jobs] == [f"{deep}Dockerfile"]
    assert not errors


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_passed_over(inside: Project) -> None:
    root = inside({"a/Dockerfile": "FROM a\n", "b/Dockerfile": "FROM a\n"})
    (root / "a").chmod(0)
    assert found() == ["b/Dockerfile"]
    (root / "a").chmod(0o755)


def test_a_compose_file_names_builds(inside: Project) -> None:
    inside({
        "docker-compose.yml": (
            "services:\n  web: {build: {context: web, target: run, args: {V: '${X:-1}'}}}\n  db: {image: a}\n"
        ),
        "web/Dockerfile": "FROM a\n",
        "other/Dockerfile": "FROM a\n",
    })  # fmt: skip
    jobs, errors = find_jobs([], environment={"X": "2"})
    assert not errors
    assert [(job.shown_as, job.target, job.build_args, job.services) for job in jobs] == [
        ("web/Dockerfile", "run", {"V": "2"}, ("web",)),
        ("other/Dockerfile", None, {}, ()),
    ]


def test_nothing_there_is_said(inside: Project) -> None:
    inside({"empty/x": ""})
    jobs, errors = find_jobs(["empty", "gone"], environment={})
    assert not jobs
    assert [(error.path, error.message) for error in errors] == [
        ("empty", "a folder without any Dockerfile"),
        ("gone", "no such file or folder"),
    ]


def test_what_was_passed_over_is_said_where_nothing_else_is_there(inside: Project) -> None:
    root = inside({".gitignore": "docker/\n", "docker/Dockerfile": "FROM a\n"})
    repository(root)
    jobs, (error,) = find_jobs([], environment={})
    assert not jobs
    assert error.message.startswith("a folder without any Dockerfile (docker/ and the like were passed over")
