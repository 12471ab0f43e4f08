"""The tool versions that a distribution requires, compared with those of an Alpine release: shared by AD101, AD102 and
AD504."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.knowledge.toolchains import DOCUMENT, PACKAGES, Demand, Tool, Toolchains, older
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.checks.build_moment import Compile
    from dockerlint_alpine.knowledge import Knowledge

_NEEDS: dict[str, Tool] = {"cmd:rustc": "rust", "cmd:cargo": "rust", "cmd:cmake": "cmake"}
_ELSEWHERE: dict[Tool, re.Pattern[str]] = {
    "rust": lazy_pattern(r"rustup"),
    "cmake": lazy_pattern(r"pip install cmake"),
    "gcc": lazy_pattern(r"CFLAGS|\bCC=|clang|-fpermissive"),
    "python": lazy_pattern(r"ABI3_FORWARD_COMPATIBILITY"),
}
"""Words in a stage that bring a tool from elsewhere, or tell it to go on: nothing is said of it then."""

_STABLE_RUST = Demand(
    "", "rust", "least", "1.39", ("changelog of PyO3 0.11: the first on a stable Rust, 1.39 or later",)
)
"""What every distribution with Rust asks for, if its own demand is not recorded."""

_POLICY = "CMAKE_POLICY_VERSION_MINIMUM"
_CONSTRAINED = lazy_pattern(
    r"--no-build-isolation|CONSTRAINT|--build-constraint|\s-c\s+\S+\.txt|--constraint|--no-use-pep517"
)
"""What keeps a build from taking the newest of what it asks for, or may."""


class Mismatch(Struct, frozen=True):
    """A tool that is too old, or too new, for one compile: what is there (of the index: empty, the newest) and what is asked
    for."""

    tool: Tool
    has: str
    demand: Demand
    at_most: bool = False
    """True where the release may have an older one: a later release has this."""

    @property
    def too_new(self) -> bool:
        """True where it is not too old."""
        return self.demand.bound != "least"


@lru_cache(maxsize=4)
def toolchains(knowledge: Knowledge) -> Toolchains:
    """The table of the compiled rules; empty where they have none."""
    return Toolchains(knowledge.document(DOCUMENT))


def fetches(subject: Subject, made: Compile, need: str) -> bool:
    """Whether the build backend gets the missing tool ``need`` for itself, as maturin does with Rust.

    From 1.9.4 (2025-08-27) on it asks for puccinialin where no cargo is (maturin/__init__.py: get_requires_for_build_wheel),
    which takes Python 3.9 or later and has a Rust for musl on two architectures (0.1.14: _target.py); that needs libgcc.
    """
    rule, moment, python = made.built.rule, made.step.moment, made.step.home.version
    day = subject.timeline.as_of
    return (
        rule is not None
        and need in rule.fetches
        and not moment.possible.has(need)
        and moment.world.has("so:libgcc_s.so.1")
        and made.step.target.platform in {"linux/amd64", "linux/arm64"}
        and python is not None
        and not older(python, "3.9")
        and (day is None or day >= "2025-08-27")
        and "MATURIN_NO_INSTALL_RUST" not in _said(subject, made)
    )


def brought(subject: Subject, made: Compile, need: str) -> bool:
    """Whether the Dockerfile may bring the program ``need`` (``cmd:cargo``) itself: by rustup, or as a file that it names
    (``ln -s ... /usr/bin/cargo``, ``COPY --from=rust:1-alpine /usr/local/cargo ...``)."""
    kind, _, program = need.partition(":")
    if kind != "cmd":
        return False
    said, tool = _said(subject, made), _NEEDS.get(need)
    if tool is not None and _ELSEWHERE[tool].search(said):
        return True
    names = "cargo|rustc" if tool == "rust" else re.escape(program)
    return re.search(rf"/(?:{names})(?=[\s;&|\"']|$)", said) is not None


def mismatches(subject: Subject, made: Compile) -> tuple[Mismatch, ...]:
    """Everything that no package of the release mends for this compile. Where a tool may come from elsewhere (rustup)
    nothing is said of it, and of a build that goes on without its extension only what its own scripts ask for."""
    rule = made.built.rule
    optional = rule is not None and rule.optional_extension
    table, said = toolchains(subject.knowledge), _said(subject, made)
    version = made.item.resolved.version
    demands = [one for one in table.demands(made.item.resolved.name) if one.covers(version)]
    for need, minimum in (rule.minimums if rule is not None else {}).items():
        if need in _NEEDS:
            demands.append(Demand("", _NEEDS[need], "least", minimum, rule.evidence[:1] if rule is not None else ()))
    if any(language.name == "rust" for language in made.built.languages):
        demands.append(_STABLE_RUST)
    found: dict[tuple[Tool, bool], Mismatch] = {}
    for demand in demands:
        if optional and demand.tool in PACKAGES:
            continue
        has = _has(subject, made, demand, table, said)
        if has is not None and not _is_met(has, demand):
            at_most = demand.tool in PACKAGES and table.version(demand.tool, made.stage.alpine) is None
            wrong = Mismatch(demand.tool, has, demand, at_most=at_most and demand.tool != "python")
            found.setdefault((demand.tool, demand.bound != "least"), wrong)
    return tuple(found.values())


def _has(subject: Subject, made: Compile, demand: Demand, table: Toolchains, said: str) -> str | None:
    """The version of the tool that this compile gets; ``None`` where nobody can tell, or it does not matter."""
    tool, python = demand.tool, made.step.home.version
    elsewhere = _ELSEWHERE.get(tool)
    if elsewhere is not None and elsewhere.search(said):
        return None
    if tool == "python":
        return python
    if tool == "rust" and fetches(subject, made, "cmd:cargo"):
        return None
    if tool in PACKAGES:
        if tool == "cmake" and ("cmd:cmake" not in made.built.tools or (demand.bound == "before" and _POLICY in said)):
            return None
        release = made.stage.alpine
        known = table.version(tool, release)
        return table.at_most(tool, release) if known is None and release and demand.bound == "least" else known
    if python is None or made.step.command.tool.name != "pip" or _CONSTRAINED.search(said):
        return None
    return "" if table.reached(tool, demand.version, python, subject.timeline.as_of) else None


def _is_met(has: str, demand: Demand) -> bool:
    if not has:
        return False
    if demand.bound == "least":
        return not older(has, demand.version)
    return older(has, demand.version) if demand.bound == "before" else not older(demand.version, has)


def _said(subject: Subject, made: Compile) -> str:
    """The text of the stage up to the compile, with that of the stages it is built from."""
    data, stage, last = subject.dockerfile.data, made.stage, made.step.instruction.start

    def text() -> str:
        return "\n".join(
            data[instruction.start : instruction.end].decode("utf-8", "replace")
            for place in subject.timeline.lineage(stage)
            for instruction in place.instructions
            if instruction.start <= last
        )

    return subject.once((_said, stage.index, last), text)
