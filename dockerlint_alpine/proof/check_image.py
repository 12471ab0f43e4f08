"""``check --image``: compares the report on a Dockerfile with the image built from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.elf.inspection import inspect
from dockerlint_alpine.elf.targets import Progress, Subject, no_progress
from dockerlint_alpine.proof.image import ImageMismatchError, compare_with_image, stage_of
from dockerlint_alpine.python.sources.dlopen import scan_sources
from dockerlint_alpine.run.reading import UnreadableError
from dockerlint_alpine.system.platforms import APK_ARCH

if TYPE_CHECKING:
    from pathlib import Path

    from dockerlint_alpine.model.reports import FileReport
    from dockerlint_alpine.run.analysis import Doctor


def check_image(
    doctor: Doctor,
    data: bytes,
    path: Path,
    image: Subject,
    *,
    shown_as: str | None = None,
    progress: Progress = no_progress,
) -> FileReport:
    """Judge ``data`` as the Dockerfile at ``path``, for the platform of ``image``, and compare the findings with its bytes.

    ``progress`` is told of the objects of the image. Raises UnreadableError.
    """
    doctor = _for_platform_of(doctor, image)
    name = shown_as if shown_as is not None else str(path)
    timelines = doctor.timelines(data, path, shown_as=name)
    (timeline,) = timelines
    try:
        stage = stage_of(timeline, doctor.settings.target)
    except ImageMismatchError as error:
        raise UnreadableError(str(error)) from None
    inspection = inspect(image, stage.packages, scan=scan_sources, progress=progress)
    found = doctor.found_in(timeline)
    comparison, kept = compare_with_image(timeline, stage, found, image, inspection, doctor.knowledge)
    report = doctor.reported(name, timelines, kept)
    comparison = comparison.limited(report.findings)
    return replace(report, findings=comparison.left(report.findings), image=comparison)


def _for_platform_of(doctor: Doctor, image: Subject) -> Doctor:
    """The same doctor for the platform that an image was built for. Raises UnreadableError where there is none."""
    fitting = [platform for platform, arch in APK_ARCH.items() if arch == image.apk_arch]
    asked = [platform for platform in doctor.settings.platforms if platform in fitting]
    if not fitting:
        what = image.apk_arch or "an unknown architecture"
        raise UnreadableError(f"{image.name} is for {what}, for which Alpine has no packages")
    return doctor.configured(replace(doctor.settings, platforms=tuple(asked[:1] or fitting[:1])))
