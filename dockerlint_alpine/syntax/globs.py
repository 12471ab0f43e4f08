"""Patterns of ``*``, ``?`` and literal characters, to cut a value or replace a part of it. No wildcard matches a newline.

A pattern is a sequence of pieces, one a character: :func:`pattern_piece`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from dockerlint_alpine.syntax.source import SourceText
from dockerlint_alpine.system import globs


def pattern_piece(character: str) -> str:
    """The wildcard ``*`` or ``?``, or any other character, as a piece of a pattern."""
    return {"*": globs.PATH, "?": "."}.get(character) or re.escape(character)


def trimmed(value: SourceText, side: str, pieces: Sequence[str], *, longest: bool) -> SourceText:
    """``value`` without its shortest or longest beginning (``side`` is ``#``) or end (``%``) that matches."""
    step = 1 if side == "#" else -1
    match = re.match(globs.expression(pieces[::step], shortest=not longest), value.text[::step])
    length = match.end() if match is not None else 0
    return value.slice(length, len(value)) if side == "#" else value.slice(0, len(value) - length)


def replace_pattern(
    value: SourceText, pieces: Sequence[str], replacement: SourceText, *, everywhere: bool
) -> SourceText:
    """Replace the first (or every) longest match in ``value``."""
    parts: list[SourceText] = []
    behind = 0
    for match in islice(re.finditer(globs.expression(pieces), value.text), None if everywhere else 1):
        parts += (value.slice(behind, match.start()), replacement)
        behind = match.end()
    return SourceText.concat((*parts, value.slice(behind, len(value))))
