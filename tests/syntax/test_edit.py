"""Edits of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.syntax import Edit, EditConflictError, apply_edits


def test_order_and_identity() -> None:
    edits = [Edit(3, 3, "X"), Edit(1, 2, "é"), Edit(3, 3, "Y"), Edit(3, 3, "X"), Edit(3, 4, "Z")]
    assert apply_edits(b"abcdef", edits) == "aécXYZef".encode()
    assert apply_edits(b"abc", []) == b"abc"
    assert apply_edits(b"", [Edit(0, 0, "\udcff")]) == b"\xff"


@pytest.mark.parametrize(
    "edits", [[Edit(0, 2, ""), Edit(1, 3, "")], [Edit(2, 1, "")], [Edit(0, 9, "")], [Edit(0, 2, "a"), Edit(0, 2, "b")]]
)
def test_conflicts(edits: list[Edit]) -> None:
    with pytest.raises(EditConflictError):
        apply_edits(b"abcd", edits)


@given(st.binary(max_size=30), st.data())
def test_the_rest_stays(data: bytes, draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(start, len(data)))
    text = draw.draw(st.text(max_size=5, alphabet="aé\n"))
    assert apply_edits(data, [Edit(start, end, text)]) == data[:start] + text.encode() + data[end:]
