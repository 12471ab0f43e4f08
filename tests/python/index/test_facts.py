"""What can't be resolved as a whole is resolved in parts: one thing that fails costs the answer about that thing alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerlint_alpine.python.formats.requirements_file import read_requirements
from dockerlint_alpine.python.model import Release, Resolution, Target
from dockerlint_alpine.python.requirement import requires_of
from tests.python.conftest import MemoryFacts, MemoryFiles
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import resolver

TARGET = Target("3.11", musl=(1, 2))
SETUP = 'from setuptools import setup, Extension\nsetup(ext_modules=[Extension("a", ["a.c"])])\n'


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    found = LocalIndex()
    found.add_wheel("app", "1.0", "py3-none-any", ["lib>=2", "extra-thing; python_version < '3'"])
    found.add_wheel("lib", "2.1", "py2.py3-none-any")
    found.add_wheel("lib", "1.0", "py3-none-any", **{"requires-python": ">=2.7"})
    found.add_wheel("lib", "2.0", "py3-none-any", yanked=True)
    found.add_wheel("needs-gone", "1.0", "py3-none-any", ["gone==1.0", "lib"])
    found.add_wheel("gone", "2.0", "py3-none-any")
    found.add_sdist("old", "1.0", ["lib"], {"setup.py": SETUP, "a.c": ""}, extra={"requires-python": ">=2.7"})
    found.add_sdist("old", "2.0", ["lib"], {"setup.py": SETUP}, extra={"requires-python": ">=3.8"})
    found.add_wheel("old-wheel", "1.0", "cp27-cp27mu-musllinux_1_1_x86_64", **{"requires-python": "==2.7.*"})
    found.add_sdist("only-27", "1.0", [], {"setup.py": SETUP}, extra={"requires-python": "==2.7.*"})
    with serve(found):
        yield found


def ask(text: str, index: LocalIndex, tmp_path: Path, target: Target = TARGET, **variables: str) -> Resolution:
    uv = resolver(tmp_path, {"PIP_INDEX_URL": index.url, **variables}, day="2026-11-28", timeout=10.0)
    files = MemoryFiles({"/r.txt": text})
    return uv.ask(read_requirements("/r.txt", files), target)


def short(found: Resolution) -> dict[str, tuple[str | None, str]]:
    return {one.name: (one.version, one.artefact.kind) for one in found.distributions}


def reasons(found: Resolution) -> dict[str, str]:
    return {one.name: one.reason for one in found.unresolved}


def test_a_removed_release_deep_in_the_graph(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("app\nneeds-gone\n", index, tmp_path)
    assert short(found)["app"] == ("1.0", "wheel")
    assert short(found)["lib"] == ("2.1", "wheel")
    assert short(found)["needs-gone"] == ("1.0", "wheel")
    assert reasons(found) == {"gone": "the index has no gone 1.0 (any more)"}
    chain = next(one.chain for one in found.unresolved)
    assert chain == ("/r.txt:2", "needs-gone", "gone")


def test_a_yanked_pin_is_no_reason_to_stop(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("lib==2.0\nnot-there\n", index, tmp_path)
    assert short(found)["lib"] == ("2.0", "wheel")
    assert reasons(found) == {"not-there": "the index has no not-there"}


def test_one_that_admits_no_such_python_leaves_the_rest(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("only-27\napp\n", index, tmp_path)
    assert short(found)["app"] == ("1.0", "wheel")
    assert "needs Python ==2.7.*, this is 3.11" in reasons(found)["only-27"]


def test_pythons_that_uv_does_not_know(index: LocalIndex, tmp_path: Path) -> None:
    found = ask("old\nold-wheel\n", index, tmp_path, Target("2.7", musl=(1, 1)))
    assert short(found) == {"old": ("1.0", "sdist"), "old-wheel": ("1.0", "wheel"), "lib": ("2.1", "wheel")}
    assert reasons(found) == {}


def test_python_3_5(index: LocalIndex, tmp_path: Path) -> None:
    assert short(ask("old\n", index, tmp_path, Target("3.5", musl=(1, 1))))["old"] == ("1.0", "sdist")


def test_an_extra_index_that_does_not_answer_is_named_and_the_rest_is_told(index: LocalIndex, tmp_path: Path) -> None:
    with socket.socket() as silent:  # takes connections, never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        uv = resolver(
            tmp_path, {"PIP_INDEX_URL": index.url, "PIP_EXTRA_INDEX_URL": f"http://{place}/simple"}, timeout=0.6
        )
        wanted = read_requirements("/r.txt", MemoryFiles({"/r.txt": "app\n"}))
        found = uv.ask(wanted, TARGET)
    assert short(found)["lib"] == ("2.1", "wheel")
    assert any(note.startswith(f"{place} did not answer") for note in found.notes)


def test_a_link_page_that_is_not_there_is_said(index: LocalIndex, tmp_path: Path) -> None:
    link = "http://127.0.0.1:9/wheels/"
    found = ask(f"--find-links {link}\napp\n", index, tmp_path, PIP_FIND_LINKS=link)
    assert short(found)["app"] == ("1.0", "wheel")
    assert any("127.0.0.1:9" in note for note in found.notes)


def test_a_link_page_serves_what_it_lists(index: LocalIndex, tmp_path: Path) -> None:
    index.html = True
    link = f"{index.url}gone/"
    uv = resolver(tmp_path, {"PIP_INDEX_URL": index.url, "PIP_FIND_LINKS": link}, timeout=10.0)
    text = f"--no-index\n--find-links {link}\ngone\nlib\n"
    found = uv.ask(read_requirements("/r.txt", MemoryFiles({"/r.txt": text})), TARGET)
    assert short(found)["gone"] == ("2.0", "wheel")
    assert "lib" in reasons(found)


def test_beside_a_link_page_alone_recorded_facts_tell_nothing(index: LocalIndex, tmp_path: Path) -> None:
    index.html = True
    link = f"{index.url}gone/"
    facts = MemoryFacts({"not-there": [Release("1.0", sdist="not-there-1.0.tar.gz")]})
    uv = resolver(tmp_path, {"PIP_INDEX_URL": index.url, "PIP_FIND_LINKS": link}, timeout=10.0)
    text = f"--no-index\n--find-links {link}\nnot-there\n"
    found = uv.resolve(read_requirements("/r.txt", MemoryFiles({"/r.txt": text})), TARGET, facts)
    assert short(found)["not-there"] == (None, "none")


def test_what_is_kept_serves_every_platform(index: LocalIndex, tmp_path: Path) -> None:
    first = ask("app\nneeds-gone\n", index, tmp_path)
    before = len(index.requests)
    assert ask("app\nneeds-gone\n", index, tmp_path) == first
    assert len(index.requests) == before
    ask("app\nneeds-gone\n", index, tmp_path, Target("3.11", "linux/arm64", musl=(1, 2)))
    assert len(index.requests) == before


def test_as_of_leaves_out_what_came_later(index: LocalIndex, tmp_path: Path) -> None:
    index.add_wheel("dated", "1.0", "py3-none-any", **{"upload-time": "2024-01-01T00:00:00Z"})
    index.add_wheel("dated", "2.0", "py3-none-any", **{"upload-time": "2025-01-01T00:00:00Z"})
    index.add_sdist("grown", "1.0", extra={"upload-time": "2024-01-01T00:00:00Z"})
    index.add_wheel("grown", "1.0", "py3-none-any", **{"upload-time": "2025-01-01T00:00:00Z"})
    uv = resolver(tmp_path, {"PIP_INDEX_URL": index.url}, as_of="2024-06-01")
    wanted = read_requirements("/r.txt", MemoryFiles({"/r.txt": "dated\ngrown\nnot-there\n"}))
    found = short(uv.ask(wanted, TARGET))
    assert found["dated"] == ("1.0", "wheel")
    assert found["grown"] == ("1.0", "sdist")


def test_embedded_facts_fill_in_by_name(index: LocalIndex, tmp_path: Path) -> None:
    facts = MemoryFacts({"not-there": [Release("1.0", wheels=("py3-none-any",))]}, {("not-there", "1.0"): ["deep"]})
    uv = resolver(tmp_path, {"PIP_INDEX_URL": index.url})
    wanted = read_requirements("/r.txt", MemoryFiles({"/r.txt": "app\nnot-there==1.0\n"}))
    found = uv.resolve(wanted, TARGET, facts)
    assert short(found)["not-there"] == ("1.0", "wheel")
    assert short(found)["lib"] == ("2.1", "wheel")
    assert "deep" in short(found)
    assert reasons(found)["not-there"] == "the index has no not-there"


def test_metadata_is_read_as_mail_headers() -> None:
    text = b"Metadata-Version: 2.1\nName: a\nRequires-Dist: b (>=1)\nRequires-Dist: c;\n  extra == 'x'\n\nRequires-Dist: no"
    assert [" ".join(one.split()) for one in requires_of(text)] == ["b (>=1)", "c; extra == 'x'"]
    assert requires_of(b"\xff\xfe\x00") == ()
