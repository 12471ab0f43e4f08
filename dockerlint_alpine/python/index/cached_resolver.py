"""The resolver of a run: what is kept is used, and what is open is put to the index, at once or later, within a budget of
time for the whole run.

Without ``--online`` it asks only for what nothing else tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from dockerlint_alpine.python.index.facts import SOURCE
from dockerlint_alpine.python.index.questions import (
    Gathered,
    NotYetError,
    WhatImageHolds,
    WhatIsInstalled,
    WhatRepositoryHolds,
    WhatSourcesSay,
)
from dockerlint_alpine.python.model import PythonError, Resolution
from dockerlint_alpine.python.resolve import NOBODY_ASKED, NOT_THERE, NoAnswerError, ResolverError
from dockerlint_alpine.system.deadline import Task, all_within
from dockerlint_alpine.system.web import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dockerlint_alpine.python.forges import Remote
    from dockerlint_alpine.python.index.online import PythonIndex
    from dockerlint_alpine.python.index.questions import Question, Variables, Way
    from dockerlint_alpine.python.model import Facts, IndexOptions, RequirementSet, Target
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

MAX_AGE = 7
"""Days for which a page is taken as it is; an older one only where the index does not answer."""

TOTAL = 900.0
"""Seconds that a run waits for the network at most, even with ``--online``."""

_Found = TypeVar("_Found")
_MARGIN = 0.05
"""Seconds of the time for a run with which there is no use in asking for more."""
_GAVE_NONE = "the index gave an incomplete answer"


class Network:
    """The way to the index, with the ``seconds`` that a whole run may wait for it (``None``: as long as it takes).

    ``open`` opens the index for requests of at most so many seconds; it raises ``ResolverError`` where nothing can be asked.
    ``clock`` tells seconds that only grow. ``gave_up`` gets one line, once, when the index is not asked any more, and
    whether it answered anything before. ``tick`` is told how much of the work that is known so far is done, and what is
    waited for; it ends with 0 of 0. ``expected`` are the errors that mean no answer; others are mistakes of ours.
    """

    def __init__(
        self,
        seconds: float | None,
        open: Callable[[float | None], PythonIndex],  # noqa: A002 - what it does
        *,
        clock: Callable[[], float],
        gave_up: Callable[[str, bool], None],
        tick: Callable[[int, int, str], None] = lambda *_: None,
        expected: tuple[type[Exception], ...] = (PythonError, OSError),
    ) -> None:
        self.seconds = seconds
        self.expected = expected
        self._open = open
        self._clock = clock
        self._gave_up = gave_up
        self._tick = tick
        self._left = seconds if seconds is not None else TOTAL
        self._way: PythonIndex | None = None
        self.lost: str | None = None
        """Why nothing is asked any more."""
        self.slow: set[str] = set()
        """What is said of large files that did not come in time, while others are still asked for."""

    def resolution(self, question: WhatIsInstalled, facts: Facts) -> Resolution:
        """Ask now; raises ``ResolverError``, and ``NoAnswerError`` for good once time is up."""
        return self._one(lambda index: question.steps(index, facts))

    def answer(self, question: Question) -> Any:
        """Ask now; raises ``ResolverError``, and ``NoAnswerError`` for good once time is up."""
        return self._one(question.steps)

    def tasks(self, questions: Mapping[str, Question]) -> dict[str, Task[object]]:
        """Return ``questions`` as tasks for :meth:`do_all`."""
        return {key: self._begun(one.steps) for key, one in questions.items()}

    def do_all(self, tasks: Mapping[str, Task[object]]) -> dict[str, str]:
        """Do what takes the network, all at once, within what is left of the time. Return what came to nothing, or to an
        answer that leaves something open because of the index, by its key, and why."""
        return {key: reason for key, one in self._done(tasks).items() if (reason := _why_open(one)) is not None}

    def _done(self, tasks: Mapping[str, Task[_Found]]) -> dict[str, _Found | Exception]:
        if self.lost is not None:
            return {key: NoAnswerError(self.lost) for key in tasks}
        start = self._clock()
        shown = [""]

        def tick(count: int, total: int, waiting: str) -> None:
            shown[0] = waiting or shown[0]
            self._tick(count, total, waiting)

        last = SOURCE if self.seconds is not None else None
        done = all_within(self._left, tasks, at_once=AT_ONCE, tick=tick, last=last)
        self._tick(0, 0, "")
        self._left -= self._clock() - start
        late = [key for key in tasks if key not in done]
        silent = next((one for one in done.values() if isinstance(one, NoAnswerError)), None)
        reason = f"{shown[0][:60]}: " if shown[0] else ""
        reason += f"no answer within {self.seconds or TOTAL:g} seconds"
        if late and self._left > _MARGIN:  # what is large is late: there is time for others
            if not self.slow:
                self._gave_up(reason, self._answered)
            self.slow.add(reason)
        elif late:
            self._give_up(reason)
        elif silent is not None:
            self._give_up(str(silent))
        for one in done.values():
            if isinstance(one, Exception) and not isinstance(one, self.expected):
                raise one
        return done | {key: NoAnswerError(self.lost or reason) for key in late}

    def _begun(self, steps: Callable[[PythonIndex], Task[_Found]]) -> Task[_Found]:
        """The task, which opens the index when it is begun: one for all, it knows which hosts don't answer."""
        if self._way is None:
            self._way = self._open(self._left if self.seconds is not None else None)
        return (yield from steps(self._way))

    def _one(self, steps: Callable[[PythonIndex], Task[_Found]]) -> _Found:
        found = self._done({"": self._begun(steps)})[""]
        if isinstance(found, Exception):
            raise found if isinstance(found, ResolverError) else ResolverError(str(found))
        return found

    def _give_up(self, reason: str) -> None:
        if self.lost is None:
            self.lost = reason
            self._gave_up(reason, self._answered)

    @property
    def _answered(self) -> bool:
        return self._way is not None and self._way.answered


