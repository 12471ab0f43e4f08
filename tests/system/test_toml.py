"""TOML that a stranger wrote ends in a document or in one line, in time that grows with its length."""

from __future__ import annotations

import time

import pytest

from dockerlint_alpine.system.toml import TomlError, load_toml


def test_a_document() -> None:
    assert load_toml('a.b."c.d" = 1\n[x]\ny = "é"\n'.encode()) == {"a": {"b": {"c.d": 1}}, "x": {"y": "é"}}
    long = ".".join(["a"] * 150)
    assert load_toml(f"{long} = 1\nurl = '{'x. - ' * 1000}'\n".encode())["url"] == "x. - " * 1000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"ok = 1\n" + b"a." * 500_000 + b"a = 1\n", "a key of more than 200 parts (at line 2)"),
        (b"[" + b'"a". ' * 300 + b"a]", "a key of more than 200 parts (at line 1)"),
        (b"x = " + b"[" * 100_000, "it is nested too deeply"),
        (b"x = " + b"1" * 100_000, "Exceeds the limit"),
        (b"x = '\xff'", "can't decode"),
        (b"x", "after a key"),
    ],
)
def test_what_is_none_is_one_line(text: bytes, message: str) -> None:
    start = time.perf_counter()
    with pytest.raises(TomlError) as raised:
        load_toml(text)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert time.perf_counter() - start < 5
