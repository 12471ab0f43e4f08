"""What an index said, kept in a folder: one JSON file for each page and each release, named by a digest of what was asked.

Nothing here needs a network, and nothing holds credentials: addresses are kept without their logins.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from dockerlint_alpine.system.addresses import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMAT = "9"
"""Of the answers; another one is asked again."""
_Kind = TypeVar("_Kind")


class KeptAnswers:
    """Answers in ``folder`` (made when needed; ``None``: they are kept for the life of the object).

    ``looked_at`` collects the files that answers were read from or not found in.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.looked_at: set[str] = set()
        self._at_hand: dict[str, object] = {}

    def get(self, kind: type[_Kind], *asked: str) -> _Kind | None:
        """Return the answer to ``asked``; ``None`` where there is none that can be read."""
        name = self._name(asked)
        if self.folder is None or name in self._at_hand:
            found = self._at_hand.get(name)
            return found if isinstance(found, kind) else None
        try:
            return msgspec.json.decode(Path(name).read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError, RecursionError):
            return None

    def put(self, answer: object, *asked: str) -> None:
        """Keep an answer; a folder that can't be written costs only the speed of the next run."""
        name = self._name(asked)
        if self.folder is None:
            self._at_hand[name] = answer
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False, suffix=".tmp") as part:
                part.write(msgspec.json.encode(answer, enc_hook=str))  # texts that know their line
            Path(part.name).replace(name)
        except OSError:
            self._at_hand[name] = answer

    def _name(self, asked: Sequence[str]) -> str:
        digest = hashlib.sha256("\0".join((_FORMAT, *map(redact, asked))).encode("utf-8", "replace")).hexdigest()[:32]
        name = os.path.join(self.folder or "", f"{digest}.json")  # noqa: PTH118 - once for each name of each Dockerfile
        if self.folder is not None:
            self.looked_at.add(name)
        return name
