"""What a version of a distribution asks of its tools, held against what a release of Alpine has: shared by AD101, AD102 and
AD504."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.knowledge.model import covers

if TYPE_CHECKING:
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.checks.build_moment import Compile
    from dockerlint_alpine.knowledge import Knowledge

DOCUMENT = "toolchains"
Tool: TypeAlias = Literal["rust", "cmake", "python"]
_NEEDS = {"cmd:rustc": "rust", "cmd:cargo": "rust", "cmd:cmake": "cmake"}


class Demand(Struct, frozen=True):
    """What the versions in ``versions`` ask for: at least this ``rust`` and ``cmake``, a CMake before ``cmake_before``, and
    a Python up to ``python`` (``X.Y``)."""

    versions: str
    rust: str = ""
    cmake: str = ""
    cmake_before: str = ""
    python: str = ""
    evidence: tuple[str, ...] = ()

    def covers(self, version: str | None) -> bool:
        """True for a known version of the range."""
        return version is not None and covers(self.versions, version)


class Mismatch(Struct, frozen=True):
    """A tool that is too old, or too new, for one compile: what is there and what is asked for."""

    tool: Tool
    has: str
    asked: str
    too_new: bool
    evidence: tuple[str, ...]


class Toolchains:
    """The table: versions of the tools by release, and what distributions ask for."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.releases: Mapping[str, Mapping[str, str]] = document.get("releases", {})
        self._demands: Mapping[str, Sequence[Mapping[str, Any]]] = document.get("distributions", {})

    def version(self, tool: str, release: str | None) -> str | None:
        """The version of a tool in a release."""
        return self.releases.get(release or "", {}).get(tool)

    def demands(self, name: str) -> Iterator[Demand]:
        """What the versions of a distribution ask for, as far as it is recorded."""
        for raw in self._demands.get(name, ()):
            yield Demand(
                versions=raw["versions"],
                rust=raw.get("rust", ""),
                cmake=raw.get("cmake", ""),
                cmake_before=raw.get("cmake-before", ""),
                python=raw.get("python", ""),
                evidence=tuple(raw.get("evidence", ())),
            )

    def names(self) -> tuple[str, ...]:
        """The distributions of which something is recorded."""
        return tuple(self._demands)

    def first_with(self, tool: str, version: str, *, after: str) -> str | None:
        """The first release after another one whose tool is at least so new."""
        later = sorted((one for one in self.releases if release_key(one) > release_key(after)), key=release_key)
        fit = (one for one in later if tool in self.releases[one] and not _older(self.releases[one][tool], version))
        return next(fit, None)


@lru_cache(maxsize=4)
def toolchains(knowledge: Knowledge) -> Toolchains:
    """The table of the compiled rules; empty where they have none."""
    return Toolchains(knowledge.document(DOCUMENT))


def mismatches(subject: Subject, made: Compile) -> tuple[Mismatch, ...]:
    """Everything that no package of the release mends for this compile. Where a tool may come from elsewhere (rustup)
    nothing is said of it."""
    table = toolchains(subject.knowledge)
    version = made.item.resolved.version
    found: dict[tuple[Tool, bool], Mismatch] = {}
    for demand in table.demands(made.item.resolved.name):
        if demand.covers(version):
            for one in _held(subject, made, demand, table):
                found.setdefault((one.tool, one.too_new), one)
    rule = made.built.rule
    for need, minimum in rule.minimums if rule is not None and not rule.optional_extension else ():
        tool = _NEEDS.get(need)
        if tool is not None:
            demand = Demand(versions="", evidence=rule.evidence[:1] if rule is not None else (), **{tool: minimum})
            for one in _held(subject, made, demand, table):
                found.setdefault((one.tool, one.too_new), one)
    return tuple(found.values())


def _held(subject: Subject, made: Compile, demand: Demand, table: Toolchains) -> Iterator[Mismatch]:
    release, said = made.stage.alpine, _said(subject, made)
    rust, cmake = table.version("rust", release), table.version("cmake", release)
    if demand.rust and rust and _older(rust, demand.rust) and "rustup" not in said:
        yield Mismatch("rust", rust, demand.rust, too_new=False, evidence=demand.evidence)
    if "cmd:cmake" in made.built.tools and cmake and "pip install cmake" not in said:
        if demand.cmake and _older(cmake, demand.cmake):
            yield Mismatch("cmake", cmake, demand.cmake, too_new=False, evidence=demand.evidence)
        elif (
            demand.cmake_before
            and not _older(cmake, demand.cmake_before)
            and "CMAKE_POLICY_VERSION_MINIMUM" not in said
        ):
            yield Mismatch("cmake", cmake, demand.cmake_before, too_new=True, evidence=demand.evidence)
    python = made.step.home.version
    if demand.python and python and _older(demand.python, python) and "ABI3_FORWARD_COMPATIBILITY" not in said:
        yield Mismatch("python", python, demand.python, too_new=True, evidence=demand.evidence)


def _said(subject: Subject, made: Compile) -> str:
    """The text of the stage up to the compile, with that of the stages it is built from."""
    data = subject.dockerfile.data
    texts = [
        data[instruction.start : instruction.end].decode("utf-8", "replace")
        for place in subject.timeline.lineage(made.stage)
        for instruction in place.instructions
        if instruction.start <= made.step.instruction.start
    ]
    return "\n".join(texts)


def _older(version: str, other: str) -> bool:
    return _numbers(version) < _numbers(other)


def _numbers(version: str) -> tuple[int, ...]:
    """``1.75.0`` as numbers, the zeros at its end left out."""
    parts = [int(part) for part in version.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)
