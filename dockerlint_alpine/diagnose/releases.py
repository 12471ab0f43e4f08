"""Which Alpine release answers, and how that was found out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from dockerlint_alpine.apk import Index, IndexStore, Package, UnknownReleaseError, compare
from dockerlint_alpine.apk.version import LESS
from dockerlint_alpine.diagnose.errors import DiagnoseError

ARCH = "x86_64"


class Releases(Struct, dict=True):
    """The index of the release that answers, and those of the others.

    ``known`` is false where nobody said which release the log is from; then the newest with an index answers.
    ``exact`` is false where another release stands in for the one that was said.
    """

    store: IndexStore
    release: str
    known: bool
    note: str
    arch: str = ARCH
    exact: bool = True

    @classmethod
    def choose(cls, store: IndexStore, wanted: str | None, said_by: str = "", arch: str = ARCH) -> Releases:
        """Return the indexes for the release ``wanted`` (``X.Y``, ``edge`` or ``None``); ``said_by`` names who said so."""
        known = store.releases()
        if not known:
            raise DiagnoseError(
                "no index of Alpine is available: run `python -m dockerlint_alpine.knowledge.data_build`"
            )
        newest = [release for release in known if release != "edge"][-1]
        if wanted is None:
            note = (
                f"The log does not reveal the Alpine release: package names are for {newest}, the newest known here "
                "(--alpine X.Y changes that)."
            )
            return cls(store, newest, known=False, note=note, arch=arch)
        try:
            index = store.open(wanted, arch)
        except UnknownReleaseError:
            near = min(known, key=lambda release: (abs(_minor(release) - _minor(wanted)), release != newest))
            note = f"Alpine {wanted} ({said_by}) has no index here: package names are for {near}, the nearest that has one."
            return cls(store, near, known=True, note=note, arch=arch, exact=False)
        others = dict.fromkeys(s.release for s in index.sources if s.repository == "main" and s.release != wanted)
        note, exact = f"Package names are for Alpine {wanted} ({said_by})", False
        if index.derived is not None:
            note += f" by {index.derived}, as its index is not available"
        elif others:
            note += f"; the index of {', '.join(others)} stands in for its own"
        else:
            exact = True
        return cls(store, wanted, known=True, note=f"{note}.", arch=arch, exact=exact)

    @cached_property
    def index(self) -> Index:
        """The index of the release that answers."""
        return self.store.open(self.release, self.arch)

    @property
    def complete(self) -> bool:
        """Whether a package that the index lacks is lacking for certain: the release is known, and all of its index."""
        return self.known and self.exact and set(self.index.repositories) >= {"main", "community"}

    def own(self, package: Package) -> bool:
        """Whether a package of the index is of the release itself, not of one that stands in for it."""
        return self.exact and any(
            source.repository == package.repository and source.release == self.release for source in self.index.sources
        )

    def others(self) -> Iterator[Index]:
        """The indexes of all other releases, newest first."""
        for release in reversed(self.store.releases()):
            if release != self.release:
                try:
                    yield self.store.open(release, self.arch)
                except UnknownReleaseError:
                    continue

    def first_with(self, name: str, version: str) -> str | None:
        """The oldest release whose package ``name`` is at least ``version``."""
        found = None
        for index in (self.index, *self.others()):
            package = index.package(name)
            if package is not None and compare(package.version, version) != LESS:
                found = min((found or index.release, index.release), key=_minor)
        return found


def _minor(release: str) -> int:
    match = re.match(r"3\.(\d+)$", release)
    return int(match[1]) if match is not None else 10_000
