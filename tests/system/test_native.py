from __future__ import annotations

import gc
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.system import native
from dockerlint_alpine.system.native import MAX_BYTES, UnsafeSourceError, check_python


def test_sound_sources_are_counted() -> None:
    assert check_python(b"x = 1\n" * 100) > 100
    assert check_python(b"") >= 0
    assert check_python("# coding: latin-1\nx = 'é'\n".encode("latin-1")) > 0


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"x=" + b"[" * 160 + b"]" * 160, "nested too deeply"),
        (b"x=" + b"-" * 100_000 + b"1", "nested too deeply"),
        (b"x=a" + b" or a" * 200, "nested too deeply"),
        (b"x=[a" + b" for a in b" * 200 + b"]", "nested too deeply"),
        (b"import a" + b".b" * 200, "nested too deeply"),
        (b"from a" + b".b" * 200 + b" import c", "nested too deeply"),
        (b"if a: pass\n" + b"elif a: pass\n" * 200, "nested too deeply"),
        (b"x=[" + b"a," * 120_000 + b"]", "too long"),
        (b"\n" * 120_000, "too long"),
        (b"x=f'" + b"{a}" * 100_000 + b"'", "too long"),
        (b"#" * (MAX_BYTES + 1), "more than 512 KiB"),
        (b"print 'x'", "SyntaxError"),
        (b"x=1\0", "Error"),
    ],
)
def test_what_is_refused(source: bytes, reason: str) -> None:
    with pytest.raises(UnsafeSourceError, match=reason):
        check_python(source)


def test_ordinary_depth_is_not() -> None:
    check_python(b"x=" + b"[" * 80 + b"]" * 80)
    check_python(b"x=a" + b" + a" * 100)
    check_python(b"if a: pass\n" + b"elif a: pass\n" * 100)


@given(st.binary(max_size=200))
def test_never_anything_else(source: bytes) -> None:
    with suppress(UnsafeSourceError):
        assert check_python(source, limit=1000) <= 1000


class Loop:
    """Garbage that only a collection finds, which then runs Python code."""

    def __init__(self) -> None:
        self.own = self
        weakref.finalize(self, sum, range(200))


def test_threads_do_not_disturb_each_other() -> None:
    """Where a collection lets another thread in, CPython 3.11 mixes up the depths of two trees."""
    source, wrong = Path(native.__file__).read_bytes(), list[BaseException]()
    depth, interval = gc.get_threshold()[0], sys.getswitchinterval()

    def read() -> None:
        for _ in range(10):
            try:
                native.parse_python(source)
            except BaseException as error:  # noqa: BLE001 - SystemError among them
                wrong.append(error)
            for _ in range(20):
                Loop()

    try:
        gc.set_threshold(50)
        sys.setswitchinterval(1e-4)
        threads = [threading.Thread(target=read) for _ in range(3)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    finally:
        gc.set_threshold(depth)
        sys.setswitchinterval(interval)
    assert wrong == []
