"""Checks many Dockerfiles in several processes; results come in the order of the inputs.

Each worker opens rules and indexes once. Where processes can't be started (no semaphores, no memory, a sandbox) the
caller hears of it before anything is judged, and does the work itself.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.reports import FileError, FileReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from multiprocessing.context import BaseContext

    from dockerlint_alpine.apk.renewal import Wanted
    from dockerlint_alpine.python.index.questions import Question as IndexQuestion
    from dockerlint_alpine.run.config import Configuration
    from dockerlint_alpine.run.doctors import Doctors
    from dockerlint_alpine.run.jobs import Job
    from dockerlint_alpine.run.openers import Openers

_WORTH_A_WORKER = 12
"""Files. Fewer are judged sooner than another process is ready."""

_MAX_CHUNK = 8


class PoolUnavailableError(OSError):
    """No worker process could be started."""


class DataError(Exception):
    """Rules or indexes can't be read: no file can be judged. The text is one line for the user."""


class Question(Struct, frozen=True):
    """One build, and the bytes of its Dockerfile."""

    job: Job
    data: bytes


class Answer(Struct, frozen=True):
    """The answer to a question: a report, or the reason why there is none, and the paths that it rests on.

    ``broken`` is set where rules or indexes can't be read: the whole run fails with this line. ``open`` are questions for
    the Python index that were not put, by the keys of their answers, ``indexes`` those of Alpine that should be fetched.
    """

    result: FileReport | FileError
    looked_at: frozenset[str] = frozenset()
    broken: str | None = None
    open: Mapping[str, IndexQuestion] = {}
    indexes: frozenset[Wanted] = frozenset()

    @property
    def settled(self) -> bool:
        """True where no index was left to be asked."""
        return not self.open and not self.indexes


def worker_count(wanted: int | None, questions: int) -> int:
    """How many processes to use: ``wanted`` if somebody said so, else what pays off; 1 stands for this one."""
    if wanted is not None:
        return max(1, min(wanted, questions))
    return max(1, min(cpu_count(), questions // _WORTH_A_WORKER))


def cpu_count() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def ask(doctors: Doctors, configured: Configuration, question: Question) -> Answer:
    """Judge one Dockerfile, whatever it holds: a mistake of ours costs its report and not the run."""
    from dockerlint_alpine.run.jobs import job_configuration
    from dockerlint_alpine.run.reading import FragmentError, UnreadableError, read_dockerfile

    job = question.job
    try:
        doctor = doctors.doctor(job_configuration(configured, job))
        doctor.forget_questions()
        report = doctor.check_bytes(question.data, job.path, shown_as=job.shown_as)
        if job.text is not None:  # part of another file, which nobody rewrites
            kept = (one for one in report.findings if job.image_made or not one.traits.on_all_platforms)
            source = report.source if job.image_made else read_dockerfile(job.path)  # every place is one of the file
            findings = tuple(replace(finding, fix=None, remedies=()) for finding in kept)
            report = replace(report, source=source, findings=findings)
    except UnreadableError as error:
        return Answer(FileError(job.shown_as, str(error), remark=job.walked and isinstance(error, FragmentError)))
    except data_errors() as error:
        return Answer(FileError(job.shown_as, str(error)), broken=str(error))
    except Exception as error:  # noqa: BLE001 - see above
        return Answer(FileError(job.shown_as, _internal(error)))
    answers = doctor.resolver.looked_at if doctor.resolver is not None else set()
    return Answer(report, frozenset(doctor.looked_at | answers), None, *doctor.open_questions)


def data_errors() -> tuple[type[Exception], ...]:
    """What rules and indexes raise when they can't be read. Called in an ``except`` clause: imported only on failure."""
    from dockerlint_alpine.apk import ApkError
    from dockerlint_alpine.knowledge import KnowledgeError

    return (ApkError, KnowledgeError, DataError)


def ask_all(
    configured: Configuration, openers: Openers, questions: Sequence[Question], workers: int
) -> Iterator[Answer]:
    """Judge all in ``workers`` processes, in order. Raises PoolUnavailableError before the first answer, or not at all."""
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    try:
        pool = ProcessPoolExecutor(workers, _context(), _start, (os.getpid(), replace(configured, origins={}), openers))
    except (OSError, ImportError, NotImplementedError, ValueError) as error:
        raise PoolUnavailableError(str(error)) from None
    answered = 0
    try:
        chunk = max(1, min(_MAX_CHUNK, len(questions) // (workers * 4)))
        try:
            with _no_interruption():
                answers = pool.map(_answer, questions, chunksize=chunk)
        except OSError as error:
            raise PoolUnavailableError(str(error)) from None
        for answer in answers:
            answered += 1
            yield answer
    except BrokenProcessPool:
        if not answered:
            raise PoolUnavailableError("worker processes end at once") from None
        yield from _lost(questions[answered:])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _no_interruption() -> Iterator[None]:
    """Hold Ctrl-C back while workers start: they inherit that for good, and here it arrives afterwards."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _lost(questions: Iterable[Question]) -> Iterator[Answer]:
    for question in questions:
        reason = "not checked: a worker process was killed from outside; --jobs 1 uses none"
        yield Answer(FileError(question.job.shown_as, reason))


def _context() -> BaseContext:
    """Fork where that is safe: it costs a few milliseconds, and a new interpreter as much as ten files."""
    from multiprocessing import get_context

    alone = threading.active_count() == 1
    return get_context("fork" if sys.platform == "linux" and alone else "spawn")


_mine: tuple[Doctors, Configuration] | None = None


def _start(parent: int, configured: Configuration, openers: Openers) -> None:
    """Set a worker up. Ctrl-C goes to every process of the terminal: the parent alone answers it.

    A parent that is killed can't tell its workers, and each holds the pipe open on which the others wait.
    """
    global _mine  # noqa: PLW0603 - the one thing that a worker keeps between questions
    import signal

    from dockerlint_alpine.run.doctors import Doctors
    from dockerlint_alpine.system.launch import follow

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow(parent)

    _mine = Doctors(openers), configured


def _answer(question: Question) -> Answer:
    assert _mine is not None
    return ask(*_mine, question)


def _internal(error: Exception) -> str:
    """One line on a mistake of ours, with the place where it happened."""
    from traceback import extract_tb

    frame = extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119 - a name in a message
    reason = f"internal error, please report it: {type(error).__name__}: {error}".partition("\n")[0]
    return f"{reason} ({place})"
