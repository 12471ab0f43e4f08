"""The resolver of a run: what is kept is used, and what is open is put to the index, at once or later, within a budget of
time for the whole run.

Without ``--online`` it asks only for what nothing else tells, and never an index that a requirements file names: to look at
a project must not make the machine call wherever the project says.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from dockerlint_alpine.python.index.answers import AnswerCache, kept_resolution, kept_source, source_key
from dockerlint_alpine.python.index.questions import Gathered, WhatIsInstalled, WhatSourcesSay
from dockerlint_alpine.python.model import PythonError
from dockerlint_alpine.python.resolve import NOBODY_ASKED, NoAnswerError, ResolverError
from dockerlint_alpine.system.deadline import all_within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockerlint_alpine.python.index.answers import Variables
    from dockerlint_alpine.python.index.online import UvResolver
    from dockerlint_alpine.python.index.questions import Question, Way
    from dockerlint_alpine.python.model import IndexOptions, RequirementSet, Resolution, Target
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

MAX_AGE = 7
"""Days for which an answer is taken as it is; an older one only where the index does not answer."""

TOTAL = 900.0
"""Seconds that a run waits for the network at most, even with ``--online``."""
AT_ONCE = 4
"""Questions that are put at the same time: more processes of uv than two for each of two processors only slow each other."""

_Found = TypeVar("_Found")
Work: TypeAlias = "tuple[str, Callable[[], object]]"
"""What it is, in a few words, and how it is done."""


class Network:
    """The way to the index, with the ``seconds`` that a whole run may wait for it (``None``: as long as it takes).

    ``open`` gives a resolver that may take so many seconds for one step; it raises ``ResolverError`` where nothing can be
    asked. ``clock`` tells seconds that only grow. ``gave_up`` gets one line, once, when the index is not asked any more.
    ``tick`` is told how many of a number of questions are answered, and what is waited for; it ends with 0 of 0.
    ``expected`` are the errors that mean no answer; others are mistakes of ours.
    """

    def __init__(
        self,
        seconds: float | None,
        open: Callable[[float | None], UvResolver],  # noqa: A002 - what it does
        *,
        clock: Callable[[], float],
        gave_up: Callable[[str], None],
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
        self._way: UvResolver | None = None
        self.lost: str | None = None
        """Why nothing is asked any more."""

    def resolution(self, question: WhatIsInstalled) -> Resolution:
        """Ask now; raises ``ResolverError``, and ``NoAnswerError`` for good once time is up."""
        return self._one(question.put)

    def sources(self, question: WhatSourcesSay) -> SourceFacts:
        """Ask now; raises ``ResolverError``, and ``NoAnswerError`` for good once time is up."""
        return self._one(question.put)

    def questions(self, questions: Mapping[str, Question]) -> dict[str, Work]:
        """Return ``questions`` as work for :meth:`do_all`."""
        return {key: (one.shown, partial(self._put, one)) for key, one in questions.items()}

    def do_all(self, work: Mapping[str, Work]) -> dict[str, str]:
        """Do what takes the network, several at once, within what is left of the time: key -> what it is, and the work.
        Return what came to nothing, by its key, and why."""
        if self.lost is not None:
            return dict.fromkeys(work, self.lost)
        start = self._clock()
        done = all_within(
            self._left,
            {key: one for key, (_, one) in work.items()},
            at_once=AT_ONCE,
            tick=lambda count, waiting: self._tick(count, len(work), ", ".join(work[key][0] for key in waiting)),
        )
        self._tick(0, 0, "")
        self._left -= self._clock() - start
        late = [key for key in work if key not in done]
        silent = next((one for one in done.values() if isinstance(one, NoAnswerError)), None)
        if late:
            self._give_up(f"{work[late[0]][0]}: no answer within {self.seconds or TOTAL:g} seconds")
        elif silent is not None:
            self._give_up(str(silent))
        wrong = {key: one for key, one in done.items() if isinstance(one, Exception)}
        for one in wrong.values():
            if not isinstance(one, self.expected):
                raise one
        return {key: str(one) for key, one in wrong.items()} | dict.fromkeys(late, self.lost or "")

    def _put(self, question: Question) -> object:
        return question.put(self._opened())

    def _opened(self) -> UvResolver:
        """One resolver for all questions: it knows which hosts don't answer."""
        if self._way is None:
            self._way = self._open(self._left if self.seconds is not None else None)
        return self._way

    def _one(self, put: Callable[[UvResolver], _Found]) -> _Found:
        if self.lost is not None:
            raise NoAnswerError(self.lost)
        found: list[_Found] = []
        failed: list[Exception] = []

        def work() -> None:
            try:
                found.append(put(self._opened()))
            except ResolverError as error:
                failed.append(error)
                raise

        refused = self.do_all({"": ("the index", work)})
        if found:
            return found[0]
        raise failed[0] if failed else NoAnswerError(refused[""])

    def _give_up(self, reason: str) -> None:
        if self.lost is None:
            self.lost = reason
            self._gave_up(reason)


