"""Who the client of indexes says it is: URL, other indexes, uv's variables, netrc, keyring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dockerlint_alpine.python.index.client import IndexAnswerError, SimpleIndex
from dockerlint_alpine.python.index.settings import Credentials, index_urls, wants_keyring
from dockerlint_alpine.python.model import IndexOptions, Origin, RequirementSet, Target
from dockerlint_alpine.python.requirement import parse_pep508
from dockerlint_alpine.system.child import ChildTimeoutError, Finished
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import resolver

SECRET = "hunter2"
INDEX = "https://pkgs.example/simple/"


def home(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", **more}


def test_the_url_comes_first(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine pkgs.example login me password other\n")
    found = Credentials(home(tmp_path), [INDEX])
    assert found.known("https://user:p%40ss@pkgs.example/simple/lz4/") == ("user", "p@ss")
    assert found.known("https://pkgs.example/simple/lz4/") == ("me", "other")
    assert found.known("https://me@pkgs.example/simple/lz4/") == ("me", "other")
    assert found.known("https://else@pkgs.example/simple/lz4/") == ("else", "")
    assert found.known("https://other.example/simple/lz4/") is None


def test_files_on_the_host_of_an_index_get_its_login_and_no_other_host_does(tmp_path: Path) -> None:
    found = Credentials(home(tmp_path), ["https://user:secret@pkgs.example/simple/"])
    assert found.known("https://pkgs.example/files/a.tar.gz") == ("user", "secret")
    assert found.known("https://files.example/a.tar.gz") is None
    assert found.known("https://pkgs.example:8443/a.tar.gz") is None


def test_uv_s_variables_for_named_indexes(tmp_path: Path) -> None:
    variables = home(
        tmp_path,
        UV_INDEX=f"my-own.one={INDEX} https://plain.example/simple",
        UV_INDEX_MY_OWN_ONE_USERNAME="user",
        UV_INDEX_MY_OWN_ONE_PASSWORD=SECRET,
    )
    found = Credentials(variables)
    assert found.known(f"{INDEX}lz4/") == ("user", SECRET)
    assert found.known("https://plain.example/simple/lz4/") is None
    assert index_urls(IndexOptions(index_url="https://a.example/simple"), variables, "uv") == [
        "https://a.example/simple",
        INDEX,
        "https://plain.example/simple",
    ]


def test_netrc_where_the_variable_says(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(f"machine pkgs.example login me password {SECRET}\n")
    assert Credentials(home(tmp_path, NETRC=str(tmp_path / "elsewhere"))).known(INDEX) == ("me", SECRET)
    (tmp_path / ".netrc").write_text("machine\n")
    assert Credentials(home(tmp_path)).known(INDEX) is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"UV_KEYRING_PROVIDER": "subprocess"}, True),
        ({"UV_KEYRING_PROVIDER": "disabled", "PIP_KEYRING_PROVIDER": "subprocess"}, False),
        ({"PIP_KEYRING_PROVIDER": "subprocess"}, True),
        ({"PIP_KEYRING_PROVIDER": "auto"}, False),
    ],
)
def test_the_keyring_is_asked_only_when_told_to(tmp_path: Path, variables: dict[str, str], expected: bool) -> None:
    assert wants_keyring(home(tmp_path, **variables)) is expected


def test_the_keyring_in_pip_s_configuration(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nkeyring-provider = subprocess\n")
    assert wants_keyring(home(tmp_path, PIP_CONFIG_FILE=str(tmp_path / "pip.conf")))


class Keyring:
    """Stands for the program: knows one service, and writes down what it was asked."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.asked: list[list[str]] = []

    def __call__(self, command: list[str], **_: Any) -> Finished:
        self.asked.append(command[1:])
        service = command[-1] if "--mode" in command else command[-2]
        if service != self.service:
            return Finished(1, b"", b"")
        answer = f"{SECRET}\n" if "--mode" not in command else f"user\n{SECRET}\n"
        return Finished(0, answer.encode(), b"")