class CachedResolver:
    """A ``Resolver`` that answers from what is ``kept``, and hands what is open to ``way`` (``None``: to nobody).

    ``kept`` asks nobody; ``older`` neither, and believes pages of any age: they serve where the index does not answer.
    ``fills_gaps``: as one that nobody asked for, it leaves to the facts what they know.
    """

    def __init__(
        self, kept: PythonIndex, older: PythonIndex, *, way: Way | None = None, fills_gaps: bool = True
    ) -> None:
        self.fills_gaps = fills_gaps
        self.way = way
        self.refusal = ""
        self._kept = kept
        self._older = older

    @property
    def looked_at(self) -> set[str]:
        """The files that kept answers were read from, or not found in."""
        return self._kept.kept.looked_at

    @property
    def open(self) -> dict[str, Question]:
        """Questions that were noted and not put, by their keys."""
        return self.way.open if isinstance(self.way, Gathered) else {}

    def resolve(
        self,
        wanted: RequirementSet,
        target: Target,
        facts: Facts,
        *,
        installed: Mapping[str, str] | None = None,
        no_deps: bool = False,
        afresh: bool = False,
    ) -> Resolution:
        """See :class:`dockerlint_alpine.python.Resolver`. What is kept counts, even where more was asked for."""
        self.refusal = ""
        present = tuple(sorted((installed or {}).items()))
        question = WhatIsInstalled(wanted, target, present, no_deps, self.fills_gaps and not afresh)
        found, full = _from_kept(self._kept, question, facts, hasty=self.way is not None)
        if full:
            return found
        try:
            if self.way is None:
                raise ResolverError(NOBODY_ASKED)
            return self.way.resolution(question, facts)
        except NotYetError as later:
            self.refusal = str(later)
            return found
        except ResolverError as error:
            self.refusal = str(error)
            return _from_kept(self._older, question, facts)[0]

    def source_facts(
        self, name: str, version: str, options: IndexOptions, variables: Variables = (), *, only_kept: bool = False
    ) -> SourceFacts:
        """Return what the sdist of a release says; raises ``ResolverError``."""
        # What was fetched for an earlier step is known to one with --no-index, too.
        pages = self._kept.pages(replace(options, no_index=False))
        try:
            return pages.source(name, version, variables)
        except ResolverError:
            pass
        if only_kept or self.way is None or options.no_index:
            raise ResolverError(NOBODY_ASKED)
        found: SourceFacts = self.way.answer(WhatSourcesSay(name, version, options, variables))
        return found

    def repository(self, remote: Remote) -> Path:
        """Return the folder with the files of a repository; raises ``ResolverError``. Who was not asked to go online only
        uses what is kept."""
        found: Path = self._kept_or_asked(lambda: self._kept.repositories.files(remote), WhatRepositoryHolds(remote))
        return found

    def image(self, reference: str, platform: str) -> Any:
        """See :class:`dockerlint_alpine.python.Resolver`; as repositories."""
        question = WhatImageHolds(reference, platform)
        return self._kept_or_asked(lambda: self._kept.images.contents(reference, platform), question)

    def _kept_or_asked(self, find: Callable[[], object], question: Question) -> Any:
        try:
            return find()
        except ResolverError as error:
            if str(error) != NOBODY_ASKED:
                raise
        if self.way is None or self.fills_gaps:
            raise ResolverError(NOBODY_ASKED)
        return self.way.answer(question)


def _from_kept(
    index: PythonIndex, question: WhatIsInstalled, facts: Facts, *, hasty: bool = False
) -> tuple[Resolution, bool]:
    """The answer from what is kept, and whether nothing is open that an index could tell."""
    pages = index.pages(question.wanted.options)
    pages.look_again()
    try:
        next(question.steps(index, facts, hasty=hasty))
    except StopIteration as end:
        found: Resolution = end.value
        return found, not pages.lacks
    raise AssertionError("who asks nobody waits for nothing")


def _why_open(found: object) -> str | None:
    """Why an answer is none, or may not be a full one; ``None`` where nothing more is to be had."""
    if isinstance(found, Exception):
        return str(found)
    if not isinstance(found, Resolution):
        return None
    reasons = (one.reason for one in found.unresolved if one.kind == "no-release")
    return next((reason for reason in reasons if not reason.startswith(NOT_THERE)), _GAVE_NONE)
