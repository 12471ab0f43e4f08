"""Pythons, virtual environments and distributions that another stage or image made and a COPY brings: shared by AD201 and
AD503."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.stages import InstallStep
from dockerlint_alpine.stages.files import FromStage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.knowledge import BaseImage
    from dockerlint_alpine.stages import Installed, Stage
    from dockerlint_alpine.syntax import Instruction

IMAGE_PREFIX = "/usr/local"
_SITE = re.compile(r"(?P<prefix>.*)/lib/python(?P<version>\d+\.\d+)/(?:site|dist)-packages\Z")


class CopiedPython(Struct, frozen=True):
    """A whole Python that a COPY brings: the image that it is of, and where it stands then."""

    image: BaseImage
    alpine: str | None
    prefix: str
    instruction: Instruction


def site_of(location: str) -> tuple[str, str] | None:
    """The prefix and the Python (``X.Y``) of a site-packages folder; ``None`` for any other folder."""
    match = _SITE.match(location)
    return (match["prefix"], match["version"]) if match is not None else None


def copied_pythons(subject: Subject, stage: Stage) -> Iterator[CopiedPython]:
    """Every Python of an official image that an instruction of ``stage`` copies as a whole, the last one at a place."""
    assert stage.end is not None
    found: dict[str, CopiedPython] = {}
    for placement in stage.end.files.placements:
        if not isinstance(placement, FromStage):
            continue
        image, alpine = _image_of(subject, placement)
        instruction = _instruction(subject, stage, placement)
        if image is None or instruction is None or image.python_prefix != IMAGE_PREFIX:
            continue
        if placement.source == IMAGE_PREFIX:
            found[placement.target] = CopiedPython(image, alpine, placement.target, instruction)
    yield from found.values()


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
