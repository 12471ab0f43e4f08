"""Repositories laid out: what matters, at the revision that was asked for, and nothing outside."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.sweep import projects
from dockerlint_alpine.sweep.projects import head_commit, opened
from dockerlint_alpine.sweep.sources import Source, SourceError, read_sources
from dockerlint_alpine.system import layout
from tests.archives import tarred

from .conftest import CLEAN, DYING, git, write

MUCH = 1 << 26


def source(place: Path) -> Source:
    (found,) = read_sources([str(place)], ())
    return found


def test_a_bare_repository_is_read_without_a_checkout(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    before = sorted(os.walk(tmp_path / "bare.git"))
    with opened(source(tmp_path / "bare.git"), None, MUCH) as project:
        assert project.revision == git(repository, "rev-parse", "HEAD")
        assert (project.root / "docker/Dockerfile").read_text() == DYING
        assert (project.root / "requirements.txt").read_text() == "lz4==4.4.5\n"
        assert (project.root / "logo.png").read_bytes() == b""  # its name counts, its content does not
        place = project.root
    assert not place.exists()
    assert sorted(os.walk(tmp_path / "bare.git")) == before


@pytest.mark.parametrize("kind", ["work tree", "bare", "bundle"])
def test_another_revision(repository: Path, tmp_path: Path, kind: str) -> None:
    place = repository
    if kind == "bare":
        place = tmp_path / "bare.git"
        git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    elif kind == "bundle":
        place = tmp_path / "all.bundle"
        git(repository, "bundle", "create", "-q", str(place), "--all")
    with opened(source(place), "v1", MUCH) as project:
        assert (project.root / "docker/Dockerfile").read_text() == CLEAN
        assert project.revision == git(repository, "rev-parse", "v1^{commit}")
    with pytest.raises(SourceError, match="no commit v9"), opened(source(place), "v9", MUCH):
        pass


def test_a_bundle_is_read_at_its_branch(repository: Path, tmp_path: Path) -> None:
    git(repository, "bundle", "create", "-q", str(tmp_path / "main.bundle"), "main")
    with opened(source(tmp_path / "main.bundle"), None, MUCH) as project:
        assert (project.root / "docker/Dockerfile").read_text() == DYING


def test_a_url_is_fetched(repository: Path) -> None:
    with opened(Source("x", "url", repository.as_uri()), "v1", MUCH) as project:
        assert (project.root / "docker/Dockerfile").read_text() == CLEAN
    with pytest.raises(SourceError, match="fatal"), opened(Source("x", "url", "file:///nowhere"), None, MUCH):
        pass


def test_the_commit_of_a_folder_is_read_from_its_files(repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert head_commit(repository) == commit
    git(repository, "pack-refs", "--all")
    assert head_commit(repository) == commit
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"), "v1")
    assert head_commit(tmp_path / "other") == git(repository, "rev-parse", "v1")
    assert head_commit(tmp_path) == ""


@pytest.mark.parametrize("head", ["ref: ../../secret", "ref: /etc/passwd", "hunter2"])
def test_what_git_s_files_lead_to_is_a_hash_or_nothing(tmp_path: Path, head: str) -> None:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / ".git" / "HEAD").write_text(head)
    assert head_commit(tmp_path / "repository") == ""


def test_nothing_is_laid_out_without_a_dockerfile(repository: Path, tmp_path: Path) -> None:
    git(repository, "rm", "-q", "docker/Dockerfile")
    git(repository, "commit", "-qm", "none")
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    with opened(source(tmp_path / "bare.git"), None, MUCH) as project:
        assert list(project.root.iterdir()) == []


def archive(place: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> Path:
    place.write_bytes(tarred(files, links))
    return place


def test_an_archive_leads_nowhere_else(tmp_path: Path) -> None:
    place = archive(
        tmp_path / "a.tar",
        {
            "Dockerfile": b"FROM alpine\n",
            "../out": b"x",
            "/etc/y": b"x",
            "d/../../z": b"x",
            "l/w": b"x",
            ".git/config": b"",
        },
        {"l": "../..", "in": "Dockerfile", "abs": "/etc/passwd", "d/up": "../../x", "s": "t", "t/v": "x", "s/u": "x"},
    )
    with opened(source(place), None, MUCH) as project:
        found = sorted(str(path.relative_to(project.root)) for path in project.root.rglob("*"))
        outside = {path.name for path in project.root.parent.iterdir()}
    assert "Dockerfile" in found
    assert "in" in found
    assert not {"abs", "d/up", ".git", "out", "z", "s/u"} & set(found)
    assert outside == {"tree"}


def test_the_one_folder_of_an_archive_is_left_out(tmp_path: Path) -> None:
    place = archive(tmp_path / "a.tar", {"service-1.0/Dockerfile": b"FROM alpine\n", "service-1.0/x/y": b""}, {})
    with opened(source(place), None, MUCH) as project:
        assert (project.root / "Dockerfile").is_file()


def test_too_much_is_refused(repository: Path, tmp_path: Path) -> None:
    write(repository, {f"requirements{number}.txt": "x" * 1000 for number in range(9)})
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "much")
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    with (
        pytest.raises(SourceError, match="more than 5,000 bytes of files"),
        opened(source(tmp_path / "bare.git"), None, 5000),
    ):
        pass


def test_what_a_hostile_repository_configures_is_not_run(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    mark = tmp_path / "ran"
    bare = tmp_path / "bare.git"
    git(bare, "config", "core.fsmonitor", f"touch {mark}")
    git(bare, "config", "core.sshCommand", f"touch {mark}")
    git(bare, "config", "remote.origin.url", f"ext::touch {mark}")
    git(bare, "config", "remote.origin.promisor", "true")
    git(bare, "config", "extensions.partialClone", "origin")
    missing = git(repository, "rev-parse", "HEAD:requirements.txt")
    objects = bare / "objects"
    for pack in objects.glob("pack/*.pack"):
        data = pack.read_bytes()
        pack.unlink()
        (tmp_path / "kept.pack").write_bytes(data)
        for other in objects.glob("pack/*"):
            other.unlink()
        os.system(f"git -C {bare} unpack-objects -q < {tmp_path / 'kept.pack'}")
    (objects / missing[:2] / missing[2:]).unlink()
    with opened(source(bare), None, MUCH) as project:
        assert (project.root / "docker/Dockerfile").read_text() == DYING
        assert not (project.root / "requirements.txt").exists()  # an object that is missing costs this file
    assert not mark.exists()


def test_folders_of_other_peoples_code_count_as_a_whole(repository: Path, tmp_path: Path) -> None:
    files = {"vendor/a/b.go": "x", "vendor/a/Dockerfile": CLEAN, "app/node_modules/c/setup.py": "x", "app/main.go": "x"}
    write(repository, files)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "more")
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    with opened(source(tmp_path / "bare.git"), None, MUCH) as project:
        found = {str(path.relative_to(project.root)) for path in project.root.rglob("*") if path.is_file()}
        assert found == {"docker/Dockerfile", "requirements.txt", "logo.png", "vendor/a/Dockerfile", "app/main.go"}
        assert (project.root / "app/node_modules").is_dir()
        assert (project.root / "app/main.go").read_bytes() == b""


def test_files_lie_in_memory_where_there_is_room(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(projects, "_MEMORY", str(memory))
    monkeypatch.delenv("TMPDIR", raising=False)
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")

    def lies_there() -> bool:
        with opened(source(tmp_path / "bare.git"), None, MUCH) as project:
            assert (project.root / "docker/Dockerfile").read_text() == DYING
            return project.root.is_relative_to(memory)

    assert lies_there()
    write_file = layout._Folders.write

    def full(folders: layout._Folders, path: str, data: bytes) -> None:
        if folders._root.startswith(str(memory)):
            raise OSError(errno.ENOSPC, "no space")
        write_file(folders, path, data)

    with monkeypatch.context() as patched:
        patched.setattr(layout._Folders, "write", full)
        assert not lies_there()
    with monkeypatch.context() as patched:
        patched.setattr(projects, "_IN_MEMORY", 100)
        assert not lies_there()
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
    assert not lies_there()
    assert list(memory.iterdir()) == []


def test_what_a_process_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "_MEMORY", str(tmp_path))
    for name in ("alpine-doctor-sweep-12-x", "alpine-doctor-sweep-123-x"):
        (tmp_path / name / "tree").mkdir(parents=True)
    projects.clean_up_after(12)
    assert [path.name for path in tmp_path.iterdir()] == ["alpine-doctor-sweep-123-x"]
