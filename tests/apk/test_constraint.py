from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.apk import Constraint, ConstraintError


@pytest.mark.parametrize(
    ("text", "name", "op", "version", "shown"),
    [
        ("curl", "curl", "", None, "curl"),
        ("curl=8.5.0-r0", "curl", "=", "8.5.0-r0", "curl=8.5.0-r0"),
        ("curl=~8.5", "curl", "~", "8.5", "curl~8.5"),
        ("curl~8.5", "curl", "~", "8.5", "curl~8.5"),
        ("curl>=8", "curl", ">=", "8", "curl>=8"),
        ("curl<8", "curl", "<", "8", "curl<8"),
        ("so:libpq.so.5", "so:libpq.so.5", "", None, "so:libpq.so.5"),
        ("pc:libpq>=9.0", "pc:libpq", ">=", "9.0", "pc:libpq>=9.0"),
        ("/bin/sh", "/bin/sh", "", None, "/bin/sh"),
        ("pkg><Q1abc=", "pkg", "><", "Q1abc=", "pkg><Q1abc="),
    ],
)
def test_reading(text: str, name: str, op: str, version: str | None, shown: str) -> None:
    found = Constraint.parse(text)
    assert (found.name, found.op, found.version, str(found)) == (name, op, version, shown)


def test_conflict_and_tag() -> None:
    assert Constraint.parse("!curl<8").conflict
    assert Constraint.parse("curl@edge>8").tag == "edge"
    assert str(Constraint.parse("!curl@edge>8")) == "!curl@edge>8"


@pytest.mark.parametrize("text", ["", "!", "=1.0", "@edge", "curl=1.0-4", "curl=x_y", "cu rl", "curl\n"])
def test_what_apk_refuses(text: str) -> None:
    with pytest.raises(ConstraintError):
        Constraint.parse(text)


def test_matching() -> None:
    assert Constraint.parse("a>=1.2").matches("1.2-r0")
    assert not Constraint.parse("a=1.2").matches("1.2-r0")
    assert Constraint.parse("a~1.2").matches("1.2.9-r3")
    assert not Constraint.parse("a~1.2").matches("1.20")
    assert Constraint.parse("a").matches(None)
    assert not Constraint.parse("a>=0").matches(None)  # an unversioned provide satisfies no version
    assert not Constraint.parse("a><Q1abc=").matches("1")


@given(st.text(max_size=40))
def test_text_is_read_or_refused(text: str) -> None:
    try:
        found = Constraint.parse(text)
    except ConstraintError:
        return
    assert found.name
    assert Constraint.parse(str(found)) == Constraint.parse(str(Constraint.parse(str(found))))


@pytest.mark.parametrize("text", ["curl=", "curl~", "curl=*", "curl=8.*", "curl=~8.14.1-r2.1", "curl=1.0bc"])
def test_refused_as_the_programs_refuse_it(text: str) -> None:
    """Tried with apk-tools 2.10.8, 2.12.9, 2.14.4 and 3.0.3: "is not a valid world dependency"."""
    with pytest.raises(ConstraintError):
        Constraint.parse(text)


@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [
        ("/bin/sh<9", False, True),
        ("/bin/sh>1", False, False),
        ("/bin/sh~1", False, False),
        ("/bin/sh>=0", False, False),
    ],
)
def test_a_name_without_a_version_is_older_than_all_to_apk_tools_3(text: str, older: bool, newer: bool) -> None:
    """Tried with apk-tools 2.14.4 and with 3.0.0, 3.0.3 and 3.0.6."""
    assert Constraint.parse(text).matches(None) is older
    assert Constraint.parse(text).matches(None, dialect=3) is newer
