"""PEP 440 versions and specifiers.

``packaging`` decides. Importing ``packaging.specifiers`` costs about 15 ms of a run that is aimed at 100 ms, so the
majority (``1.2.3`` and ``1.2.post1`` against ``>=1.2,<2``) is compared here as tuples of numbers; whatever is spelled
otherwise goes to ``packaging``. The tests hold both to the same answers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dockerlint_alpine.python.model import PythonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

Numbers: TypeAlias = tuple[int, ...]
_Key: TypeAlias = tuple[Numbers, tuple[int, int, int, int]]
_Test: TypeAlias = "Callable[[_Key], bool]"

_CANONICAL = re.compile(r"([0-9]+(?:\.[0-9]+)*)(?:(a|b|rc)([0-9]+))?(?:\.post([0-9]+))?(?:\.dev([0-9]+))?")
_PRE_CLAUSE = re.compile(r"(==|!=|<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)*(?:a|b|rc)[0-9]*)")
_NEVER = 1 << 62
_FINAL = (3, 0, -1, _NEVER)
_CLAUSE = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?")
_PRE = re.compile(r"(?<=[0-9])[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview|dev)(?![a-z])", re.IGNORECASE)


class InvalidSpecifierError(PythonError):
    """The text is no PEP 440 specifier."""


@lru_cache(maxsize=65536)
def _key(version: str) -> _Key | None:
    """Return what sorts a version in canonical spelling as PEP 440 does, ``None`` for any other text.

    The release numbers without trailing zeros, then: which pre-release (-1 a mere development release, 3 none), its
    number, the post-release (-1 none), and the development release.
    """
    match = _CANONICAL.fullmatch(version)
    if match is None:
        return None
    release, phase, number, post, dev = match.groups()
    numbers = [int(part) for part in release.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    if match.end(1) == len(version):
        return tuple(numbers), _FINAL
    rank = ("a", "b", "rc").index(phase) if phase else -1 if dev and not post else 3
    return tuple(numbers), (rank, int(number or 0), int(post) if post else -1, int(dev) if dev else _NEVER)


@lru_cache(maxsize=4096)
def _version(text: str) -> Version | None:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return None


def is_pre_release(version: str) -> bool:
    """Tell whether a version is a pre-release or a development release."""
    key = _key(version)
    if key is not None:
        return key[1][0] < _FINAL[0] or key[1][3] != _NEVER
    return _PRE.search(version.partition("+")[0]) is not None


def sort_versions(versions: Iterable[str]) -> list[str]:
    """Return the valid versions among ``versions``, lowest first. Legacy versions are left out, as pip >= 24.1 does."""
    keys = {text: _key(text) for text in versions}
    plain = {text: key for text, key in keys.items() if key is not None}
    if len(plain) == len(keys):
        return sorted(plain, key=plain.__getitem__)
    parsed = {text: version for text in keys if (version := _version(text)) is not None}
    return sorted(parsed, key=parsed.__getitem__)


def same_version(left: str, right: str) -> bool:
    """Tell whether two versions are equal (``1.0`` and ``1.0.0`` are)."""
    if left == right:
        return True
    key, other = _key(left), _key(right)
    if key is not None and other is not None:
        return key == other
    first, second = _version(left), _version(right)
    return first is not None and first == second


def _prefix(numbers: Numbers, version: Numbers) -> bool:
    padded = version + (0,) * (len(numbers) - len(version))
    return padded[: len(numbers)] == numbers


def _clause(operator: str, text: str, *, wildcard: bool) -> _Test | None:
    """Return the test of one clause that names a final release; ``None`` where PEP 440 forbids the combination.

    ``<`` and ``>`` look at the release numbers alone: ``<2`` leaves out ``2rc1``, and ``>2`` leaves out ``2.post1``.
    """
    exact = _key(text)
    assert exact is not None
    written = tuple(int(part) for part in text.split("."))
    if wildcard:
        if operator == "==":
            return lambda version: _prefix(written, version[0])
        return (lambda version: not _prefix(written, version[0])) if operator == "!=" else None
    if operator == "~=":
        if len(written) < 2:
            return None
        return lambda version: version >= exact and _prefix(written[:-1], version[0])
    tests: dict[str, _Test] = {
        "==": lambda version: version == exact,
        "!=": lambda version: version != exact,
        "<=": lambda version: version <= exact,
        ">=": lambda version: version >= exact,
        "<": lambda version: version[0] < exact[0],
        ">": lambda version: version[0] > exact[0],
    }
    return tests[operator]


class Specifiers:
    """A PEP 440 specifier set: which versions it admits and whether it pins one."""

    __slots__ = ("_packaging", "_tests", "text")

    def __init__(self, text: str) -> None:
        """Take PEP 440 text; raises ``InvalidSpecifierError`` where ``packaging`` refuses it."""
        self.text = text
        self._packaging: SpecifierSet | None = None
        self._tests: tuple[_Test, ...] | None = self._plain_tests()
        if self._tests is None:
            self._full()

    def _plain_tests(self) -> tuple[_Test, ...] | None:
        tests: list[_Test] = []
        for part in self.text.split(","):
            clause = part.strip()
            if not clause:
                continue
            match = _CLAUSE.fullmatch(clause)
            test = _clause(match[1], match[2], wildcard=bool(match[3])) if match else None
            if test is None:
                return None
            tests.append(test)
        return tuple(tests)

    def _full(self) -> SpecifierSet:
        if self._packaging is None:
            from packaging.specifiers import InvalidSpecifier, SpecifierSet

            try:
                self._packaging = SpecifierSet(self.text)
            except InvalidSpecifier as error:
                raise InvalidSpecifierError(str(error)) from None
        return self._packaging

    @property
    def pinned(self) -> bool:
        """Whether a clause pins a version with ``==`` (no wildcard) or ``===``, as pip's ``is_pinned`` asks."""
        return self.pin is not None

    @property
    def pin(self) -> str | None:
        """The version that a ``==`` or ``===`` clause names, if one does."""
        for part in self.text.split(","):
            clause = part.strip()
            if clause.startswith("==") and not clause.endswith(".*"):
                return clause.lstrip("=").strip()
        return None

    def contains(self, version: str) -> bool:
        """Tell whether ``version`` is admitted, pre-releases included. An invalid version is not."""
        key = _key(version) if self._tests is not None else None
        if key is not None and self._tests is not None:
            return all(test(key) for test in self._tests)
        if _version(version) is None:
            return "===" in self.text and self._full().contains(version, prereleases=True)
        return self._full().contains(version, prereleases=True)

    @property
    def names_pre_release(self) -> bool:
        """Whether a clause names a pre-release, so that pre-releases are candidates."""
        return self._tests is None and bool(self._full().prereleases)

    def filter(self, versions: Sequence[str], *, pre: bool) -> list[str]:
        """Return the admitted versions as pip filters candidates.

        Pre-releases are kept if ``pre``, if a clause names one, or if nothing else is admitted.
        """
        if self._tests is None:
            return [str(item) for item in self._full().filter(versions, prereleases=True if pre else None)]
        finals = [text for text in versions if not is_pre_release(text) and self.contains(text)]
        if finals and not pre:
            return finals
        kept = set(finals)
        kept.update(text for text in versions if text not in kept and is_pre_release(text) and self.contains(text))
        return [text for text in versions if text in kept]


@lru_cache(maxsize=8192)
def specifiers(text: str) -> Specifiers:
    """Return the (cached) specifier set of PEP 440 text; raises ``InvalidSpecifierError``."""
    return Specifiers(text)


def clean_specifier(text: str) -> str | None:
    """Return valid specifier text without blanks, ``None`` if ``packaging`` has to read it."""
    clauses = []
    for part in text.split(","):
        match = _PRE_CLAUSE.fullmatch(part.strip())
        if match is None:
            match = _CLAUSE.fullmatch(part.strip())
            if match is None or _clause(match[1], match[2], wildcard=bool(match[3])) is None:
                return None
        clauses.append("".join(group or "" for group in match.groups()))
    return ",".join(clauses)
