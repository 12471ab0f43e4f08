"""Facts on releases out of public lock files (``rules/locks.jsonl.gz``): what they list of thousands of distributions.

The file's first line is a table of what many lines share (compressed tag sets, sources, ``Requires-Python``); then comes
one line for each distribution. In the compiled rules a distribution is one row, and tag sets are rows of their own: a
run reads what it asks for.

Only a Poetry lock lists all files of a release. The others leave wheels out that their project can't use: such a release is
``partial``, so what it has is a fact, and what it lacks is not.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.python.model import Release
from dockerlint_alpine.python.versions import sort_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

FILE = "locks.jsonl.gz"
"""The name of the file in ``rules/``."""
_COMMON, _WINDOW = 1500, 32768
_FIRST_DAY = date(2000, 1, 1)
_PARTIAL = 1
_SDIST = (False, True, True)
"""By the number in a group; the last is "not told": what has no wheel that fits is an sdist then, if it is anything."""


class LockRecord(Struct, frozen=True):
    """What locks say of one distribution: releases, newest first, requirements by version, and the distributions
    (normalised) of which each release asks for one exact version."""

    releases: tuple[Release, ...]
    requires: Mapping[str, tuple[str, ...]]
    pins: tuple[str, ...]


def read_locks(path: Path, known: Callable[[str, str], bool]) -> tuple[list[str], Iterator[tuple[str, str]]]:
    """The tag sets of ``path``, as texts in order, and name and packed row of each distribution.

    Releases that ``known`` (name, version) knows in full are left out: what was taken from the index itself wins.
    Raises ``RuleError`` for a malformed file.
    """
    lines = iter(gzip.decompress(path.read_bytes()).decode("utf-8").splitlines())
    try:
        head = json.loads(next(lines))
        tags = [" ".join(one) for one in head["tags"]]
        pins: dict[str, list[str]] = {}
        for parent, child in (pair.split() for pair in head["pins"]):
            pins.setdefault(parent, []).append(child)
        return tags, _rows(lines, head, pins, known)
    except (StopIteration, ValueError, KeyError, TypeError) as error:
        raise RuleError(f"rules/{FILE}", "", f"malformed: {error}") from error


def _rows(
    lines: Iterator[str], head: Mapping[str, Any], pins: Mapping[str, Sequence[str]], known: Callable[[str, str], bool]
) -> Iterator[tuple[str, str]]:
    collected = head["collected"]
    for line in lines:
        name, requires, groups = json.loads(line)
        kept = []
        for tags, sdist, python, needs, source, flags, versions, days in groups:
            every = list(zip(versions.split(), days or [0] * len(versions.split()), strict=True))
            left = [(version, day) for version, day in every if not known(name, version)]
            if left:
                shown = f"{head['sources'][source]}, {collected}"
                facts = (tags, sdist, None if python is None else head["pythons"][python], needs, shown, flags)
                kept.append([*facts, " ".join(version for version, _ in left), [day for _, day in left if any(days)]])
        if kept:
            row = [requires, kept, pins.get(name, [])]
            yield name, json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def dictionary(rows: Sequence[tuple[str, str]]) -> bytes:
    """What many rows have in common, for zlib: short texts pack badly alone."""
    counts: Counter[str] = Counter()
    for _, row in rows:
        lists, groups, _ = json.loads(row)
        counts.update({text for listed in lists for text in listed})
        counts.update({group[4] for group in groups})
    common = [json.dumps(text, ensure_ascii=False) for text, _ in counts.most_common(_COMMON)]
    return ",".join(reversed(common)).encode()[-_WINDOW:]


def packed(row: str, shared: bytes) -> bytes:
    """A row as it is kept, packed with what :func:`dictionary` gave."""
    work = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, shared)
    return work.compress(row.encode()) + work.flush()


def unpacked(data: bytes, shared: bytes, tags_of: Callable[[int], tuple[str, ...]]) -> LockRecord:
    """The record that :func:`packed` made of a row; ``tags_of`` gives a tag set by its number."""
    lists, groups, pins = json.loads(zlib.decompressobj(-15, shared).decompress(data))
    releases: dict[str, Release] = {}
    requires: dict[str, tuple[str, ...]] = {}
    for tags, sdist, python, needs, source, flags, versions, days in groups:
        wheels = tags_of(tags) if tags is not None else ()
        for at, version in enumerate(versions.split()):
            day = days[at] if days else 0
            releases[version] = Release(
                version,
                upload_date=(_FIRST_DAY + timedelta(days=day)).isoformat() if day else None,
                requires_python=python,
                wheels=wheels,
                sdist=_SDIST[sdist],
                partial=bool(flags & _PARTIAL),
                wheels_known=tags is not None,
                source=source,
            )
            if needs is not None:
                requires[version] = tuple(lists[needs])
    ordered = sort_versions(releases)
    floor = None
    for version in ordered:
        release = releases[version]
        if release.partial and release.requires_python is None and floor is not None:
            # uv's locks have none; a release does not admit Pythons again that one before it has dropped.
            releases[version] = replace(release, requires_python=floor)
        else:
            floor = release.requires_python or floor
    return LockRecord(tuple(releases[version] for version in reversed(ordered)), requires, tuple(pins))
