"""The dlopen scan: what it understands, what it leaves out, and what it refuses to parse."""

from __future__ import annotations

import ctypes.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.elf.file_selection import opens_libraries
from dockerlint_alpine.python.sources.dlopen import scan_sources
from dockerlint_alpine.python.sources.dlopen_names import needs_of
from dockerlint_alpine.system.opens import RuntimeOpen


def scan_source(source: bytes, path: str) -> tuple[RuntimeOpen, ...]:
    found, problems = scan_sources([(path, source)])
    assert problems == ()
    return found


def needs(source: str) -> list[str]:
    return [need for found in scan_source(source.encode(), "x.py") for need in found.needs]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ctypes.CDLL('libmagic.so.1')", ["so:libmagic.so.1"]),
        ("CDLL(name='liba.so.1', mode=3)", ["so:liba.so.1"]),
        ("ctypes.cdll.LoadLibrary('liba.so.1')", ["so:liba.so.1"]),
        ("ctypes.cdll['liba.so.1']", ["so:liba.so.1"]),
        ("ffi.dlopen('liba.so.1')", ["so:liba.so.1"]),
        ("ctypes.PyDLL('liba.so.1')", ["so:liba.so.1"]),
        ("find_library('magic')", ["so:libmagic.so.*"]),
        ("x = ctypes.util.find_library('magic') or 'libmagic.so.1'\nCDLL(x)", ["so:libmagic.so.*", "so:libmagic.so.1"]),
        ("CDLL('lib' + 'a' + '.so.1')", ["so:liba.so.1"]),
        ("N = 'a'\nCDLL(f'lib{N}.so.1')", ["so:liba.so.1"]),
        ("CDLL('lib%s.so.%s' % ('a', 1) if False else 'lib%s.so' % 'a')", ["so:liba.so"]),
        ("CDLL('lib%s.so.%s' % ('a', '1'))", ["so:liba.so.1"]),
        ("CDLL('lib{}.so.1'.format('a'))", ["so:liba.so.1"]),
        ("for n in ('liba.so.2', 'liba.so.1'):\n  CDLL(n)", ["so:liba.so.2", "so:liba.so.1"]),
        ("next(CDLL(n) for n in ['liba.so.1'])", ["so:liba.so.1"]),
        ("def f(n='liba.so.1'):\n  return CDLL(n)", ["so:liba.so.1"]),
        ("class A:\n  N = 'liba.so.1'\n  lib = CDLL(N)", ["so:liba.so.1"]),
        ("CDLL('/usr/lib/liba.so.1')", ["so:liba.so.1"]),
        ("if sys.platform == 'darwin':\n  n = 'liba.so.9'\nelse:\n  n = 'liba.so.1'\nCDLL(n)", ["so:liba.so.1"]),
        (
            "if sys.platform.startswith(('win', 'cyg')):\n  CDLL('w.so.1')\nelif os.name != 'posix':\n  CDLL('libx.so.1')",
            [],
        ),
        ("CDLL('liba.so.1' if platform.system() == 'Linux' else 'libb.so.1')", ["so:liba.so.1"]),
        ("WIN = os.name == 'nt'\nif not WIN:\n  CDLL('liba.so.1')\nelse:\n  CDLL('libw.so.1')", ["so:liba.so.1"]),
        (
            "s = platform.system().lower()\nif s == 'windows':\n  CDLL('w.so.1')\nelif s == 'linux':\n  CDLL('liba.so.1')",
            ["so:liba.so.1"],
        ),
        ("if sys.platform in ('win32', 'darwin'):\n  CDLL('libw.so.1')", []),
        ("if 'linux' in sys.platform:\n  CDLL('liba.so.1')\nelse:\n  CDLL('libw.so.1')", ["so:liba.so.1"]),
        ("CDLL({'linux': 'liba.so.1', 'win32': 'a.dll'}[sys.platform])", ["so:liba.so.1"]),
        ("CDLL({'Linux': 'liba.so.1'}.get(platform.system()))", ["so:liba.so.1"]),
        ("if unknown():\n  n = 'liba.so.1'\nelse:\n  n = 'libb.so.1'\nCDLL(n)", ["so:liba.so.1", "so:libb.so.1"]),
        (
            "CDLL('libc.so.6'); CDLL(None); CDLL(find()); CDLL('a.dll'); CDLL('a.dylib'); windll.LoadLibrary('x.so.1')",
            [],
        ),
        ("CDLL(os.path.join(os.path.dirname(__file__), 'libown.so'))", []),
        ("CDLL(Path(__file__).parent / 'libown.so')", []),
        ("CDLL(here + '/libown.so')", []),
        ("CDLL('libGL.so.1', *args)", ["so:libGL.so.1"]),
        ("def test():\n  CDLL('liba.so.1')\nif __name__ == '__main__':\n  test()", []),
        ("def test():\n  CDLL('liba.so.1')\ntest()", ["so:liba.so.1"]),
        ("def main():\n  CDLL('liba.so.1')\nif __name__ == '__main__':\n  main()", ["so:liba.so.1"]),
        ("class A:\n  def test(self):\n    CDLL('liba.so.1')\nif __name__ == '__main__':\n  test()", ["so:liba.so.1"]),
        ("CDLL()", []),
    ],
)
def test_what_is_understood(source: str, expected: list[str]) -> None:
    assert needs(source) == expected


