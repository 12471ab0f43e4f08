"""What an argument of sweep stands for."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from dockerlint_alpine.sweep.sources import SourceError, read_sources

from .conftest import git, write


def kinds(*arguments: str, lines: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(source.name, source.kind) for source in read_sources(arguments, lines)]


def test_every_kind(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    git(repository, "bundle", "create", "-q", "../all.bundle", "--all")
    with tarfile.open("files.tar.gz", "w:gz") as archive:
        archive.add("repository/docker", "docker")
    plain = write(tmp_path / "plain", {"Dockerfile": "FROM alpine\n"})
    assert kinds("repository", "bare.git", "all.bundle", "files.tar.gz", "plain", "https://example.org/a.git") == [
        ("repository", "folder"),
        ("bare.git", "git"),
        ("all.bundle", "bundle"),
        ("files.tar.gz", "archive"),
        ("plain", "folder"),
        ("https://example.org/a.git", "url"),
    ]
    assert kinds("git@example.org:team/a.git") == [("git@example.org:team/a.git", "url")]
    assert plain.is_dir()


def test_a_folder_of_repositories_stands_for_them(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    (tmp_path / "notes").mkdir()
    assert kinds(str(tmp_path)) == [(str(tmp_path / "bare.git"), "git"), (str(repository), "folder")]


def test_lists(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text(f"# ours\n\n  repository  \nmissing\n{repository}\n")
    assert kinds("list.txt") == [("repository", "folder"), ("missing", "folder")]
    assert kinds("-", lines=("repository\n",)) == [("repository", "folder")]
    assert kinds("list.txt", "repository") == kinds("list.txt")


def test_a_list_in_a_list_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("list.txt\n")
    with pytest.raises(SourceError, match=r"list\.txt is a file, and neither"):
        read_sources(["list.txt"], ())
