"""Answers that many files share: the packages of a base image, the resolution of one set of requirements.

Most Dockerfiles start from the same few images and ask for the same packages. What is asked again with equal inputs is
answered from here; the number of answers kept is bounded.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec.structs import replace

from dockerlint_alpine.python.model import Origin, Requested, RequirementSet, Resolution
from dockerlint_alpine.python.resolve import Choices, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from dockerlint_alpine.python import Facts, Target

_ANSWERS = 512
_Answer = TypeVar("_Answer")

_TOKEN = re.compile("\x00([0-9]+)\x00")
"""Stands for where a requirement was written, so that the same requirements in two projects are equal inputs."""


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
        plain, origins = _without_origins(wanted)
        answer = self.recall(
            (plain, target, facts, tuple(sorted(installed.items())), as_of, no_deps),
            lambda: resolve(
                plain, target, facts, installed=installed, as_of=as_of, no_deps=no_deps, choices=self._choices[facts]
            ),
        )
        return _with_origins(answer, origins)


def _without_origins(wanted: RequirementSet) -> tuple[RequirementSet, list[Requested]]:
    """``wanted`` with a token in place of each origin, and what the tokens stand for."""
    origins = [*wanted.requested, *wanted.constraints]
    plain = [
        replace(one, origin=Origin(f"\x00{number}\x00"), chain=(f"\x00{number}\x00",))
        for number, one in enumerate(origins)
    ]
    first = len(wanted.requested)
    return (
        RequirementSet(
            requested=tuple(plain[:first]),
            constraints=tuple(plain[first:]),
            options=wanted.options,
            locked=wanted.locked,
            wheelhouse=wanted.wheelhouse,
        ),
        origins,
    )


def _with_origins(found: Resolution, origins: list[Requested]) -> Resolution:
    def text(value: str) -> str:
        return _TOKEN.sub(lambda token: str(origins[int(token[1])].origin), value)

    def chain(names: tuple[str, ...]) -> tuple[str, ...]:
        first = _TOKEN.fullmatch(names[0]) if names else None
        return (*origins[int(first[1])].chain, *names[1:]) if first is not None else names

    def origin(value: Origin) -> Origin:
        token = _TOKEN.fullmatch(value.path)
        return origins[int(token[1])].origin if token is not None else value

    return Resolution(
        tuple(replace(one, chain=chain(one.chain), origin=origin(one.origin)) for one in found.distributions),
        tuple(replace(one, chain=chain(one.chain), reason=text(one.reason)) for one in found.unresolved),
        tuple(text(note) for note in found.notes),
    )
