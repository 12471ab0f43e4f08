# ruff: noqa: E501 - the lines are test data
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from dockerlint_alpine.installers.pip import read_arguments
from dockerlint_alpine.python.formats.poetry import pep440
from dockerlint_alpine.python.formats.project import read_project
from dockerlint_alpine.python.formats.pylock import read_pylock
from dockerlint_alpine.python.formats.pyproject import read_pyproject
from dockerlint_alpine.python.index.uv_program import find_uv
from dockerlint_alpine.python.markers import environment
from dockerlint_alpine.python.model import Origin, RequirementSet, Target
from dockerlint_alpine.python.resolve import resolve
from tests.installers.support import ask, asked_by_project, command
from tests.python.conftest import MemoryFacts, MemoryFiles
from tests.python.index.local_index import LocalIndex, serve

TARGET = Target("3.11", musl=(1, 2))
MUSL = "cp311-cp311-musllinux_1_2_x86_64"


def project(tool: str, files: dict[str, str | bytes], *args: str, target: Target = TARGET) -> RequirementSet:
    reader = MemoryFiles({f"/app/{name}": data for name, data in files.items()})
    return asked_by_project(tool, args, reader, target)


def names(found: RequirementSet) -> list[str]:
    return sorted(one.name or "" for one in found.requested)


def chains(found: RequirementSet) -> dict[str | None, tuple[str, ...]]:
    return {one.name: one.chain for one in found.requested}


PYPROJECT = """\
[build-system]
requires = ["setuptools>=61", "cython"]

[project]
name = "Shop.App"
dependencies = [
    "clickhouse-connect>=0.8",
    "pywin32 ; sys_platform == 'win32'",
]

[project.optional-dependencies]
db = ["psycopg[c]>=3"]
all = ["shop-app[db]", "uvicorn"]

[dependency-groups]
lint = ["ruff"]
dev = ["pytest", {include-group = "lint"}]
loop = [{include-group = "loop"}]

[external]
build-requires = ["dep:virtual/compiler/c"]
host-requires = ["dep:generic/libpq; sys_platform != 'win32'", "nonsense"]
"""


def test_pep_621_735_725_and_518() -> None:
    files = MemoryFiles({"/app/pyproject.toml": PYPROJECT})
    found = read_pyproject("/app/pyproject.toml", files, extras=["all"], groups=["dev"])
    assert [(one.name, one.origin.line, one.extras) for one in found.requested] == [
        ("clickhouse-connect", 7, ()),
        ("pywin32", 8, ()),
        ("uvicorn", 13, ()),
        ("psycopg", 12, ("c",)),
        ("pytest", 17, ()),
        ("ruff", 16, ()),
    ]
    assert [one.name for one in found.build_requires] == ["setuptools", "cython"]
    assert [(one.key, one.need, one.origin.line) for one in found.external] == [
        ("build-requires", "dep:virtual/compiler/c", 21),
        ("host-requires", "dep:generic/libpq; sys_platform != 'win32'", 22),
    ]
    assert [problem.message for problem in found.problems] == ["'nonsense' is not a dep: URL"]
    loop = read_pyproject("/app/pyproject.toml", files, groups=["loop", "absent"], project=False)
    assert [problem.message for problem in loop.problems if "group" in problem.message] == [
        "dependency group 'loop' includes itself",
        "there is no dependency group 'absent'",
    ]


def test_pip_install_of_a_folder_brings_its_requirements_with_their_chain() -> None:
    files = MemoryFiles({"/app/pyproject.toml": PYPROJECT})
    found = read_arguments([".[db]"], files, cwd="/app", origins=[Origin("Dockerfile", 4)]).requirements
    assert chains(found) == {
        "shop-app": ("Dockerfile:4",),
        "clickhouse-connect": ("Dockerfile:4", "pyproject.toml:7"),
        "pywin32": ("Dockerfile:4", "pyproject.toml:8"),
        "psycopg": ("Dockerfile:4", "pyproject.toml:12"),
    }
    own = next(one for one in resolve(found, TARGET, MemoryFacts({})).distributions if one.name == "shop-app")
    assert (own.artefact.kind, own.artefact.source) == ("sdist", "requirement")
    group = read_arguments(["--group", "lint"], files, cwd="/app", origins=[Origin("Dockerfile", 4)] * 2)
    assert names(group.requirements) == ["ruff"]


