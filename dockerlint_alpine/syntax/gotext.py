"""What Go's ``unicode`` and ``strings`` packages call white space, for bytes and for text.

BuildKit trims with ``unicode.IsSpace`` (https://pkg.go.dev/unicode#IsSpace), which differs from Python's
``str.isspace`` by the information separators U+001C to U+001F.
"""

from __future__ import annotations

from dockerlint_alpine.system.patterns import lazy_pattern

SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Every character for which ``unicode.IsSpace`` is true."""

ASCII_SPACE = b"\t\n\v\f\r "
WHITESPACE_RUN = lazy_pattern(r"[\t\v\f\r ]+")
"""BuildKit's ``reWhitespace``: between words of one line."""
WHITESPACE_RUN_BYTES = lazy_pattern(rb"[\t\v\f\r ]+")

_WIDE = tuple(character.encode() for character in SPACE if character > "\x7f")
_LEADING_WIDE = lazy_pattern(rb"(?:[\t-\r ]|" + b"|".join(_WIDE) + rb")*")


def skip_space(data: bytes, start: int = 0) -> int:
    """The index of the first byte at or behind ``start`` that begins no white space."""
    match = _LEADING_WIDE.match(data, start)
    return match.end() if match else start


def trim_range(data: bytes) -> tuple[int, int]:
    """The range that ``strings.TrimSpace`` would keep of ``data``."""
    start = skip_space(data)
    end = len(data.rstrip(ASCII_SPACE))
    while end > start and data[end - 1] >= 0x80:
        ending = next((wide for wide in _WIDE if data.endswith(wide, start, end)), None)
        if ending is None:
            break
        end = start + len(data[start : end - len(ending)].rstrip(ASCII_SPACE))
    return start, max(start, end)
