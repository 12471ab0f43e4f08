"""Repositories that git fetches, as a partial clone of one commit, from real ones on this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dockerlint_alpine.python.forges import Remote, repository
from dockerlint_alpine.python.index import repositories
from dockerlint_alpine.python.index.kept import KeptAnswers
from dockerlint_alpine.python.index.repositories import Repositories
from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.system.child import ChildError, Finished

Open = Callable[..., Repositories]
DAYS = ("2020-01-01", "2021-01-01", "2022-01-01")


def git(folder: Path, *arguments: str, day: str = "2020-01-01") -> str:
    when = f"{day}T12:00:00Z"
    environment = os.environ | {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_CONFIG_GLOBAL": "/dev/null"}
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``https://git.example/o/r.git``, as the user's own configuration of git has it: three commits and a tag."""
    place = tmp_path / "served" / "o" / "r.git"
    place.mkdir(parents=True)
    git(place, "init", "-q")
    git(place, "config", "uploadpack.allowFilter", "true")
    git(place, "config", "uploadpack.allowAnySHA1InWant", "true")
    for number, day in enumerate(DAYS):
        (place / "requirements.txt").write_text(f"lz4==4.{number}.0\n")
        (place / "src").mkdir(exist_ok=True)
        (place / "src/deep").mkdir(exist_ok=True)
        (place / "src/deep/module.py").write_text("x = 1\n")
        (place / "logo.png").write_bytes(bytes(1000))
        if not (place / "inside").is_symlink():
            (place / "inside").symlink_to("requirements.txt")
            (place / "outside").symlink_to("../../../../etc/passwd")
        (place / "odd \nname.txt").write_text(str(number))
        git(place, "add", "-A")
        git(place, "commit", "-q", "-m", day, day=day)
        if number == 1:
            git(place, "tag", "v1")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[url "file://{tmp_path}/served/"]\n\tinsteadOf = https://git.example/\n[safe]\n\tdirectory = *\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return place


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    def make(**given: Any) -> Repositories:
        options: dict[str, Any] = {"hosts": ("git.example",), "own": True, "day": "2026-01-01", "oldest": "2026-01-01"}
        options |= {"as_of": None, "timeout": 60.0, "asks": True} | given
        return Repositories(tmp_path / "kept" / "repositories", KeptAnswers(tmp_path / "kept"), **options)

    return make


def remote(revision: str = "", path: str = "o/r") -> Remote:
    return Remote("git.example", path, revision)


@pytest.mark.parametrize(
    ("revision", "as_of", "number"),
    [
        ("", None, 2),
        ("main", None, 2),
        ("v1", None, 1),
        ("", "2021-06-01", 1),
        ("main", "2020-01-01", 0),
        ("v1", "2026-01-01", 1),
    ],
)
def test_one_commit_is_laid_out(origin: Path, opened: Open, revision: str, as_of: str | None, number: int) -> None:
    folder = opened(as_of=as_of).files(remote(revision))
    assert (folder / "requirements.txt").read_text() == f"lz4==4.{number}.0\n"
    assert (folder / "odd \nname.txt").read_text() == str(number)
    assert (folder / "inside").read_bytes() == (folder / "requirements.txt").read_bytes()
    assert not (folder / "outside").is_symlink()
    assert (folder / "logo.png").read_bytes() == (folder / "src/deep/module.py").read_bytes() == b""  # names alone
    assert not (folder / ".git").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]  # what git made is gone


def test_a_commit_by_its_name(origin: Path, opened: Open) -> None:
    commit = git(origin, "rev-parse", "HEAD~2").strip()
    assert (opened().files(remote(commit)) / "requirements.txt").read_text() == "lz4==4.0.0\n"