def test_dynamic_dependencies_come_from_the_files_that_setuptools_reads() -> None:
    text = (
        '[project]\nname="x"\ndynamic=["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = {file = ["r.txt"]}\n'
    )
    files = MemoryFiles({"/app/pyproject.toml": text, "/app/r.txt": "lz4\n"})
    assert chains(read_project("/app", files)) == {"lz4": ("pyproject.toml:5", "r.txt:1")}
    text = '[build-system]\nbuild-backend="hatchling.build"\n[project]\nname="x"\ndynamic=["dependencies"]\n'
    (problem,) = read_project("/app", MemoryFiles({"/app/pyproject.toml": text})).problems
    assert (problem.line, problem.message) == (
        5,
        "the dependencies are dynamic: only the build backend hatchling.build determines them",
    )


@pytest.mark.parametrize("key", ['filename = "r.txt"', 'files = ["r.txt"]'])
def test_dynamic_dependencies_that_hatch_reads_of_requirements(key: str) -> None:
    table = "[tool.hatch.metadata.hooks.requirements_txt"
    text = f'[project]\nname="x"\ndynamic=["dependencies"]\n{table}]\n{key}\n{table}.optional-dependencies]\nWeb = ["w.txt"]\n'
    files = MemoryFiles({"/app/pyproject.toml": text, "/app/r.txt": "lz4\n", "/app/w.txt": "uvloop\n"})
    assert chains(read_project("/app", files)) == {"lz4": ("pyproject.toml:5", "r.txt:1")}
    assert set(chains(read_project("/app", files, extras=["web"]))) == {"lz4", "uvloop"}


def test_setup_cfg_and_setup_py() -> None:
    config = "[metadata]\nname = shop\n[options]\ninstall_requires =\n    lz4>=4\n    bogus ==\n[options.extras_require]\ndb = psycopg\n"
    script = "from setuptools import setup\nsetup(install_requires=[\n  'clickhouse-connect',\n], extras_require={':python_version<\"3\"': ['old'], 'db': ['mysqlclient']})\n"
    files = MemoryFiles({"/app/setup.cfg": config, "/app/setup.py": script})
    found = read_project("/app", files, extras=["DB"])
    assert [(one.name, str(one.origin), one.marker) for one in found.requested] == [
        ("lz4", "setup.cfg:5", None),
        ("psycopg", "setup.cfg:8", None),
        ("clickhouse-connect", "setup.py:3", None),
        ("mysqlclient", "setup.py:4", None),
        ("old", "setup.py:4", 'python_version < "3"'),
    ]
    assert [(problem.path, problem.line) for problem in found.problems] == [("setup.cfg", 6)]
    with_tools = read_project(
        "/app", MemoryFiles({**files.files, "/app/pyproject.toml": "[tool.black]\n"}), extras=["DB"]
    )
    assert with_tools.requested == found.requested
    assert with_tools.problems == found.problems
    nothing = read_project("/app", MemoryFiles({"/app/readme": ""}))
    assert [problem.message for problem in nothing.problems] == [
        "folder /app has neither pyproject.toml nor setup.py, as far as COPY and ADD show"
    ]


def test_an_extra_with_a_condition_may_have_requirements_with_their_own() -> None:
    script = (
        "import sys\nfrom setuptools import setup\nR = ['a', 'b; os_name == \"posix\"']\n"
        "if sys.version_info < (3, 6):\n  R.append('c')\nsetup(extras_require={':python_version<\"4\"': R})\n"
    )
    found = read_project("/app", MemoryFiles({"/app/setup.py": script}))
    assert [(one.name, one.marker) for one in found.requested] == [
        ("a", 'python_version < "4"'),
        ("b", 'os_name == "posix" and python_version < "4"'),
        ("c", 'python_version < "3.6" and python_version < "4"'),
    ]
    assert not found.problems


