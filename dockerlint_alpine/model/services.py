"""What the services of a compose file start, in addition to what the Dockerfile starts."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

StartKey: TypeAlias = Literal["entrypoint", "command", "healthcheck", "user"]


class ServiceStart(Struct, frozen=True):
    """One ``entrypoint``, ``command`` or ``healthcheck`` of a service, as the words that are started (a shell's own text is
    ``/bin/sh -c TEXT``), or the ``user`` that they are started as, and where it stands: a compose file as the user named it,
    and a 1-based line."""

    service: str
    key: StartKey
    words: tuple[str, ...]
    path: str
    line: int

    @property
    def place(self) -> str:
        """``compose.yml:12``."""
        return f"{self.path}:{self.line}"
