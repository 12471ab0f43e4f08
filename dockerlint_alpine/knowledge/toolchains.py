"""The tool versions that distributions require to be compiled, and those that each Alpine release has.

The facts are in ``rules/toolchains.toml``. A tool is the release's own (Rust, CMake, GCC), the Python that is compiled for,
or one that a build takes from the Python index (Cython, setuptools, numpy): of that it gets the newest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.model import Day, Entry, Evidence, Text, Version, covers
from dockerlint_alpine.knowledge.schema import read

if TYPE_CHECKING:
    from dockerlint_alpine.apk import Package

Tool: TypeAlias = Literal["rust", "cmake", "gcc", "python", "cython", "setuptools", "numpy"]
Bound: TypeAlias = Literal["least", "before", "most"]

DOCUMENT = "toolchains"
FILE = "rules/toolchains.toml"
PACKAGES: Mapping[str, str] = {"rust": "rust", "cmake": "cmake", "gcc": "gcc", "python": "python3"}
"""The packages of Alpine that hold the release's own tools."""

TITLES: Mapping[Tool, str] = {
    "rust": "Rust",
    "cmake": "CMake",
    "gcc": "GCC",
    "python": "Python",
    "cython": "Cython",
    "setuptools": "setuptools",
    "numpy": "numpy",
}
"""The tools as sentences name them."""

_BOUNDS: Mapping[str, tuple[Tool, Bound]] = {
    "rust": ("rust", "least"),
    "cmake": ("cmake", "least"),
    "cmake-before": ("cmake", "before"),
    "gcc": ("gcc", "least"),
    "gcc-before": ("gcc", "before"),
    "python": ("python", "most"),
    "cython-before": ("cython", "before"),
    "setuptools-before": ("setuptools", "before"),
    "numpy-before": ("numpy", "before"),
}


class Demand(Struct, frozen=True):
    """What the versions in ``versions`` ask for: a ``tool`` of at ``least`` this version, ``before`` it, or at ``most``."""

    versions: str
    tool: Tool
    bound: Bound
    version: str
    evidence: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is asked for: ``GCC before 15``, ``Rust 1.83 or newer``, ``Python up to 3.12``."""
        name = TITLES[self.tool]
        if self.bound == "least":
            return f"{name} {self.version} or newer"
        return f"{name} {'before' if self.bound == 'before' else 'up to'} {self.version}"

    def covers(self, version: str | None) -> bool:
        """True for a known version of the range."""
        return version is not None and covers(self.versions, version)


class Toolchains:
    """The table: versions of the tools by release, and what distributions ask for."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.releases: Mapping[str, Mapping[str, str]] = document.get("releases", {})
        self._from_index: Mapping[str, Mapping[str, str]] = document.get("from-index", {})
        self._since: Mapping[str, Mapping[str, str]] = document.get("since", {})
        self._demands: Mapping[str, Sequence[Mapping[str, Any]]] = document.get("distributions", {})

    def version(self, tool: str, release: str | None) -> str | None:
        """The version of a tool in a release."""
        return self.releases.get(release or "", {}).get(tool)

    def at_most(self, tool: str, release: str) -> str | None:
        """The version of a tool in the first recorded release after one that is not recorded: tools only grow."""
        later = [one for one, has in self.releases.items() if tool in has and release_key(one) > release_key(release)]
        return self.version(tool, min(later, key=release_key, default=None))

    def reached(self, tool: str, version: str, python: str, day: str | None = None) -> bool:
        """True where the newest release of a tool on the index that takes this Python (``X.Y``) is ``version`` or later, on
        this ``day`` (``YYYY-MM-DD``; ``None`` is today)."""
        least = self._from_index.get(tool, {}).get(version)
        there = day is None or day >= self._since.get(tool, {}).get(version, day)
        return least is not None and there and not older(python, least)

    def demands(self, name: str) -> Iterator[Demand]:
        """What the versions of a distribution ask for, as far as it is recorded."""
        for raw in self._demands.get(name, ()):
            for key, (tool, bound) in _BOUNDS.items():
                if key in raw:
                    yield Demand(raw["versions"], tool, bound, raw[key], tuple(raw.get("evidence", ())))

    def names(self) -> tuple[str, ...]:
        """The distributions of which something is recorded."""
        return tuple(self._demands)

    def first_with(self, tool: str, version: str, *, after: str) -> str | None:
        """The first release after another one whose tool is at least so new."""
        later = sorted((one for one in self.releases if release_key(one) > release_key(after)), key=release_key)
        fit = (one for one in later if tool in self.releases[one] and not older(self.releases[one][tool], version))
        return next(fit, None)

    def last_before(self, tool: str, version: str, *, before: str) -> str | None:
        """The last release before another one whose tool is older than that."""
        sooner = (one for one in self.releases if release_key(one) < release_key(before))
        fit = (one for one in sooner if tool in self.releases[one] and older(self.releases[one][tool], version))
        return max(fit, key=release_key, default=None)


