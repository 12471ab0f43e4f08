"""Judges the Dockerfiles of a run: from the cache where nothing has changed, else by a doctor that is opened on need."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.online import access
from dockerlint_alpine.reading import read_dockerfile

if TYPE_CHECKING:
    from dockerlint_alpine.analysis import Doctor
    from dockerlint_alpine.cache import ReportCache
    from dockerlint_alpine.config import Configuration
    from dockerlint_alpine.discovery import Job
    from dockerlint_alpine.elf.subjects import Progress, Subject
    from dockerlint_alpine.findings import FileReport


_DAY = 24 * 3600.0
"""Seconds for which a report is believed that rests on answers of the index, or on their absence."""


class Judge:
    """One run's way from jobs to reports. ``use_cache`` is off for answers that depend on more than files."""

    def __init__(self, configured: Configuration, *, use_cache: bool) -> None:
        self.configured = configured
        self._doctor: Doctor | None = None
        self._access = access(configured.settings)
        self._cache = open_cache() if use_cache and self._access != "online" else None

    @property
    def doctor(self) -> Doctor:
        """The doctor, with rules and indexes opened at the first call."""
        if self._doctor is None:
            self._doctor = common.make_doctor(self.configured)
        return self._doctor

    def report(self, job: Job) -> FileReport:
        """Judge the Dockerfile of ``job``. Raises UnreadableError."""
        data = read_dockerfile(job.path)
        if self._cache is None:
            return self._judged(job, data)
        settings = common.job_settings(self.configured.settings, job)
        key = self._cache.key(settings, f"{self._access}\0{job.path}\0{job.shown_as}", data)
        known = self._cache.get(key, data)
        if known is not None:
            return known
        report = self._judged(job, data)
        if access(self.configured.settings) == self._access:  # an index that fell silent gets another chance
            self._cache.put(key, report, self._looked_at, lasts=None if self._access == "offline" else _DAY)
        return report

    def compared(self, job: Job, image: Subject, progress: Progress) -> FileReport:
        """Judge the Dockerfile of ``job`` beside the image built from it; never from the cache. Raises UnreadableError."""
        doctor = common.for_job(self.doctor, job)
        return doctor.check_bytes(
            read_dockerfile(job.path), job.path, shown_as=job.shown_as, image=image, progress=progress
        )

    def _judged(self, job: Job, data: bytes) -> FileReport:
        doctor = common.for_job(self.doctor, job)
        answers: set[str] = doctor.resolver.looked_at if doctor.resolver is not None else set()
        answers.clear()
        report = doctor.check_bytes(data, job.path, shown_as=job.shown_as)
        self._looked_at = {*doctor.looked_at, *answers, *_rule_files(self.configured.settings.rules)}
        return report

    def close(self) -> None:
        """Write the cache out."""
        if self._cache is not None:
            self._cache.close()


def open_cache() -> ReportCache:
    """The cache in the platform's folder; what goes wrong with it is one line on standard error."""
    from dockerlint_alpine.cache import ReportCache  # noqa: PLC0415 - not with --no-cache
    from dockerlint_alpine.cli.folders import cache_folder  # noqa: PLC0415

    return ReportCache(cache_folder(), lambda text: click.echo(f"alpine-doctor: {text}", err=True), clock=time.time)


def _rule_files(folders: tuple[str, ...]) -> set[str]:
    """The files of the user's own rules: a report rests on them too."""
    found = {str(place) for folder in folders for place in Path(folder).rglob("*")}
    return {*folders, *found}
