"""The journal of a run: what happened, when, one JSON object a line, with every secret taken out before it is kept."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockerlint_alpine.proof.verify.redact import Redactor

MAX_EVENTS = 50_000
MAX_DETAIL = 20_000
"""Characters of one text: an endless line is cut, and says so."""


class Journal:
    """Keeps the events of a run; ``say`` is told a line for people where an event is worth one."""

    def __init__(
        self, redactor: Redactor, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redactor = redactor
        self._say = say
        self._clock = clock
        self._start = clock()
        self._events: list[dict[str, Any]] = []

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._start

    def add(self, state: str, kind: str, outcome: str = "", *, service: str | None = None, detail: Any = "") -> None:
        """Record one event; ``detail`` is a text or what JSON can hold."""
        if len(self._events) >= MAX_EVENTS:
            return
        if isinstance(detail, str) and len(detail) > MAX_DETAIL:
            detail = f"{detail[:MAX_DETAIL]} [cut: {len(detail)} characters]"
        event = {"t": round(self.seconds, 3), "state": state, "service": service, "kind": kind}
        self._events.append({**event, "outcome": outcome, "detail": detail})

    def tell(self, text: str) -> None:
        """Say a line to whoever waits."""
        self._say(self._redactor.text(text))

    def lines(self) -> str:
        """All events as JSON lines. Secrets are taken out here: what is learnt late counts for what was seen early."""
        shown = (self._redactor.value(event) for event in self._events)
        return "".join(
            json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str) + "\n" for event in shown
        )
