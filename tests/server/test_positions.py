"""Positions against a plain model: every character of the text counted one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import Position, PositionEncodingKind

from dockerlint_alpine.server.positions import Positions, decode, encode

ENCODINGS = [PositionEncodingKind.Utf8, PositionEncodingKind.Utf16, PositionEncodingKind.Utf32]
CODECS = {
    PositionEncodingKind.Utf8: ("utf-8", 1),
    PositionEncodingKind.Utf16: ("utf-16-le", 2),
    PositionEncodingKind.Utf32: ("utf-32-le", 4),
}
# Line ends of every kind, what Python but not LSP takes for one, wide and combining characters, a BOM, lone surrogates.
TEXTS = st.text(
    st.one_of(
        st.sampled_from(list("\r\n\r\n ab\x0b\x0c\x1c\x85\u2028\ufeffä€😀\u0301\ud83d\ude00\udc80")), st.characters()
    ),
    max_size=40,
)


def units(text: str, encoding: PositionEncodingKind) -> int:
    codec, size = CODECS[encoding]
    return len(text.encode(codec, "surrogatepass")) // size


def model(text: str, encoding: PositionEncodingKind) -> list[tuple[int, Position]]:
    """(byte offset, position) of every character that is not part of a line end, and of each end of a line."""
    found, line, start, index = [], 0, 0, 0
    while index <= len(text):
        found.append((len(encode(text[:index])), Position(line, units(text[start:index], encoding))))
        if text[index : index + 2] == "\r\n":
            index += 2
        elif text[index : index + 1] in {"\r", "\n"}:
            index += 1
        else:
            index += 1
            continue
        line, start = line + 1, index
    return found


@given(TEXTS, st.sampled_from(ENCODINGS))
def test_offsets_and_positions_are_what_counting_gives(text: str, encoding: PositionEncodingKind) -> None:
    # Two halves of a pair that stand beside each other are one character once they are encoded.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    positions = Positions(encode(text), encoding)
    for offset, position in model(text, encoding):
        assert positions.position(offset) == position
        assert positions.offset(position) == offset


@given(TEXTS, st.sampled_from(ENCODINGS), st.integers(0, 50), st.integers(0, 200))
def test_any_position_is_a_place_between_characters(
    text: str, encoding: PositionEncodingKind, line: int, character: int
) -> None:
    positions = Positions(encode(text), encoding)
    offset = positions.offset(Position(line, character))
    assert 0 <= offset <= len(positions.data)
    assert encode(decode(positions.data[:offset])) == positions.data[:offset]
    again = positions.position(offset)
    assert (again.line, again.character) <= (line, character) or offset == len(positions.data)
    assert positions.offset(again) == offset


@given(TEXTS)
def test_every_text_survives(text: str) -> None:
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert decode(encode(text)) == text


@given(st.binary(max_size=40), st.sampled_from(ENCODINGS), st.integers(-5, 50))
def test_any_bytes_and_any_offset_have_a_position(data: bytes, encoding: PositionEncodingKind, offset: int) -> None:
    position = Positions(data, encoding).position(offset)
    assert position.line >= 0
    assert position.character >= 0


@pytest.mark.parametrize(("encoding", "character"), [(ENCODINGS[0], 7), (ENCODINGS[1], 5), (ENCODINGS[2], 4)])
def test_the_example_of_the_specification(encoding: PositionEncodingKind, character: int) -> None:
    text = 'x="😋"'
    assert Positions(text.encode(), encoding).position(text.encode().rindex(b'"')) == Position(0, character)


def test_a_position_within_a_pair_is_the_start_of_its_character() -> None:
    positions = Positions("a😀b".encode(), PositionEncodingKind.Utf16)
    assert [positions.offset(Position(0, unit)) for unit in range(6)] == [0, 1, 1, 5, 6, 6]


def test_lines_of_findings_are_found_where_an_editor_counts_more() -> None:
    positions = Positions(b"a\rb\nccc\r\nd", PositionEncodingKind.Utf16)
    found = positions.line_range(2)
    assert (found.start, found.end) == (Position(2, 0), Position(2, 3))


def test_a_mark_at_the_start_of_a_file_on_disk_is_not_shown() -> None:
    data = b"\xef\xbb\xbfab"
    assert Positions(data, PositionEncodingKind.Utf8, on_disk=True).position(4) == Position(0, 1)
    assert Positions(data, PositionEncodingKind.Utf8).position(4) == Position(0, 4)
