"""Answers that many files share: the packages of a base image, the resolution of one set of requirements.

Most Dockerfiles start from the same few images and ask for the same packages. What is asked again with equal inputs is
answered from here; the number of answers kept is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar, cast

from dockerlint_alpine.python.origins import with_origins, without_origins
from dockerlint_alpine.python.resolve import Choices, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from dockerlint_alpine.python.model import Facts, RequirementSet, Resolution, Target

_ANSWERS = 512
_Answer = TypeVar("_Answer")


class WorldCache:
    """Up to ``limit`` answers; the ones not asked for longest are forgotten. Not for several threads at once."""

    def __init__(self, limit: int = _ANSWERS) -> None:
        self._limit = limit
        self._answers: dict[Hashable, object] = {}
        self._choices: defaultdict[Facts, Choices] = defaultdict(Choices)

    def __len__(self) -> int:
        return len(self._answers)

    def recall(self, question: Hashable, make: Callable[[], _Answer]) -> _Answer:
        """The answer to ``question``, worked out by ``make`` if it is not known. Objects in it count by identity."""
        if question in self._answers:
            answer = cast("_Answer", self._answers.pop(question))
        else:
            answer = make()
            if len(self._answers) >= self._limit:
                del self._answers[next(iter(self._answers))]
        self._answers[question] = answer
        return answer

    def resolution(
        self,
        wanted: RequirementSet,
        target: Target,
        facts: Facts,
        *,
        installed: Mapping[str, str],
        as_of: str | None,
        no_deps: bool,
    ) -> Resolution:
        """What ``wanted`` resolves to offline; where it is written makes no difference to the answer but its origins."""
        plain, origins = without_origins(wanted)
        answer = self.recall(
            (plain, target, facts, tuple(sorted(installed.items())), as_of, no_deps),
            lambda: resolve(
                plain, target, facts, installed=installed, as_of=as_of, no_deps=no_deps, choices=self._choices[facts]
            ),
        )
        return with_origins(answer, origins)
