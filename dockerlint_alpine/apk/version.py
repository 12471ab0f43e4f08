"""Alpine package versions, compared the way apk-tools compares them.

The grammar is ``digits{.digits}[letter]{_suffix[digits]}[~hash][-rN]``. apk-tools 2 and 3 agree on every version that
Alpine publishes; they differ on odd ones (leading zeros, ``1.0bc``) and on which side of ``~`` may be the prefix. Both
readings are here: ``dialect=2`` follows src/version.c of apk-tools 2.14, ``dialect=3`` that of apk-tools 3.0.

Apart from a checksum, apk accepts any text as a package's version, so nothing here raises: a text that is no version
compares by the part that is.
"""

from __future__ import annotations

from functools import lru_cache, total_ordering
from typing import Literal, TypeAlias

Dialect: TypeAlias = Literal[2, 3]

EQUAL, LESS, GREATER, FUZZY = 1, 2, 4, 8
"""Results of a comparison, and the bits of a constraint's operator."""
ANY = EQUAL | LESS | GREATER
CHECKSUM = LESS | GREATER

_Steps: TypeAlias = tuple[tuple[int, int], ...]

# What may come next, in the order of apk-tools 2: a later kind sorts lower where two versions differ in kind only.
_INVALID, _DIGIT_OR_ZERO, _DIGIT, _LETTER, _SUFFIX, _SUFFIX_NUMBER, _REVISION, _END = range(-1, 7)
_BEFORE_RELEASE = ("alpha", "beta", "pre", "rc")
_AFTER_RELEASE = ("cvs", "svn", "git", "hg", "p")
_MOST_DIGITS = 18
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")


def _suffix_at(text: str, at: int) -> tuple[int, int] | None:
    """Rank and length of the suffix word that starts at ``at``; ranks below zero sort before the release itself."""
    for rank, word in enumerate(_BEFORE_RELEASE):
        if text.startswith(word, at):
            return rank - len(_BEFORE_RELEASE), len(word)
    for rank, word in enumerate(_AFTER_RELEASE):
        if text.startswith(word, at):
            return rank, len(word)
    return None


def _next_kind(kind: int, text: str, at: int) -> tuple[int, int]:
    """Kind of the token at ``at`` after a token of ``kind``, and where its value starts."""
    found = _INVALID
    char = text[at]
    if kind in (_DIGIT, _DIGIT_OR_ZERO) and char in _LOWER:
        found = _LETTER
    elif kind == _LETTER and char in _DIGITS:
        found = _DIGIT
    elif kind == _SUFFIX and char in _DIGITS:
        found = _SUFFIX_NUMBER
    else:
        if char == ".":
            found = _DIGIT_OR_ZERO
        elif char == "_":
            found = _SUFFIX
        elif text.startswith("-r", at):
            found = _REVISION
            at += 1
        at += 1
    steps_back = ((_DIGIT_OR_ZERO, _DIGIT), (_SUFFIX, _SUFFIX_NUMBER), (_DIGIT, _LETTER))
    if found < kind and (found, kind) not in steps_back:
        found = _INVALID
    return found, at


def _value(kind: int, text: str, at: int) -> tuple[int, int, int | None]:
    """Value of the token of ``kind`` at ``at``, its length, and the next kind where the value itself decides it."""
    end = at
    if kind == _DIGIT_OR_ZERO and text[at] == "0":
        while text.startswith("0", end + 1):
            end += 1
        return at - end, end - at, _DIGIT  # each extra leading zero counts one lower; the last zero stays to be read
    if kind in (_DIGIT_OR_ZERO, _DIGIT, _SUFFIX_NUMBER, _REVISION):
        while end < len(text) and text[end] in _DIGITS:
            end += 1
        if end - at >= _MOST_DIGITS:
            return -1, 0, _INVALID
        return int(text[at:end] or "0"), end - at, None
    if kind == _LETTER:
        return ord(text[at]), 1, None
    if kind == _SUFFIX and (suffix := _suffix_at(text, at)) is not None:
        return suffix[0], suffix[1], None
    return -1, 0, _INVALID


@lru_cache(maxsize=16384)
def _steps(text: str) -> _Steps:
    """The tokens of apk-tools 2: each value with the kind of token that follows it."""
    steps: list[tuple[int, int]] = []
    kind, at = _DIGIT, 0
    while kind not in (_END, _INVALID):
        if at >= len(text):
            steps.append((0, _END))
            break
        value, length, decided = _value(kind, text, at)
        at += length
        if decided == _INVALID:
            kind = _INVALID
        elif at >= len(text):
            kind = _END
        elif decided is not None:
            kind = decided
        else:
            kind, at = _next_kind(kind, text, at)
        steps.append((value, kind))
    return tuple(steps)


def _compare_2(left: str, right: str, *, fuzzy: bool) -> int:
    a, b = _steps(left), _steps(right)
    at = 0
    while True:
        (a_value, a_kind), (b_value, b_kind) = a[at], b[at]
        at += 1
        if a_value != b_value:
            return LESS if a_value < b_value else GREATER
        if a_kind != b_kind:
            break
        if a_kind in (_END, _INVALID):
            return EQUAL
    if fuzzy:
        return EQUAL
    # Equal so far and one of them goes on: the longer one is greater unless it goes on with a pre-release suffix.
    if a_kind == _SUFFIX and a[at][0] < 0:
        return LESS
    if b_kind == _SUFFIX and b[at][0] < 0:
        return GREATER
    return LESS if a_kind > b_kind else GREATER


