from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