def older(version: str, other: str) -> bool:
    """Whether one version of a tool comes before another; ``1.75`` and ``1.75.0`` are the same."""
    return _numbers(version) < _numbers(other)


def _numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


class _Asked(Entry, frozen=True):
    versions: Text
    evidence: Evidence
    rust: Version | None = None
    cmake: Version | None = None
    cmake_before: Version | None = None
    gcc: Version | None = None
    gcc_before: Version | None = None
    python: Version | None = None
    cython_before: Version | None = None
    setuptools_before: Version | None = None
    numpy_before: Version | None = None


class _Document(Entry, frozen=True):
    releases: Mapping[str, Mapping[str, Version]] = {}
    from_index: Mapping[str, Mapping[Version, Version]] = {}
    since: Mapping[str, Mapping[str, Day]] = {}
    distributions: Mapping[str, tuple[_Asked, ...]] = {}


def check(document: Mapping[str, Any]) -> None:
    """Raise ``RuleError`` for the first thing in ``toolchains.toml`` that is no fact of this table."""
    told = read(_Document, document, FILE)
    for release, tools in told.releases.items():
        if tools.keys() != PACKAGES.keys():
            raise RuleError(FILE, f"releases.{release}", f"must have {', '.join(PACKAGES)}")
    for tool in told.from_index:
        if tool not in get_args(Tool) or tool in PACKAGES:
            raise RuleError(FILE, f"from-index.{tool}", "is not a tool that a build takes from the index")
    for tool, days in told.since.items():
        for version in days.keys() - told.from_index.get(tool, {}).keys():
            raise RuleError(FILE, f"since.{tool}.{version}", "is not a version that from-index names")
    for name, demands in told.distributions.items():
        if canonicalize_name(name) != name:
            raise RuleError(FILE, f"distributions.{name}", "is not a normalised name")
        for number, one in enumerate(demands):
            _check_demand(one, name, f"distributions.{name}[{number}]", told.from_index)


def _check_demand(one: _Asked, name: str, place: str, from_index: Mapping[str, Mapping[str, str]]) -> None:
    try:
        SpecifierSet(one.versions)
    except InvalidSpecifier as error:
        raise RuleError(FILE, f"{place}.versions", str(error)) from None
    given = {key: found for key in _BOUNDS if (found := getattr(one, key.replace("-", "_")))}
    if len(given) != 1:
        asked = " and ".join(given) or "nothing"
        raise RuleError(FILE, place, f"asks for {asked}: one of {', '.join(_BOUNDS)}")
    ((key, version),) = given.items()
    tool = _BOUNDS[key][0]
    if tool not in PACKAGES and version not in from_index.get(tool, {}):
        raise RuleError(FILE, f"{place}.{key}", f"from-index.{tool} does not say which Python {tool} {version} needs")
    if not all(name in canonicalize_name(fact) for fact in one.evidence):
        raise RuleError(FILE, f"{place}.evidence", f"says nothing of {name}")


def disagrees(recorded: str, package: Package) -> bool:
    """Whether a release's own package of a tool is of another version than the table has it."""
    parts = recorded.split(".")
    return package.version.split("-r")[0].split(".")[: len(parts)] != parts
