"""Which files are judged: names, folders, compose files, what git ignores, and trees that are made to trap a search."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from dockerlint_alpine.run.discovery import Search, find_jobs
from dockerlint_alpine.run.jobs import read_job
from dockerlint_alpine.run.reading import UnreadableError

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
    jobs, errors = find_jobs(paths, search=Search(**search))  # type: ignore[arg-type]
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
    jobs, errors = find_jobs([])
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
    jobs, errors = find_jobs([])
    assert not errors
    assert [(job.shown_as, job.target, job.build_args, job.services) for job in jobs] == [
        ("web/Dockerfile", "run", {"V": "1"}, ("web",)),
        ("other/Dockerfile", None, {}, ()),
    ]


def test_a_build_below_a_folder_is_found_whatever_its_dockerfile_is_called(inside: Project) -> None:
    names = ("Dock", "sub/image", "old/image", "git/image", "../image", "absent")
    services = "".join(
        f"  s{number}: {{build: {{context: ., dockerfile: {name}}}}}\n" for number, name in enumerate(names)
    )
    root = inside({"top/compose.yml": f"services:\n{services}", "top/.gitignore": "git/\n", "image": "FROM a\n"})
    inside({f"top/{name}": "FROM a\n" for name in names[:4]})
    repository(root)
    jobs, errors = find_jobs(["top"], search=Search(excludes=lambda path: "old/" in path))
    assert [(job.shown_as, job.services) for job in jobs] == [("top/Dock", ("s0",)), ("top/sub/image", ("s1",))]
    assert [error.path for error in errors] == ["top/absent"]


def test_a_compose_file_may_be_called_after_a_stage(inside: Project) -> None:
    services = "services:\n  web:\n    build: {context: ., dockerfile: docker/Dockerfile}\n"
    inside(
        {"local.yml": services, "docker/Dockerfile": "FROM a\n", "dev.yml": services.replace("build:", "image: x #")}
    )
    inside({"tasks/test.yml": "- name: x\n", "prod.yml/x": "", "other.yml": services})
    jobs, errors = find_jobs([])
    assert [(job.shown_as, job.services, job.named_by) for job in jobs] == [
        ("docker/Dockerfile", ("web",), "local.yml")
    ]
    assert not errors


def test_an_env_file_tells_where_a_build_lies_and_no_argument(inside: Project) -> None:
    build = "{context: $WHERE, dockerfile: '${FILE:-no}', target: '${T:-a}', args: {KEY: $KEY, T: '${T:-a}'}}"
    inside({
        "compose.yml": f"services:\n  web: {{build: {build}, image: 'acme/${{NAME}}:1'}}\n",
        ".env": "WHERE=web\nFILE=my.Dockerfile\nKEY=secret\nT=run\nNAME=shop\n",
        "web/my.Dockerfile": "FROM a\n",
    })  # fmt: skip
    (job,), errors = find_jobs(["compose.yml"])
    assert not errors
    assert (job.shown_as, job.target, job.images[0]) == ("web/my.Dockerfile", "run", "acme/shop:1")
    assert job.build_args == {"KEY": "${KEY}", "T": "a"}


@pytest.mark.parametrize(
    ("said", "platforms"),
    [
        ("platform: linux/arm64/v8", ("linux/arm64",)),
        ("platform: linux/x86_64", ()),  # the usual one
        ("platform: ${WHERE}", ()),
        ("platform: windows/amd64", ()),
    ],
)
def test_a_service_says_what_it_is_built_for(inside: Project, said: str, platforms: tuple[str, ...]) -> None:
    inside({"compose.yml": f"services:\n  a:\n    build: .\n    {said}\n", "Dockerfile": "FROM alpine\n"})
    assert [job.platforms for job in find_jobs(["compose.yml"])[0]] == [platforms]
    inside({"compose.yml": f"services:\n  a:\n    build: {{context: ., platforms: [armhf]}}\n    {said}\n"})
    assert [job.platforms for job in find_jobs(["compose.yml"])[0]] == [("linux/arm/v7",)]


def test_a_compose_file_with_tags_of_compose_s_own(inside: Project) -> None:
    text = "services:\n  web:\n    build: .\n    ports: !reset []\n    environment: !override\n      A: b\n"
    inside({"compose.yml": text, "Dockerfile": "FROM alpine:3.20\n"})
    jobs, errors = find_jobs(["compose.yml"])
    assert ([job.services for job in jobs], errors) == ([("web",)], [])


def test_a_dockerfile_that_a_compose_file_names_in_vain_is_told_with_its_services(inside: Project) -> None:
    services = "services:\n  web: {build: app}\n  worker: {build: app}\n"
    inside({"docker-compose.yml": services, "other/Dockerfile": "FROM a\n"})
    jobs, (error,) = find_jobs([])
    assert [job.shown_as for job in jobs] == ["other/Dockerfile"]
    said = "no such file, and docker-compose.yml builds web and worker from it"
    assert (error.path, error.message, error.empty) == ("app/Dockerfile", said, True)
    (job,), _ = find_jobs(["docker-compose.yml"])
    with pytest.raises(UnreadableError, match=r"no such file, and docker-compose\.yml builds web"):
        read_job(job)


def test_a_compose_file_chooses_within_the_project_only(inside: Project) -> None:
    root = inside({
        "top/deploy/compose.yml": (
            "services:\n"
            "  up: {build: ..}\n"
            "  out:\n    build:\n      context: ../../secret\n"
            "  absolute:\n    build:\n      context: .\n      dockerfile: /etc/passwd\n"
            "  linked: {build: link}\n"
        ),
        "top/Dockerfile": "FROM a\n",
        "top/deploy/Dockerfile": "FROM a\n",
        "secret/Dockerfile": "FROM a\n",
    })  # fmt: skip
    (root / "top/deploy/link").symlink_to(root / "secret")
    (root / "top/.git").mkdir()
    jobs, errors = find_jobs(["top/deploy/compose.yml"])
    assert [job.shown_as for job in jobs] == ["top/Dockerfile"]
    assert [error.path for error in errors] == [f"top/deploy/compose.yml:{line}" for line in (5, 9, 10)]
    assert all(error.refused and "is outside the project" in error.message for error in errors)
    (plain,) = find_jobs(["top/deploy/Dockerfile"])[0]
    assert find_jobs(["top"]) == ([*jobs, replace(plain, walked=True)], errors)


def test_the_environment_is_shown_by_name(inside: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    inside({
        "compose.yml": (
            "services: {a: {build: {context: ., args: "
            "{A: '${TOKEN}', B: 'x-$TOKEN', C: '${TOKEN:-d}', D: '$$TOKEN', E: '${TOKEN:?gone}', F: null}}},"
            " b: {build: {context: ., args: [TOKEN, 'A=$TOKEN']}}}"
        ),
        "Dockerfile": "FROM a\n",
    })  # fmt: skip
    (one, two), errors = find_jobs([])
    assert not errors
    assert one.build_args == {"A": "${TOKEN}", "B": "x-${TOKEN}", "C": "d", "D": "$TOKEN", "E": "${TOKEN}"}
    assert two.build_args == {"A": "${TOKEN}"}


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {k: v}\n"
        + "".join(f"b{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}]}}\n" for n in range(1, 40)).replace("*b0", "*a"),
        "services: {a: {build: {context: " + "1:" * 200_000 + "1}}}",
        "services: " + "[" * 100_000,
        "services: {a: {build: *gone}}",
    ],
)
def test_yaml_that_grows_is_no_compose_file(text: str, inside: Project) -> None:
    inside({"compose.yml": text})
    jobs, (error,) = find_jobs(["compose.yml"])
    assert not jobs
    assert error.message.startswith(("not a readable YAML file", "not a compose file"))


def test_aliases_are_not_written_out(inside: Project) -> None:
    bomb = "x: &x0 [a, a]\n" + "".join(f"y{n}: &x{n} [*x{n - 1}, *x{n - 1}]\n" for n in range(1, 60))
    inside({"compose.yml": f"{bomb}services: {{a: {{build: {{context: ., args: {{A: *x59}}}}}}}}\n", "Dockerfile": ""})
    (job,), errors = find_jobs([])
    assert not errors
    assert job.build_args == {"A": ""}


def test_links_that_lead_out_are_named_to_be_followed(inside: Project) -> None:
    root = inside({"top/a/Dockerfile": "FROM a\n", "secret": "FROM b\n"})
    (root / "top/Dockerfile").symlink_to("../secret")
    assert sorted(found("top")) == ["top/Dockerfile", "top/a/Dockerfile"]  # the current folder is the project
    (root / "top/.git").mkdir()
    jobs, (error,) = find_jobs(["top"])
    assert [job.shown_as for job in jobs] == ["top/a/Dockerfile"]
    assert (error.path, error.refused) == ("top/Dockerfile", True)
    assert [job.shown_as for job in find_jobs(["top/Dockerfile"])[0]] == ["top/Dockerfile"]


def test_nothing_there_is_said(inside: Project) -> None:
    inside({"empty/x": ""})
    jobs, errors = find_jobs(["empty", "gone"])
    assert not jobs
    assert [(error.path, error.message, error.empty) for error in errors] == [
        ("empty", "a folder without any Dockerfile", True),
        ("gone", "no such file or folder", False),
    ]


def test_what_was_passed_over_is_said_where_nothing_else_is_there(inside: Project) -> None:
    root = inside({".gitignore": "docker/\n", "docker/Dockerfile": "FROM a\n"})
    repository(root)
    jobs, (error,) = find_jobs([])
    assert not jobs
    assert error.message.startswith("a folder without any Dockerfile (docker/ and the like were skipped")
