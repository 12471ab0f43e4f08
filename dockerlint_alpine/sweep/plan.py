"""What a sweep is to do, and what comes of one repository: the records that processes and machines hand each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from dockerlint_alpine.run.analysis import Doctor
    from dockerlint_alpine.run.config import Configuration
    from dockerlint_alpine.run.moves import When
    from dockerlint_alpine.sweep.sources import Source

MEBIBYTE = 1024 * 1024

Status: TypeAlias = Literal["judged", "no-dockerfile", "failed", "too-long", "ended"]
"""``failed``: it could not be opened or read; ``too-long``: the limit of time; ``ended``: its process died, twice."""


class Limits(Struct, frozen=True):
    """What one repository may cost: seconds, bytes of memory, bytes of files that matter."""

    seconds: float = 60.0
    memory: int = 2048 * MEBIBYTE
    bytes: int = 256 * MEBIBYTE


class Plan(Struct, frozen=True):
    """How to judge every repository. ``open_doctor`` opens rules and indexes, once a process.

    ``fix`` asks for patches, ``sarif`` for a SARIF report of each repository. ``version`` is this program's: a worker on
    another machine must have the same, and the same data.
    """

    configuration: Configuration
    open_doctor: Callable[[Configuration], Doctor]
    version: str
    revision: str | None = None
    limits: Limits = Limits()
    fix: bool = False
    sarif: bool = False


class Task(Struct, frozen=True):
    """One repository, or of a large one the Dockerfiles from ``first`` on; ``number`` is its place in the sweep."""

    number: int
    source: Source
    first: int = 0


class FoundRow(Struct, frozen=True):
    """One finding as a row of the table; see :data:`.results.COLUMNS` for what the columns mean."""

    file: str
    line: int
    code: str
    name: str
    severity: str
    confidence: str
    package: str
    distribution: str
    version: str
    need: str
    alpine: str
    python: str
    base: str
    platform: str
    cause: str
    fix: str
    when: When
    message: str


class Outcome(Struct, frozen=True):
    """The result of a task. ``more`` are the first Dockerfiles of the slices that are left to do.

    ``seconds`` are those of the process that did it, ``judging`` the part of it that the judgement itself took.
    """

    task: Task
    status: Status
    message: str = ""
    revision: str = ""
    rows: tuple[FoundRow, ...] = ()
    dockerfiles: int = 0
    stages: int = 0
    unknown: int = 0
    unreadable: int = 0
    seconds: float = 0.0
    judging: float = 0.0
    patch: bytes = b""
    sarif: str = ""
    more: tuple[int, ...] = ()
