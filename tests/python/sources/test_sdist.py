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

from dockerlint_alpine.python.sources import sdist as module
from dockerlint_alpine.python.sources.sdist import SdistError, read_sdist, read_tree
from dockerlint_alpine.python.sources.source_facts import SourceFacts
from tests.python.conftest import MemoryFiles
from tests.python.index.local_index import metadata, sdist

C = '#include <Python.h>\n#include <lz4frame.h>\n# include "own.h"\n#include <sys/types.h>\n'
PYPROJECT = (
    '[build-system]\nrequires = ["maturin>=1", "cffi; implementation_name == \'pypy\'"]\nbuild-backend = "maturin"\n'
)


def names(found: SourceFacts, kind: str) -> list[tuple[str, str, bool]]:
    return [(need.name, need.where, need.required) for need in found.needs if need.kind == kind]


@pytest.mark.parametrize(("source", "pure"), [("src/x/a.c", False), ("src/x/a.py", True), ("docs/a.c", True)])
def test_what_setup_gets_at_run_time_may_compile_what_is_there(source: str, pure: bool) -> None:
    script = "d = {}\nexec(open('src/x/_setup.py').read(), d)\nsetup(**d['arguments']())\n"
    found = read_sdist(sdist("foo", "1.0", {"setup.py": script, source: ""}), "foo-1.0.tar.gz")
    assert (found.pure, found.languages) == (pure, ())
    assert found.gaps == (() if pure else (f"setup.py: whether it compiles {source} could not be read",))


@pytest.mark.parametrize(
    ("command", "given", "pure"),
    [
        ("make -C x", "cmdclass={'build_py': B}", False),
        ("make -C x", "", True),
        ("sphinx", "cmdclass={'build_py': B}", True),
    ],
)
def test_a_command_of_its_own_may_compile_what_is_there(command: str, given: str, pure: bool) -> None:
    script = (
        "import subprocess\nfrom setuptools import setup\nfrom setuptools.command.build_py import build_py\n"
        f"class B(build_py):\n    def run(self):\n        subprocess.check_call('{command}'.split())\nsetup({given})\n"
    )
    found = read_sdist(sdist("foo", "1.0", {"setup.py": script, "x/a.c": ""}), "foo-1.0.tar.gz")
    assert (found.pure, found.languages) == (pure, ())


BUILD_EXT = (
    "class B(build_ext):\n    def run(self):\n        try:\n            {}\n        except OSError:\n            {}\n"
)
SETUP = "setup(ext_modules=[Extension('x', ['x.c'])])\n"


@pytest.mark.parametrize(
    ("script", "optional"),
    [
        (f"class BuildFailure(Exception):\n    pass\n{SETUP}", True),
        (f"{BUILD_EXT.format('build_ext.build_extension(self, ext)', 'pass')}{SETUP}", True),
        (f"{BUILD_EXT.format('super().run()', 'log.warn(1)')}{SETUP}", True),
        (f"{BUILD_EXT.format('return super().run()', 'if os.environ.get(1): raise')}{SETUP}", True),
        (f"{BUILD_EXT.format('super().run()', 'raise')}{SETUP}", False),
        (f"{BUILD_EXT.format('super().run()', 'raise SystemExit(1)')}{SETUP}", False),
        (f"{BUILD_EXT.format('subprocess.check_output([1])', 'pass')}{SETUP}", False),
        (f"try:\n    {SETUP}except SystemExit:\n    setup()\n", True),
        (f"def run(x):\n    {SETUP}try:\n    run(1)\nexcept:\n    print('again')\n    run(0)\n", True),
        (f"try:\n    {SETUP}except SystemExit:\n    print('sorry')\n", False),
        (f"try:\n    {SETUP}except SystemExit:\n    if y: raise\n    setup()\n", False),
        ("setup(ext_modules=[Extension('x', ['x.c'], optional=True)])\n", True),
        ("setup(ext_modules=[Extension('x', ['x.c'], optional=os.environ.get('CI') != '1')])\n", True),
        ("setup(ext_modules=[Extension('x', ['x.c'], optional=True), Extension('y', ['x.c'])])\n", False),
        ("setup(ext_modules=[Extension('x', ['x.c'], optional=True)], cffi_modules=['b.py:ffi'])\n", False),
        ("if sys.argv[5]: optional = 1\nsetup(ext_modules=[Extension('x', ['x.c'], optional=optional)])\n", False),
    ],
)
def test_what_goes_on_without_its_extension(script: str, optional: bool) -> None:
    files = {
        "setup.py": f"import os, sys\nfrom setuptools import setup, Extension\n{script}",
        "x.c": "",
        "b.py": "ffi = 1",
    }
    found = read_sdist(sdist("foo", "1.0", files), "foo-1.0.tar.gz")
    assert (found.optional_extension, found.languages) == (optional, ("c",))


