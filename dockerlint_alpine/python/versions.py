"""PEP 440 versions and specifiers as texts: ``packaging`` decides, answers are cached."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from dockerlint_alpine.python.model import PythonError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

MAX_TEXT = 1000
"""Characters of a version or specifier. Whatever is longer was not written by a person; Python refuses to read long
numbers (``sys.get_int_max_str_digits``)."""


class InvalidSpecifierError(PythonError):
    """The text is no PEP 440 specifier."""


@lru_cache(maxsize=65536)
def _version(text: str) -> Version | None:
    if len(text) > MAX_TEXT:
        return None
    try:
        return Version(text)
    except InvalidVersion:
        return None


def is_version(text: str) -> bool:
    """Tell whether a text is a version by PEP 440."""
    return _version(text) is not None


def is_pre_release(version: str) -> bool:
    """Tell whether a version is a pre-release or a development release; an invalid one is neither."""
    parsed = _version(version)
    return parsed is not None and parsed.is_prerelease


def sort_versions(versions: Iterable[str]) -> list[str]:
    """Return the valid versions among ``versions``, lowest first. Legacy versions are left out, as pip >= 24.1 does."""
    parsed = {text: version for text in versions if (version := _version(text)) is not None}
    return sorted(parsed, key=parsed.__getitem__)


def latest_first(versions: Collection[str]) -> list[str]:
    """Return ``versions``, newest first; what is no version by PEP 440 comes last."""
    order = sort_versions(reversed([*versions]))[::-1]
    return [*order, *(one for one in versions if _version(one) is None)]


def place_among(version: str, order: Sequence[str]) -> int:
    """Return where ``version`` goes among versions, newest first; what is no version by PEP 440 comes last."""
    own = _version(version)
    if own is None:
        return len(order)
    return bisect_left(order, True, key=lambda text: (other := _version(text)) is None or other < own)  # noqa: FBT003


def same_version(left: str, right: str) -> bool:
    """Tell whether two versions are equal (``1.0`` and ``1.0.0`` are)."""
    if left == right:
        return True
    first, second = _version(left), _version(right)
    return first is not None and first == second


class Specifiers:
    """A PEP 440 specifier set: which versions it admits and whether it pins one."""

    __slots__ = ("_set", "pin", "text")

    def __init__(self, text: str) -> None:
        """Take PEP 440 text; raises ``InvalidSpecifierError`` where ``packaging`` refuses it."""
        self.text = text
        if len(text) > MAX_TEXT:
            raise InvalidSpecifierError(f"a specifier of {len(text)} characters")
        try:
            self._set = SpecifierSet(text)
        except InvalidSpecifier as error:
            raise InvalidSpecifierError(str(error)) from None
        pins = (one.version for one in self._set if one.operator in {"==", "==="} and not one.version.endswith(".*"))
        self.pin: str | None = next(pins, None)
        """The version that a ``==`` or ``===`` clause names, if one does."""

    @property
    def pinned(self) -> bool:
        """Whether a clause pins a version with ``==`` (no wildcard) or ``===``, as pip's ``is_pinned`` asks."""
        return self.pin is not None

    def contains(self, version: str) -> bool:
        """Tell whether ``version`` is admitted, pre-releases included. An invalid version is not."""
        parsed = _version(version)
        if parsed is None:
            return "===" in self.text and self._set.contains(version, prereleases=True)
        return self._set.contains(parsed, prereleases=True)

    @property
    def names_pre_release(self) -> bool:
        """Whether a clause names a pre-release, so that pre-releases are candidates."""
        return bool(self._set.prereleases)

    def filter(self, versions: Sequence[str], *, pre: bool) -> list[str]:
        """Return the admitted versions as pip filters candidates.

        Pre-releases are kept if ``pre``, if a clause names one, or if nothing else is admitted.
        """
        return list(self._set.filter(versions, prereleases=True if pre else None))


@lru_cache(maxsize=8192)
def specifiers(text: str) -> Specifiers:
    """Return the (cached) specifier set of PEP 440 text; raises ``InvalidSpecifierError``."""
    return Specifiers(text)
