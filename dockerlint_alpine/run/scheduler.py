"""Judges the Dockerfiles of a run: from the cache where nothing has changed, else by a doctor that is opened on need."""

from __future__ import annotations

import os
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click
from msgspec.structs import replace

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.online import access
from dockerlint_alpine.cli.progress import Progress
from dockerlint_alpine.cli.terminal import warn
from dockerlint_alpine.model.reports import FileError, FileReport
from dockerlint_alpine.run.discovery import job_settings
from dockerlint_alpine.run.pool import Answer, PoolUnavailableError, Question, ask, ask_all, worker_count
from dockerlint_alpine.run.reading import UnreadableError, read_dockerfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.elf.targets import Progress as Steps
    from dockerlint_alpine.elf.targets import Subject
    from dockerlint_alpine.run.analysis import Doctor
    from dockerlint_alpine.run.cache import ReportCache
    from dockerlint_alpine.run.config import Configuration
    from dockerlint_alpine.run.discovery import Job


_DAY = 24 * 3600 * 10**9
"""Nanoseconds for which a report is believed that rests on answers of the index, or on their absence."""


_Judged: TypeAlias = tuple["FileReport | FileError", frozenset[str]]


class Judge:
    """One run's way from jobs to reports. ``use_cache`` is off for answers that depend on more than files.

    ``workers`` is the number of processes for what is not in the cache; ``None`` takes as many as pay off.
    """

    def __init__(self, configured: Configuration, *, use_cache: bool, workers: int | None = 1) -> None:
        self.configured = configured
        self.looked_at: set[str] = set()
        """What the reports so far rest on besides the Dockerfiles themselves."""
        self._workers = workers
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
        (result,) = self.reports([job])
        if isinstance(result, FileError):
            raise UnreadableError(result.message)
        return result

    def reports(self, jobs: Sequence[Job]) -> list[FileReport | FileError]:
        """Judge all of them; what can't be read is an error in its place. The order is that of ``jobs``."""
        return [result for result, _ in self._judged(jobs)]

    def reports_resting_on(self, jobs: Sequence[Job], files: Iterable[str]) -> list[FileReport | FileError]:
        """Judge all of them and keep what rests on one of ``files``: requirements, lock files, the configuration.

        What could not be read is kept, too: nobody knows what it rests on.
        """
        wanted = {os.path.realpath(file) for file in files}
        configuration = self.configured.path
        if configuration is not None and os.path.realpath(configuration) in wanted:
            return self.reports(jobs)
        return [
            result
            for result, paths in self._judged(jobs)
            if isinstance(result, FileError) or not wanted.isdisjoint(map(os.path.realpath, paths))
        ]

    def _judged(self, jobs: Sequence[Job]) -> list[_Judged]:
        """The result of each job, and the paths that it rests on besides the Dockerfile."""
        results: list[_Judged | None] = [None] * len(jobs)
        open_questions: list[tuple[int, str | None, Question]] = []
        with Progress("Judging Dockerfiles", len(jobs)) as progress:
            for number, job in enumerate(jobs):
                try:
                    data = read_dockerfile(job.path)
                except UnreadableError as error:
                    results[number] = FileError(job.shown_as, str(error)), frozenset()
                    continue
                key, results[number] = self._remembered(job, data)
                if results[number] is None:
                    open_questions.append((number, key, Question(job, data)))
                else:
                    progress.step()
            answers = self._answers([question for *_, question in open_questions])
            for (number, key, _), answer in zip(open_questions, answers, strict=True):
                results[number] = self._taken(key, answer)
                progress.step()
        judged = [result for result in results if result is not None]
        self.looked_at.update(path for _, paths in judged for path in paths)
        return judged

    def _remembered(self, job: Job, data: bytes) -> tuple[str | None, _Judged | None]:
        """The key of a question in the cache, and the report stored there."""
        if self._cache is None:
            return None, None
        settings = job_settings(self.configured.settings, job)
        place = f"{self._access}\0{job.path}\0{job.shown_as}"
        key = self._cache.key(replace(self.configured, settings=settings), place, data)
        return key, self._cache.get(key, data)

    def _taken(self, key: str | None, answer: Answer) -> _Judged:
        if answer.broken is not None:
            raise click.UsageError(answer.broken)
        looked_at = answer.looked_at | self._rule_files
        # An index that fell silent while it was asked gets another chance in the next run.
        settled = access(self.configured.settings) == self._access
        if self._cache is not None and key is not None and settled and isinstance(answer.result, FileReport):
            self._cache.put(key, answer.result, looked_at, lasts=None if self._access == "offline" else _DAY)
        return answer.result, looked_at

    def compared(self, job: Job, image: Subject, steps: Steps) -> FileReport:
        """Judge the Dockerfile of ``job`` beside the image built from it; never from the cache. Raises UnreadableError."""
        doctor = common.for_job(self.doctor, job)
        data = read_dockerfile(job.path)
        return doctor.check_bytes(data, job.path, shown_as=job.shown_as, image=image, progress=steps)

    def _answers(self, questions: Sequence[Question]) -> Iterator[Answer]:
        workers = 1 if self._access == "online" else worker_count(self._workers, len(questions))
        if workers > 1:
            if self._cache is not None:
                self._cache.close()  # no process inherits an open database
            try:
                yield from ask_all(self.configured, questions, workers)
            except PoolUnavailableError:
                workers = 1
        if workers == 1:
            for question in questions:
                yield ask(self.doctor, question)

    @cached_property
    def _rule_files(self) -> frozenset[str]:
        """The files of the user's own rules: every report rests on them too."""
        folders = self.configured.settings.rules
        return frozenset({*folders, *(str(place) for folder in folders for place in Path(folder).rglob("*"))})

    def close(self) -> None:
        """Write the cache out."""
        if self._cache is not None:
            self._cache.close()


def open_cache() -> ReportCache:
    """The cache in the platform's folder; what goes wrong with it is one line on standard error."""
    from dockerlint_alpine.cli.folders import cache_folder
    from dockerlint_alpine.run.cache import ReportCache

    return ReportCache(cache_folder(), warn, clock=time.time_ns)