class KeptResolver:
    """A ``Resolver`` that answers from ``answers``, and hands what is open to ``way`` (``None``: to nobody).

    ``sparing``: as one that nobody asked for, it takes answers of some days, and lets nobody follow what a project names.
    ``today`` is the day.
    """

    def __init__(
        self,
        answers: AnswerCache,
        *,
        today: date,
        as_of: str | None = None,
        way: Way | None = None,
        sparing: bool = True,
    ) -> None:
        self.sparing = sparing
        self.way = way
        self._answers = answers
        self._oldest = (today - timedelta(days=MAX_AGE if sparing else 0)).isoformat()
        self._as_of = as_of

    @property
    def looked_at(self) -> set[str]:
        """The files that kept answers were read from, or not found in."""
        return self._answers.looked_at

    @property
    def open(self) -> dict[str, Question]:
        """Questions that were noted and not put, by the keys of their answers."""
        return self.way.open if isinstance(self.way, Gathered) else {}

    def recall(self, wanted: RequirementSet, target: Target) -> Resolution | None:
        """Return the kept answer if it is young enough."""
        return self._kept(wanted, target, self._oldest)

    def resolve(self, wanted: RequirementSet, target: Target) -> Resolution:
        """Return the kept answer, or ask the index; raises ``ResolverError``."""
        known = self.recall(wanted, target)
        if known is not None:
            return known
        if self.sparing and any(one.url is not None for one in (*wanted.requested, *wanted.constraints)):
            raise ResolverError("only --online follows the URLs that the requirements name")
        try:
            return self._asked(wanted.options).resolution(WhatIsInstalled(wanted, target))
        except NoAnswerError:
            old = self._kept(wanted, target, "")
            if old is None:
                raise
            return old

    def source_facts(
        self, name: str, version: str, options: IndexOptions, variables: Variables = (), *, only_kept: bool = False
    ) -> SourceFacts:
        """Return what the sdist of a release says; raises ``ResolverError``."""
        known = kept_source(self._answers, source_key(name, version, options, variables))
        if known is not None:
            return known
        if only_kept:
            raise ResolverError(NOBODY_ASKED)
        return self._asked(options).sources(WhatSourcesSay(name, version, options, variables))

    def _kept(self, wanted: RequirementSet, target: Target, oldest: str) -> Resolution | None:
        return kept_resolution(self._answers, wanted, target, self._as_of, oldest=oldest)

    def _asked(self, options: IndexOptions) -> Way:
        if self.way is None:
            raise ResolverError(NOBODY_ASKED)
        links = any("://" in link for link in options.find_links)
        if self.sparing and (options.index_url or options.extra_index_urls or links):
            raise ResolverError("only --online asks an index that the requirements name, if you configured it, too")
        return self.way
