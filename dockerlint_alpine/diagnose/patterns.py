"""The patterns of ``rules/errors.toml``: what a line of a log says, and how it is to be understood.

The schema is described at the top of that file. A line is first searched for the short texts of ``find``, then the
patterns that have one of them are tried in the order of the file; the first that fits takes the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, ValidationError, convert, field

from dockerlint_alpine.diagnose.errors import PatternError
from dockerlint_alpine.diagnose.model import Moment  # noqa: TC001 - msgspec reads the annotations
from dockerlint_alpine.system.patterns import lazy_pattern

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Strength: TypeAlias = Literal["proof", "probe", "hint", "echo"]
Lookup: TypeAlias = Literal[
    "object", "header", "linker", "pkg-config", "command", "cmake", "library", "libraries", "module", "stdlib",
    "symbol", "reference", "package", "pin", "rust", "language", "compilers", "build-program", "distribution",
    "bindings", "script",
]  # fmt: skip

TABLES = (
    "aliases", "libraries", "cmake", "renamed", "modules", "extensions", "dropped", "stdlib", "musl-symbols", "advice",
)  # fmt: skip
"""The tables of names in ``errors.toml``, each text to text."""

ADVICE: Mapping[str, frozenset[str]] = {
    key: frozenset(names.split())
    for key, names in {
        "no-package": "name", "unknown-library": "name", "only-elsewhere": "release other package",
        "named-for": "release other", "named-for-newest": "other", "moved-soname": "release here package other name",
        "moved-soname-here": "release here package other name", "bundled-library": "", "glibc-library": "",
        "damaged-file": "", "libpython": "", "libpython-of-image": "", "no-header": "name", "unknown-header": "name",
        "header-by-name": "", "python-headers": "", "python-headers-of-image": "", "cmake-not-apk": "name",
        "file-of-image": "name", "program-of-distribution": "name", "module": "name", "module-dropped": "name since",
        "module-of-python": "name", "extension": "name distribution", "setuptools": "name", "compiled-python": "",
        "other-releases": "newest", "no-release": "", "symbol": "name", "newer-musl": "name since",
        "reference": "name", "reference-cxx": "", "rust-here": "release version", "rust-release": "other",
        "rust-nowhere": "", "bindings": "python", "bindings-limit": "python limit", "script": "name script code",
        "script-not-started": "name script code", "mixed-repositories": "name", "package-elsewhere": "name other release",
        "package-unknown": "name", "package-gone": "name", "renamed": "name release package",
        "provided": "release package", "not-seen": "name release repository", "not-seen-nearby": "name repository",
        "way-has": "name target", "way-release": "name version target", "way-python": "version python",
        "way-none": "name target day", "way-ask": "name", "pin": "write", "pin-found": "name version",
        "pin-now": "release version",
    }.items()
}  # fmt: skip
"""The texts that ``advice`` must have, and the names that each may use in braces."""

_PLACEHOLDER = lazy_pattern(r"\{(\w+)\}")


class Pattern(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of ``errors.toml``; see the head of that file for its fields.

    ``helps`` is false where no package helps; ``unknown`` is true where the line alone can't tell. ``wheel`` is true
    where a release of the distribution with a wheel that fits would be a way out.
    """

    id: Text
    title: Text
    find: Annotated[tuple[Text, ...], Meta(min_length=1)]
    regex: re.Pattern[str]
    sample: Text
    lookup: Lookup | None = None
    needs: tuple[Text, ...] = ()
    helps: bool = True
    unknown: bool = False
    strength: Strength = "proof"
    moment: Moment | Literal["either"] = "build"
    overrules: frozenset[str] = frozenset()
    advice: str = ""
    wheel: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        ways = [self.lookup is not None, bool(self.needs), not self.helps, self.unknown]
        if sum(ways) != (0 if self.strength == "echo" else 1):
            raise ValueError("needs exactly one of lookup, needs, helps = false and unknown = true")
        if (not self.helps or self.unknown) and not self.advice:
            raise ValueError("says that no package helps, but not what does (advice)")
        groups = {name.rstrip("0123456789") for name in self.regex.groupindex}
        if missing := set(_PLACEHOLDER.findall(self.title)) - groups:
            raise ValueError(f"title names the group {sorted(missing)[0]!r}, which the regex has not")

    def read(self, text: str) -> Match | None:
        """Return what the pattern reads in a line without wrappers."""
        match = self.regex.search(text)
        if match is None:
            return None
        groups = {key: value for key, value in match.groupdict().items() if value}
        return Match(self, groups)


class Match(Struct, frozen=True):
    """A pattern and what its groups held; ``name2``, ``name3`` ... are other ways to say ``name``."""

    pattern: Pattern
    groups: Mapping[str, str]

    @property
    def name(self) -> str:
        """What is looked up; empty where the pattern has no such group."""
        return self.group("name")

    def group(self, name: str) -> str:
        """Return the first group called ``name`` or ``name2``, ``name3`` ... that took part."""
        for key, value in self.groups.items():
            if key.rstrip("0123456789") == name:
                return value
        return ""

    @property
    def title(self) -> str:
        """The cause in a few words."""
        return _PLACEHOLDER.sub(lambda found: self._named(found[1]) or "it", self.pattern.title)

    def _named(self, group: str) -> str:
        """What a title says in place of a group; the distribution where there is no other name."""
        return self.group(group) or (self.group("dist") if group == "name" else "")


class HeaderRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Headers that the rules' libraries do not list: any one of ``needs`` has them, or ``advice`` says why none does."""

    names: Annotated[tuple[Text, ...], Meta(min_length=1)]
    evidence: Text
    needs: tuple[Text, ...] = field(name="need", default=())
    advice: str = ""

    def __post_init__(self) -> None:
        """Refuse a rule that has no answer."""
        if not (self.needs or self.advice):
            raise ValueError("needs need or advice")


class System(Struct, frozen=True, forbid_unknown_fields=True):
    """How lines that come from one system look. With ``doubt``, they are only unusual on Alpine."""

    name: Text
    find: Annotated[tuple[Text, ...], Meta(min_length=1)]
    regex: re.Pattern[str]
    sample: Text
    doubt: bool = False

    @property
    def alpine(self) -> bool:
        """Whether the lines prove Alpine."""
        return self.name == "Alpine"

    def fits(self, text: str) -> bool:
        """Whether a line without wrappers is from this system."""
        return any(literal in text for literal in self.find) and self.regex.search(text) is not None


class _File(Struct):
    """The arrays of tables of ``errors.toml``."""

    pattern: tuple[Pattern, ...] = ()
    headers: tuple[HeaderRule, ...] = ()
    system: tuple[System, ...] = ()


class PatternSet:
    """All patterns, and what stands beside them: systems, headers and the tables of names."""

    def __init__(
        self,
        patterns: Sequence[Pattern],
        headers: Sequence[HeaderRule] = (),
        tables: Mapping[str, Mapping[str, str]] | None = None,
        systems: Sequence[System] = (),
    ) -> None:
        self.patterns = tuple(patterns)
        self.headers = tuple(headers)
        self.systems = tuple(systems)
        self._tables = dict(tables or {})

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> PatternSet:
        """Read the table of ``errors.toml`` as ``tomllib`` gives it. Raises PatternError."""
        try:
            found = convert(raw, _File, dec_hook=_compiled)
            tables = convert({name: raw.get(name, {}) for name in TABLES}, dict[str, dict[str, str]])
        except ValidationError as error:
            raise PatternError(f"rules/errors.toml: {error}") from None
        known = {pattern.id for pattern in found.pattern}
        if len(known) != len(found.pattern):
            raise PatternError("rules/errors.toml: two patterns have the same id")
        for pattern in found.pattern:
            for other in pattern.overrules - known - {"*"}:
                raise PatternError(f"rules/errors.toml: {pattern.id}: overrules {other!r}, which does not exist")
        if "advice" in raw:
            _check_advice(tables["advice"])
        return cls(found.pattern, found.headers, tables, found.system)

    def by_id(self, name: str) -> Pattern | None:
        """Return the pattern of an id."""
        return next((pattern for pattern in self.patterns if pattern.id == name), None)

    def table(self, name: str) -> Mapping[str, str]:
        """Return one table of names (see ``TABLES``)."""
        return self._tables.get(name, {})

    def advice(self, key: str, **values: str) -> str:
        """Return the text ``key`` of the table ``advice`` with its names filled in."""
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.table("advice")[key])

    @cached_property
    def literals(self) -> tuple[bytes, ...]:
        """Texts of which every line that a pattern takes has one."""
        return tuple(dict.fromkeys(text.encode() for pattern in self.patterns for text in pattern.find))

    @cached_property
    def signs(self) -> tuple[bytes, ...]:
        """Texts of which every line that tells a system has one; a log may say them in every line."""
        return tuple(dict.fromkeys(text.encode() for system in self.systems for text in system.find))

    @cached_property
    def _by_literal(self) -> Mapping[bytes, tuple[str, tuple[int, ...]]]:
        """Each text of ``find`` with the positions of the patterns that have it."""
        found: dict[str, list[int]] = {}
        for position, pattern in enumerate(self.patterns):
            for text in pattern.find:
                found.setdefault(text, []).append(position)
        return {text.encode(): (text, tuple(positions)) for text, positions in found.items()}

    def read(self, text: str, literals: Iterable[bytes] = ()) -> Match | None:
        """Return what the first fitting pattern reads in a line without wrappers.

        ``literals``, where they are given, are the only ones that may be in the line.
        """
        known = self._by_literal
        possible = (known[literal] for literal in literals if literal in known) if literals else known.values()
        positions = {position for literal, found in possible if literal in text for position in found}
        return next((match for position in sorted(positions) if (match := self.patterns[position].read(text))), None)


def _compiled(kind: Any, text: Any) -> Any:  # noqa: ARG001 - the hook of msgspec: a regular expression is all it is asked for
    """Compile the regular expression of an entry."""
    try:
        return re.compile(text)
    except (re.error, TypeError) as error:
        raise ValueError(f"regex: {error}") from None


def _check_advice(texts: Mapping[str, str]) -> None:
    """Raise PatternError where a text is missing, unknown, or names what it is not given."""
    for key in sorted(ADVICE.keys() ^ texts.keys()):
        wrong = f"{key} is missing" if key in ADVICE else f"unknown key {key!r}"
        raise PatternError(f"rules/errors.toml: advice: {wrong}")
    for key, text in texts.items():
        if unknown := set(_PLACEHOLDER.findall(text)) - ADVICE[key]:
            raise PatternError(f"rules/errors.toml: advice: {key} names {sorted(unknown)[0]!r}, which it is not given")