def test_the_standard_librarys_own_test_is_none_of_ours() -> None:
    source = Path(ctypes.util.__file__).read_bytes()
    assert b"def test()" in source
    assert scan_source(source, "ctypes/util.py") == ()


def test_a_try_makes_it_optional_and_lines_count_from_one() -> None:
    source = b"import ctypes\ntry:\n    ctypes.CDLL('liba.so.1')\nexcept OSError:\n    ctypes.CDLL('libb.so.1')\n"
    assert [(f.line, f.names, f.optional) for f in scan_source(source, "x.py")] == [
        (3, ("liba.so.1",), True),
        (5, ("libb.so.1",), False),
    ]


def test_find_library_is_explained() -> None:
    found = scan_source(b"from ctypes.util import find_library\nfind_library('c')\nfind_library('magic')", "x.py")
    assert [(f.needs, "gcc" in f.note) for f in found] == [((), True), (("so:libmagic.so.*",), True)]


@pytest.mark.parametrize(
    ("name", "finds", "need"),
    [
        ("libx.so", False, ("so:libx.so",)),
        ("libc.musl-x86_64.so.1", False, ()),
        ("x", False, ()),
        ("", False, ()),
        ("ssl", True, ("so:libssl.so.*",)),
        ("m", True, ()),
        ("a/b", True, ()),
    ],
)
def test_names_and_needs(name: str, need: tuple[str, ...], *, finds: bool) -> None:
    assert needs_of(name, finds=finds) == need


@pytest.mark.parametrize(
    "source",
    [
        "(" * 3000 + ")" * 3000,
        "x = " + "1+" * 50_000 + "1",
        "x = " + "-" * 30_000 + "1",
        "x = " + "a." * 30_000 + "b",
        "x = a" + "()" * 30_000,
        "x = " + "a and " * 50_000 + "b",
        "x = " + "lambda:" * 10_000 + "1",
        "x = " + "1 if 1 else " * 20_000 + "1",
        "x = " + "**".join("a" * 20_000),
        "x = " + '"a" ' * 100_000,
        "if 1:\n  x\n" + "elif 1:\n  x\n" * 5000,
        "print 'python 2'",
        "\0",
    ],
)
def test_sources_that_would_break_the_parser_are_refused(source: str) -> None:
    """libcst's own parser overflows the stack of the process on several of these."""
    found, (problem,) = scan_sources([("x.py", source.encode() + b"\nCDLL('liba.so.1')")])
    assert found == ()
    assert "\n" not in problem


def test_unparsable_sources_are_told_and_others_read() -> None:
    found, problems = scan_sources(
        [("a.py", b"CDLL('liba.so.1'"), ("b.py", b"CDLL('libb.so.1')"), ("c.py", b"\xff\xfe")]
    )
    assert [f.names for f in found] == [("libb.so.1",)]
    assert [problem.partition(":")[0] for problem in problems] == ["a.py", "c.py"]


def test_the_cheap_look_before_parsing() -> None:
    assert opens_libraries(b"ctypes.CDLL(x)")
    assert opens_libraries(b"cdll['x']")
    assert not opens_libraries(b"# a CDLL without a call")


@given(
    st.lists(
        st.sampled_from(
            [
                "CDLL(",
                "'liba.so.1'",
                ")",
                "x",
                "=",
                "if ",
                ":",
                "\n",
                "  ",
                "sys.platform",
                "==",
                "f'{x}'",
                "+",
                "[",
                "]",
                "for ",
                " in ",
                "%",
                ".get(",
                "{",
                "}",
            ]
        ),
        max_size=14,
    )
)
def test_any_mixture_ends_in_results_or_one_error(parts: list[str]) -> None:
    _, problems = scan_sources([("x.py", "".join(parts).encode())])
    assert all("\n" not in problem for problem in problems)
