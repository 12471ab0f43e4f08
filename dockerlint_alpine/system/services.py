"""What the services of a compose file start, in addition to what the Dockerfile starts, and what they bring for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

StartKey: TypeAlias = Literal["entrypoint", "command", "healthcheck", "user", "working_dir", "volumes"]


class ServiceStart(Struct, frozen=True):
    """One ``entrypoint``, ``command`` or ``healthcheck`` of a service, as the words that are started (a shell's own text is
    ``/bin/sh -c TEXT``), and where it stands: a compose file as the user named it, and a 1-based line.

    Or what they are started with: the ``user``, the ``working_dir``, or of ``volumes`` one folder of the project, where the
    container has it, and how the user would name it.
    """

    service: str
    key: StartKey
    words: tuple[str, ...]
    path: str
    line: int

    @property
    def place(self) -> str:
        """``compose.yml:12``."""
        return f"{self.path}:{self.line}"


def by_service(starts: Iterable[ServiceStart]) -> list[list[ServiceStart]]:
    """What each service says, in the order in which they are named first."""
    found: dict[tuple[str, str], list[ServiceStart]] = {}
    for one in starts:
        found.setdefault((one.path, one.service), []).append(one)
    return list(found.values())