def test_broken_files_are_problems() -> None:
    for tool, name in (("uv", "uv.lock"), ("poetry", "poetry.lock"), ("pdm", "pdm.lock")):
        found = project(tool, {"pyproject.toml": PYPROJECT, name: "[[[\n"})
        assert any("not valid TOML" in problem.message for problem in found.problems), tool
        assert not found.locked
        assert "clickhouse-connect" in names(found)
        assert any("can't be read" in problem.message for problem in project(tool, {}).problems)
    assert any("not valid JSON" in one.message for one in project("pipenv", {"Pipfile.lock": "{"}).problems)
    assert any("can't be read" in one.message for one in project("pipenv", {}).problems)


# -- uv: the lock that uv itself writes -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uv_project(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | bytes]:
    """A project locked by the real uv against an index on loopback."""
    folder = tmp_path_factory.mktemp("uvproject")
    index = LocalIndex()
    index.add_wheel("clickhouse-connect", "0.8.18", MUSL, ["lz4", "certifi", "colorama; sys_platform == 'win32'"])
    index.add_wheel("certifi", "2026.1", "py3-none-any")
    index.add_wheel("colorama", "1.0", "py3-none-any")
    index.add_wheel("lz4", "4.4.5", "cp311-cp311-manylinux_2_17_x86_64")
    index.add_sdist("lz4", "4.4.5", [])
    index.add_wheel("psycopg", "3.2", "py3-none-any", ["psycopg-c==3.2; extra == 'c'"], extras=["c"])
    index.add_sdist("psycopg-c", "3.2", [])
    for name in ("uvicorn", "ruff", "pytest", "pywin32"):
        index.add_wheel(name, "1.0", "py3-none-any")
    uv = find_uv()
    assert uv is not None
    text = PYPROJECT.replace('loop = [{include-group = "loop"}]\n', "").replace(
        "[project]\n", '[project]\nversion = "1"\nrequires-python = ">=3.9"\n'
    )
    (folder / "pyproject.toml").write_text(text)
    keep = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_")) and "proxy" not in name.lower()
    }
    with serve(index):
        variables = {
            **keep,
            "UV_DEFAULT_INDEX": index.url,
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_PYTHON_DOWNLOADS": "never",
        }
        for command in (
            ["lock"],
            ["export", "--format", "pylock.toml", "--all-extras", "--no-dev", "-o", "pylock.toml"],
        ):
            subprocess.run([uv, "-q", "--no-config", *command], cwd=folder, env=variables, check=True, timeout=60)
    return {name: Path(folder / name).read_bytes() for name in ("pyproject.toml", "uv.lock", "pylock.toml")}


def test_uv_sync_selects_groups_extras_and_platforms(uv_project: dict[str, str | bytes]) -> None:
    found = project("uv", uv_project, "--frozen", "--no-dev")
    assert found.locked
    assert found.problems == () or all("dep: URL" in one.message for one in found.problems)
    assert names(found) == ["certifi", "clickhouse-connect", "lz4"]
    assert chains(found)["lz4"] == ("pyproject.toml:9", "clickhouse-connect", "lz4")
    assert names(project("uv", uv_project)) == ["certifi", "clickhouse-connect", "lz4", "pytest", "ruff"]
    assert names(project("uv", uv_project, "--no-dev", "--extra", "db"))[-2:] == ["psycopg", "psycopg-c"]
    assert "uvicorn" in names(project("uv", uv_project, "--all-extras"))
    assert names(project("uv", uv_project, "--only-group", "lint")) == ["ruff"]
    assert names(project("uv", uv_project, "--no-group", "dev", "--group", "lint"))[-1] == "ruff"
    kinds = {
        one.name: (one.artefact.kind, one.artefact.source)
        for one in resolve(found, TARGET, MemoryFacts({})).distributions
    }
    assert kinds["lz4"] == ("sdist", "lock file")
    assert kinds["clickhouse-connect"] == ("wheel", "lock file")
    other = resolve(found, Target("3.12", musl=(1, 2)), MemoryFacts({}))
    assert {one.name: one.artefact.kind for one in other.distributions}["clickhouse-connect"] == "none"
    lines = uv_project["uv.lock"].decode().splitlines()  # type: ignore[union-attr]
    assert all(
        lines[(one.origin.line or 0) - 1] == "[[package]]" and one.name in lines[one.origin.line or 0]
        for one in found.requested
    )
    no_binary = project("uv", uv_project, "--no-binary-package", "clickhouse-connect")
    assert no_binary.options.no_binary == {"clickhouse-connect"}


