"""Lines of interest: the same ones however the log is cut into reads, numbered by real line ends."""

from __future__ import annotations

import io
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.diagnose import reading
from dockerlint_alpine.diagnose.reading import Line, interesting_lines


def lines(data: bytes, *literals: bytes) -> list[Line]:
    return list(interesting_lines(io.BytesIO(data), literals))


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

    assert list(interesting_lines(Slow(data), (b"error", b"found"))) == lines(data, b"error", b"found")


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