def with_keyring(tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "bin" / "keyring"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    return home(tmp_path, UV_KEYRING_PROVIDER="subprocess", PATH=str(program.parent))


def test_the_keyring_by_url_and_by_host(tmp_path: Path) -> None:
    variables = with_keyring(tmp_path)
    by_url = Keyring(INDEX)
    found = Credentials(variables, ["https://user@pkgs.example/simple/"], run=by_url)
    assert found.from_keyring(f"{INDEX}lz4/") == ("user", SECRET)
    assert by_url.asked == [["get", INDEX, "user"]]
    found.from_keyring(f"{INDEX}other/")
    assert len(by_url.asked) == 1  # once per host
    by_host = Keyring("pkgs.example")
    assert Credentials(variables, [INDEX], run=by_host).from_keyring(f"{INDEX}lz4/") == ("user", SECRET)
    assert by_host.asked == [["--mode", "creds", "get", INDEX], ["--mode", "creds", "get", "pkgs.example"]]
    unasked = Keyring(INDEX)
    assert Credentials(home(tmp_path), [INDEX], run=unasked).from_keyring(INDEX) is None
    assert unasked.asked == []


def test_a_keyring_program_that_hangs_or_is_none(tmp_path: Path) -> None:
    def hangs(command: list[str], **_: Any) -> Finished:
        raise ChildTimeoutError("took more than 20 seconds")

    assert Credentials(with_keyring(tmp_path), [INDEX], run=hangs).from_keyring(INDEX) is None
    variables = {**with_keyring(tmp_path), "PATH": "/nonexistent"}
    assert Credentials(variables, [INDEX]).from_keyring(INDEX) is None


def test_a_real_program_called_keyring_opens_an_index(tmp_path: Path) -> None:
    """As pip's and uv's "subprocess" provider: refused first, then asked, then let in."""
    index = LocalIndex(password=SECRET)
    index.add_wheel("lz4", "1.0", "py3-none-any")
    with serve(index):
        variables = with_keyring(tmp_path)
        program = tmp_path / "bin" / "keyring"
        program.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "get {index.url} user" ] && echo {SECRET}\n')
        url = index.url.replace("http://", "http://user@")
        client = SimpleIndex([url], credentials=Credentials(variables, [url]))
        assert [one.name for one in client.files("lz4")["1.0"]] == ["lz4-1.0-py3-none-any.whl"]
        assert len(index.requests) == 2


def test_a_refusal_says_what_helps_and_no_secret(tmp_path: Path) -> None:
    index = LocalIndex(password=SECRET)
    with serve(index):
        with pytest.raises(IndexAnswerError, match=r"HTTP 401, the index asks for credentials: netrc, its URL"):
            SimpleIndex([index.url], credentials=Credentials(home(tmp_path))).files("lz4")
        wrong = index.url.replace("http://", "http://user:wrongpassword@")
        with pytest.raises(IndexAnswerError, match=r"\*\*\*\*@.*HTTP 401, the index refused") as caught:
            SimpleIndex([wrong], credentials=Credentials(home(tmp_path))).files("lz4")
        assert "wrongpassword" not in str(caught.value)


def test_netrc_serves_requests_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    index = LocalIndex(password=SECRET)
    index.add_wheel("lz4", "4.4.5", "cp311-cp311-manylinux_2_17_x86_64")
    script = "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('a', [])])\n"
    index.add_sdist("lz4", "4.4.5", [], {"setup.py": script})
    with serve(index):
        (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login user password {SECRET}\n")
        uv = resolver(tmp_path)
        uv.variables["PIP_INDEX_URL"] = index.url
        facts = uv.source_facts("lz4", "4.4.5", IndexOptions(index_url=index.url))
    assert not facts.pure
    assert not any(SECRET.encode() in file.read_bytes() for file in (tmp_path / "answers").iterdir())


def test_a_link_page_with_credentials_is_read_and_nothing_of_them_is_told_or_kept(tmp_path: Path) -> None:
    index = LocalIndex(password=SECRET, html=True)
    index.add_wheel("certifi", "2026.1", "py3-none-any")
    with serve(index):
        page = f"{index.url}certifi/"
        options = IndexOptions(find_links=(page.replace("http://", f"http://user:{SECRET}@"),), no_index=True)
        way = resolver(tmp_path, {"PIP_INDEX_URL": index.url, "PIP_FIND_LINKS": page})
        wanted = RequirementSet((parse_pep508("certifi", Origin("r.txt")),), options=options)
        found = way.ask(wanted, Target("3.11", musl=(1, 2)))
    assert [one.version for one in found.distributions] == ["2026.1"]
    assert SECRET not in repr(found)
    assert not any(SECRET.encode() in file.read_bytes() for file in (tmp_path / "answers").iterdir())