def test_pylock_answers_by_itself(uv_project: dict[str, str | bytes]) -> None:
    files = MemoryFiles({"/app/pylock.toml": uv_project["pylock.toml"]})
    found = read_pylock("/app/pylock.toml", files, environment(TARGET), extras=["db"])
    assert {"lz4", "psycopg-c", "clickhouse-connect"} <= set(names(found))
    assert "pywin32" not in names(found)
    assert {one.name: one.artefact.kind for one in resolve(found, TARGET, MemoryFacts({})).distributions}[
        "lz4"
    ] == "sdist"
    written = (
        'lock-version = "1.0"\ndefault-groups = ["main"]\n[[packages]]\nname = "a"\nversion = "1"\nmarker = "\'x\' in extras"\n'
        '[[packages]]\nname = "b"\nversion = "1"\nmarker = "\'main\' in dependency_groups"\n[[packages]]\nname = "c"\nmarker = "bogus"\n'
        '[[packages]]\nname = "d"\nvcs = { type = "git", url = "https://u:p@h.example/d.git" }\n'
    )
    found = read_pylock("/app/l.toml", MemoryFiles({"/app/l.toml": written}), environment(TARGET))
    assert names(found) == ["b", "d"]
    assert [problem.line for problem in found.problems] == [11]
    assert names(
        read_pylock(
            "/app/l.toml",
            MemoryFiles({"/app/l.toml": written}),
            environment(TARGET),
            extras=["X"],
            default_groups=False,
        )
    ) == ["a", "d"]


# -- Poetry ---------------------------------------------------------------------------------------------------------

POETRY = """\
[tool.poetry]
name = "shop"

[tool.poetry.dependencies]
python = "^3.9"
clickhouse-connect = "^0.8"
psycopg = {version = "^3.1", optional = true, extras = ["c"]}
pywin32 = {version = "*", platform = "win32"}
local = {path = "../lib", develop = true}

[tool.poetry.extras]
db = ["psycopg"]

[tool.poetry.group.dev.dependencies]
pytest = ">=8"

[tool.poetry.group.docs]
optional = true

[tool.poetry.group.docs.dependencies]
mkdocs = "*"
"""


def poetry_package(name: str, version: str, files: list[str], rest: str = "") -> str:
    listed = "".join(f'    {{file = "{file}", hash = "sha256:00"}},\n' for file in files)
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\noptional = false\nfiles = [\n{listed}]\n{rest}\n'


