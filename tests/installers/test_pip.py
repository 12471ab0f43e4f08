# ruff: noqa: E501 - the lines are test data
"""pip's command line: what it asks for, with the project's files and the variables that it reads."""

from __future__ import annotations

import pytest

from dockerlint_alpine.installers.pip import read_arguments
from dockerlint_alpine.python.model import IndexOptions, Origin, Target
from tests.python.conftest import MemoryFiles

TARGET = Target("3.11", musl=(1, 2))


def arguments(*args: str, files: dict[str, str] | None = None, environment: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    origins = [Origin("Dockerfile", 10 + index) for index in range(len(args))]
    return read_arguments(args, MemoryFiles(files or {}), cwd="/app", origins=origins, environment=environment)


def test_install_arguments() -> None:
    found = arguments(
        "--no-cache-dir", "-Uqr", "req.txt", "lz4==4.4.5", "psycopg[c]>=3", "--prefix=/install", "--no-binary", "psycopg2", "-c", "c.txt",
        "-i", "https://a.example/simple", "--", "-odd",
        files={"/app/req.txt": "foo\n", "/app/c.txt": "foo<2\n"},
    )  # fmt: skip
    assert [(one.name, one.chain) for one in found.requirements.requested] == [
        ("foo", ("req.txt:1",)),
        ("lz4", ("Dockerfile:13",)),
        ("psycopg", ("Dockerfile:14",)),
    ]
    assert [one.name for one in found.requirements.constraints] == ["foo"]
    assert found.options["--prefix"] == ("/install",)
    assert "--upgrade" in found.options
    assert "--user" not in found.options
    assert found.requirements.options.no_binary == {"psycopg2"}
    assert [problem.line for problem in found.requirements.problems] == [23]


def test_pip_variables() -> None:
    found = arguments(
        "foo",
        files={"/app/c.txt": "foo<2\n"},
        environment={
            "PIP_NO_BINARY": ":all:",
            "PIP_EXTRA_INDEX_URL": "https://a.example https://b.example",
            "PIP_PREFER_BINARY": "1",
            "PIP_PRE": "no",
            "PIP_CONSTRAINT": "c.txt",
            "PIP_FIND_LINKS": "wheels",
        },
    ).requirements
    assert found.options == IndexOptions(
        extra_index_urls=("https://a.example", "https://b.example"),
        no_binary=frozenset({":all:"}),
        prefer_binary=True,
        find_links=("/app/wheels",),
    )
    assert [one.name for one in found.constraints] == ["foo"]


def test_unknown_options_are_problems() -> None:
    found = arguments("--frobnicate", "-%", "--prefix", "foo", "--target")
    assert [problem.message for problem in found.requirements.problems] == [
        "no such option: --frobnicate",
        "no such option: -%",
        "--target needs a value",
    ]


def test_uv_reads_the_metadata_of_a_project_behind_r() -> None:
    """``uv pip install -r pyproject.toml --extra db``: the dependencies, not the project; the command's options hold."""
    text = '[project]\nname = "app"\nversion = "1"\ndependencies = ["lz4==4.4.5"]\n'
    text += '[project.optional-dependencies]\ndb = ["psycopg2"]\n[dependency-groups]\ndev = ["pytest"]\n'
    files = MemoryFiles({"/app/pyproject.toml": text, "/app/setup.cfg": "[options]\ninstall_requires =\n    cffi\n"})
    args = ["-r", "pyproject.toml", "--extra", "db", "--group", "dev", "--no-binary", "lz4", "-r", "setup.cfg"]
    found = read_arguments(args, files, cwd="/app", origins=[Origin("Dockerfile", 3)] * len(args)).requirements
    assert found.problems == ()
    assert {one.name for one in found.requested} == {"lz4", "psycopg2", "pytest", "cffi"}
    assert "lz4" in found.options.no_binary


# -- pylock.toml as pip and uv name it ------------------------------------------------------------------------------

PYLOCK = (
    'lock-version = "1.0"\ndefault-groups = ["main"]\nextras = ["x"]\n'
    '[[packages]]\nname = "lz4"\nversion = "4.4.5"\nsdist = { name = "lz4-4.4.5.tar.gz" }\n'
    '[[packages]]\nname = "b"\nversion = "1"\nmarker = "\'main\' in dependency_groups"\n'
    '[[packages]]\nname = "c"\nversion = "1"\nmarker = "\'x\' in extras"\n'
    '[[packages]]\nname = "d"\nversion = "1"\nmarker = "\'dev\' in dependency_groups"\n'
    '[[packages]]\nname = "e"\nversion = "1"\nmarker = "python_version < \'3.11\'"\n'
)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["-r", "pylock.toml"], ["b", "lz4"]),
        (["-r", "pylock.toml[x]"], ["b", "c", "lz4"]),
        (["-r", "pylock.toml", "--extra", "x"], ["b", "c", "lz4"]),
        (["-r", "pylock.toml", "--group", "pylock.toml:dev"], ["b", "d", "lz4"]),
        (["--group", "pylock.toml:dev"], ["d", "lz4"]),
        (["-r", "sub/pylock.dev.toml"], ["b", "lz4"]),
    ],
)
def test_a_lock_behind_r_is_the_whole_answer(args: list[str], expected: list[str]) -> None:
    """pip's ``_collect_requirement_sources``: extras behind the name, groups after a colon, default groups with -r."""
    files = MemoryFiles({"/app/pylock.toml": PYLOCK, "/app/sub/pylock.dev.toml": PYLOCK})
    found = read_arguments(args, files, cwd="/app", origins=[Origin("Dockerfile", 3)] * len(args), target=TARGET)
    assert sorted(one.name or "" for one in found.requirements.requested) == expected
    assert found.requirements.locked
    assert not found.requirements.problems


def test_a_lock_beside_other_requirements_leaves_those_open() -> None:
    files = MemoryFiles({"/app/pylock.toml": PYLOCK})
    args = ["-r", "pylock.toml", "requests"]
    found = read_arguments(args, files, cwd="/app", origins=[Origin("Dockerfile", 3)] * 3, target=TARGET)
    assert sorted(one.name or "" for one in found.requirements.requested) == ["b", "lz4", "requests"]
    assert not found.requirements.locked


@pytest.mark.parametrize("name", ["pylock.toml", "requirements.txt"])
def test_what_is_no_lock_or_is_not_there_is_said(name: str) -> None:
    found = read_arguments(["-r", name], MemoryFiles({}), cwd="/app", origins=[Origin("Dockerfile", 3)] * 2)
    assert [(problem.path, problem.line) for problem in found.requirements.problems] == [("Dockerfile", 3)]
