"""The resolver of those who asked for none: what is kept is used, the network only for what nothing else tells, and only
as long as the index answers quickly.

It never asks an index that a requirements file names and the user's own configuration does not: to look at a project must
not make the machine call wherever the project says.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

from dockerlint_alpine.python.index.answers import AnswerCache, kept_resolution, kept_source, source_key
from dockerlint_alpine.python.resolve import NoAnswerError, ResolverError
from dockerlint_alpine.system.deadline import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockerlint_alpine.python.model import IndexOptions, RequirementSet, Resolution, Target
    from dockerlint_alpine.python.resolve import Resolver
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

MAX_AGE = 7
"""Days for which an answer is taken as it is; an older one only where the index does not answer."""

_GRACE = 0.2
"""Seconds in which work that ran into its own limit can clean up."""

_Found = TypeVar("_Found")


class Network:
    """The way to the index, with the ``seconds`` that a whole run may wait for it.

    ``open`` gives a resolver that may take so many seconds for one step; it raises ``ResolverError`` where nothing can be
    asked. ``clock`` tells seconds that only grow. ``gave_up`` gets one line, once, when the index is not asked any more.
    """

    def __init__(
        self,
        seconds: float,
        open: Callable[[float], Resolver],  # noqa: A002 - what it does
        *,
        clock: Callable[[], float],
        gave_up: Callable[[str], None],
    ) -> None:
        self.seconds = seconds
        self._open = open
        self._clock = clock
        self._gave_up = gave_up
        self._left = seconds
        self.lost: str | None = None
        """Why nothing is asked any more."""

    def ask(self, question: Callable[[Resolver], _Found]) -> _Found:
        """Put ``question`` to the index; raises ``ResolverError``, and ``NoAnswerError`` for good once time is up."""
        if self.lost is not None:
            raise NoAnswerError(self.lost)
        start = self._clock()
        try:
            return within(self._left + _GRACE, lambda: question(self._open(self._left)))
        except TimeoutError as error:
            self._give_up(str(error))
            raise NoAnswerError(str(error)) from None
        except NoAnswerError as error:
            self._give_up(str(error))
            raise
        finally:
            self._left -= self._clock() - start
            if self._left <= 0:
                self._give_up(f"it took more than {self.seconds:g} seconds")

    def _give_up(self, reason: str) -> None:
        if self.lost is None:
            self.lost = reason
            self._gave_up(reason)


class SparingResolver:
    """A ``Resolver`` that answers from ``answers`` and asks ``network`` (``None``: nothing) as little as it can.

    ``today`` is the day.
    """

    sparing = True

    def __init__(
        self, answers: AnswerCache, *, today: date, as_of: str | None = None, network: Network | None = None
    ) -> None:
        self.answers = answers
        self._oldest = (today - timedelta(days=MAX_AGE)).isoformat()
        self._as_of = as_of
        self._network = network

    @property
    def looked_at(self) -> set[str]:
        """The files that kept answers were read from, or not found in."""
        return self.answers.looked_at

    def recall(self, wanted: RequirementSet, target: Target) -> Resolution | None:
        """Return the kept answer if it is young enough."""
        return self._kept(wanted, target, self._oldest)

    def resolve(self, wanted: RequirementSet, target: Target) -> Resolution:
        """Return the kept answer, or ask the index; raises ``ResolverError``."""
        known = self.recall(wanted, target)
        if known is not None:
            return known
        if any(one.url is not None for one in (*wanted.requested, *wanted.constraints)):
            raise ResolverError("only --online follows the URLs that the requirements name")
        try:
            return self._ask(wanted.options, lambda network: network.resolve(wanted, target))
        except NoAnswerError:
            old = self._kept(wanted, target, "")
            if old is None:
                raise
            return old

    def recall_source(self, name: str, version: str, options: IndexOptions) -> SourceFacts | None:
        """Return what is kept of an sdist."""
        return kept_source(self.answers, source_key(name, version, options))

    def source_facts(self, name: str, version: str, options: IndexOptions) -> SourceFacts:
        """Return what the sdist of a release says; raises ``ResolverError``."""
        known = self.recall_source(name, version, options)
        if known is not None:
            return known
        return self._ask(options, lambda network: network.source_facts(name, version, options))

    def _kept(self, wanted: RequirementSet, target: Target, oldest: str) -> Resolution | None:
        return kept_resolution(self.answers, wanted, target, self._as_of, oldest=oldest)

    def _ask(self, options: IndexOptions, question: Callable[[Resolver], _Found]) -> _Found:
        if self._network is None:
            raise ResolverError("nothing is kept of it, and the index is not asked")
        if options.index_url or options.extra_index_urls or any("://" in link for link in options.find_links):
            raise ResolverError("only --online asks an index that the requirements name, if you configured it, too")
        return self._network.ask(question)
