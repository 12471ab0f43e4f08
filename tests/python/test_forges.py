"""Addresses of repositories, archives and files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.python.forges import ELSEWHERE, Remote, download, repository

HUB = ("github.com", "o/r")


@pytest.mark.parametrize(
    ("url", "host", "path", "revision", "inner"),
    [
        ("https://github.com/o/r.git", *HUB, "", ""),
        ("https://user:secret@GitHub.com/o/r", *HUB, "", ""),
        ("git@github.com:o/r.git", *HUB, "", ""),
        ("git://github.com/o/r/", *HUB, "", ""),
        ("git+ssh://git@github.com/o/r.git@main", *HUB, "main", ""),
        ("git+https://github.com/o/r@v1.2#egg=x&subdirectory=a/b", *HUB, "v1.2", "a/b"),
        ("git+https://github.com/o/r@${V}#egg=x", *HUB, None, ""),
        ("https://github.com/o/r.git#v1:docs", *HUB, "v1", "docs"),  # ADD
        ("https://gitlab.com/group/sub/p.git", "gitlab.com", "group/sub/p", "", ""),
    ],
)
def test_repositories(url: str, host: str, path: str, revision: str | None, inner: str) -> None:
    assert repository(url) == Remote(host, path, revision, inner=inner)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/o",
        "https://github.com/o/${NAME}",
        "https://github.com/o/../r.git",
        "git+https://github.com/o/r#subdirectory=../../etc",
        "./folder",
        "requests==2.0",
    ],
)
def test_what_names_no_repository(url: str) -> None:
    assert repository(url) is None


@pytest.mark.parametrize(
    ("url", "host", "path", "revision", "top"),
    [
        ("https://github.com/o/r/archive/v4.0.1.tar.gz", *HUB, "v4.0.1", "r-4.0.1"),
        ("https://github.com/o/r/archive/refs/heads/feature/x.zip", *HUB, "feature/x", "r-feature-x"),
        ("https://github.com/o/r/archive/${V}.tar.gz", *HUB, None, "r-"),
        ("https://github.com/o/r/archive/$(cat v).tar.gz", *HUB, None, ""),
        ("https://github.com/o/r/tarball/master", *HUB, "master", ""),
        ("https://api.github.com/repos/o/r/tarball/v1", *HUB, "v1", ""),
        ("https://codeload.github.com/o/r/tar.gz/refs/tags/v1", *HUB, "v1", ""),
        ("https://gitlab.com/g/s/p/-/archive/v1/p-v1.tar.bz2", "gitlab.com", "g/s/p", "v1", "p-v1"),
        ("https://codeberg.org/o/r/archive/main.zip", "codeberg.org", "o/r", "main", "r-main"),
        ("https://bitbucket.org/o/r/get/1.0.tar.gz", "bitbucket.org", "o/r", "1.0", ""),
    ],
)
def test_archives(url: str, host: str, path: str, revision: str | None, top: str) -> None:
    assert download(url) == Remote(host, path, revision, "archive", top=top)


@pytest.mark.parametrize(
    ("url", "revision"),
    [
        ("https://github.com/o/r/releases/download/v2/R-2-src.tar.gz", "v2"),
        ("https://github.com/o/r/releases/download/v2/r-v2.0.tar.gz", "v2"),
        ("https://github.com/o/r/releases/download/${V}/r-${V}.zip", None),
        ("https://github.com/o/r/releases/latest/download/r.tar.gz", None),
    ],
)
def test_an_archive_that_somebody_packed_may_hold_other_files(url: str, revision: str | None) -> None:
    found = download(url)
    assert found is not None
    assert (found.revision, found.exact) == (revision, False)


@pytest.mark.parametrize(
    ("url", "host", "path", "revision", "inner"),
    [
        ("https://raw.githubusercontent.com/o/r/master/requirements.txt?token=x", *HUB, "master", "requirements.txt"),
        ("https://raw.githubusercontent.com/o/r/refs/heads/main/a/b.txt", *HUB, "main", "a/b.txt"),
        ("https://github.com/o/r/raw/main/a/b.txt", *HUB, "main", "a/b.txt"),
        ("https://gitlab.com/g/s/p/-/raw/main/req.txt", "gitlab.com", "g/s/p", "main", "req.txt"),
        ("https://codeberg.org/o/r/raw/branch/main/x.txt", "codeberg.org", "o/r", "main", "x.txt"),
    ],
)
def test_files(url: str, host: str, path: str, revision: str, inner: str) -> None:
    assert download(url) == Remote(host, path, revision, "file", inner)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/x.tar.gz",
        "https://github.com/o/r/releases/download/v2/r-linux-amd64.tar.gz",
        "https://github.com/o/r/releases/download/v2/r-2-noarch.tar.xz",
        "https://github.com/o/r/releases/download/v2/other-2.tar.gz",
        "https://github.com/o/r/releases/latest/download/r-arm64.tar.gz",
        "https://raw.githubusercontent.com/o/r/main/../../x",
        "https://${HOST}/o/r/archive/v1.tar.gz",
        "ftp://github.com/o/r/archive/v1.tar.gz",
    ],
)
def test_other_downloads(url: str) -> None:
    assert download(url) is None


@given(st.text(st.sampled_from("ab/.@:#$-+%2Fgit~ \n=?&rawchive"), max_size=60), st.sampled_from(["", "git+"]))
def test_nothing_leads_out_and_no_revision_is_an_option(tail: str, scheme: str) -> None:
    for url in (f"{scheme}https://github.com/{tail}", f"https://raw.githubusercontent.com/{tail}", tail):
        for found in (repository(url), download(url)):
            if found is not None:
                assert ".." not in f"{found.path}/{found.inner}".split("/")
                assert not found.inner.startswith("/")
                assert not (found.revision or "").startswith("-")
                assert found.folder.startswith(f"{ELSEWHERE}/{found.host}/")
                assert found.url.startswith("https://")
                assert "$" not in found.url + found.inner + (found.revision or "")