POETRY_LOCK = (
    poetry_package(
        "clickhouse-connect",
        "0.8.18",
        [f"clickhouse_connect-0.8.18-{MUSL}.whl"],
        '[package.dependencies]\nlz4 = "*"\nzstandard = {version = "*", optional = true, markers = "extra == \\"zs\\""}\n'
        'colorama = {version = "*", markers = "sys_platform == \'win32\'"}\n[package.extras]\nzs = ["zstandard (>=0.1)"]\n',
    )
    + poetry_package("lz4", "4.4.5", ["lz4-4.4.5.tar.gz", "lz4-4.4.5-cp311-cp311-manylinux_2_17_x86_64.whl"])
    + poetry_package("colorama", "1.0", ["colorama-1.0-py3-none-any.whl"])
    + poetry_package(
        "psycopg",
        "3.2",
        ["psycopg-3.2-py3-none-any.whl"],
        '[package.dependencies]\npsycopg-c = {version = "3.2", optional = true, markers = "implementation_name != \\"pypy\\" and extra == \\"c\\""}\n'
        '[package.extras]\nc = ["psycopg-c (==3.2) ; implementation_name != \\"pypy\\""]\n',
    )
    + poetry_package("psycopg-c", "3.2", ["psycopg_c-3.2.tar.gz"])
    + poetry_package("pytest", "8.1", ["pytest-8.1-py3-none-any.whl"])
    + poetry_package("mkdocs", "1.6", ["mkdocs-1.6-py3-none-any.whl"])
    + poetry_package(
        "pywin32", "308", ["pywin32-308-cp311-cp311-win_amd64.whl"], 'markers = "sys_platform == \\"win32\\""\n'
    )
    + '[[package]]\nname = "local"\nversion = "1"\ndevelop = true\n[package.source]\ntype = "directory"\nurl = "../lib"\n'
)
POETRY_FILES: dict[str, str | bytes] = {"pyproject.toml": POETRY, "poetry.lock": POETRY_LOCK}


def test_poetry_install_selects_groups_and_extras() -> None:
    main = ["clickhouse-connect", "local", "lz4"]
    assert names(project("poetry", POETRY_FILES, "--without", "dev", "--no-root")) == main
    assert names(project("poetry", POETRY_FILES)) == sorted([*main, "pytest"])
    assert names(project("poetry", POETRY_FILES, "--no-dev", "-E", "db")) == sorted([*main, "psycopg", "psycopg-c"])
    assert names(project("poetry", POETRY_FILES, "--only", "docs,dev")) == ["mkdocs", "pytest"]
    assert "mkdocs" in names(project("poetry", POETRY_FILES, "--with=docs"))
    found = project("poetry", POETRY_FILES, "--only=main", "--all-extras")
    assert found.problems == ()
    assert chains(found)["psycopg-c"] == ("pyproject.toml:7", "psycopg", "psycopg-c")
    kinds = {one.name: one.artefact.kind for one in resolve(found, TARGET, MemoryFacts({})).distributions}
    assert kinds == {
        "clickhouse-connect": "wheel",
        "lz4": "sdist",
        "psycopg": "wheel",
        "psycopg-c": "sdist",
        "local": "sdist",
    }
    wrong = project("poetry", POETRY_FILES, "--with", "nope", "-E", "nix")
    assert [one.message for one in wrong.problems] == ["there is no group 'nope'", "the project has no extra 'nix'"]


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"a": '"*"', "b": '">=1.2"'}, ["2.0"]),
        ({"a": '"<2"', "b": '"*"'}, ["1.26"]),
        ({"a": '[{version = "<2", markers = "platform_python_implementation == \\"PyPy\\""}, "*"]'}, ["2.0"]),
        ({"a": '"<2"', "b": '">=2"'}, ["1.26", "2.0"]),
    ],
)
def test_of_two_versions_in_a_lock_the_newest_is_taken_that_all_fits(
    needs: dict[str, str], expected: list[str]
) -> None:
    """A lock has one for PyPy beside that for CPython, and no marker at the entries (Poetry 1)."""
    pyproject = "".join(f'{name} = "*"\n' for name in needs)
    lock = "".join(
        poetry_package(name, "1.0", [], f"[package.dependencies]\nurllib3 = {said}\n") for name, said in needs.items()
    )
    lock += poetry_package("urllib3", "1.26", []) + poetry_package("urllib3", "2.0", [])
    found = project("poetry", {"pyproject.toml": f"[tool.poetry.dependencies]\n{pyproject}", "poetry.lock": lock})
    assert [one.specifier[2:] for one in found.requested if one.name == "urllib3"] == expected


