"""SourceText: every operation keeps each character's bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.syntax import SourceText

TEXTS = st.text(alphabet="ab \té€😀\udcff", max_size=12)


def written(data: bytes, source: SourceText) -> str:
    """The text put together again from the bytes that its characters point to."""
    found = []
    for index in range(len(source)):
        start, end = source.offset(index), source.end_offset(index)
        assert start is not None
        assert end is not None
        found.append(data[start:end])
    return b"".join(found).decode("utf-8", "surrogateescape")


@given(st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_pieces_slices_and_sums(texts: list[str], data: st.DataObject) -> None:
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    whole = b"|".join(encoded)
    pieces = []
    offset = 0
    for piece in encoded:
        pieces.append((offset, offset + len(piece)))
        offset += len(piece) + 1
    source = SourceText.from_pieces(whole, pieces)
    assert source.text == "".join(piece.decode("utf-8", "surrogateescape") for piece in encoded)
    assert written(whole, source) == source.text
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, len(source)))
    assert written(whole, source[start:end]) == source.text[start:end]
    assert source[:start] + source[start:] == source
    assert [field.text for field in source.split_fields()] == [
        field for field in source.text.replace("\t", " ").split(" ") if field
    ]
    assert source.strip(" \t").text == source.text.strip(" \t")


def test_spans() -> None:
    data = "aé \\\n b".encode()
    source = SourceText.from_pieces(data, [(0, 4), (6, 8)])
    assert source.text == "aé  b"
    assert source.span() == (0, 8)
    assert source.slice(1, 2).span() == (1, 3)
    assert SourceText.literal("x").span() is None
    assert (source + SourceText.literal("x")).span() is None
    assert (source.slice(3, 5) + source.slice(0, 1)).span() is None
    assert SourceText.literal("").span() is None
    assert source[0] == "a"


def test_opaque_parts_stay_whole_and_are_found_again() -> None:
    data = b"a $(b c) d"
    source = (
        SourceText.from_bytes(data, 0, 2)
        + SourceText.from_bytes(data, 2, 8).opaque()
        + SourceText.from_bytes(data, 8, 10)
    )
    assert not source.known
    assert source.opaque_runs() == ((2, 8),)
    assert [(field.text, field.known) for field in source.split_fields()] == [
        ("a", True),
        ("$(b c)", False),
        ("d", True),
    ]
    assert source.split_fields()[1].span() == (2, 8)
    assert SourceText.from_bytes(data, 0, 1).known
