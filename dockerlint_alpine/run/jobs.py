"""One build to judge: the Dockerfile, and what it is built with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.system.builds import Others
from dockerlint_alpine.system.platforms import USUAL
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dockerlint_alpine.run.config import Configuration, Settings
    from dockerlint_alpine.system.services import ServiceStart


_NAMED = 4
"""Services that are named; the rest is counted."""


class Job(Struct, frozen=True):
    """One build of one Dockerfile. ``context``, ``build_args`` and ``target`` are those of a compose service or bake target,
    ``services`` its name, and ``starts`` what its services start; ``platforms`` are set where the build is not for the usual
    one alone. ``text`` is the Dockerfile where it is part of the file at ``path``, its lines in their places there.
    ``images`` are names of the result, and ``others`` other builds that this one may rest on. ``walked``: it was found below
    a folder by its name, and nobody named it; ``named_by`` is the compose or bake file that did. ``image_made`` is false
    where only commands run, as in a job of CI.
    """

    path: Path
    shown_as: str
    context: Path | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    services: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    starts: tuple[ServiceStart, ...] = ()
    text: bytes | None = None
    images: tuple[str, ...] = ()
    others: Others = Others()
    walked: bool = False
    named_by: str = ""
    image_made: bool = True


def job_configuration(configuration: Configuration, job: Job) -> Configuration:
    """``configuration`` for a build: what it is built with, and what it may rest on."""
    settings = job_settings(configuration.settings, job)
    if settings == configuration.settings and job.others == configuration.others:
        return configuration
    return replace(configuration, settings=settings, others=job.others)


def read_job(job: Job) -> bytes:
    """The Dockerfile of a build. Raises UnreadableError."""
    from dockerlint_alpine.run.reading import UnreadableError, read_dockerfile

    if job.text is not None:
        return job.text
    if job.named_by and not job.path.exists():
        raise UnreadableError(missing(job))
    return read_dockerfile(job.path)


def missing(*jobs: Job) -> str:
    """What is wrong where a compose or bake file has builds of a Dockerfile that is not there."""
    said = listed((name for job in jobs for name in job.services), _NAMED)
    return f"no such file, and {jobs[0].named_by} builds {said} from it"


def job_settings(settings: Settings, job: Job) -> Settings:
    """``settings`` with the context, arguments, target and platforms of a build, where nothing else was given. What is not
    built for the usual platform has its own in any case."""
    own = job.platforms and (USUAL not in job.platforms or settings.platforms == (USUAL,))
    return replace(
        settings,
        context=settings.context or (str(job.context) if job.context is not None else None),
        build_args=tuple({**job.build_args, **dict(settings.build_args)}.items()),
        target=settings.target or job.target,
        platforms=job.platforms if own else settings.platforms,
        starts=job.starts,
    )


def by_file(jobs: Iterable[Job]) -> list[list[Job]]:
    """The builds of each Dockerfile together, however it was named; a Dockerfile within another file is left out."""
    files: dict[str, list[Job]] = {}
    for job in jobs:
        if job.text is None:
            files.setdefault(os.path.realpath(job.path), []).append(job)
    return list(files.values())