@pytest.mark.parametrize(("said", "optional"), [("optional = true", True), ("optional = false", False), ("", False)])
def test_extensions_of_pyproject_may_be_optional(said: str, optional: bool) -> None:
    project = f'[[tool.setuptools.ext-modules]]\nname = "x"\nsources = ["x.c"]\n{said}\n'
    found = read_sdist(sdist("foo", "1.0", {"pyproject.toml": project, "x.c": ""}), "foo-1.0.tar.gz")
    assert (found.optional_extension, found.languages) == (optional, ("c",))


def test_extensions_in_rust_may_be_optional() -> None:
    script = "from setuptools_rust import RustExtension\nsetup(setup_requires=['setuptools-rust'], rust_extensions=[RustExtension('x', optional={})])\n"
    for optional in (True, False):
        found = read_sdist(sdist("foo", "1.0", {"setup.py": script.format(optional)}), "foo-1.0.tar.gz")
        assert (found.optional_extension, found.languages) == (optional, ("rust",))


def test_a_c_extension() -> None:
    files = {
        "setup.py": "from setuptools import *\nsetup(install_requires=['a'], ext_modules=[Extension('x', ['src/x.cpp', 'src/y.pyx'], libraries=['lz4', 'm'])])\n",
        "src/x.cpp": C,
        "src/own.h": "#ifndef OWN\n#define OWN\n#include <zlib.h>\n#ifdef FAST\n#include <zstd.h>\n#endif\n#endif\n",
        "tests/t.c": "#include <notme.h>\n",
        "src/unused.c": "#include <notme.h>\n",
        "src/y.pyx": 'cdef extern from "openssl/ssl.h":\n',
    }
    found = read_sdist(sdist("foo", "1.0", files), "foo-1.0.tar.gz")
    assert names(found, "library") == [("lz4", "setup.py:2", True)]
    assert names(found, "header") == [
        ("lz4frame.h", "src/x.cpp:2", True),
        ("openssl/ssl.h", "src/y.pyx:1", True),
        ("zlib.h", "src/own.h:3", True),
        ("zstd.h", "src/own.h:5", False),
    ]
    assert found.languages == ("c++",)
    assert found.requires == ("a",)
    assert not found.pure
    assert "src/x.cpp:2 includes lz4frame.h" in found.evidence
    reader = MemoryFiles({f"/app/{name}": text for name, text in files.items()})
    assert read_tree("/app", reader).needs == found.needs


