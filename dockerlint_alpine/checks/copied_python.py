"""Pythons, virtual environments and distributions that another stage or image made and a COPY brings: shared by AD201 and
AD503."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.apk.version import LESS, compare
from dockerlint_alpine.python.model import normalise
from dockerlint_alpine.stages import InstallStep
from dockerlint_alpine.stages.copied_distributions import moved_path
from dockerlint_alpine.stages.files import FromStage
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import Package
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.knowledge import BaseImage
    from dockerlint_alpine.stages import Installed, Stage
    from dockerlint_alpine.syntax import Instruction

IMAGE_PREFIX = "/usr/local"
_PREADV2 = "1.2.5"
"""The musl that brought ``preadv2`` and ``pwritev2``, which CPython links where its configure finds them."""

_SINCE = "3.20"
"""The first Alpine release with that musl."""
_SITE = lazy_pattern(r"(?P<prefix>.*)/lib/py(?:thon|py)(?P<version>\d+\.\d+)/(?:site|dist)-packages\Z")


class CopiedPython(Struct, frozen=True):
    """A Python that a COPY brings: the image that it is of, and where it stands then. ``whole``: not its ``lib`` alone."""

    image: BaseImage
    alpine: str | None
    prefix: str
    instruction: Instruction
    placement: FromStage
    whole: bool = True


class CopiedPackage(Struct, frozen=True):
    """A package of Alpine whose part of site-packages a COPY brings: for Python ``X.Y``, to ``location``."""

    package: Package
    python: str
    location: str
    instruction: Instruction
    stage: int


def site_of(location: str) -> tuple[str, str] | None:
    """The prefix and the Python (``X.Y``) of a site-packages folder; ``None`` for any other folder."""
    match = _SITE.match(location)
    return (match["prefix"], match["version"]) if match is not None else None


def copied_pythons(subject: Subject, stage: Stage) -> Iterator[CopiedPython]:
    """Every Python of an official image that an instruction of ``stage`` copies as a whole, the last one at a place."""
    found: dict[str, CopiedPython] = {}
    for placement in stage.final.files.placements:
        if not isinstance(placement, FromStage):
            continue
        image, alpine = _image_of(subject, placement)
        instruction = _instruction(subject, stage, placement)
        if image is None or instruction is None or image.python_prefix in {None, "/usr"}:
            continue
        if placement.source == image.python_prefix:
            found[placement.target] = CopiedPython(image, alpine, placement.target, instruction, placement)
        elif placement.source == f"{image.python_prefix}/lib" and placement.target.endswith("/lib"):
            prefix = placement.target.removesuffix("/lib")
            found.setdefault(prefix, CopiedPython(image, alpine, prefix, instruction, placement, whole=False))
    yield from found.values()


def copied_packages(subject: Subject, stage: Stage) -> Iterator[CopiedPackage]:
    """Every package of Alpine's own Python that an instruction of ``stage`` copies out of site-packages, each once."""
    seen: set[tuple[str, str]] = set()
    for placement in stage.final.files.placements:
        if not isinstance(placement, FromStage) or placement.packages is None or placement.stage is None:
            continue
        python = placement.packages.provider("cmd:python3")
        instruction = _instruction(subject, stage, placement) if python is not None else None
        if python is None or instruction is None:
            continue
        version = ".".join(python.version.split(".")[:2])
        site = f"/usr/lib/python{version}/site-packages"
        inside = moved_path(placement.source, site, "/", into=False)
        whole = moved_path(site, placement.source, placement.target, into=False)
        location = whole if whole is not None else posixpath.dirname(placement.target)
        for package in placement.packages.packages.values():
            name = package.name.removeprefix("py3-")
            if name == package.name or name.endswith("-pyc") or (package.name, location) in seen:
                continue
            if whole is not None or (inside is not None and _is_called(inside, name)):
                seen.add((package.name, location))
                yield CopiedPackage(package, version, location, instruction, placement.stage)


def _is_called(inside: str, name: str) -> bool:
    """True for the folder of site-packages that a package ``py3-NAME`` is expected to have."""
    return normalise(inside.strip("/")) == normalise(name)


def _image_of(subject: Subject, placement: FromStage) -> tuple[BaseImage | None, str | None]:
    if placement.stage is not None:
        origin = subject.timeline.stages[placement.stage]
        first = subject.timeline.lineage(origin)[-1]
        return first.image, origin.alpine
    image = subject.knowledge.base_image(placement.image) if placement.image is not None else None
    return image, image.alpine if image is not None else None


def _instruction(subject: Subject, stage: Stage, placement: FromStage) -> Instruction | None:
    """The COPY of this stage that says so."""
    for instruction in stage.instructions:
        origin = instruction.flag("from")
        if instruction.keyword != "COPY" or origin is None or origin.value is None:
            continue
        words = [word.text.rstrip("/") or "/" for word in instruction.words()]
        if placement.source in words[:-1] and _is_named(subject, placement, origin.value):
            return instruction
    return None


def _is_named(subject: Subject, placement: FromStage, reference: str) -> bool:
    if placement.stage is None:
        return placement.image == reference
    stage = subject.timeline.stages[placement.stage]
    return reference.lower() in {str(placement.stage), (stage.name or "").lower()}


def made_by(subject: Subject, item: Installed) -> InstallStep | None:
    """The command that installed a distribution which travelled here."""
    if item.copied_from is None:
        return None
    for stage in subject.timeline.stages.values():
        for step in stage.steps:
            if isinstance(step, InstallStep) and any(other.resolved is item.resolved for other in step.installed):
                return step
    return None


def unfit(stage: Stage, python: CopiedPython) -> str | None:
    """Why a copied Python doesn't start; ``None`` where it does."""
    if python.image.not_alpine:
        return "is built for glibc, and this stage has musl"
    musl = stage.apk.package("musl")
    if python.alpine is None or musl is None or release_key(python.alpine) < release_key(_SINCE):
        return None
    if stage.apk.exact and compare(musl.version.partition("-r")[0].partition("_")[0], _PREADV2) == LESS:
        return f"is of Alpine {python.alpine}, whose musl has symbols that the {musl.version} of Alpine {stage.alpine} lacks"
    return None


def pythons_of(stage: Stage, brought: list[CopiedPython]) -> set[str]:
    """The minor versions of every Python that the stage has."""
    found = {python.image.python for python in brought if python.whole and python.image.python is not None}
    if stage.home is not None and stage.home.version is not None:
        found.add(stage.home.version)
    package = stage.final.possible.provider("cmd:python3")
    if package is not None:
        found.add(".".join(package.version.split(".")[:2]))
    return found
