# ruff: noqa: E501 - the lines are test data
from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.python import sdist as module
from dockerlint_alpine.python.sdist import SdistError, read_sdist, read_tree

from .conftest import MemoryFiles
from .local_index import metadata, sdist

C = '#include <Python.h>\n#include <lz4frame.h>\n# include "own.h"\n#include <sys/types.h>\n'
PYPROJECT = (
    '[build-system]\nrequires = ["maturin>=1", "cffi; implementation_name == \'pypy\'"]\nbuild-backend = "maturin"\n'
)


def test_a_c_extension() -> None:
    files = {
        "setup.py": "from setuptools import *\nsetup(install_requires=['a'], ext_modules=[Extension('x', ['x.cpp'], libraries=['lz4'])])\n",
        "src/x.cpp": C,
        "src/own.h": "",
        "tests/t.c": "#include <notme.h>\n",
        "src/y.pyx": 'cdef extern from "openssl/ssl.h":\n',
    }
    found = read_sdist(sdist("foo", "1.0", files), "foo-1.0.tar.gz")
    assert found.libraries == ("lz4",)
    assert found.headers == ("lz4frame.h", "openssl/ssl.h")
    assert set(found.languages) == {"c++", "cython"}
    assert set(found.tools) == {"cmd:c++", "cmd:cc"}
    assert found.requires == ("a",)
    assert not found.pure
    assert any("src/x.cpp: #include: lz4frame.h" in text for text in found.evidence)
    reader = MemoryFiles({f"/app/{name}": text for name, text in files.items()})
    assert read_tree("/app", reader).headers == found.headers


def test_rust_cmake_and_meson() -> None:
    rust = read_sdist(sdist("r", "1", {"pyproject.toml": PYPROJECT, "Cargo.toml": "[package]\n"}), "r-1.tar.gz")
    assert (rust.tools, rust.languages, rust.headers) == (("cmd:cargo", "cmd:rustc"), ("rust",), ())
    cmake = read_sdist(
        sdist("c", "1", {"CMakeLists.txt": "project(c LANGUAGES C CXX)\nfind_package(PkgConfig REQUIRED)\nfind_package(Python)\nfind_package(ZeroMQ)\npkg_check_modules(Z REQUIRED libzmq>=4 ${X})\n"}),
        "c-1.tar.gz",
    )  # fmt: skip
    assert (cmake.packages, cmake.pkg_config, cmake.languages) == (("ZeroMQ",), ("libzmq",), ("c++",))
    assert set(cmake.tools) == {"cmd:pkg-config", "cmd:c++"}
    meson = read_sdist(
        sdist("m", "1", {"meson.build": "project('m', 'c', 'fortran')\ndependency('openblas')\ndependency('threads')\ncc.find_library('m')\ncc.find_library('dl2')\n"}),
        "m-1.tar.gz",
    )  # fmt: skip
    assert (meson.pkg_config, meson.libraries) == (("openblas",), ("dl2",))
    assert set(meson.tools) == {"cmd:gfortran", "cmd:cc"}


def test_a_pure_one_and_its_metadata() -> None:
    found = read_sdist(
        sdist("p", "1", {"PKG-INFO": metadata("P.x", "1", ["a", "b; extra == 'c'"]), "p.py": ""}), "p-1.tar.gz"
    )
    assert (found.pure, found.name, found.version, found.requires) == (True, "p-x", "1", ("a", "b; extra == 'c'"))
    dynamic = read_sdist(sdist("p", "1", {"PKG-INFO": metadata("p", "1", dynamic=True)}), "p-1.tar.gz")
    assert dynamic.requires is None
    egg = {
        "PKG-INFO": "Metadata-Version: 1.1\nName: p\n",
        "p.egg-info/requires.txt": "a>=1\n\n[x]\nb\n\n[x:os_name == 'nt']\nc\n",
    }
    assert read_sdist(sdist("p", "1", egg), "p-1.tar.gz").requires == (
        "a>=1",
        "b ; extra == 'x'",
        "c ; (os_name == 'nt') and extra == 'x'",
    )


def test_zip_and_other_compressions() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("p-1/PKG-INFO", metadata("p", "1", ["a"]))
    assert read_sdist(out.getvalue(), "p-1.zip").requires == ("a",)
    plain = gzip.decompress(sdist("p", "1", {"PKG-INFO": metadata("p", "1", ["a"])}))
    for data, name in ((plain, "p-1.tar"), (bz2.compress(plain), "p-1.tar.bz2"), (lzma.compress(plain), "p-1.tar.xz")):
        assert read_sdist(data, name).requires == ("a",)


@pytest.mark.parametrize("name", ["p-1.tar.gz", "p-1.zip", "p-1.tar.xz", "p-1.tar.bz2", "p-1.tar", "p-1.rar"])
def test_damaged_archives_are_errors_in_words(name: str) -> None:
    for data in (b"", b"garbage", b"\x1f\x8b" + b"\0" * 30, b"PK\x03\x04" + b"\0" * 40):
        with pytest.raises(SdistError) as caught:
            read_sdist(data, name)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(name)


def test_a_cut_off_archive_is_an_error() -> None:
    with pytest.raises(SdistError):
        read_sdist(sdist("p", "1", {"a.py": "x" * 5000})[:-20], "p-1.tar.gz")


def test_bombs_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED", 3_000_000)
    bomb = sdist("b", "1", {"zeros.bin": b"\0" * 4_000_000})
    assert len(bomb) < 10_000
    with pytest.raises(SdistError, match="bytes unpacked"):
        read_sdist(bomb, "b-1.tar.gz")
    monkeypatch.setattr(module, "MAX_MEMBERS", 10)
    with pytest.raises(SdistError, match="more than 10 members"):
        read_sdist(sdist("b", "1", {f"{number}.py": "" for number in range(20)}), "b-1.tar.gz")


def test_odd_member_names_and_links_do_no_harm() -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name in ("../../etc/setup.py", "/abs/setup.py", "p-1/\udcff.c", "p-1/" + "d/" * 200 + "x.c"):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"x = 1"))
        link = tarfile.TarInfo("p-1/setup.py")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        archive.addfile(link)
    assert read_sdist(raw.getvalue(), "p-1.tar").requires is None


@given(st.binary(max_size=400), st.sampled_from(["p-1.tar.gz", "p-1.zip", "p-1.tar", "p-1.tar.xz"]))
def test_no_bytes_break_the_reader(data: bytes, name: str) -> None:
    with pytest.raises(SdistError):
        read_sdist(data, name)
