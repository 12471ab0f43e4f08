from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockerlint_alpine.stages import BuildContext, ContextFileError, copy_sources, guess_root, open_context
from dockerlint_alpine.syntax import parse


def make(root: Path, *names: str) -> None:
    for name in names:
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(name)


def test_wildcards_of_copy(tmp_path: Path) -> None:
    make(tmp_path, "requirements.txt", "requirements-dev.txt", "a/b/c.txt", "a/d.txt", "x[1].txt")
    context = BuildContext(tmp_path)
    assert context.glob("requirements*.txt") == ("requirements-dev.txt", "requirements.txt")
    assert context.glob("./a/*.txt") == ("a/d.txt",)
    assert context.glob("a/**/*.txt") == ("a/b/c.txt", "a/d.txt")
    assert context.glob("a/?.txt") == ("a/d.txt",)
    assert context.glob("nothing*") == ()
    assert context.glob("[") == ()


def test_a_link_that_leaves_the_context_dangles(tmp_path: Path) -> None:
    make(tmp_path / "outside", "secret")
    (tmp_path / "ctx").mkdir()
    (tmp_path / "ctx" / "link").symlink_to(tmp_path / "outside" / "secret")
    context = BuildContext(tmp_path / "ctx")
    assert not context.exists("link")
    assert not context.exists("../outside/secret")
    with pytest.raises(FileNotFoundError):
        context.read("link")


def test_what_is_no_regular_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("folder", "it is a folder"), ("pipe", "it is not a regular file")):
        with pytest.raises(ContextFileError) as raised:
            BuildContext(tmp_path).read(name)
        assert raised.value.strerror == reason


def test_the_ignore_file_beside_the_dockerfile_comes_first(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "b.txt", "docker/Dockerfile")
    (tmp_path / ".dockerignore").write_text("a.txt\n")
    (tmp_path / "docker" / "Dockerfile.dockerignore").write_text("b.txt\n")
    context = open_context(tmp_path, tmp_path / "docker" / "Dockerfile")
    assert context.exists("a.txt")
    assert not context.exists("b.txt")
    assert context.why_missing("b.txt") == ".dockerignore excludes it from the build context"
    assert context.why_missing("c.txt") == "it is not in the build context"


def test_the_context_is_the_folder_that_has_the_sources(tmp_path: Path) -> None:
    make(tmp_path, "project/.git/HEAD", "project/requirements.txt", "project/app/x.py", "project/docker/Dockerfile")
    dockerfile = tmp_path / "project" / "docker" / "Dockerfile"
    assert guess_root(dockerfile, ["requirements.txt", "app/"]) == tmp_path / "project"
    assert guess_root(dockerfile, ["nowhere.txt"]) == dockerfile.parent
    make(tmp_path, "requirements.txt", "app/y.py", "more.txt")
    assert guess_root(dockerfile, ["more.txt"]) == dockerfile.parent


def test_no_context_lies_above_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "outside.txt", "project/inside.txt", "project/docker/Dockerfile")
    dockerfile = tmp_path / "project" / "docker" / "Dockerfile"
    monkeypatch.chdir(tmp_path / "project" / "docker")
    assert guess_root(dockerfile, ["inside.txt", "outside.txt"]) == dockerfile.parent  # no project is above it
    named = str(tmp_path / "project")
    assert guess_root(dockerfile, ["inside.txt"], named=[named]) == tmp_path / "project"
    assert guess_root(dockerfile, ["outside.txt"], named=[named]) == dockerfile.parent
    monkeypatch.chdir(tmp_path / "project")
    assert guess_root(dockerfile, ["inside.txt"]) == tmp_path / "project"


def test_an_ignore_file_that_leads_out_of_the_project_is_none(tmp_path: Path) -> None:
    make(tmp_path, "secret", "project/secret", "project/Dockerfile")
    (tmp_path / "secret").write_text("*\n")
    (tmp_path / "project" / ".dockerignore").symlink_to(tmp_path / "secret")
    assert open_context(tmp_path / "project", tmp_path / "project" / "Dockerfile").exists("secret")
    (tmp_path / ".git").mkdir()  # now it is a file of the project
    assert not open_context(tmp_path / "project", tmp_path / "project" / "Dockerfile").exists("secret")


def test_a_folder_with_dockerfiles_alone_is_not_what_is_copied(tmp_path: Path) -> None:
    """``COPY . /app`` in docker/Dockerfile: the project lies above, unless docker/ holds something of its own."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").touch()
    home = tmp_path / "docker"
    home.mkdir()
    (home / "Dockerfile").touch()
    (home / "entrypoint.sh").touch()
    assert guess_root(home / "Dockerfile", ["."]) == tmp_path
    (home / "app.py").touch()
    assert guess_root(home / "Dockerfile", ["."]) == home


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ("requirements.txt", "requirements.txt"),
        ("/srv/app/requirements.txt", "requirements.txt"),
        ("/app/requirements/base.pip", "requirements/base.pip"),
        ("requirements.lock", "requirements.lock"),
    ],
)
def test_where_all_is_copied_the_requirement_files_of_a_run_tell(tmp_path: Path, named: str, file: str) -> None:
    """``COPY . /app`` in ci/Dockerfile, and a RUN that reads requirements.txt: of the project, where ci/ has none."""
    (tmp_path / ".git").mkdir()
    home = tmp_path / "ci"
    home.mkdir()
    (home / "build.py").touch()
    dockerfile = home / "Dockerfile"
    dockerfile.write_text(f"FROM python:3\nCOPY . /app\nRUN set -ex && pip install -q -r {named}\n")
    sources = copy_sources(parse(dockerfile.read_bytes()))
    assert guess_root(dockerfile, sources) == home
    for folder in (tmp_path, home):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
        assert guess_root(dockerfile, sources) == folder


def test_where_all_is_copied_and_installed_the_project_is_the_context(tmp_path: Path) -> None:
    """``COPY . /app`` in docker/Dockerfile, and a RUN that installs what is there."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "setup.py").touch()
    (tmp_path / "pyproject.toml").touch()
    home = tmp_path / "docker"
    home.mkdir()
    (home / "start.py").touch()
    dockerfile = home / "Dockerfile"
    for install, expected in (
        ("cd /app && pip install -U lxml .[all] && rm -r x", tmp_path),
        ("set -ex && poetry -q install --no-root", tmp_path),
        ("uv sync --frozen", tmp_path),
        ("cd app && pip install .", home),  # not the context's own project
        ("pip install ./x", home),
    ):
        dockerfile.write_text(f"FROM python:3\nCOPY . /app\nRUN {install}\n")
        assert guess_root(dockerfile, copy_sources(parse(dockerfile.read_bytes()))) == expected
    dockerfile.write_text("FROM python:3\nCOPY . /app\nRUN pip install .\n")
    (home / "pyproject.toml").touch()
    assert guess_root(dockerfile, copy_sources(parse(dockerfile.read_bytes()))) == home
