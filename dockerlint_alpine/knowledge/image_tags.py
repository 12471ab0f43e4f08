"""The meaning of official images' tags that name no Alpine release: ``rules/image-tags.tsv.gz``.

``node:12-alpine`` has not moved since 2022 and is on Alpine 3.15; ``python:3-alpine`` is another image every month.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from msgspec import Struct

FILE = "image-tags.tsv.gz"
"""Below ``rules/``. A row is ``IMAGE:TAG``, a tab and entries ``DAY=[PYTHON/]ALPINE`` in the order of their days, each
from its day on; ``DAY=`` is a release that is not known."""


class Meaning(Struct, frozen=True):
    """What a tag stood for: a full Python version, empty for an image without one, and an Alpine release, empty where it
    is not known. ``there`` is false for a day before the first that is recorded: it is what the tag stood for then."""

    python: str = ""
    alpine: str = ""
    there: bool = True


class ImageTags:
    """The table, ready to ask: ``history`` gives the entries of ``image:tag``."""

    def __init__(self, history: Callable[[str], str | None] = lambda _: None) -> None:
        self._history = history

    def on(self, image: str, tag: str, day: str | None) -> Meaning | None:
        """What ``image:tag`` stood for on ``day`` (``YYYY-MM-DD``; ``None``: at last), ``None`` if it is not recorded."""
        entries = (self._history(f"{image}:{tag or 'latest'}") or "").split()
        if not entries:
            return None
        at = len(entries) if day is None else bisect_right(entries, day, key=lambda entry: entry[:10])
        return _meaning(entries[max(at - 1, 0)], there=at > 0)

    def after(self, image: str, tag: str, day: str) -> Meaning | None:
        """What ``image:tag`` came to stand for next after ``day``, ``None`` where that is not recorded."""
        entries = (self._history(f"{image}:{tag}") or "").split()
        return next((_meaning(entry) for entry in entries if entry[:10] > day), None)


def _meaning(entry: str, *, there: bool = True) -> Meaning:
    python, _, alpine = entry[11:].rpartition("/")
    return Meaning(python, alpine, there=there)