_RANKS_3 = {"alpha": 1, "beta": 2, "pre": 3, "rc": 4, "cvs": 6, "svn": 7, "git": 8, "hg": 9, "p": 10}
_RELEASE_RANK_3 = 5
_FIRST_3, _DIGIT_3, _LETTER_3, _SUFFIX_3, _SUFFIX_NUMBER_3, _HASH_3, _REVISION_3, _END_3, _INVALID_3 = range(9)
_HEX = frozenset("0123456789abcdef")


def _run(text: str, at: int, allowed: frozenset[str]) -> int:
    """End of the run of ``allowed`` characters that starts at ``at``."""
    while at < len(text) and text[at] in allowed:
        at += 1
    return at


def _token_3(kind: int, text: str, at: int) -> tuple[int, str, int]:
    """The token at ``at`` after one of ``kind``: its kind, its text and where it ends."""
    if at >= len(text):
        return _END_3, "", at
    char = text[at]
    invalid = (_INVALID_3, "", at)
    if char in _LOWER:
        return (_LETTER_3, char, at + 1) if kind <= _DIGIT_3 else invalid
    if char == "." or char in _DIGITS:
        if char == "." and kind > _DIGIT_3:
            return invalid
        start = at + (char == ".")
        end = _run(text, start, _DIGITS)
        found = {_FIRST_3: _DIGIT_3, _DIGIT_3: _DIGIT_3, _SUFFIX_3: _SUFFIX_NUMBER_3}.get(kind, _INVALID_3)
        return (found, text[start:end], end) if end > start else invalid
    if char == "_":
        end = _run(text, at + 1, _LOWER)
        word = text[at + 1 : end]
        return (_SUFFIX_3, word, end) if kind <= _SUFFIX_NUMBER_3 and word in _RANKS_3 else invalid
    if char == "~":
        end = _run(text, at + 1, _HEX)
        return (_HASH_3, text[at + 1 : end], end) if kind < _HASH_3 and end > at + 1 else invalid
    if text.startswith("-r", at):
        end = _run(text, at + 2, _DIGITS)
        return (_REVISION_3, text[at + 2 : end], end) if kind < _REVISION_3 and end > at + 2 else invalid
    return invalid


@lru_cache(maxsize=4096)
def _tokens_3(text: str) -> tuple[tuple[int, str], ...]:
    """The tokens of apk-tools 3; the last one is an end or an invalid token."""
    at = _run(text, 0, _DIGITS)
    tokens = [(_FIRST_3 if at else _INVALID_3, text[:at])]
    while tokens[-1][0] < _END_3:
        kind, value, at = _token_3(tokens[-1][0], text, at)
        tokens.append((kind, value))
    return tuple(tokens)


def _order(left: object, right: object) -> int:
    return EQUAL if left == right else LESS if left < right else GREATER  # type: ignore[operator]


def _compare_values_3(kind: int, left: str, right: str) -> int:
    if kind == _SUFFIX_3:
        return _order(_RANKS_3[left], _RANKS_3[right])
    if kind in (_LETTER_3, _HASH_3) or (kind == _DIGIT_3 and (left[0] == "0" or right[0] == "0")):
        return _order(left, right)
    return _order(int(left), int(right))


def _compare_3(left: str, right: str, *, fuzzy: bool) -> int:
    for (a_kind, a_value), (b_kind, b_value) in zip(_tokens_3(left), _tokens_3(right), strict=False):
        if a_kind != b_kind:
            break
        if a_kind >= _END_3:
            return EQUAL
        result = _compare_values_3(a_kind, a_value, b_value)
        if result != EQUAL:
            return result
    if b_kind == _END_3 and fuzzy:
        return EQUAL
    if a_kind == _SUFFIX_3 and _RANKS_3[a_value] < _RELEASE_RANK_3:
        return LESS
    if b_kind == _SUFFIX_3 and _RANKS_3[b_value] < _RELEASE_RANK_3:
        return GREATER
    return LESS if a_kind > b_kind else GREATER


def compare(left: str, right: str, *, fuzzy: bool = False, dialect: Dialect = 2) -> int:
    """``LESS``, ``EQUAL`` or ``GREATER`` as apk-tools would say of ``left`` against ``right``.

    ``fuzzy`` is the comparison behind ``~``: a version equals its own prefix (in dialect 3 only ``right`` may be the
    prefix, in dialect 2 either side).
    """
    if left == right and dialect == 2:
        return EQUAL
    return (_compare_2 if dialect == 2 else _compare_3)(left, right, fuzzy=fuzzy)


def is_valid(text: str, *, dialect: Dialect = 2) -> bool:
    """True where apk-tools accepts ``text`` as a version in a constraint."""
    if dialect == 2:
        return not text or _steps(text)[-1][1] == _END
    return _tokens_3(text)[-1][0] == _END_3


@total_ordering
class Version:
    """A package version that sorts as apk-tools 2.14 sorts it (equal versions may be written differently)."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and compare(self.text, other.text) == EQUAL

    def __lt__(self, other: Version) -> bool:
        return compare(self.text, other.text) == LESS

    def __hash__(self) -> int:
        return hash(_steps(self.text))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"
