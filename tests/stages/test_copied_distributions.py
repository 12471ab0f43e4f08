from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.stages.context import BuildContext
from dockerlint_alpine.stages.copied_distributions import moved_path, spread
from dockerlint_alpine.stages.files import FromText, StageFiles

SITE = "/install/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("source", "target", "into", "moved"),
    [
        ("/install", "/usr/local", False, "/usr/local/lib/python3.11/site-packages"),
        ("/install/", "/usr/local", False, "/usr/local/lib/python3.11/site-packages"),
        ("/install", "/usr/local", True, "/usr/local/install/lib/python3.11/site-packages"),
        ("/", "/", False, SITE),
        ("/install/*", "/usr/local", False, "/usr/local/python3.11/site-packages"),
        ("/install/*", "/usr/local", True, "/usr/local/lib/python3.11/site-packages"),
        ("/inst*", "/", False, "/lib/python3.11/site-packages"),
        ("/other", "/usr/local", False, None),
        ("/install/bin", "/usr/local/bin", False, None),
        ("/ins", "/usr/local", False, None),
    ],
)
def test_where_a_folder_goes(source: str, target: str, into: bool, moved: str | None) -> None:
    assert moved_path(SITE, posixpath.normpath(source), target, into=into) == moved


@given(st.lists(st.sampled_from("abc"), max_size=4), st.lists(st.sampled_from("abc"), max_size=3))
def test_a_copy_of_a_folder_keeps_what_is_below(below: list[str], target: list[str]) -> None:
    path, place = "/".join(["/src", *below]), "/" + "/".join(target)
    assert moved_path(path, "/src", place, into=False) == posixpath.normpath("/".join([place, *below])).replace(
        "//", "/"
    )


def test_wildcards_are_met_by_known_files(tmp_path) -> None:
    files = StageFiles(BuildContext(tmp_path))
    for name in ("a.txt", "b.txt", "c.md"):
        files = files.place(FromText(b"", f"/x/{name}"))
    assert list(spread(files, "/x/*.txt", "/y/")) == [
        ("/x/*.txt", "/y"), ("/x/a.txt", "/y/a.txt"), ("/x/b.txt", "/y/b.txt"),
    ]  # fmt: skip
    assert list(spread(files, "/x/*", "/y/")) == [("/x", "/y")]
    assert list(spread(files, "/x/a.txt", "/y/")) == [("/x/a.txt", "/y/a.txt")]
    assert list(spread(files, "/x/a.txt", "/y/z.txt")) == [("/x/a.txt", "/y/z.txt")]
    assert list(spread(files, "/usr/lib/liblz4.so.1", "/lib/")) == [("/usr/lib/liblz4.so.1", "/lib/liblz4.so.1")]
