from __future__ import annotations

import json
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.python.index.client import Answered, IndexAnswerError, IndexFile, SimpleIndex, by_release
from dockerlint_alpine.python.model import Release
from tests.python.index.local_index import LocalIndex, serve


def filled() -> LocalIndex:
    index = LocalIndex()
    index.add_wheel(
        "lz4",
        "4.4.5",
        "cp311-cp311-musllinux_1_2_x86_64",
        **{"upload-time": "2025-11-03T13:02:36Z", "requires-python": ">=3.9"},
    )
    index.add_sdist("lz4", "4.4.5", [], extra={"upload-time": "2025-11-02T13:02:36Z"})
    index.add_wheel("lz4", "4.4.4", "py3-none-any", yanked="broken")
    return index


@pytest.mark.parametrize("html", [False, True])
def test_json_and_html_say_the_same(html: bool) -> None:
    index = filled()
    index.html = html
    with serve(index):
        found = SimpleIndex([index.url]).releases("lz4")
    assert found == [
        Release(
            "4.4.5",
            None if html else "2025-11-02",
            requires_python=">=3.9",
            wheels=("cp311-cp311-musllinux_1_2_x86_64",),
        ),
        Release("4.4.4", yanked=True, wheels=("py3-none-any",), sdist=False),
    ]


@given(
    st.sampled_from(["", "https://a", "http://", "https://a/", "https://a:8/b#", "/", "//", "../", "/a/"]),
    st.text(alphabet="htps:/.[]#?ab@%0\\ \n\u2100;=", max_size=20),
    st.sampled_from(["https://x/simple/y/", "http://x:8080/", "https://[::1]/simple/y/"]),
)
def test_addresses_of_files_are_joined_as_the_standard_library_does(start: str, rest: str, page: str) -> None:
    try:
        told: str | None = urllib.parse.urljoin(f"{page}a/", start + rest)
        urllib.parse.urlsplit(told)
    except ValueError:
        told = None
    body = json.dumps({"files": [{"filename": "a-1-py3-none-any.whl", "url": start + rest}]}).encode()
    answers = SimpleIndex([page], fetch=lambda *_: Answered("application/json", body)).files("a")
    assert [one.url for own in answers.values() for one in own] == ([] if told is None else [told])


def test_answers_are_kept_and_files_downloaded() -> None:
    with serve(filled()) as index:
        client = SimpleIndex([index.url])
        files = client.files("lz4")
        assert client.files("lz4") == files
        assert len(index.requests) == 1
        assert client.download(files["4.4.5"][0])[:2] == b"PK"


def test_indexes_are_joined_and_one_that_fails_is_left_out() -> None:
    with serve(filled()) as index:
        client = SimpleIndex(["http://127.0.0.1:9/simple", index.url], timeout=2)
        assert {version: len(files) for version, files in client.files("lz4").items()} == {"4.4.5": 2, "4.4.4": 1}
        with pytest.raises(IndexAnswerError):
            client.files("absent")


def test_errors_name_the_url_without_credentials() -> None:
    with serve(filled()) as index:
        url = index.url.replace("http://", "http://user:hunter2@")
        with pytest.raises(IndexAnswerError) as caught:
            SimpleIndex([url]).files("absent")
    assert str(caught.value).endswith("/simple/absent/: HTTP 404")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(IndexAnswerError, match="only http and https"):
        SimpleIndex(["file:///etc/"]).files("passwd")


def test_credentials_from_the_url_and_from_netrc_stay_with_their_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter3\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    index = filled()
    index.password = "hunter3"
    with serve(index):
        assert SimpleIndex([index.url]).files("lz4")
        assert SimpleIndex([index.url.replace("http://", "http://user:hunter3@")]).files("lz4")
        index.requests.clear()
        with pytest.raises(IndexAnswerError):
            SimpleIndex([index.url.replace("/simple/", "/moved/")]).files("x")
        moved, seen = index.requests[0], index.requests[1]
        assert moved[1] is not None
        assert seen[1] is None


def test_answers_that_are_no_index_are_errors() -> None:
    for kind, data in (
        ("application/json", b"[]"),
        ("application/json", b"{"),
        ("application/vnd.pypi.simple.v1+json", b"{}"),
    ):
        with pytest.raises(IndexAnswerError, match="not a PEP 691 answer"):
            SimpleIndex(["http://h.example/"], fetch=lambda *_, kind=kind, data=data: Answered(kind, data)).files("x")
    assert (
        SimpleIndex(["http://h.example/"], fetch=lambda *_: Answered("text/html", b"\xff<a>no href</a>")).files("x")
        == {}
    )


def test_files_of_other_distributions_are_left_out() -> None:
    names = ("foo-1.0.tar.gz", "foo-x.tar.gz", "foo-1.10.tar.gz", "bar-1.0.tar.gz", "odd")
    found = by_release([IndexFile(name, "u") for name in names])
    assert {name: list(own) for name, own in found.items()} == {"foo": ["1.10", "1.0"], "bar": ["1.0"]}
