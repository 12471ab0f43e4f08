"""Beside Python itself: what a script asks for under each version is what its markers let in there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from dockerlint_alpine.python.sources.setup_of_pythons import read_setup_of_pythons

HEAD = "import sys\nfrom setuptools import setup\n"
TESTS = st.builds(
    "{} {} {}".format,
    st.sampled_from(["sys.version_info", "sys.version_info[:2]"]),
    st.sampled_from(["<", "<=", ">", ">="]),
    st.tuples(st.sampled_from([2, 3]), st.integers(0, 20)) | st.tuples(st.sampled_from([2, 3, 4])),
) | st.sampled_from(
    ["sys.version_info[0] == 2", "sys.version_info.major >= 3", "(3, 4) <= sys.version_info < (3, 9)", "not PY2"]
)
BLOCKS = st.builds(
    "if {}:\n    r.append({!r})\nelif {}:\n    r += [{!r}]\nelse:\n    r.extend([{!r}, {!r}])\n".format,
    TESTS,
    st.sampled_from("ab"),
    TESTS,
    st.sampled_from("bc"),
    st.sampled_from("cd"),
    st.sampled_from(["e; extra == 'x'", "f; os_name == 'posix'"]),
)
VERSIONS = [(2, 7), (3, 3), (3, 5), (3, 8), (3, 9), (3, 10), (3, 13), (3, 16)]


class VersionInfo(NamedTuple):
    """Of ``sys.version_info``."""

    major: int
    minor: int
    micro: int = 99


@given(st.lists(BLOCKS, min_size=1, max_size=3), st.sampled_from(VERSIONS))
def test_as_python_itself_would_ask(blocks: list[str], version: tuple[int, int]) -> None:
    script = f"PY2 = sys.version_info[0] == 2\nr = ['z']\n{''.join(blocks)}"
    names: dict[str, Any] = {"sys": SimpleNamespace(version_info=VersionInfo(*version))}
    exec(script, names)
    found = read_setup_of_pythons(f"{HEAD}{script}setup(install_requires=r)".encode(), lambda _: None)
    assert found.unclear == ()
    here = {"python_version": f"{version[0]}.{version[1]}", "extra": "x"}
    asked = [Requirement(text) for text, _ in found.install_requires or ()]
    got = {one.name for one in asked if one.marker is None or one.marker.evaluate(here)}
    assert got == {Requirement(text).name for text in names["r"]}


@pytest.mark.parametrize(
    ("script", "install", "extras"),
    [
        (
            "r = ['a']\nif sys.version_info < (3, 6):\n    r.append('b>=1')\nsetup(install_requires=r)",
            ["a", "b>=1 ; python_version < '3.6'"],
            {},
        ),
        (
            "r = ['a'] if sys.version_info[0] < 3 else ['b']\nsetup(install_requires=r, extras_require={'x': r})",
            ["a ; python_version < '3.3'", "b ; python_version >= '3.3'"],
            {"x": ["a ; python_version < '3.3'", "b ; python_version >= '3.3'"]},
        ),
        (
            "k = {}\nif sys.version_info >= (3, 8):\n    k['install_requires'] = ['a @ https://h.example/a;b.zip']\nsetup(**k)",
            ["a @ https://h.example/a;b.zip ; python_version >= '3.8'"],
            {},
        ),
        (
            "r = f()\nif sys.version_info < (3,):\n    r = ['a']\nsetup(install_requires=r)",
            ["a ; python_version < '3.3'"],
            {},
        ),
    ],
)
def test_what_is_said(script: str, install: list[str], extras: dict[str, list[str]]) -> None:
    found = read_setup_of_pythons(f"{HEAD}{script}\n".encode(), lambda _: None)
    assert [text for text, _ in found.install_requires or ()] == install
    assert {key: [text for text, _ in value] for key, value in (found.extras_require or {}).items()} == extras
    assert bool(found.unclear) == ("f()" in script)
