"""Puts the facts behind a finding into words, one line each, in the order a reader follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.base import stage_label
from dockerlint_alpine.findings import Evidence
from dockerlint_alpine.knowledge import Language
from dockerlint_alpine.stages import LibraryUse, pulled_in_by

if TYPE_CHECKING:
    from dockerlint_alpine.apk import Index, World
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.stages import Installed, Stage
    from dockerlint_alpine.stages.wheels import WheelLink


def named(item: Installed) -> str:
    """``lz4 4.4.5``, or the name alone where no version is known."""
    version = item.resolved.version
    return f"{item.resolved.name} {version}" if version else item.resolved.name


def requirement(item: Installed) -> Evidence:
    """Who asks for the distribution."""
    chain = item.resolved.chain
    if len(chain) > 1:
        return Evidence("requirement", f"{' -> '.join(chain)} (resolves to {named(item)})")
    return Evidence("requirement", f"{chain[0]} asks for {named(item)}")


def wheel(item: Installed) -> Evidence:
    """Why it is compiled, or which wheel fits."""
    verdict = item.resolved.artefact
    return Evidence("wheel", f"{verdict.reason} ({verdict.source})")


def linkage(item: Installed, cause: LibraryUse | Language | WheelLink) -> Evidence:
    """What the bytes of the wheel say, or the rules about the build and the library."""
    if isinstance(cause, LibraryUse):
        facts = cause.link.evidence or cause.library.evidence
        how = {
            "always": f"its build links {cause.library.name}",
            "system-if-present": f"its build links the system's {cause.library.name} if it finds it, else a copy of its own",
        }.get(cause.link.linkage, f"its build uses {cause.library.name}")
        if item.built is not None and item.built.source is not None:
            return Evidence("source", facts[0])
        return Evidence("rule", f"{item.resolved.name}: {how}{_because(facts)}")
    if isinstance(cause, Language):
        return Evidence("rule", f"{item.resolved.name} is written in {cause.name}{_because(cause.evidence)}")
    assert item.wheel is not None
    library = cause.need.removeprefix("so:")
    return Evidence("elf", f"{cause.path} in {item.wheel.shown} names {library}, which the wheel does not bring along")


def sources(item: Installed) -> Evidence | None:
    """What the distribution's own sources say is compiled, where no rule does."""
    built = item.built
    if built is None or built.source is None or built.rule is None or not built.rule.evidence:
        return None
    return Evidence("source", built.rule.evidence[0])


def presence(world: World, package: str, index: Index) -> Evidence | None:
    """How a package came into a world: the chain from what the Dockerfile names."""
    chain = pulled_in_by(world, package)
    if not chain:
        return None
    if len(chain) == 1:
        return Evidence("dockerfile", f"{package} is installed by name")
    return Evidence("index", f"Alpine {index.release}: {' -> '.join(chain)} (each depends on the next)")


def provider(index: Index, need: str, package: str) -> Evidence:
    """Which package of the release brings what is needed."""
    source = next((f" {s.repository}" for s in index.sources if s.repository == _repository(index, package)), "")
    stand_in = "" if index.exact else f" (a stand-in: {'; '.join(s.note for s in index.sources if s.note)})"
    version = _version(index, package)
    return Evidence("index", f"{need} is provided by {package}{version} in Alpine {index.release}{source}{stand_in}")


def absence(stage: Stage, need: str) -> Evidence:
    """That the packages of the stage don't have it."""
    assert stage.end is not None
    asked = ", ".join(sorted(_asked_for(stage))) or "nothing of its own"
    shown = asked if len(asked) <= 120 else f"{asked[:117]}..."
    return Evidence("dockerfile", f"{stage_label(stage)} has {shown}; nothing there provides {need}")


def _asked_for(stage: Stage) -> frozenset[str]:
    """What the Dockerfile itself asks for: the base image's own names would only be noise."""
    assert stage.end is not None
    assert stage.start is not None
    return stage.end.world.explicit - stage.start.world.explicit


def _because(facts: tuple[str, ...]) -> str:
    return f" ({facts[0]})" if facts else ""


def _version(index: Index, package: str) -> str:
    found = index.package(package)
    return f" {found.version}" if found is not None else ""


def _repository(index: Index, package: str) -> str:
    found = index.package(package)
    return found.repository if found is not None else ""


def compiled_in(subject: Subject, item: Installed) -> Evidence | None:
    """Where the distribution was compiled, when that was another stage."""
    if item.built is None or item.copied_from is None:
        return None
    stage = subject.timeline.stages[item.built.stage]
    line = item.arrived.line
    return Evidence("dockerfile", f"compiled in {stage_label(stage)}, brought here by line {line}")
