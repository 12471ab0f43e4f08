"""What an index is asked, as values: to be put at once, or gathered from many Dockerfiles and put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeAlias

from msgspec import Struct

from dockerlint_alpine.python.index.answers import resolution_key, source_key
from dockerlint_alpine.python.resolve import ResolverError

if TYPE_CHECKING:
    from dockerlint_alpine.python.index.answers import Variables
    from dockerlint_alpine.python.index.online import UvResolver
    from dockerlint_alpine.python.model import IndexOptions, RequirementSet, Resolution, Target
    from dockerlint_alpine.python.sources.source_facts import SourceFacts


class WhatIsInstalled(Struct, frozen=True):
    """What these requirements resolve to."""

    wanted: RequirementSet
    target: Target

    def key(self, as_of: str | None) -> str:
        """The key of its answer."""
        return resolution_key(self.wanted, self.target, as_of)

    @property
    def shown(self) -> str:
        """The question in a few words, for who waits."""
        names = list(dict.fromkeys(one.name for one in self.wanted.requested if one.name))
        return f"{', '.join(names[:2])} and {len(names) - 2} more" if len(names) > 3 else ", ".join(names)

    def put(self, way: UvResolver) -> Resolution:
        """Ask; the answer is kept. Raises ``ResolverError``."""
        return way.resolve(self.wanted, self.target)


class WhatSourcesSay(Struct, frozen=True):
    """What the sdist of this release says of its build."""

    name: str
    version: str
    options: IndexOptions
    variables: Variables = ()

    def key(self, as_of: str | None) -> str:  # noqa: ARG002 - as the other question
        """The key of its answer."""
        return source_key(self.name, self.version, self.options, self.variables)

    @property
    def shown(self) -> str:
        """The question in a few words, for who waits."""
        return f"the sdist of {self.name}"

    def put(self, way: UvResolver) -> SourceFacts:
        """Ask; the answer is kept. Raises ``ResolverError``."""
        return way.source_facts(self.name, self.version, self.options, self.variables)


Question: TypeAlias = WhatIsInstalled | WhatSourcesSay


class Way(Protocol):
    """Somebody who puts questions to the index. Raises ``ResolverError``."""

    def resolution(self, question: WhatIsInstalled) -> Resolution:
        """Ask what is installed."""

    def sources(self, question: WhatSourcesSay) -> SourceFacts:
        """Ask what sources say."""


class Gathered:
    """A way that asks nobody: what is asked is ``open`` by its key, to be put later. ``refused`` has what was put and not
    answered: its key -> why."""

    def __init__(self, refused: Mapping[str, str], as_of: str | None) -> None:
        self.open: dict[str, Question] = {}
        self._refused = refused
        self._as_of = as_of

    def resolution(self, question: WhatIsInstalled) -> Resolution:
        """Note it."""
        self._note(question)

    def sources(self, question: WhatSourcesSay) -> SourceFacts:
        """Note it."""
        self._note(question)

    def _note(self, question: Question) -> NoReturn:
        key = question.key(self._as_of)
        if key in self._refused:
            raise ResolverError(self._refused[key])
        self.open[key] = question
        raise ResolverError("not asked yet")
