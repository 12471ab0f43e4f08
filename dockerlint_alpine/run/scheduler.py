"""Judges the Dockerfiles of a run: from the cache where nothing has changed, else by doctors that are opened on need."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from dockerlint_alpine.model.reports import FileError, FileReport
from dockerlint_alpine.run.jobs import Job, job_configuration, read_job
from dockerlint_alpine.run.pool import Answer, DataError, PoolUnavailableError, Question, ask, ask_all, worker_count
from dockerlint_alpine.run.reading import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dockerlint_alpine.apk.renewal import Wanted
    from dockerlint_alpine.python.index.policy import Access
    from dockerlint_alpine.python.index.questions import Question as IndexQuestion
    from dockerlint_alpine.run.analysis import Doctor
    from dockerlint_alpine.run.cache import ReportCache
    from dockerlint_alpine.run.config import Configuration
    from dockerlint_alpine.run.doctors import Doctors
    from dockerlint_alpine.run.openers import Openers


_HOUR = 3600 * 10**9
"""Nanoseconds for which a report is believed where an index did not answer, or not in full."""
_DAY = 24 * _HOUR
"""Those for one that rests on answers of the index, or on their absence."""


_MAX_ROUNDS = 6
"""How often what was learnt from an index leads to further questions: the releases, their sdists, what builds those."""

_Work = TypeVar("_Work")
_Judged: TypeAlias = tuple["FileReport | FileError", frozenset[str]]


class Progress(Protocol):
    """Shows how far a run has come."""

    def step(self, count: int = 1) -> None:
        """Say that ``count`` more are done."""


class Reach(Protocol):
    """Asks the indexes what the Dockerfiles of a run leave open."""

    @property
    def doubtful(self) -> bool:
        """Whether something did not answer, or not in full, that may do so in a while."""

    def ask(self, questions: Mapping[str, IndexQuestion], indexes: Iterable[Wanted]) -> bool:
        """Ask and fetch, several at once; tell whether judging again leads further."""


class _Silence:
    def step(self, count: int = 1) -> None:
        """Nobody wants to know."""


class Judge:
    """One run's way from jobs to reports.

    ``openers`` give the way to the indexes, ``access`` says at any time how far it may be gone. ``reach`` puts what
    Dockerfiles leave open to the indexes; without it that stays open, unless the openers' resolvers ask at once. ``cache``
    is left out for answers that depend on more than files; ``valid_with`` is what an index's answers hold for. ``workers``
    is the number of processes for what is not in the cache; ``None`` chooses it. ``progress`` makes the object that is told
    of the steps of a task, by its name and their number.
    """

    def __init__(
        self,
        configured: Configuration,
        *,
        openers: Openers,
        access: Callable[[], Access],
        reach: Reach | None = None,
        valid_with: str = "",
        cache: ReportCache | None = None,
        workers: int | None = 1,
        progress: Callable[[str, int], AbstractContextManager[Progress]] = lambda *_: nullcontext(_Silence()),
    ) -> None:
        self.configured = configured
        self.looked_at: set[str] = set()
        """What the reports so far rest on besides the Dockerfiles themselves."""
        self._workers = workers
        self._openers = openers
        self._reach = reach
        self._valid_with = valid_with
        self._now_allowed = access
        self._access = access()
        self._cache = cache
        self._progress = progress

    @cached_property
    def doctors(self) -> Doctors:
        """The doctors of this run; rules and indexes are opened at the first question."""
        from dockerlint_alpine.run.doctors import Doctors

        return Doctors(self._openers)

    def report(self, job: Job) -> FileReport:
        """Judge the Dockerfile of ``job``. Raises UnreadableError."""
        (result,) = self.reports([job])
        if isinstance(result, FileError):
            raise UnreadableError(result.message)
        return result

    def reports(self, jobs: Sequence[Job]) -> list[FileReport | FileError]:
        """Judge all of them; what can't be read is an error in its place. The order is that of ``jobs``."""
        return [result for result, _ in self._judged(jobs)]

    def report_on(self, data: bytes, job: Job) -> FileReport | FileError:
        """Judge ``data`` in place of the Dockerfile of ``job``; nothing of it is kept."""
        (answer,) = self._answers([Question(job, data)])
        if answer.broken is not None:
            raise DataError(answer.broken)
        self.looked_at |= answer.looked_at
        return answer.result

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

    def gather(self, work: Callable[[Doctor], _Work]) -> _Work:
        """What ``work``, which writes and shows nothing, comes to once what it leaves open was put to the indexes, all at
        once, until nothing more is to be had."""
        for rounds_left in reversed(range(_MAX_ROUNDS + 1)):
            doctor = self.doctors.doctor(self.configured)
            doctor.forget_questions()
            found = work(doctor)
            if not rounds_left or not self._asked(*doctor.open_questions):
                break
        return found

    def _judged(self, jobs: Sequence[Job]) -> list[_Judged]:
        """The result of each job, and the paths that it rests on besides the Dockerfile."""
        results: list[_Judged | None] = [None] * len(jobs)
        open_questions: list[tuple[int, str | None, Question]] = []
        with self._progress("Checking Dockerfiles", len(jobs)) as progress:
            for number, job in enumerate(jobs):
                try:
                    data = read_job(job)
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
        valid = self._valid_with if self._access == "online" else ""
        place = f"{self._access}{valid}\0{job.path}\0{job.shown_as}"
        key = self._cache.key(job_configuration(self.configured, job), place, data)
        return key, self._cache.get(key, data)

    def _taken(self, key: str | None, answer: Answer) -> _Judged:
        if answer.broken is not None:
            raise DataError(answer.broken)
        looked_at = answer.looked_at | self._rule_files
        report = answer.result
        if self._cache is None or key is None or not answer.settled or not isinstance(report, FileReport):
            return report, looked_at
        # An index that fell silent while it was asked gets another chance in the next run.
        if self._access == "offline":
            self._cache.put(key, report, looked_at)
        elif self._now_allowed() == self._access:
            lasts = _HOUR if self._reach is not None and self._reach.doubtful else _DAY
            self._cache.put(key, report, looked_at, lasts=lasts)
        return report, looked_at

    def _answers(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """Answer all of them. What they leave open is put to the indexes, all at once, and judged again with the answers."""
        if self._reach is None:
            yield from self._judgements(questions)
            return
        answers = list(self._judgements(questions))
        for _ in range(_MAX_ROUNDS):
            left = [at for at, answer in enumerate(answers) if not answer.settled]
            open_ones = {key: one for at in left for key, one in answers[at].open.items()}
            if not left or not self._asked(open_ones, {one for at in left for one in answers[at].indexes}):
                break
            for at, answer in zip(left, self._judgements([questions[at] for at in left]), strict=True):
                answers[at] = answer
        yield from answers

    def _asked(self, questions: Mapping[str, IndexQuestion], indexes: Iterable[Wanted]) -> bool:
        """Ask, and tell whether judging again, with what is at hand now, leads further."""
        if self._reach is None or not self._reach.ask(questions, indexes):
            return False
        if "doctors" in self.__dict__:
            self.doctors.forget_indexes()
        if self._cache is not None:
            self._cache.begin()
        return True

    def _judgements(self, questions: Sequence[Question]) -> Iterator[Answer]:
        workers = worker_count(self._workers, len(questions))
        if workers > 1:
            if self._cache is not None:
                self._cache.close()  # no process inherits an open database
            try:
                yield from ask_all(self.configured, self._openers, questions, workers)
            except PoolUnavailableError:
                workers = 1
        if workers == 1:
            for question in questions:
                yield ask(self.doctors, self.configured, question)

    @cached_property
    def _rule_files(self) -> frozenset[str]:
        """The files of the user's own rules: every report rests on them too."""
        folders = self.configured.settings.rules
        return frozenset({*folders, *(str(place) for folder in folders for place in Path(folder).rglob("*"))})

    def close(self) -> None:
        """Write the cache out."""
        if self._cache is not None:
            self._cache.close()


def merged_reports(reports: Sequence[FileReport]) -> tuple[FileReport, ...]:
    """One report per file: a Dockerfile that two services build says each thing once."""
    if len({report.path for report in reports}) == len(reports):
        return tuple(reports)
    from dockerlint_alpine.fixer.fix_loop import merged

    by_path: dict[str, list[FileReport]] = {}
    for report in reports:
        by_path.setdefault(report.path, []).append(report)
    return tuple(merged(same) for same in by_path.values())
