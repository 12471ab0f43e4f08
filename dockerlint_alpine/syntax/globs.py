"""Patterns of ``*``, ``?`` and literal characters, matched without backtracking.

A pattern is a tuple of tokens: ``"*"``, ``"?"`` or ``"=c"`` for the character ``c``. No wildcard matches a newline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dockerlint_alpine.syntax.source import SourceText


def _prefix_lengths(tokens: Sequence[str], text: str, start: int = 0) -> Iterator[int]:
    """The lengths of all prefixes of ``text[start:]`` that match, shortest first."""
    states = _without_stars({0}, tokens)
    if len(tokens) in states:
        yield 0
    for index in range(start, len(text)):
        states = _without_stars({state for old in states for state in _after(old, tokens, text[index])}, tokens)
        if not states:
            return
        if len(tokens) in states:
            yield index + 1 - start


def _after(state: int, tokens: Sequence[str], character: str) -> Iterator[int]:
    if state == len(tokens):
        return
    token = tokens[state]
    if token == "*":  # noqa: S105  a pattern token
        if character != "\n":
            yield state
    elif (token == "?" and character != "\n") or token == "=" + character:  # noqa: S105
        yield state + 1


def _without_stars(states: set[int], tokens: Sequence[str]) -> set[int]:
    """Add the states that a ``*`` matching nothing leads to."""
    reached = set(states)
    for state in states:
        following = state
        while following < len(tokens) and tokens[following] == "*":
            following += 1
            reached.add(following)
    return reached


def trimmed(value: SourceText, side: str, tokens: Sequence[str], *, longest: bool) -> SourceText:
    """``value`` without its shortest or longest beginning (``side`` is ``#``) or end (``%``) that matches."""
    if side == "#":
        return value.slice(_length(_prefix_lengths(tokens, value.text), longest=longest), len(value))
    lengths = _prefix_lengths(tuple(reversed(tokens)), value.text[::-1])
    return value.slice(0, len(value) - _length(lengths, longest=longest))


def _length(lengths: Iterator[int], *, longest: bool) -> int:
    return max(lengths, default=0) if longest else next(lengths, 0)


def replace_pattern(
    value: SourceText, tokens: Sequence[str], replacement: SourceText, *, everywhere: bool
) -> SourceText:
    """Replace the first (or every) longest match in ``value``."""
    parts: list[SourceText] = []
    index = behind = 0
    text = value.text
    while index <= len(text):
        length = max(_prefix_lengths(tokens, text, index), default=None)
        if length is None:
            index += 1
            continue
        parts += (value.slice(behind, index), replacement)
        behind = index + length
        index = behind if length else index + 1
        if not everywhere:
            break
    parts.append(value.slice(behind, len(value)))
    return SourceText.concat(parts)
