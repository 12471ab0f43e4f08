"""Wheel facts: which releases, wheels and dependencies distributions have on the Python index, as of a day.

One file of ``rules/wheels/`` per distribution, written by ``alpine-doctor rules refresh``. Tags are compressed tag sets
as in wheel names (``cp311-cp311-musllinux_1_2_x86_64``); those of other systems than Linux are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Raw, Struct
from msgspec.json import decode

from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.model import Entry, Text, Texts
from dockerlint_alpine.knowledge.schema import read
from dockerlint_alpine.python.model import Packaged, Release, Releases
from dockerlint_alpine.python.verdict import merged, newest_first
from dockerlint_alpine.python.versions import sort_versions

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge.locks import LockRecord


class WheelRecord(Struct, frozen=True):
    """The facts on one distribution; ``as_of`` is the day they were taken, ``requires`` is by version."""

    name: str
    as_of: str
    releases: Releases
    requires: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, raw: Mapping[str, Any], file: str) -> WheelRecord:
        """Read a table of ``rules/wheels/``; raises ``RuleError``."""
        facts = read(_Facts, raw, file)
        wheels, requires = _by_version("wheels", facts.wheels, file), _by_version("requires", facts.requires, file)
        for version in (*wheels, *requires):
            if version not in facts.release:
                raise RuleError(file, "release", f"{version!r} has wheels or requirements but no entry")
        releases = newest_first(
            Release(version, one.uploaded or None, one.yanked, one.python or None, wheels.get(version, ()), one.sdist)
            for version, one in facts.release.items()
        )
        return cls(facts.name, facts.as_of, Releases([one.version for one in releases], releases.__getitem__), requires)

    @classmethod
    def packed(cls, text: str) -> WheelRecord:
        """Read the JSON of a table that :meth:`parse` has accepted before it was compiled: a run meets thousands of
        releases."""
        raw = decode(text, type=_Packed)
        versions = tuple(raw.release)
        groups = {version: place for place, group in enumerate(raw.wheels) for version in group.versions}
        requires = {version: group.lines for group in raw.requires for version in group.versions}

        @cache
        def tags(group: int | None) -> tuple[str, ...]:
            return () if group is None else decode(raw.wheels[group].tags, type=tuple[str, ...])

        def release(place: int) -> Release:
            version = versions[place]
            one = decode(raw.release[version], type=_Release)
            wheels = tags(groups.get(version))
            return Release(version, one.uploaded or None, one.yanked, one.python or None, wheels, one.sdist)

        return cls(raw.name, raw.as_of, Releases(versions, release), requires)


class _Release(Entry, frozen=True):
    uploaded: str | None = None
    yanked: bool = False
    python: str | None = None
    sdist: bool = True


class _Group(Entry, frozen=True):
    """What several versions share: ``tags`` of wheels, or ``lines`` of requirements."""

    versions: Texts = ()
    tags: Texts = ()
    lines: Texts = ()


class _Facts(Entry, frozen=True):
    name: Text
    as_of: Text
    release: Mapping[str, _Release] = {}
    wheels: tuple[_Group, ...] = ()
    requires: tuple[_Group, ...] = ()


def _by_version(key: str, groups: Sequence[_Group], file: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for number, group in enumerate(groups):
        for version in group.versions:
            if version in found:
                raise RuleError(file, f"{key}[{number}].versions", f"{version!r} is in two groups")
            found[version] = group.tags or group.lines
    return found


class _PackedWheels(Struct):
    versions: tuple[str, ...]
    tags: Raw


class _PackedLines(Struct):
    versions: tuple[str, ...]
    lines: tuple[str, ...]


class _Packed(Struct, rename="kebab"):
    name: str
    as_of: str
    release: dict[str, Raw]
    wheels: tuple[_PackedWheels, ...] = ()
    requires: tuple[_PackedLines, ...] = ()


_MAX_NEAREST = 4096


_NONE = Releases((), [].__getitem__)


class WheelFacts:
    """The wheel facts of all distributions; implements the ``Facts`` protocol of ``dockerlint_alpine.python``.

    ``as_of`` is the oldest day of any record of the rules; ``as_of_name`` tells the day of one.
    """

    def __init__(
        self,
        as_of: str,
        record: Callable[[str], WheelRecord | None],
        packaged: Callable[[str], Packaged | None] = lambda _: None,
        locked: Callable[[str], LockRecord | None] = lambda _: None,
        compiled: Callable[[str, str | None], bool] = lambda _name, _version: False,
    ) -> None:
        self._as_of = as_of
        self._record = record
        self._packaged = packaged
        self._locked = locked
        self._compiled = compiled
        self._releases: dict[str, Releases] = {}
        self._nearest: dict[tuple[str, str], Sequence[str] | None] = {}

    @property
    def as_of(self) -> str:
        """The day of the facts, ``YYYY-MM-DD``."""
        return self._as_of

    def as_of_name(self, name: str) -> str | None:
        """Return the day on which the facts on ``name`` (normalised) were taken, ``None`` if it is unknown."""
        record = self._record(name)
        return record.as_of if record else None

    def releases(self, name: str) -> Releases:
        """Return the known releases of ``name`` (normalised), newest first; empty when the distribution is unknown.

        What was recorded from the index wins over what a lock file lists.
        """
        found = self._releases.get(name)
        if found is None:
            record, locked = self._record(name), self._locked(name)
            found = record.releases if record is not None else _NONE
            if locked is not None:
                there = set(found.versions)
                more = [at for at, version in enumerate(locked.releases.versions) if version not in there]
                if not there:
                    found = locked.releases
                elif more:
                    found = merged(found, [locked.releases[at] for at in more])
            self._releases[name] = found
        return found

    def requires(self, name: str, version: str) -> Sequence[str] | None:
        """Return the PEP 508 requirements of that release, ``None`` if they are not known.

        A version between two recorded ones that require the same is taken to require that too.
        """
        record, locked = self._record(name), self._locked(name)
        found = record.requires.get(version) if record is not None else None
        if found is None and locked is not None:
            found = locked.requires.get(version)
        return found if found is not None or record is None else _between(record, version)

    def nearest_requires(self, name: str, version: str) -> Sequence[str] | None:
        """Return the requirements of the recorded release nearest to ``version`` in the order of releases, if any."""
        key = (name, version)
        if key not in self._nearest:
            if len(self._nearest) >= _MAX_NEAREST:
                self._nearest.clear()
            self._nearest[key] = self._nearest_requires(name, version)
        return self._nearest[key]

    def _nearest_requires(self, name: str, version: str) -> Sequence[str] | None:
        record, locked = self._record(name), self._locked(name)
        requires = {**(locked.requires if locked else {}), **(record.requires if record else {})}
        order = sort_versions({version, *self.releases(name).versions})
        if version not in order:
            return None
        at = order.index(version)
        known = [index for index, other in enumerate(order) if other in requires]
        return requires[order[min(known, key=lambda index: (abs(index - at), -index))]] if known else None

    def pins(self, name: str) -> Sequence[str]:
        """Return the distributions (normalised) of which each release of ``name`` asks for one exact version."""
        locked = self._locked(name)
        return locked.pins if locked is not None else ()

    def compiled(self, name: str, version: str | None) -> bool:
        """Tell whether a rule says how that release of ``name`` (normalised) is compiled; ``None``: the newest."""
        return self._compiled(name, version)

    def packaged(self, name: str) -> Packaged | None:
        """Return the package that shows ``name`` (normalised) to be pure Python, ``None`` where none does."""
        return self._packaged(name)


def _between(record: WheelRecord, version: str) -> tuple[str, ...] | None:
    """Return what the nearest recorded versions above and below require, if they agree; releases are newest first."""
    above = None
    passed = False
    for other in record.releases.versions:
        if other == version:
            passed = True
        found = record.requires.get(other)
        if found is None:
            continue
        if passed:
            return found if found == above else None
        above = found
    return None
