from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.report.positions import Lines

FILES = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\r", "é".encode(), b"\xff", "😀".encode()])).map(b"".join)


@given(FILES, st.data())
def test_a_position_leads_back_to_its_offset(data: bytes, draw: st.DataObject) -> None:
    lines = Lines(data)
    offset = draw.draw(st.integers(0, len(data)))
    line, column = lines.position(offset)
    assert lines.start(line) + column - 1 == offset
    assert line == data[:offset].count(b"\n") + 1


@given(FILES)
def test_lines_are_those_of_the_file(data: bytes) -> None:
    lines = Lines(data)
    expected = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    assert [lines.line(number) for number in range(1, lines.count + 1)] == expected[: lines.count]
    assert lines.line(lines.count + 1) == b""


def test_offsets_outside_are_moved_to_the_ends() -> None:
    lines = Lines(b"a\nb")
    assert lines.position(-5) == (1, 1)
    assert lines.position(99) == (2, 2)


def test_characters() -> None:
    lines = Lines("aé😀b".encode() + b"\xffc\n")
    assert [lines.characters(1, column) for column in (1, 2, 4, 8, 9, 10)] == [1, 2, 3, 4, 5, 6]


@given(FILES, st.data())
def test_characters_agree_with_decoding(data: bytes, draw: st.DataObject) -> None:
    lines = Lines(data)
    number = draw.draw(st.integers(1, lines.count)) if lines.count else 1
    text = lines.line(number).decode("utf-8", "surrogateescape")
    for index in range(len(text) + 1):
        byte_column = len(text[:index].encode("utf-8", "surrogateescape")) + 1
        assert lines.characters(number, byte_column) == index + 1


def test_a_byte_order_mark_is_no_character() -> None:
    lines = Lines(b"\xef\xbb\xbfFROM a\n\xef\xbb\xbfb")
    assert lines.characters(1, 1) == lines.characters(1, 4) == 1
    assert lines.characters(1, 8) == 5
    assert lines.characters(2, 4) == 2
