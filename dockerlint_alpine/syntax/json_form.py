"""The JSON (exec) form: an array of strings whose decoded characters still point into the file.

As BuildKit does it (line_parsers.go: ``parseJSON``): what is no valid JSON array is the shell form; a valid array that
holds something else than strings is an error.
"""

from __future__ import annotations

import re

from dockerlint_alpine.syntax.gotext import SPACE
from dockerlint_alpine.syntax.source import SourceText
from dockerlint_alpine.system.patterns import lazy_pattern

_STRING = lazy_pattern(r'"((?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+)"')
_BLANK = lazy_pattern(r"[ \t\r\n]*")
_ESCAPE = lazy_pattern(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\(.)")
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class NotStringsError(ValueError):
    """The text is a JSON array, but not one of strings."""


def parse_array(source: SourceText) -> tuple[JsonString, ...] | None:
    """The strings of a JSON array; ``None`` for any text that is none. Raises :class:`NotStringsError`."""
    text = source.text
    position = len(text) - len(text.lstrip(SPACE))
    if not text.startswith("[", position):
        return None
    strings = _strings(source, position + 1)
    if strings is None and _is_array(text):
        raise NotStringsError("when using JSON array syntax, arrays must be comprised of strings only")
    return strings


def _strings(source: SourceText, position: int) -> tuple[JsonString, ...] | None:
    text = source.text
    found: list[JsonString] = []
    position = _skip(text, position)
    if text.startswith("]", position):
        return () if _skip(text, position + 1) == len(text) else None
    while match := _STRING.match(text, position):
        found.append(JsonString(_decode(source, match.start(1), match.end(1)), source.slice(*match.span())))
        position = _skip(text, match.end())
        if text.startswith("]", position):
            return tuple(found) if _skip(text, position + 1) == len(text) else None
        if not text.startswith(",", position):
            return None
        position = _skip(text, position + 1)
    return None


class JsonString:
    """One element: ``value`` is the decoded text, ``written`` the text as it stands, quotes included."""

    __slots__ = ("value", "written")

    def __init__(self, value: SourceText, written: SourceText) -> None:
        self.value = value
        self.written = written


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _decode(source: SourceText, start: int, end: int) -> SourceText:
    if "\\" not in source.text[start:end]:
        return source.slice(start, end)
    parts: list[SourceText] = []
    for match in _ESCAPE.finditer(source.text, start, end):
        parts.append(source.slice(start, match.start()))
        span = source.char_span(*match.span())
        decoded = SourceText.literal(_character(match))
        parts.append(decoded.located_as(*span) if span else decoded)
        start = match.end()
    parts.append(source.slice(start, end))
    return SourceText.concat(parts)


def _character(match: re.Match[str]) -> str:
    high, low, single, simple = match.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    if single:
        code = int(single, 16)
        return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
    return _SIMPLE.get(simple, simple)


def _is_array(text: str) -> bool:
    import json

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(text, parse_constant=refuse), list)
    except (ValueError, RecursionError):
        return False
