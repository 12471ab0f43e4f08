# ruff: noqa: E501 - the lines are test data
from __future__ import annotations

import os
import random
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dockerlint_alpine.python.formats.requirements_file import read_requirements
from dockerlint_alpine.python.index.settings import index_urls
from dockerlint_alpine.python.index.uv_program import find_uv
from dockerlint_alpine.python.model import IndexOptions, Resolution, Target
from dockerlint_alpine.python.resolve import ResolverError
from tests.python.conftest import MemoryFiles
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import Asking, resolver, variables

MUSL = "cp311-cp311-musllinux_1_2_x86_64"
GLIBC = "cp311-cp311-manylinux_2_17_x86_64"
SETUP = 'from setuptools import setup, Extension\nsetup(name="lz4", ext_modules=[Extension("a", ["a.c"], libraries=["lz4"])])\n'
POISON = 'raise SystemExit("setup.py was executed")\n'


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    found = LocalIndex()
    found.add_wheel("clickhouse-connect", "0.8.18", MUSL, ["lz4", "certifi"])
    found.add_wheel("certifi", "2026.1", "py3-none-any")
    found.add_wheel("lz4", "4.3.3", MUSL, **{"requires-python": ">=3.8"})
    found.add_wheel("lz4", "4.4.5", GLIBC)
    found.add_sdist("lz4", "4.4.5", [], {"setup.py": SETUP, "a.c": "#include <lz4.h>\n#include <stdio.h>\n"})
    found.add_sdist("sourceonly", "1.0", ["certifi", "clickhouse-connect; extra == 'ch'"], {"setup.py": POISON})
    found.add_sdist("sourceonly", "0.9", ["lz4"], {"setup.py": POISON})
    found.add_wheel("wants-old", "1.0", "py3-none-any", ["sourceonly<1.0"])
    found.add_sdist("secretive", "2.0", [], {"setup.py": POISON}, dynamic=True)
    found.add_wheel("moved-on", "1.0", MUSL, ["certifi"])
    found.add_sdist("moved-on", "2.0", ["lz4"], {"setup.py": POISON})
    with serve(found):
        yield found


def ask(text: str, url: str, with_: Asking, target: Target | None = None) -> Resolution:
    """Ask as a user does whose own configuration knows the index; the project's file names it, too."""
    with_.variables["PIP_INDEX_URL"] = url
    files = MemoryFiles({"/app/requirements.txt": f"-i {url}\n{text}"})
    return with_.ask(read_requirements("/app/requirements.txt", files), target or Target("3.11", musl=(1, 2)))


def short(found: Resolution) -> dict[str, tuple[str | None, str]]:
    return {one.name: (one.version, one.artefact.kind) for one in found.distributions}


