"""Puts the facts behind a finding into words, one line each, in the order a reader follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.base import stage_label
from dockerlint_alpine.knowledge import Language
from dockerlint_alpine.model.findings import Evidence
from dockerlint_alpine.stages import LibraryUse, pulled_in_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.apk import Index, Package, World
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.stages import Installed, Stage
    from dockerlint_alpine.stages.wheels import WheelLink


def named(item: Installed) -> str:
    """``lz4 4.4.5``, or the name alone where no version is known."""
    version = item.resolved.version
    return f"{item.resolved.name} {version}" if version else item.resolved.name


def need_name(need: str) -> str:
    """``libpq.so.5`` for ``so:libpq.so.5``; a need that is a package is its name."""
    return need.partition(":")[2] or need


def requirement(item: Installed) -> Evidence:
    """Who asks for the distribution."""
    chain = item.resolved.chain
    if len(chain) > 1:
        return Evidence("requirement", f"{' -> '.join(chain)} (resolves to {named(item)})")
    return Evidence("requirement", f"{chain[0]} asks for {named(item)}")


def wheel(item: Installed) -> Evidence:
    """Why it is compiled, or which wheel fits."""
    verdict = item.resolved.artefact
    return Evidence("wheel", f"{verdict.reason} ({verdict.source})", verdict.reason)


def linkage(item: Installed, cause: LibraryUse | Language | WheelLink) -> Evidence:
    """What the bytes of the wheel say, or the rules about the build and the library."""
    if isinstance(cause, LibraryUse):
        facts = cause.link.evidence or cause.library.evidence
        how = {
            "always": f"its build links {cause.library.name}",
            "system-if-present": f"its build links the system's {cause.library.name} if it finds it, {_otherwise(cause)}",
        }.get(cause.link.linkage, f"its build uses {cause.library.name}")
        gist = how if cause.link.linkage == "system-if-present" else ""
        if item.built is not None and item.built.source is not None:
            return Evidence("source", facts[0], gist)
        return Evidence("rule", f"{item.resolved.name}: {how}{because(facts)}", gist)
    if isinstance(cause, Language):
        return Evidence("rule", f"{item.resolved.name} is written in {cause.name}{because(cause.evidence)}")
    assert item.wheel is not None
    library = cause.need.removeprefix("so:")
    said = f"{cause.path} in {item.wheel.shown} names {library}, which the wheel does not bundle"
    return Evidence("elf", said, said)


def sources(item: Installed) -> Evidence | None:
    """What the distribution's own sources say is compiled, where no rule does."""
    built = item.built
    if built is None or built.source is None or built.rule is None or not built.rule.evidence:
        return None
    return Evidence("source", built.rule.evidence[0])


def _otherwise(use: LibraryUse) -> str:
    return f"otherwise it does without {use.link.optional}" if use.link.optional else "otherwise a bundled copy"


def presence(world: World, package: str, index: Index) -> Evidence | None:
    """How a package came into a world: the chain from what the Dockerfile names."""
    chain = pulled_in_by(world, package)
    if not chain:
        return None
    if len(chain) == 1:
        return Evidence("dockerfile", f"{package} is installed explicitly")
    borrowed = _stand_in(index, [found for name in chain for found in index.providers(name)[:1]])
    way = f"Alpine {index.release}: {' -> '.join(chain)}"
    return Evidence("index", f"{way} (each depends on the next){borrowed}", way)


def provider(index: Index, need: str, package: str) -> Evidence:
    """Which package of the release brings what is needed."""
    found = index.package(package)
    if found is None:
        return Evidence("index", f"{need} is provided by {package} in Alpine {index.release}")
    return Evidence(
        "index", f"{need} is provided by {package} {in_release(index, found)}{_carried(index, need, found)}"
    )


def _carried(index: Index, need: str, package: Package) -> str:
    """That what the package brings was carried over from another release, and how likely it holds."""
    source = index.source_of(package)
    if source is None or source.derived is None or ":" not in need:
        return ""
    chance = index.trust(need, package.name)
    holds = "" if chance == 1 else f", and holds with {chance:.0%}"
    return f"; that it brings {need} is carried over from {source.derived.base}{holds}"


def nobody(index: Index) -> str:
    """Who does not provide something: all packages of a release, or those that are known here of it."""
    if index.exact:
        return f"no package of Alpine {index.release} provides"
    return f"no package known here of Alpine {index.release} provides (not all of its indexes are available)"


def lacking(stage: Stage, package: str | None, *, perhaps: bool = False) -> str:
    """The rest of a sentence that names what ``stage`` lacks, from its comma on; ``perhaps``: a branch may bring it."""
    if perhaps:
        return f", which only a branch that may not run brings to {stage_label(stage)}"
    if package is None:
        return f", which {nobody(stage.apk)}"
    return f", which is not in {stage_label(stage)}: add {package}"


def in_release(index: Index, package: Package) -> str:
    """``1.9.4-r5 in Alpine 3.19 main``. Where another release's index stands in for that repository the version is only
    that release's, and is said to be."""
    source = index.source_of(package)
    if source is None or source.release == index.release:
        made = f", by {source.derived}" if source is not None and source.derived is not None else ""
        return f"{package.version} in Alpine {index.release} {package.repository}{made}{_stand_in(index, (package,))}"
    place = f"in Alpine {index.release} {package.repository}"
    there = f"going by Alpine {source.release}, where it is {package.version}"
    return f"{place}, {there} (no index of {index.release} available)"


def _stand_in(index: Index, packages: Sequence[Package]) -> str:
    """Whose index tells of the packages, where it is not the release's own for this architecture."""
    sources = (index.source_of(package) for package in packages)
    borrowed = next((source for source in sources if source is not None and source.kind == "stand-in"), None)
    if borrowed is None:
        return ""
    if borrowed.release == index.release:
        return f", going by the index for {borrowed.arch}"
    return f", going by Alpine {borrowed.release} (no index of {index.release} available)"


def absence(stage: Stage, need: str) -> Evidence:
    """That the packages of the stage don't have it."""
    asked = ", ".join(sorted(_asked_for(stage))) or "nothing of its own"
    shown = asked if len(asked) <= 120 else f"{asked[:117]}..."
    return Evidence("dockerfile", f"{stage_label(stage)} has {shown}; nothing there provides {need}")


def _asked_for(stage: Stage) -> frozenset[str]:
    """What the Dockerfile itself asks for: the base image's own names would only be noise."""
    assert stage.start is not None
    return stage.final.world.explicit - stage.start.world.explicit


def because(facts: tuple[str, ...]) -> str:
    """The first of the facts in parentheses, with a blank before it; empty where there is none."""
    return f" ({facts[0]})" if facts else ""


def compiled_in(subject: Subject, item: Installed) -> Evidence | None:
    """Where the distribution was compiled, when that was another stage."""
    if item.built is None or item.copied_from is None:
        return None
    stage = subject.timeline.stages.get(item.built.stage)
    where = stage_label(stage) if stage is not None else "another Dockerfile's image"
    said = f"compiled in {where}, copied here by line {item.arrived.line}"
    return Evidence("dockerfile", said, said)
