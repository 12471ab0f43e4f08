"""Lines of interest: the same ones however the log is cut into reads, numbered by real line ends."""

from __future__ import annotations

import io
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.diagnose import reading
from dockerlint_alpine.diagnose.reading import Line, interesting_lines


def lines(data: bytes, *literals: bytes, source: io.BytesIO | None = None) -> list[Line]:
    """The lines of interest, without what goes along with them."""
    found = interesting_lines(source or io.BytesIO(data), literals)
    return [Line(line.number, line.text) for line in found]


def test_numbers_count_real_line_ends() -> None:
    found = lines(b"one\nerror: a\\nerror: b\nthree\r\nerror: c\rerror: d\n", b"error")
    assert [(line.number, line.text) for line in found] == [
        (2, "error: a"), (2, "error: b"), (4, "error: c"), (4, "error: d"),
    ]  # fmt: skip


def test_no_final_newline_and_no_text() -> None:
    assert lines(b"", b"error") == []
    assert lines(b"x\nerror", b"error") == [Line(2, "error")]


def test_bytes_that_are_no_text() -> None:
    (line,) = lines(b"\xff\xfeerror\x00\xff"[2:], b"error")
    assert line.text == "error\x00\ufffd"


def test_utf_16() -> None:
    assert lines("x\r\nerror: ü\r\n".encode("utf-16"), b"error") == [Line(2, "error: ü")]


@given(
    st.lists(st.sampled_from(["plain", "an error here", "\\n", "error", "not found"]), max_size=60), st.integers(1, 40)
)
def test_reads_of_any_size_find_the_same(words: list[str], size: int) -> None:
    data = "\n".join(words).encode()

    class Slow(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            return super().read(size)

    assert lines(data, b"error", b"found", source=Slow(data)) == lines(data, b"error", b"found")


@given(st.text(alphabet="erro \n\\x", max_size=200))
def test_every_line_with_the_text_is_found(text: str) -> None:
    wanted = sum(line.count("err") > 0 for line in text.replace("\\n", "\n").split("\n"))
    assert len(lines(text.encode(), b"err")) == wanted


def test_large_blocks_are_searched_by_their_words() -> None:
    data = b"gcc -c foo.c\n" * 5000 + b"fatal error: ffi.h\n" + b"ok\n" * 5000
    assert len(data) > reading.BLOCK // 20
    assert lines(data, b"fatal error", b"nowhere") == [Line(5001, "fatal error: ffi.h")]


def test_a_line_of_many_megabytes_and_little_memory() -> None:
    class Endless(io.RawIOBase):
        left = 40

        def read(self, size: int = -1, /) -> bytes:
            self.left -= 1
            return b"x" * (size - 6) + b" error" if self.left >= 0 else b""

    tracemalloc.start()
    found = list(interesting_lines(Endless(), (b"error",)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found
    assert all(len(line.text) <= reading.LONGEST_LINE for line in found)
    assert {line.number for line in found} == {1}
    assert peak < 24 * reading.BLOCK


def test_progress_is_told() -> None:
    told: list[int] = []
    list(interesting_lines(io.BytesIO(b"a\n" * 10), (b"b",), progress=told.append))
    assert told == [20]


def test_the_line_above_goes_along() -> None:
    (line,) = interesting_lines(io.BytesIO(b"  curl-8.9.1-r2:\r\n\n    breaks: world[curl=8.4.0-r0]\n"), (b"breaks: ",))
    assert line.above() == "  curl-8.9.1-r2:"
    (first,) = interesting_lines(io.BytesIO(b"breaks: x\n"), (b"breaks: ",))
    assert first.above() == ""


def test_what_is_said_over_and_over_is_read_a_bounded_number_of_times() -> None:
    """5 MB of a noisy log: a few hundred lines of each block, and the first and the last of them."""
    noise = b"".join(
        b"12.%d Collecting part%d==1.%d\nx%dy error: %s not found\n" % (n, n, n, n, b"abcdef"[n % 6 :])
        for n in range(60_000)
    )
    data = b"first error: not found\n" + noise + b"last error: not found\n"
    found = lines(data, b"Collecting ", b"error: ")
    assert found[0].text.startswith("first")
    assert found[-1].text.startswith("last")
    blocks = len(data) // reading.BLOCK + 1
    assert len(found) <= blocks * 2 * reading.MOST_OF_ONE
    assert len(found) < 400


def test_different_lines_of_one_kind_are_capped_at_both_ends() -> None:
    names = ["".join(chr(97 + (n >> shift & 15)) for shift in (0, 4, 8, 12)) for n in range(3000)]
    data = "".join(f"error: {name} is broken\n" for name in names).encode()
    found = [line.text for line in lines(data, b"error: ")]
    assert len(found) == reading.MOST_OF_ONE
    assert (found[0], found[-1]) == (f"error: {names[0]} is broken", f"error: {names[-1]} is broken")
