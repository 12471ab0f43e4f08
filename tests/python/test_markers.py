from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker, UndefinedComparison

from dockerlint_alpine.python.markers import (
    InvalidMarkerError,
    applies,
    check_marker,
    environment,
    machine,
)
from dockerlint_alpine.python.model import PythonError, Target

VALUES = [
    environment(Target(python, platform, musl=(1, 2)))
    for python in ("3.8", "3.13.2")
    for platform in ("linux/amd64", "linux/arm/v7")
]

variables = [
    "python_version",
    "python_full_version",
    "sys_platform",
    "platform_machine",
    "os_name",
    "extra",
    "platform_system",
    "implementation_name",
    "platform_python_implementation",
    "platform_release",
    "implementation_version",
]
values = [
    "3.8",
    "3.13",
    "3",
    "3.8.*",
    "linux",
    "win32",
    "x86_64",
    "armv7l",
    "posix",
    "",
    "test",
    "Te_st",
    "CPython",
    "cpython",
    "3.8, 3.9",
    "x86_64 aarch64",
]
compare = st.tuples(
    st.sampled_from(variables),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~=", "in", "not in", "==="]),
    st.sampled_from(values),
    st.sampled_from(["'", '"']),
).map(lambda t: f"{t[0]} {t[1]} {t[3]}{t[2]}{t[3]}")
reversed_compare = st.tuples(
    st.sampled_from(values), st.sampled_from(["==", "<", "in"]), st.sampled_from(variables)
).map(lambda t: f"'{t[0]}' {t[1]} {t[2]}")
marker = st.recursive(
    st.one_of(compare, compare, reversed_compare),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or ", "  and\t"]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=5,
)


@given(marker, st.sampled_from(VALUES), st.lists(st.sampled_from(["test", "Te.St", "other"]), max_size=2))
def test_applies_is_what_packaging_and_pip_say(text: str, env: dict[str, str], extras: list[str]) -> None:
    try:
        parsed = Marker(text)
        expected = any(parsed.evaluate({**env, "extra": extra}) for extra in extras or [""])
    except UndefinedComparison:
        with pytest.raises(InvalidMarkerError):
            applies(text, env, extras)
        return
    assert applies(text, env, extras) == expected


@pytest.mark.parametrize(
    "text",
    [
        "python_version",
        "python_version >= 3.8",
        "foo == '1'",
        "os_name == 'a' b",
        "('",
        "(" * 500 + "os_name == 'a'" + ")" * 500,
    ],
)
def test_invalid_markers_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidMarkerError) as caught:
        check_marker(text)
    assert "\n" not in str(caught.value)


def test_a_floating_tag_has_the_newest_patch() -> None:
    assert not applies("python_full_version < '3.11.3'", environment(Target("3.11", musl=(1, 2))))
    assert applies("python_full_version < '3.11.3'", environment(Target("3.11.2", musl=(1, 2))))


def test_machines() -> None:
    assert machine("linux/arm64/v8") == "aarch64"
    assert machine("linux/amd64/v3") == "x86_64"
    with pytest.raises(PythonError, match="unknown platform"):
        machine("windows/amd64")
