"""What to write instead of a package name that a release does not have.

First the table of known names, then the package that has a program of this name, then the same name with another version
number, then other distributions' ways of naming, then names that differ by one slip of the fingers. Only the table is ever
certain.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.checks.package_names import PROGRAM, TESTING, KnownName
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.apk import Index

_SHOWN = 3
_NUMBER = lazy_pattern(r"\d+(?:\.\d+)*")
_SIMILAR = 0.84
"""How alike two names must be, by difflib's measure."""
_LONGEST_NAME = 100
"""Nothing is guessed for a longer name: Alpine's longest has about 60 characters, and guesses are made by the letter."""
_LETTERS = string.ascii_lowercase + string.digits + "-+._"
_HABITS = (
    (lazy_pattern(r"python[23]?-(.+)-dev(?:el)?"), ("py3-{}-dev", "py3-{}")),
    (lazy_pattern(r"python[23]?-(.+)"), ("py3-{}",)),
    (lazy_pattern(r"py2?-(.+)"), ("py3-{}",)),
    (lazy_pattern(r"lib(.+?)[\d.]*-dev(?:el)?"), ("lib{}-dev", "{}-dev")),
    (lazy_pattern(r"(.+)-devel"), ("{}-dev", "lib{}-dev")),
    (lazy_pattern(r"(.+)-dev"), ("lib{}-dev",)),
    (lazy_pattern(r"fonts?-(.+)"), ("font-{}", "ttf-{}")),
    (lazy_pattern(r"lib(.+?)[\d.]*(?:-\d+)?"), ("lib{}", "{}-libs", "{}")),
    (lazy_pattern(r"(.+)-libs"), ("lib{}", "{}")),
    (lazy_pattern(r"(.+)"), ("lib{}", "py3-{}", "musl-{}", "{}-tools")),
)
"""How others form names, and what Alpine makes of the same stem."""


class Successors(Struct, frozen=True):
    """``certain`` is the same package under its name in this release; ``shown`` may be what was meant, best first.

    ``known`` is the table's entry that it rests on, ``None`` where the names in the index were all there was to go by.
    """

    certain: str | None
    shown: tuple[str, ...]
    known: KnownName | None


def successors(index: Index, name: str, known: KnownName | None, *, whole: bool) -> Successors:
    """What ``index`` has instead of the package ``name``, which nothing there provides.

    ``known`` is what the table says of the name. ``whole`` is false where a repository is missing or stood in for: then
    a later candidate of the table is not certain, for an earlier one may be in what is missing.
    """
    if known is not None and known.home == TESTING:  # the name is right: only another version may be meant
        return Successors(None, tuple(_there(index, _other_versions(index, name)))[:_SHOWN], known)
    if known is not None:
        same = tuple(_there(index, known.same))
        if same and (whole or same[0] == known.same[0]):
            return Successors(same[0], (), known)
        return Successors(None, (*same, *_there(index, known.instead))[:_SHOWN], known)
    if len(name) > _LONGEST_NAME:
        return Successors(None, (), None)
    program = index.best_name(f"cmd:{name}")
    if program is not None:  # apk add dig
        return Successors(None, (program,), KnownName(name, PROGRAM))
    for candidates in (_other_versions(index, name), _habits(name), _slips(name), _similar(index, name)):
        found = tuple(dict.fromkeys(_there(index, candidates)))[:_SHOWN]
        if found:
            return Successors(None, found, None)
    return Successors(None, (), None)


def capability_elsewhere(index: Index, need: str) -> tuple[str, str] | None:
    """Another version of a ``so:`` name and the package that has it: ``so:libssl.so.3`` for ``so:libssl.so.1.1``."""
    stem, separator, _ = need.partition(".so.")
    if not need.startswith("so:") or not separator:
        return None
    other = next(iter(_other_numbers(index, f"{stem}.so.", need, "")), None)
    return (other, index.providers(other)[0].name) if other is not None else None


def _there(index: Index, candidates: Iterable[str]) -> Iterator[str]:
    """Those of ``candidates`` that something in ``index`` provides, asked for in one go."""
    listed = list(candidates)
    index.catalog.load(listed)
    return (name for name in listed if index.providers(name))


def _other_versions(index: Index, name: str) -> Iterator[str]:
    """``name`` with another version number or without one: ``llvm15-dev`` for ``llvm11-dev``."""
    match = _NUMBER.search(name, pos=1)
    if match is None or name.startswith("py3-"):
        return
    head, tail = name[: match.start()], name[match.end() :]
    yield from _other_numbers(index, head, name, tail)
    yield f"{head.rstrip('-')}{tail}"


def _other_numbers(index: Index, head: str, name: str, tail: str) -> tuple[str, ...]:
    """The names in ``index`` that differ from ``name`` only in the number between ``head`` and ``tail``: the next newer
    one first, then the older ones from the newest down."""

    def number(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text[len(head) : len(text) - len(tail)].split("."))

    shape = re.compile(rf"{re.escape(head)}{_NUMBER.pattern}{re.escape(tail)}")
    if not shape.fullmatch(name):
        return ()
    wanted = number(name)
    others = sorted((other for other in index.names(head) if shape.fullmatch(other) and other != name), key=number)
    newer = [other for other in others if number(other) > wanted]
    return (*newer, *reversed(others[: len(others) - len(newer)]))


def _habits(name: str) -> Iterator[str]:
    """``name`` as Alpine would form it, if it follows the habits of another distribution."""
    for pattern, templates in _HABITS:
        match = pattern.fullmatch(name)
        if match is not None:
            yield from (template.format(match[1]) for template in templates if template.format(match[1]) != name)


def _slips(name: str) -> Iterator[str]:
    """All names one slip away: two letters swapped, one left out, one changed, one too many. Short names have too many
    neighbours to guess."""
    if len(name) < 4:
        return
    splits = [(name[:at], name[at:]) for at in range(len(name) + 1)]
    yield from (f"{left}{right[1]}{right[0]}{right[2:]}" for left, right in splits if len(right) > 1)
    yield from (f"{left}{letter}{right}" for left, right in splits for letter in _LETTERS)
    yield from (f"{left}{right[1:]}" for left, right in splits if right)
    yield from (f"{left}{letter}{right[1:]}" for left, right in splits if right for letter in _LETTERS)


def _similar(index: Index, name: str) -> Iterator[str]:
    """Names that begin alike and are spelled much the same."""
    import difflib

    begin = next((length for prefix, length in (("py3-", 5), ("lib", 4)) if name.startswith(prefix)), 2)
    if len(name) > begin:
        yield from difflib.get_close_matches(name, index.names(name[:begin]), _SHOWN, _SIMILAR)