def test_what_a_setup_script_insists_on() -> None:
    script = """
import subprocess
from setuptools import setup, Extension
import pkgconfig
flags = pkgconfig.parse("libfoo")
libs = []
try:
    subprocess.check_output(["pkg-config", "--libs", "libbar"])
except OSError:
    pass
if pkgconfig.exists("libbaz"):
    libs.append("baz")
setup(
    ext_modules=[
        Extension("a", ["a.c"], libraries=["own", "quux"]),
        Extension("b", ["b.c"], libraries=["perhaps"], optional=True),
    ],
    libraries=[("own", {"sources": ["own.c"]})],
)
"""
    files = {"setup.py": script, "a.c": "", "b.c": "#include <maybe.h>\n"}
    found = read_sdist(sdist("foo", "1.0", files), "foo-1.0.tar.gz")
    assert names(found, "pkg-config") == [
        ("libfoo", "setup.py:5", True),
        ("libbar", "setup.py:8", False),
        ("libbaz", "setup.py:11", False),
    ]
    assert names(found, "library") == [("quux", "setup.py:15", True), ("perhaps", "setup.py:16", False)]
    assert names(found, "header") == [("maybe.h", "b.c:1", False)]
    tolerant = read_sdist(sdist("foo", "1.0", {**files, "setup.py": f"class BuildFailed(Exception): pass\n{script}"}), "f-1.zip.tar.gz")  # fmt: skip
    assert tolerant.optional_extension
    assert not any(need.required for need in tolerant.needs)


def test_extensions_in_other_places_than_setup_py() -> None:
    table = '[[tool.setuptools.ext-modules]]\nname = "a"\nsources = ["a.c"]\nlibraries = ["lz4"]\n'
    found = read_sdist(sdist("t", "1", {"pyproject.toml": table, "a.c": "#include <zlib.h>\n"}), "t-1.tar.gz")
    assert names(found, "library") == [("lz4", "pyproject.toml:1", True)]
    assert names(found, "header") == [("zlib.h", "a.c:1", True)]
    ffi = 'import cffi\nffi = cffi.FFI()\nffi.set_source("_x", "#include <sodium.h>", libraries=["sodium"])\n'
    cffi = read_sdist(
        sdist("c", "1", {"setup.py": "from setuptools import setup\nsetup(setup_requires=['cffi'], cffi_modules=['x/build_x.py:ffi'])\n", "x/build_x.py": ffi}),
        "c-1.tar.gz",
    )  # fmt: skip
    assert names(cffi, "library") == [("sodium", "x/build_x.py:3", True)]
    assert names(cffi, "header") == [("sodium.h", "x/build_x.py:3:1", True)]
    assert (cffi.languages, cffi.build_requires) == (("c",), ("cffi",))
    own = "from setuptools import setup\nsetup(libraries=[('sodium', {})], cffi_modules=['x/build_x.py:ffi'])\n"  # brotlipy
    assert not names(read_sdist(sdist("o", "1", {"setup.py": own, "x/build_x.py": ffi}), "o-1.tar.gz"), "library")
    poetry = '[tool.poetry.build]\nscript = "build.py"\n[build-system]\nrequires = ["poetry-core", "cython"]\n'
    built = read_sdist(
        sdist("p", "1", {"pyproject.toml": poetry, "build.py": "from setuptools import Extension\nx = Extension('p', ['p.pyx'], libraries=['z'])\n", "p.pyx": ""}),
        "p-1.tar.gz",
    )  # fmt: skip
    assert names(built, "library") == [("z", "build.py:2", True)]


def test_cxx_that_may_have_its_library_in_itself() -> None:
    script = (
        "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('a', ['a.cpp'], extra_link_args=F)])\n"
    )
    for flag, language in (("-static-libstdc++", "static-c++"), ("-s", "c++")):
        found = read_sdist(sdist("m", "1", {"setup.py": f"F = ['{flag}']\n{script}", "a.cpp": ""}), "m-1.tar.gz")
        assert found.languages == (language,)


def test_sources_that_are_built_in_a_way_nobody_can_read() -> None:
    script = "import mystery\nfrom setuptools import setup\nsetup(ext_modules=mystery.extensions())\n"
    found = read_sdist(sdist("m", "1", {"setup.py": script, "m.cc": "#include <x.h>\n"}), "m-1.tar.gz")
    assert (found.languages, found.needs, found.pure) == (("c++",), (), False)
    assert found.doubts == ("setup.py: how its extensions are built could not be read",)