def test_what_is_kept_is_taken_until_it_is_old(origin: Path, opened: Open) -> None:
    before = opened().files(remote())
    (origin / "requirements.txt").write_text("new\n")
    git(origin, "commit", "-qam", "new", day="2025-01-01")
    assert opened(asks=False).files(remote()) == before
    assert opened(asks=True).files(remote()) == before
    later = opened(day="2026-01-02", oldest="2026-01-02")
    assert (later.files(remote()) / "requirements.txt").read_text() == "new\n"
    assert not before.exists()
    with pytest.raises(ResolverError, match=NOBODY_ASKED):
        opened(asks=False).files(remote("v1"))


def test_a_server_that_knows_no_filters_sends_all(origin: Path, opened: Open) -> None:
    git(origin, "config", "uploadpack.allowFilter", "false")
    assert (opened().files(remote()) / "requirements.txt").read_text() == "lz4==4.2.0\n"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (remote("nothing"), "couldn't find remote ref nothing"),
        (remote(path="o/other"), "does not appear to be a git repository"),
        (Remote("elsewhere.example", "o/r"), "elsewhere.example is not among your source-hosts"),
    ],
)
def test_what_cannot_be_had_has_a_reason(origin: Path, opened: Open, asked: Remote, reason: str) -> None:
    with pytest.raises(ResolverError, match=reason) as caught:
        opened().files(asked)
    assert "\n" not in str(caught.value)


def test_nothing_is_as_old(origin: Path, opened: Open) -> None:
    with pytest.raises(ResolverError, match="nothing of main is as old as 2019-01-01"):
        opened(as_of="2019-01-01").files(remote("main"))


def test_public_hosts_are_asked_without_the_users_configuration(origin: Path, opened: Open) -> None:
    """What would lead to the files of ``origin`` is not read, nor may git go anywhere but https."""
    with pytest.raises(ResolverError, match="git says: unable to access"):
        opened(own=False, timeout=20.0).files(remote())


def test_nobody_is_logged_in_at_public_hosts(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither git's configuration nor ``~/.netrc``, which curl would read, is the user's; nothing asks for a password."""
    started: list[tuple[Sequence[str], Mapping[str, str]]] = []

    def record(command: Sequence[str], *, variables: Mapping[str, str], **_: object) -> Finished:
        started.append((command, variables))
        if "fetch" in command:
            raise ChildError("not here")
        return Finished(0, b"", b"")

    monkeypatch.setenv("GIT_ASKPASS", "/usr/bin/askpass")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'http.extraheader=Authorization: x'")
    monkeypatch.setattr(repositories, "run", record)
    with pytest.raises(ResolverError, match="git not here"):
        opened(own=False).files(remote())
    command, variables = started[-1]
    assert command[-1] == "HEAD"
    assert {"protocol.allow=never", "protocol.https.allow=always"} <= set(command)
    assert not {f"protocol.{name}.allow=always" for name in ("http", "ssh", "file", "git")} & set(command)
    assert variables["HOME"] != os.environ["HOME"]
    assert (variables["GIT_ASKPASS"], variables["GIT_CONFIG_GLOBAL"]) == ("", "/dev/null")
    assert "GIT_CONFIG_PARAMETERS" not in variables


def test_no_hook_filter_or_monitor_of_a_repository_runs(origin: Path, opened: Open, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (origin / ".gitattributes").write_text("* filter=evil\n")
    (origin / ".lfsconfig").write_text("[lfs]\n\turl = https://evil.example\n")
    (origin / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch ran"\n')
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "evil")
    home = Path(os.environ["HOME"])
    with (home / ".gitconfig").open("a") as file:
        file.write(f'[filter "evil"]\n\tsmudge = touch {mark}\n[core]\n\thooksPath = {home}/hooks\n')
    (home / "hooks").mkdir()
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        (home / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (home / "hooks" / hook).chmod(0o755)
    assert (opened().files(remote()) / "requirements.txt").exists()
    assert not mark.exists()


def test_the_address_of_a_requirement_leads_there(origin: Path, opened: Open) -> None:
    found = repository("git+https://git.example/o/r@v1#egg=x")
    assert found is not None
    assert (opened().files(found) / "requirements.txt").read_text() == "lz4==4.1.0\n"
