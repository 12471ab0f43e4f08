"""Our readers of PEP 751 and PEP 735 beside packaging's: the same for what is valid, more of what is not.

Why packaging's are not used: one entry that breaks the specification costs them the whole file or group, and neither tells
the line that a finding has to name.
"""

from __future__ import annotations

import tomllib

import pytest
from packaging.dependency_groups import DependencyGroupResolver
from packaging.pylock import Pylock, PylockValidationError

from dockerlint_alpine.python.formats.pylock import read_pylock
from dockerlint_alpine.python.formats.pyproject import Pyproject
from dockerlint_alpine.python.markers import environment
from dockerlint_alpine.python.model import Target
from tests.python.conftest import MemoryFiles

LOCK = """\
lock-version = "1.0"
created-by = "a test"
[[packages]]
name = "lz4"
version = "4.4.5"
[[packages.wheels]]
name = "lz4-4.4.5-cp311-cp311-musllinux_1_2_x86_64.whl"
url = "https://files.example/lz4-4.4.5-cp311-cp311-musllinux_1_2_x86_64.whl"
hashes = {{ sha256 = "0" }}
[[packages]]
name = "numpy"
version = "{version}"
{marker}
sdist = {{ name = "numpy-2.0.0.tar.gz", url = "https://files.example/n.tar.gz", hashes = {{ {hash} }} }}
"""
GOOD = {"version": "2.0.0", "marker": "marker = \"python_version >= '3.8'\"", "hash": 'sha256 = "0"'}
GROUPS = '[dependency-groups]\nbase = ["{}", "lz4>=4"]\ntest = [{{ include-group = "base" }}, "requests"]\n'


def locked(text: str) -> list[tuple[str, str]]:
    found = read_pylock("/app/pylock.toml", MemoryFiles({"/app/pylock.toml": text}), environment(Target("3.11")))
    return [(one.name or "", str(one.origin)) for one in found.requested]


def test_a_lock_that_is_valid() -> None:
    text = LOCK.format(**GOOD)
    packages = Pylock.from_dict(tomllib.loads(text)).packages
    assert [name for name, _ in locked(text)] == [package.name for package in packages]


@pytest.mark.parametrize("wrong", [{"version": "two"}, {"marker": "marker = 'python_version = 3'"}, {"hash": ""}])
def test_one_wrong_entry_of_a_lock_costs_itself_alone(wrong: dict[str, str]) -> None:
    text = LOCK.format(**(GOOD | wrong))
    with pytest.raises(PylockValidationError):
        Pylock.from_dict(tomllib.loads(text))
    assert locked(text)[0] == ("lz4", "pylock.toml:3")


def test_one_wrong_entry_of_a_group_costs_itself_alone() -> None:
    def ours(text: str) -> list[tuple[str, str]]:
        found = Pyproject("/app/pyproject.toml", MemoryFiles({"/app/pyproject.toml": text})).group("test")
        return [(one.name or "", str(one.origin)) for one in found]

    good = GROUPS.format("numpy>1")
    theirs = DependencyGroupResolver(tomllib.loads(good)["dependency-groups"]).resolve("test")
    assert [name for name, _ in ours(good)] == [one.name for one in theirs]
    wrong = GROUPS.format("numpy ==")
    with pytest.raises(ExceptionGroup):
        DependencyGroupResolver(tomllib.loads(wrong)["dependency-groups"]).resolve("test")
    assert ours(wrong) == [("lz4", "pyproject.toml:2"), ("requests", "pyproject.toml:3")]