def test_rust_cmake_and_meson() -> None:
    rust = read_sdist(sdist("r", "1", {"pyproject.toml": PYPROJECT, "Cargo.toml": "[package]\n"}), "r-1.tar.gz")
    assert (rust.languages, rust.needs, rust.pure) == (("rust",), (), False)
    assert rust.evidence == ("pyproject.toml:2, build requirement maturin>=1: rust",)
    lists = """project(c LANGUAGES C CXX)
find_package(PkgConfig REQUIRED)
find_package(Python REQUIRED)
find_package(ZeroMQ REQUIRED)  # the queue
# find_package(Nothing REQUIRED)
find_package(LZ4)
if(WITH_TLS)
  find_package(OpenSSL REQUIRED)
endif()
pkg_check_modules(Z REQUIRED libzmq>=4 ${X})
"""
    cmake = read_sdist(
        sdist("c", "1", {"CMakeLists.txt": lists, "third_party/q/CMakeLists.txt": "find_package(Qt5 REQUIRED)\n"}),
        "c-1.tar.gz",
    )
    assert names(cmake, "cmake") == [
        ("ZeroMQ", "CMakeLists.txt:4", True),
        ("LZ4", "CMakeLists.txt:6", False),
        ("OpenSSL", "CMakeLists.txt:8", False),
    ]
    assert names(cmake, "pkg-config") == [("libzmq", "CMakeLists.txt:10", True)]
    assert names(cmake, "tool") == [("cmd:pkg-config", "CMakeLists.txt:2", True)]
    assert cmake.languages == ("c++",)
    build = """project('m', 'c', 'fortran')
dependency('openblas')
dependency('threads')
dependency('lapack', required: get_option('lapack'))
dependency('fmt', fallback: ['fmt', 'fmt_dep'])
if host_machine.system() == 'linux'
  dependency('libudev')
endif
cc.find_library('m')
cc.find_library('dl2')
"""
    meson = read_sdist(sdist("m", "1", {"meson.build": build}), "m-1.tar.gz")
    assert names(meson, "pkg-config") == [
        ("openblas", "meson.build:2", True),
        ("lapack", "meson.build:4", False),
        ("fmt", "meson.build:5", False),
        ("libudev", "meson.build:7", False),
    ]
    assert names(meson, "library") == [("dl2", "meson.build:10", True)]
    assert meson.languages == ("c", "fortran")


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


@pytest.mark.parametrize(
    ("script", "more", "requires"),
    [
        ("from distutils.core import setup\nsetup(name='p', requires=['x'], py_modules=['p'])\n", {}, ()),
        ("from setuptools import setup\nsetup(name='p', python_requires='>=3')\n", {}, ()),
        ("from setuptools import setup\nsetup(pbr=True)\n", {}, None),
        ("from setuptools import setup\nsetup(extras_require={'x': ['a']})\n", {}, None),
        ("from setuptools import setup\nsetup(setup_requires=['pbr'])\n", {}, None),
        ("from setuptools import setup\nsetup(name='p', **more())\n", {}, None),
        ("from x import setup\nsetup\n", {}, None),
        ("from setuptools import setup\ntry:\n  setup(install_requires=f())\nexcept X:\n  setup()\n", {}, None),
        ("from setuptools import setup\nsetup()\n", {"setup.cfg": "[options]\ninstall_requires =\n  a\n"}, None),
        ("from setuptools import setup\nsetup()\n", {"setup.cfg": "[metadata]\nname = p\n"}, ()),
        (
            "from setuptools import setup\nsetup()\n",
            {"pyproject.toml": '[build-system]\nrequires = ["setuptools", "setuptools-declarative-requirements"]\n'},
            None,
        ),
    ],
)
def test_a_script_that_says_nothing_of_requirements_has_none(
    script: str, more: dict[str, str], requires: tuple[str, ...] | None
) -> None:
    found = read_sdist(sdist("p", "1", {"setup.py": script, **more}), "p-1.tar.gz")
    assert found.requires == requires