def test_poetry_without_a_lock_and_with_an_incomplete_one() -> None:
    found = project("poetry", {"pyproject.toml": POETRY}, "-E", "db")
    assert [(one.name, one.specifier, one.marker) for one in found.requested][:3] == [
        ("clickhouse-connect", ">=0.8,<0.9", None),
        ("psycopg", ">=3.1,<4", None),
        ("pywin32", "", 'sys_platform == "win32"'),
    ]
    assert not found.locked
    cut = project("poetry", {**POETRY_FILES, "poetry.lock": POETRY_LOCK.replace('name = "lz4"', 'name = "lz5"')})
    assert [one.message for one in cut.problems] == ["lz4 is needed by clickhouse-connect and not in the lock file"]


numbers = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))


@given(numbers, numbers)
def test_poetrys_caret_and_tilde(base: str, version: str) -> None:
    """By Poetry's documentation: the caret keeps the leftmost non-zero number, the tilde the first two."""
    parts = [int(part) for part in base.split(".")]
    mine = [*(int(part) for part in version.split(".")), 0, 0][:3]
    least = [*parts, 0, 0][:3]
    first = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
    assert SpecifierSet(pep440(f"^{base}") or "").contains(version) == (
        mine >= least and mine[: first + 1] == least[: first + 1]
    )
    kept = min(len(parts), 2)
    assert SpecifierSet(pep440(f"~{base}") or "").contains(version) == (mine >= least and mine[:kept] == least[:kept])


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("*", ""),
        ("1.2.3", "==1.2.3"),
        ("1.2.*", "==1.2.*"),
        (">=1,<2", ">=1,<2"),
        (">=1.0 <2.0", ">=1.0,<2.0"),
        ("^1 || ^2", None),
        ("~=1.4", "~=1.4"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("=1.0", "==1.0"),
    ],
)
def test_poetry_constraints(constraint: str, expected: str | None) -> None:
    assert pep440(constraint) == expected


# -- Pipenv and PDM -------------------------------------------------------------------------------------------------

PIPFILE = '[[source]]\nurl = "https://h.example/simple"\nname = "x"\n[packages]\nlz4 = "==4.4.5"\nwin = {version = "*", sys_platform = "== \'win32\'"}\n"psycopg" = {extras = ["c"], version = ">=3"}\n[dev-packages]\npytest = "*"\n'
PIPFILE_LOCK = json.dumps(
    {
        "_meta": {"sources": [{"name": "x", "url": "https://h.example/simple", "verify_ssl": True}]},
        "default": {
            "lz4": {"hashes": ["sha256:00"], "index": "x", "version": "==4.4.5"},
            "colorama": {"markers": "sys_platform == 'win32'", "version": "==1.0"},
            "git-thing": {"git": "https://h.example/x.git", "ref": "abc"},
        },
        "develop": {"pytest": {"version": "==8.1"}, "lz4": {"version": "==4.4.5"}},
    },
    indent=4,
)


def test_pipenv() -> None:
    files: dict[str, str | bytes] = {"Pipfile": PIPFILE, "Pipfile.lock": PIPFILE_LOCK}
    found = project("pipenv", files, "--system", "--deploy")
    assert found.locked
    assert names(found) == ["colorama", "git-thing", "lz4"]
    assert found.options.index_url == "https://h.example/simple"
    lz4 = next(one for one in found.requested if one.name == "lz4")
    assert '"lz4": {' in PIPFILE_LOCK.splitlines()[(lz4.origin.line or 0) - 1]
    assert names(project("pipenv", files, "--ignore-pipfile", "--dev", "extra-thing==1")) == [
        "colorama",
        "extra-thing",
        "git-thing",
        "lz4",
        "pytest",
    ]
    outdated = project("pipenv", files)
    assert not outdated.locked
    assert names(outdated) == ["lz4", "psycopg", "win"]
    kept = {**files, "Pipfile": PIPFILE.partition("win =")[0]}
    assert project("pipenv", kept).locked
    unlocked = project("pipenv", files, "--skip-lock", "--dev")
    assert not unlocked.locked
    assert [(one.name, one.specifier, one.marker, one.origin.line) for one in unlocked.requested] == [
        ("lz4", "==4.4.5", None, 5),
        ("win", "", 'sys_platform == "win32"', 6),
        ("psycopg", ">=3", None, 7),
        ("pytest", "", None, 9),
    ]
    kinds = resolve(found, TARGET, MemoryFacts({}))
    assert "colorama" not in {one.name for one in kinds.distributions}


