from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.report.display import ShownLine, cells, printable, scrub, wrap


def test_printable() -> None:
    assert printable("plain text") == "plain text"
    assert printable("a\r\nb\nc\td") == "a b c d"
    assert printable("\x1b[2J\x9b\udcff\u202e\U000e0041") == "\\x1b[2J\\x9b\\xff\\u202e\\U000e0041"


@given(st.text())
def test_printable_is_idempotent_on_what_it_returns(text: str) -> None:
    assert printable(printable(text)) == printable(text)


@given(st.text(st.characters()))
def test_scrubbed_text_is_utf_8(text: str) -> None:
    assert len(scrub(text).encode("utf-8").decode("utf-8")) == len(text)


def test_cells() -> None:
    assert cells("abc") == 3
    assert cells("你好") == 4
    assert cells("e\u0301") == 1


@given(st.binary(max_size=300), st.integers(1, 320), st.integers(10, 120))
def test_a_shown_line_fits_and_its_cells_grow(line: bytes, column: int, width: int) -> None:
    line = line.replace(b"\n", b"")
    shown = ShownLine(line, column, width)
    assert cells(shown.text) <= max(width, 14)
    positions = [shown.cell(number) for number in range(1, len(line) + 2)]
    assert positions == sorted(positions)
    assert positions[-1] <= cells(shown.text)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_the_interesting_column_stays_in_sight(line: bytes, data: st.DataObject) -> None:
    line = line.replace(b"\n", b"").replace(b"\x00", b"") + b"x"
    mark = data.draw(st.integers(0, len(line)))
    marked = line[:mark] + b"\x00" + line[mark:]
    shown = ShownLine(marked, mark + 1, 40)
    assert shown.text[_index(shown.text, shown.cell(mark + 1)) :].startswith("\\x00")


def _index(text: str, cell: int) -> int:
    """The index of the first character at this cell that is not a mark on the one before."""
    index = width = 0
    while width < cell or (index < len(text) and cells(text[index]) == 0):
        width += cells(text[index])
        index += 1
    return index


@given(st.lists(st.text("ab", min_size=1, max_size=12), min_size=1), st.integers(5, 40))
def test_wrapping_loses_nothing(words: list[str], width: int) -> None:
    lines = wrap(" ".join(words), width)
    assert " ".join(lines) == " ".join(words)
    assert all(cells(line) <= width or " " not in line for line in lines)


def test_a_long_line_is_not_cut_within_a_character() -> None:
    line = "你".encode() * 10_000
    for column in range(9_990, 10_010):
        assert "\\x" not in ShownLine(line, column, 40).text
