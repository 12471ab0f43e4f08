"""Facts on releases out of public lock files (``rules/locks.jsonl.gz``): what they list of thousands of distributions.

The file's first line is a table of what many lines share (compressed tag sets, sources, ``Requires-Python``); then comes
one line for each distribution. In the compiled rules a distribution is one row, and tag sets are rows of their own: a
run reads what it asks for.

A row has what requirements there are, what is the same for many releases, the pins, and then versions, newest first, each
with the number of what it shares and its day: a run sorts nothing.

Only a Poetry lock lists all files of a release. The others leave wheels out that their project can't use: such a release is
``partial``, so what it has is a fact, and what it lacks is not.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode

from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.python.model import Release, Releases
from dockerlint_alpine.python.versions import sort_versions
from dockerlint_alpine.system.patterns import lazy_pattern

FILE = "locks.jsonl.gz"
"""The name of the file in ``rules/``."""
_COMMON, _WINDOW = 1500, 32768
_FIRST_DAY = date(2000, 1, 1)
_PIN = lazy_pattern(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)")
_LOCAL = lazy_pattern(r"-linux_(?!armv[67]l)")
"""What PyPI takes no wheels for (warehouse, forklift/legacy.py: plain linux_* for armv6l and armv7l alone): a set with one
is of another index, and tells nothing of PyPI's files."""
_PARTIAL = 1
_SDIST = (False, True, True)
"""By the number in a group; the last is "not told": what has no wheel that fits is an sdist then, if it is anything."""


class LockRecord(Struct, frozen=True):
    """What locks say of one distribution: releases, newest first, requirements by version, and the distributions
    (normalised) of which each release asks for one exact version."""

    releases: Releases
    requires: Mapping[str, tuple[str, ...]]
    pins: tuple[str, ...]


def read_locks(path: Path, known: Callable[[str, str], bool]) -> tuple[list[str], Iterator[tuple[str, str]]]:
    """The tag sets of ``path``, as texts in order, and name and packed row of each distribution.

    Releases that ``known`` (name, version) knows in full are left out: what was taken from the index itself wins.
    Raises ``RuleError`` for a malformed file.
    """
    import gzip  # for the build alone

    lines = iter(gzip.decompress(path.read_bytes()).decode("utf-8").splitlines())
    try:
        head = decode(next(lines))
        tags = [" ".join(one) for one in head["tags"]]
        pins: dict[str, list[str]] = {}
        for parent, child in (pair.split() for pair in head["pins"]):
            pins.setdefault(parent, []).append(child)
        return tags, _rows(lines, head, pins, known)
    except (StopIteration, MsgspecError, ValueError, KeyError, TypeError) as error:
        raise RuleError(f"rules/{FILE}", "", f"malformed: {error}") from error


def _rows(
    lines: Iterator[str], head: Mapping[str, Any], pins: Mapping[str, Sequence[str]], known: Callable[[str, str], bool]
) -> Iterator[tuple[str, str]]:
    collected = head["collected"]
    elsewhere = {number for number, one in enumerate(head["tags"]) if any(_LOCAL.search(tag) for tag in one)}
    for line in lines:
        name, requires, groups = decode(line)
        wrong = {number for number, one in enumerate(requires) if _contradicts_itself(one)}
        unasked = _none_where_all_others_have(requires, groups)
        found: dict[str, tuple[list[Any], int]] = {}
        for tags, sdist, python, needs, source, flags, versions, days in groups:
            listed = versions.split()
            for version, day in zip(listed, days or [0] * len(listed), strict=True):
                if not known(name, version):
                    shown = f"{head['sources'][source]}, {collected}"
                    no_wheel = tags is not None and not head["tags"][tags] and not flags & _PARTIAL
                    asks = None if needs in wrong or (no_wheel and needs == unasked) else needs
                    files = None if tags in elsewhere else tags
                    shared = [files, sdist, None if python is None else head["pythons"][python], asks, shown, flags]
                    found[version] = shared, day
        if found:
            row = [requires, *_in_order(found), pins.get(name, [])]
            yield name, encode(row).decode()


def _none_where_all_others_have(requires: Sequence[Sequence[str]], groups: Sequence[Sequence[Any]]) -> int | None:
    """The number of the empty list, where each other list of a distribution has something that is always required: of a
    release without a wheel it tells that whoever wrote the lock could not find out (ansible 2.7.18)."""
    used = {group[3] for group in groups if group[3] is not None}
    empty = next((number for number in used if not requires[number]), None)
    others = [requires[number] for number in used if number != empty]
    return empty if others and all(any("extra ==" not in text for text in one) for one in others) else None


def _contradicts_itself(requires: Sequence[str]) -> bool:
    """Tell whether one distribution is asked for in two versions: what was put together from two locks is no release's."""
    pins = dict.fromkeys(pin.group("name", "version") for text in requires if (pin := _PIN.fullmatch(text)) is not None)
    return len({name for name, _ in pins}) < len(pins)


def _in_order(found: Mapping[str, tuple[list[Any], int]]) -> tuple[list[Any], str, list[int], list[int]]:
    """What releases share, each once, and the versions, newest first, with the number of that and the day of each."""
    order = sort_versions(found)
    floor = None
    numbers: dict[tuple[Any, ...], int] = {}
    at = []
    for version in order:
        tags, sdist, python, needs, shown, flags = found[version][0]
        if flags & _PARTIAL and python is None:
            python = floor  # as in uv's locks; a release does not admit Pythons again that one before it dropped
        floor = python or floor
        at.append(numbers.setdefault((tags, sdist, python, needs, shown, flags), len(numbers)))
    return list(numbers), " ".join(order[::-1]), at[::-1], [found[version][1] for version in order[::-1]]


def dictionary(rows: Sequence[tuple[str, str]]) -> bytes:
    """What many rows have in common, for zlib: short texts pack badly alone."""
    counts: Counter[str] = Counter()
    for _, row in rows:
        lists, shared, *_ = decode(row)
        counts.update({text for listed in lists for text in listed})
        counts.update({facts[4] for facts in shared})
    common = [encode(text).decode() for text, _ in counts.most_common(_COMMON)]
    return ",".join(reversed(common)).encode()[-_WINDOW:]


def packed(row: str, shared: bytes) -> bytes:
    """A row as it is kept, packed with what :func:`dictionary` gave."""
    work = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, shared)
    return work.compress(row.encode()) + work.flush()


def unpacked(data: bytes, shared: bytes, tags_of: Callable[[int], tuple[str, ...]]) -> LockRecord:
    """The record that :func:`packed` made of a row; ``tags_of`` gives a tag set by its number."""
    lists, groups, listed, at, days, pins = decode(zlib.decompressobj(-15, shared).decompress(data))
    versions = tuple(listed.split())

    def release(place: int) -> Release:
        tags, sdist, python, _, source, flags = groups[at[place]]
        return Release(
            versions[place],
            upload_date=(_FIRST_DAY + timedelta(days=days[place])).isoformat() if days[place] else None,
            requires_python=python,
            wheels=tags_of(tags) if tags is not None else (),
            sdist=_SDIST[sdist],
            partial=bool(flags & _PARTIAL),
            wheels_known=tags is not None,
            source=source,
        )

    lines = [None if group[3] is None else tuple(lists[group[3]]) for group in groups]
    requires = {
        version: found for version, number in zip(versions, at, strict=True) if (found := lines[number]) is not None
    }
    return LockRecord(Releases(versions, release), requires, tuple(pins))
