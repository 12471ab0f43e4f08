from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.stages.context import BuildContext, ContextFileError
from dockerlint_alpine.stages.dockerignore import parse_dockerignore
from dockerlint_alpine.stages.files import FromContext, FromStage, FromText, StageFiles, Unread, absolute, goes_into


@pytest.fixture
def context(tmp_path: Path) -> BuildContext:
    (tmp_path / "req").mkdir()
    (tmp_path / "req" / "base.txt").write_text("lz4\n")
    (tmp_path / "req" / "dev.txt").write_text("pytest\n")
    (tmp_path / "secret.txt").write_text("x\n")
    return BuildContext(tmp_path, parse_dockerignore("secret.txt"), "ctx")


@pytest.fixture
def view(context: BuildContext) -> StageFiles:
    return StageFiles(context).place(FromContext("req", "/app", is_dir=True))


def test_a_folder_of_the_context_is_seen_below_its_target(view: StageFiles) -> None:
    assert view.read("/app/base.txt") == b"lz4\n"
    assert view.display("/app/base.txt") == "ctx/req/base.txt"
    assert view.names("/app") == ("base.txt", "dev.txt")
    assert view.glob("/app/b*.txt") == ("/app/base.txt",)
    assert view.exists("/app")
    assert not view.exists("/app/none.txt")


def test_a_later_placement_hides_an_earlier_one(view: StageFiles) -> None:
    later = view.place(FromText(b"new\n", "/app/base.txt"))
    assert later.read("/app/base.txt") == b"new\n"
    assert view.read("/app/base.txt") == b"lz4\n"
    assert later.display("/app/base.txt") == "/app/base.txt"
    assert later.place(FromContext("req", "/app", is_dir=True)).read("/app/base.txt") == b"lz4\n"


def test_excluded_paths_of_a_copied_folder_are_not_there(context: BuildContext) -> None:
    view = StageFiles(context).place(FromContext("req", "/app", is_dir=True, exclude=parse_dockerignore("dev*")))
    assert view.names("/app") == ("base.txt",)
    assert not view.exists("/app/dev.txt")


@pytest.mark.parametrize(
    ("source", "path", "reason"),
    [
        ("", "/app/secret.txt", ".dockerignore excludes it from the build context"),
        ("", "/app/nope.txt", "it is not in the build context ctx"),
        ("gone", "/app/nope.txt", "it is not in the build context ctx"),
        ("", "/elsewhere.txt", "no COPY or ADD creates it, and files that a RUN creates are not known"),
    ],
)
def test_why_a_file_is_missing(context: BuildContext, source: str, path: str, reason: str) -> None:
    view = StageFiles(context).place(FromContext(source, "/app", is_dir=True))
    with pytest.raises(FileNotFoundError) as raised:
        view.read(path)
    assert raised.value.strerror == reason


def test_what_only_a_build_knows_is_there_and_unread(view: StageFiles) -> None:
    made = view.place(Unread("/app/made.txt", "line 3 writes it")).place(Unread("/src", "cloned", below=True))
    assert made.exists("/app/made.txt")
    assert not made.exists("/src/setup.py")
    for path, reason in (("/app/made.txt", "line 3 writes it"), ("/src/setup.py", "cloned")):
        with pytest.raises(ContextFileError) as raised:
            made.read(path)
        assert raised.value.strerror == reason


def test_files_of_another_stage_and_of_an_image(context: BuildContext, view: StageFiles) -> None:
    other = StageFiles(context).place(FromStage("/app", "/copied", view, stage=0))
    assert other.read("/copied/base.txt") == b"lz4\n"
    assert other.display("/copied/base.txt") == "ctx/req/base.txt"
    assert other.names("/copied") == ("base.txt", "dev.txt")
    image = other.place(FromStage("/x", "/copied", None, image="nginx"))
    assert not image.exists("/copied/base.txt")
    with pytest.raises(ContextFileError) as raised:
        image.read("/copied/base.txt")
    assert raised.value.strerror == "it comes from the image nginx"


def test_copies_of_copies_cost_no_more_than_they_are(view: StageFiles) -> None:
    for number in range(300):
        view = view.place(FromStage("/a" if number % 2 else "/b", "/b" if number % 2 else "/a", view))
    assert not view.exists("/a/nothing")
    assert view.read("/app/base.txt") == b"lz4\n"


def test_names_of_what_is_no_folder(view: StageFiles) -> None:
    with pytest.raises(NotADirectoryError):
        view.names("/nowhere")
    assert view.with_directory("/nowhere").names("/nowhere") == ()


def test_without_takes_placements_out_again(view: StageFiles) -> None:
    mounted = view.place(FromText(b"x", "/tmp/r.txt"))
    assert not mounted.without(mounted.placements[1:]).exists("/tmp/r.txt")


@pytest.mark.parametrize(
    ("destination", "count", "into"),
    [
        ("/x/", 1, True),
        (".", 1, True),
        ("/x/.", 1, True),
        ("/x", 2, True),
        ("/tmp", 1, True),
        ("/x", 1, False),
        ("sub", 1, True),
    ],
)
def test_when_a_file_goes_into_a_folder(view: StageFiles, destination: str, count: int, into: bool) -> None:
    files = view.with_directory("/work/sub")
    assert goes_into(destination, count, files, "/work") is into


@given(st.text("ab./", max_size=12), st.text("ab./", max_size=12))
def test_absolute_paths_are_normal(path: str, workdir: str) -> None:
    found = absolute(path, f"/{workdir}")
    assert found.startswith("/")
    assert not found.startswith("//")
    assert ".." not in found.split("/")
    assert absolute(found, "/elsewhere") == found
