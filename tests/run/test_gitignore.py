"""Held to git itself: ``git ls-files --others --exclude-standard`` on a real work tree, and to pathspec."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockerlint_alpine.run.gitignore import Patterns, WorkTree, ignored

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

TREE = (
    "Dockerfile",
    "a.log",
    "keep.log",
    "build/Dockerfile",
    "build/keep.log",
    "src/a/b/Dockerfile",
    "src/a/b.log",
    "src/build/x",
    "docs/_build/x",
    "docs/a b",
    "docs/#x",
    "docs/!y",
    "docs/[z]",
    "docs/q\\r",
    "x/y/z/Dockerfile.alpine",
    "trailing ",
)


def git(root: Path, *args: str) -> bytes:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *args], cwd=root, env=environment, capture_output=True, check=True).stdout


def gits_answer(root: Path) -> set[str]:
    """What git does not ignore."""
    listed = git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return {os.fsdecode(name) for name in listed.split(b"\0") if name and not name.endswith(b".gitignore")}


def our_answer(root: Path) -> set[str]:
    def walk(folder: Path, tree: WorkTree) -> Iterator[str]:
        for place in folder.iterdir():
            if place.name in {".git", ".gitignore"} or tree.ignores(place.name, folder=place.is_dir()):
                continue
            if place.is_dir():
                yield from walk(place, tree.below(place.name).with_files_of(str(place)))
            else:
                yield str(place.relative_to(root))

    tree = WorkTree.of(str(root))
    assert tree is not None
    return set(walk(root, tree))


@pytest.fixture(scope="module")
def work_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    git(root, "init", "-q")
    for name in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


WORDS = (
    "* ** / ! # \\ ? [ ] [a-z] [!a] [^b] [[:alpha:]] [[:nope:]] [a-] []x] [z-a] [\\\\] a b x build log docs Dockerfile"
    " keep src .log _build **/ /**"
)
PIECES = st.sampled_from([*WORDS.split(), " ", "\r"])
LINES = st.lists(PIECES, min_size=1, max_size=6).map("".join)


@given(lines=st.lists(LINES, max_size=6), nested=st.lists(LINES, max_size=3), info=st.lists(LINES, max_size=2))
@example(lines=["*", "!*/", "!Dockerfile"], nested=[], info=[])
@example(lines=["build/", "!build/keep.log"], nested=["!b.log"], info=["*.log"])
@example(lines=["/src/**/Dockerfile", "docs/*", "!docs/a b"], nested=["*"], info=["x/**"])
@example(lines=["trailing\\ ", "\\#x", "docs/\\!y", "docs/\\[z\\]", "q\\\\r"], nested=[], info=[])
@example(lines=["**", "!**/", "a\\"], nested=["a**b", "a***"], info=["x/y/**/"])
@example(lines=[], nested=["x/***"], info=["***/*"])
@example(lines=["b**/**/", "!/docs/**"], nested=["bu**/z", "a**/**/"], info=["do**", "/b**/Dockerfile"])
def test_the_answer_is_gits(work_tree: Path, lines: list[str], nested: list[str], info: list[str]) -> None:
    for place, content in ((".gitignore", lines), ("src/.gitignore", nested), (".git/info/exclude", info)):
        (work_tree / place).write_bytes("\n".join(content).encode())
    assert our_answer(work_tree) == gits_answer(work_tree)


def test_the_patterns_of_a_common_file_are_pathspecs() -> None:
    pathspec = pytest.importorskip("pathspec")
    lines = (Path(__file__).parents[2] / ".gitignore").read_text().splitlines()
    lines += ["*.py[cod]", "__pycache__/", "/dist", "!dist/keep", "docs/**/*.html", "node_modules"]
    ours, theirs = Patterns(lines), pathspec.GitIgnoreSpec.from_lines(lines)
    names = "x.pyc __pycache__ dist dist/keep docs/a/b.html docs/b.html node_modules a/node_modules a/dist".split()
    for name in names:
        for folder in (False, True):
            assert ours.decide(name, folder=folder) == theirs.check_file(name + "/" * folder).include, name


def test_a_byte_order_mark_and_odd_bytes(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_bytes(b"\xef\xbb\xbfone\n\xff\r\n")
    for name in (b"one", b"\xff", b"two"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("")
    assert our_answer(tmp_path) == gits_answer(tmp_path) == {"two"}


def test_a_linked_work_tree_has_the_excludes_of_its_repository(tmp_path: Path) -> None:
    main = tmp_path / "main"
    main.mkdir()
    git(main, "init", "-q")
    git(main, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m", "x")
    git(main, "worktree", "add", "-q", str(tmp_path / "linked"))
    (main / ".git/info/exclude").write_text("secret\n")
    for name in ("secret", "open"):
        (tmp_path / "linked" / name).write_text("")
    assert our_answer(tmp_path / "linked") == gits_answer(tmp_path / "linked") == {"open"}


def test_outside_a_work_tree_nothing_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    assert WorkTree.of(str(tmp_path)) is None
    assert not ignored(str(tmp_path / "Dockerfile"))


def test_a_single_path_is_ignored_with_the_folder_it_is_in(work_tree: Path) -> None:
    (work_tree / ".git/info/exclude").write_text("")
    (work_tree / "src/.gitignore").write_text("!a\nb.log\n")
    (work_tree / ".gitignore").write_text("build/\n")
    assert ignored(str(work_tree / "build/Dockerfile"))
    assert ignored(str(work_tree / "src/build/x"))
    assert ignored(str(work_tree / "src/a/b.log"))
    assert not ignored(str(work_tree / "src/a/b/Dockerfile"))
