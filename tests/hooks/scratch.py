"""A Git repository made of the working tree: what a hook, an action or a template would install from."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(*arguments: str, cwd: Path) -> str:
    """Run git without the user's settings; returns what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | IDENTITY
    done = subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def copy_of_the_checkout(target: Path) -> Path:
    """Copy the files that Git tracks, or would if they were added, as they are now."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("not a Git checkout")
    for name in git("ls-files", "-co", "--exclude-standard", "-z", cwd=CHECKOUT).rstrip("\0").split("\0"):
        source, place = CHECKOUT / name, target / name
        if source.is_file():  # one that was deleted but not yet committed is still listed
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)
    return target


def commit_all(folder: Path) -> str:
    """Commit everything in a folder, a repository or not yet one; returns the commit."""
    if not (folder / ".git").exists():
        git("init", "-q", "-b", "main", cwd=folder)
    git("add", "-A", cwd=folder)
    git("commit", "-q", "--no-verify", "-m", "all", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)