PDM_LOCK = """\
[metadata]
groups = ["default", "db", "dev", "lint"]
lock_version = "4.5.0"

[[package]]
name = "clickhouse-connect"
version = "0.8.18"
groups = ["default"]
dependencies = ["lz4", "colorama; sys_platform == 'win32'"]
files = [{file = "clickhouse_connect-0.8.18-cp311-cp311-musllinux_1_2_x86_64.whl", hash = "sha256:00"}]

[[package]]
name = "lz4"
version = "4.4.5"
files = [{file = "lz4-4.4.5.tar.gz", hash = "sha256:00"}]

[[package]]
name = "psycopg"
version = "3.2"
files = [{file = "psycopg-3.2-py3-none-any.whl", hash = "sha256:00"}]

[[package]]
name = "psycopg"
version = "3.2"
extras = ["c"]
dependencies = ["psycopg==3.2", "psycopg-c==3.2"]
files = [{file = "psycopg-3.2-py3-none-any.whl", hash = "sha256:00"}]

[[package]]
name = "psycopg-c"
version = "3.2"
files = [{file = "psycopg_c-3.2.tar.gz", hash = "sha256:00"}]

[[package]]
name = "pytest"
version = "8.1"
files = [{file = "pytest-8.1-py3-none-any.whl", hash = "sha256:00"}]

[[package]]
name = "ruff"
version = "0.1"
files = [{file = "ruff-0.1-py3-none-musllinux_1_2_x86_64.whl", hash = "sha256:00"}]
"""


def test_pdm() -> None:
    text = PYPROJECT.replace('loop = [{include-group = "loop"}]\n', "").replace(
        "    \"pywin32 ; sys_platform == 'win32'\",\n", ""
    )
    files: dict[str, str | bytes] = {"pyproject.toml": text, "pdm.lock": PDM_LOCK}
    assert names(project("pdm", files, "--prod")) == ["clickhouse-connect", "lz4"]
    assert names(project("pdm", files)) == ["clickhouse-connect", "lz4", "pytest", "ruff"]
    assert names(project("pdm", files, "-G", "db", "--prod")) == ["clickhouse-connect", "lz4", "psycopg", "psycopg-c"]
    assert names(project("pdm", files, "--no-default", "-G", "lint")) == ["ruff"]
    found = project("pdm", files, "--prod", "-G", "db")
    kinds = {one.name: one.artefact.kind for one in resolve(found, TARGET, MemoryFacts({})).distributions}
    assert kinds == {"clickhouse-connect": "wheel", "lz4": "sdist", "psycopg": "wheel", "psycopg-c": "sdist"}
    assert chains(found)["psycopg-c"] == ("pyproject.toml:11", "psycopg", "psycopg-c")


def test_options_and_folders() -> None:
    found = command("poetry install --without dev -E a --no-root")
    assert found.tool.options(found, [arg.text for arg in found.args]) == {
        "--without": ("dev",),
        "--extras": ("a",),
        "--no-root": ("",),
    }
    reader = MemoryFiles({"/app/sub/Pipfile": PIPFILE})
    variables = {"PIPENV_PIPFILE": "/app/sub/Pipfile", "PIP_NO_BINARY": "lz4"}
    asked = ask("pipenv install", reader, variables=variables)
    assert asked.requirements.options.no_binary == {"lz4"}
    assert len(asked.requirements.requested) == 3
