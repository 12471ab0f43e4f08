"""What ``rules/package-names.toml`` says about a name unknown to apk: where it is from, and its successors."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from packaging.utils import canonicalize_name

from dockerlint_alpine.apk.releases import release_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.knowledge import Knowledge

DOCUMENT = "package-names"
TESTING = "edge/testing"
"""The home of packages that no release has."""

PROGRAM = "a program"
"""The home of names that packages have for programs only."""

_FROM_TESTING = "only edge/testing has it (apk add --repository=.../edge/testing), which may not fit a release"
_TABLES = ("debian", "fedora", "program", "later")


class KnownName(Struct, frozen=True):
    """A name with a history.

    ``until`` is the last Alpine release (``X.Y``) that had it, ``None`` for a name that comes from elsewhere; then
    ``home`` is who uses it. ``same`` are other names of the same package, ``instead`` what takes its place; the first
    that a release has counts. ``note`` says why there is no successor, or what to know about it. ``also_alpine``: some
    release of Alpine has it, too.
    """

    name: str
    home: str
    until: str | None = None
    same: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    note: str = ""
    also_alpine: bool = False

    def missing_from(self, release: str) -> bool:
        """True when ``release`` (``X.Y`` or ``edge``) certainly has no package of this name, whatever index is at hand."""
        return not self.also_alpine if self.until is None else release_key(release) > release_key(self.until)


class PackageNames:
    """The table, read as a whole: it is asked for only where a name is unknown."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._gone: Mapping[str, Any] = document.get("gone", {}).get("names", {})
        self._others = [document[key] for key in _TABLES if key in document]
        self._testing: str = document.get("testing", {}).get("names", "")
        self._python: Mapping[str, str] = document.get("python", {}).get("names", {})

    @staticmethod
    @lru_cache(maxsize=4)
    def of(knowledge: Knowledge) -> PackageNames:
        """The table of the compiled rules, decoded once for all files; empty where they have none."""
        return PackageNames(knowledge.document(DOCUMENT))

    def find(self, name: str) -> KnownName | None:
        """What is known of ``name``: as one that Alpine had, then of other distributions, then of edge/testing."""
        entry = self._gone.get(name)
        if entry is not None:
            same, instead = tuple(entry.get("same", ())), tuple(entry.get("instead", ()))
            return KnownName(name, "Alpine", entry["until"], same, instead, entry.get("note", ""))
        for table in self._others:
            known = _foreign(name, table)
            if known is not None:
                return known
        if name in self._testing.split():
            return KnownName(name, TESTING, note=_FROM_TESTING, also_alpine=True)
        return None

    def distribution(self, package: str) -> str:
        """The distribution on the Python index that a ``py3-NAME`` or ``py-NAME`` package holds."""
        return self._python.get(package) or canonicalize_name(package.partition("-")[2])


def _foreign(name: str, table: Mapping[str, Any]) -> KnownName | None:
    """``name`` as another distribution, or another release, has it."""
    same, instead = tuple(table.get("same", {}).get(name, ())), tuple(table.get("instead", {}).get(name, ()))
    note = table.get("nothing", {}).get(name, "")
    if not same and not instead and not note:
        return None
    also = table.get("also-alpine", ())
    return KnownName(name, table["from"], None, same, instead, note, also is True or name in also)