def test_the_graph_the_chain_and_the_verdicts(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("clickhouse-connect\n", index.url, resolver(tmp_path))
    assert short(found) == {
        "clickhouse-connect": ("0.8.18", "wheel"),
        "certifi": ("2026.1", "wheel"),
        "lz4": ("4.4.5", "sdist"),
    }
    lz4 = next(one for one in found.distributions if one.name == "lz4")
    assert lz4.chain == ("requirements.txt:2", "clickhouse-connect", "lz4")
    assert (lz4.artefact.nearest_with_wheel, lz4.artefact.source) == ("4.3.3", "index")
    # another architecture is answered from the cache, without a request
    before = len(index.requests)
    other = ask(
        "clickhouse-connect\n",
        index.url,
        resolver(tmp_path),
        Target("3.11", "linux/arm/v7", musl=(1, 2)),
    )
    assert short(other)["clickhouse-connect"][1] == "none"
    assert len(index.requests) == before


def test_sdist_only_distributions_are_resolved_and_never_built(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("sourceonly[ch]\n", index.url, resolver(tmp_path))
    assert short(found)["sourceonly"] == ("1.0", "sdist")
    lz4 = next(one for one in found.distributions if one.name == "lz4")
    assert lz4.chain == ("requirements.txt:2", "sourceonly", "clickhouse-connect", "lz4")


def test_the_requirements_are_those_of_the_chosen_sdist(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("wants-old\n", index.url, resolver(tmp_path))
    assert set(short(found)) == {"wants-old", "sourceonly", "lz4"}
    assert short(found)["sourceonly"] == ("0.9", "sdist")


def test_a_newer_release_without_wheels_wins_as_with_pip(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("moved-on\n", index.url, resolver(tmp_path))
    assert short(found) == {"moved-on": ("2.0", "sdist"), "lz4": ("4.4.5", "sdist")}


def test_requirements_that_only_a_build_tells_are_a_doubt(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("secretive\n", index.url, resolver(tmp_path))
    assert [(one.name, one.kind) for one in found.unresolved] == [("secretive", "dependencies")]


def test_conflicts_and_unknown_names_are_named(index: LocalIndex, tmp_path: Path) -> None:
    """And cost the answer about them alone."""
    found = ask("lz4<4\nlz4>4\nno-such-thing\ncertifi\n", index.url, resolver(tmp_path))
    reasons = {one.name: one.reason for one in found.unresolved}
    assert reasons["lz4"] == "the index has no release that matches lz4<4,>4"
    assert reasons["no-such-thing"] == "the index has no no-such-thing"
    assert short(found)["certifi"] == ("2026.1", "wheel")


def test_an_index_that_does_not_answer_costs_the_timeout_only(tmp_path: Path) -> None:
    with serve(LocalIndex(delay=threading.Event())) as index:
        files = MemoryFiles({"/app/requirements.txt": f"-i {index.url}\nlz4\n"})
        wanted = read_requirements("/app/requirements.txt", files)
        uv = resolver(tmp_path, timeout=0.4)
        uv.variables["PIP_INDEX_URL"] = index.url
        found = uv.ask(wanted, Target("3.11", musl=(1, 2)))
    (note,) = found.notes
    assert re.fullmatch(r"127.0.0.1:\d+ did not answer: (no answer within|.*timed out).*", note)
    assert [one.name for one in found.unresolved] == ["lz4"]


def test_credentials_are_used_and_kept_out_of_everything(index: LocalIndex, tmp_path: Path) -> None:
    index.password = "hunter2"
    url = index.url.replace("http://", "http://user:hunter2@")
    uv = resolver(tmp_path)
    assert short(ask("certifi\n", url, uv)) == {"certifi": ("2026.1", "wheel")}
    assert all(authorization for path, authorization in index.requests[-1:] if path)
    assert "hunter2" not in repr(ask("no-such-thing\n", url, uv))
    assert not any(b"hunter2" in file.read_bytes() for file in (tmp_path / "answers").iterdir())


def test_a_damaged_cache_is_asked_again(index: LocalIndex, tmp_path: Path) -> None:
    uv = resolver(tmp_path)
    ask("certifi\n", index.url, uv)
    for file in (tmp_path / "answers").iterdir():
        file.write_text("{not json")
    assert short(ask("certifi\n", index.url, uv)) == {"certifi": ("2026.1", "wheel")}


def test_sources_are_read(index: LocalIndex, tmp_path: Path) -> None:
    uv = resolver(tmp_path)
    uv.variables["PIP_INDEX_URL"] = index.url
    options = IndexOptions(index_url=index.url)
    facts = uv.source_facts("lz4", "4.4.5", options)
    assert (facts.named("library"), facts.named("header"), facts.pure) == (("lz4",), ("lz4.h",), False)
    before = len(index.requests)
    assert resolver(tmp_path, {"PIP_INDEX_URL": index.url}).source_facts("lz4", "4.4.5", options) == facts
    assert len(index.requests) == before
    with pytest.raises(ResolverError, match="lz4 9 has no sdist"):
        uv.source_facts("lz4", "9", options)


def test_an_answer_of_another_day_is_asked_again(index: LocalIndex, tmp_path: Path) -> None:
    ask("certifi\n", index.url, resolver(tmp_path, day="2026-11-26"))
    before = len(index.requests)
    found = ask("certifi\n", index.url, resolver(tmp_path, day="2026-11-27"))
    assert len(index.requests) > before
    assert found.distributions[0].artefact.source == "index as of 2026-11-27"


def test_an_index_that_fell_silent_is_asked_once(tmp_path: Path) -> None:
    uv = resolver(tmp_path, timeout=0.4)
    with serve(LocalIndex(delay=threading.Event())) as index:
        for name in ("a", "b", "c"):
            (one,) = ask(f"{name}\n", index.url, uv).unresolved
            assert "did not answer" in one.reason
        asked = {path for path, _ in index.requests}
    assert asked <= {"/simple/a/"}


def test_index_urls_follow_the_options_and_the_configuration(tmp_path: Path) -> None:
    uv = find_uv()
    assert uv is not None
    base = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    given = IndexOptions(index_url="https://a.example/simple", extra_index_urls=("https://b.example/simple",))
    assert index_urls(given, base, uv) == ["https://a.example/simple", "https://b.example/simple"]
    assert index_urls(IndexOptions(no_index=True), base, uv) == []
    folder = tmp_path / "config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(
        "[global]\nindex-url = https://c.example/simple\nextra-index-url = file:///x\n  https://d.example/simple\n"
    )
    assert index_urls(IndexOptions(), base, uv)[:1] == ["https://c.example/simple"]
    assert "https://d.example/simple" in index_urls(IndexOptions(), base, uv)
    assert (
        index_urls(IndexOptions(), {**base, "PIP_INDEX_URL": "https://e.example/simple"}, uv)[0]
        == "https://e.example/simple"
    )
    (default,) = index_urls(IndexOptions(), {**base, "PIP_CONFIG_FILE": os.devnull}, uv)
    assert default.startswith("https://")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("-i {0}/simple/", "{0}/simple"),
        ("-i http://u:secret@{1}/simple", "{0}/simple"),
        ("-i http://[bad/", "an invalid address"),
    ],
)
def test_the_project_does_not_choose_whom_to_call(line: str, named: str, index: LocalIndex, tmp_path: Path) -> None:
    """Nor does it with --online: only an address that the user's own configuration knows, too, is asked."""
    with serve(LocalIndex()) as other:
        address = other.url.removesuffix("/simple/").removesuffix("/simple")
        text = line.format(address, address.removeprefix("http://"))
        files = MemoryFiles({"/app/requirements.txt": f"{text}\ncertifi\n"})
        uv = resolver(tmp_path)
        uv.variables["PIP_INDEX_URL"] = index.url
        with pytest.raises(ResolverError, match="which your own configuration of pip or uv does not") as caught:
            uv.ask(read_requirements("/app/requirements.txt", files), Target("3.11", musl=(1, 2)))
        assert named.format(address) in str(caught.value)
        assert "secret" not in str(caught.value)
    assert not other.requests
    assert not index.requests


@pytest.mark.parametrize(
    ("line", "is_mirror"),
    [
        ("-i https://pypi.tuna.tsinghua.edu.cn/simple", True),
        ("--extra-index-url http://mirrors.aliyun.com/pypi/simple/", True),
        ("-i https://pypi.tuna.tsinghua.edu.cn/private/simple/own", False),
        ("-i https://pypi.tuna.tsinghua.edu.cn.example/simple", False),
    ],
)
def test_for_a_public_mirror_the_user_s_own_index_answers(
    line: str, is_mirror: bool, index: LocalIndex, tmp_path: Path
) -> None:
    files = MemoryFiles({"/app/requirements.txt": f"{line}\ncertifi\n"})
    uv = resolver(tmp_path)
    uv.variables["PIP_INDEX_URL"] = index.url
    wanted, target = read_requirements("/app/requirements.txt", files), Target("3.11", musl=(1, 2))
    if is_mirror:
        assert [one.version for one in uv.ask(wanted, target).distributions] == ["2026.1"]
    else:
        with pytest.raises(ResolverError, match="it is not queried"):
            uv.ask(wanted, target)


LOWER = ["", ">=1.0", ">=1.5", "; python_version < '3'"]


@pytest.mark.parametrize(("seed", "bounds"), [(1, LOWER), (2, LOWER), (3, [*LOWER, "<2.0", "!=2.0"])])
def test_uv_resolves_to_the_same(seed: int, bounds: list[str], tmp_path: Path) -> None:
    """Thirty distributions with bounds at random. Where the newest of each is the one answer, uv has it, too; where one of two
    must give way, each may choose another, and both must be consistent."""
    choose = random.Random(seed)
    index = LocalIndex()
    stated: dict[tuple[str, str | None], list[str]] = {}
    for number in range(30):
        for version in ("1.0", "1.5", "2.0"):
            below = [choose.randrange(number) for _ in range(choose.randrange(4))] if number else []
            requires = [f"d{one}{choose.choice(bounds)}" for one in below]
            stated[f"d{number}", version] = requires
            index.add_wheel(f"d{number}", version, "py3-none-any", requires)
    asked = "".join(f"d{number}\n" for number in choose.sample(range(20, 30), 5))
    with serve(index):
        found = ask(asked, index.url, resolver(tmp_path), Target("3.11", glibc=(2, 36)))
        command = [find_uv() or "", "pip", "compile", "-", "-q", "--no-header", "--no-annotate", "--python-version"]
        env = {**variables(tmp_path), "UV_DEFAULT_INDEX": index.url}
        done = subprocess.run([*command, "3.11"], input=asked, env=env, capture_output=True, text=True, check=True)
    ours = {one.name: one.version for one in found.distributions}
    if bounds is LOWER:
        assert ours == dict(line.split("==") for line in done.stdout.split())
    assert found.unresolved == ()
    needed = [Requirement(text) for pair in ours.items() for text in stated[pair]]
    assert all(one.specifier.contains(ours[one.name] or "") for one in needed if one.marker is None)


@pytest.mark.online
def test_the_real_index_knows_lz4(tmp_path: Path) -> None:
    uv = Asking(tmp_path / "answers", dict(os.environ), as_of="2026-10-01")
    wanted = read_requirements("/app/r.txt", MemoryFiles({"/app/r.txt": "clickhouse-connect==0.8.18\nlz4==4.4.5\n"}))
    found = uv.ask(wanted, Target("3.11", musl=(1, 2)))
    assert short(found)["lz4"] == ("4.4.5", "sdist")
    assert short(found)["clickhouse-connect"] == ("0.8.18", "wheel")
    assert uv.source_facts("lz4", "4.4.5", IndexOptions()).named("pkg-config") == ("liblz4",)
