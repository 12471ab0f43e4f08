"""What the floating tags of the official images stood for on a day: ``rules/floating-tags.toml``."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.knowledge.schema import Table
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENTRY = lazy_pattern(r"(\d{4}-\d\d-\d\d)=(?:(\d+\.\d+\.\d+(?:[abrc]+\d+)?)/)?(\d+\.\d+)")


class FloatingTags:
    """The table, ready to ask; raises ``RuleError`` for a file that breaks the schema."""

    def __init__(self, raw: Mapping[str, Any], file: str = "rules/floating-tags.toml") -> None:
        table = Table(raw, file)
        self.as_of = table.text("as-of")
        self.evidence = table.texts("evidence")
        self._tags = table.mapping("tags")
        self._table = table
        table.done()

    def check(self) -> None:
        """Raise ``RuleError`` for the first entry that can't be read; only maintainers pay for it."""
        for name, entries in self._tags.items():
            found = [_ENTRY.fullmatch(entry) for entry in str(entries).split()]
            days = [one[1] for one in found if one is not None]
            if None in found or not found or days != sorted(days):
                raise self._table.error(
                    f"tags.{name}", "must be DAY=[PYTHON/]ALPINE entries in the order of their days"
                )

    def on(self, image: str, tag: str, day: str) -> str | None:
        """The tag that does not move and was the same on that day: ``3.13.0-alpine3.20``, ``3.20``.

        ``None`` for a tag that does not float, or of which nothing is recorded; ``""`` where it was not there yet.
        """
        entries = [_ENTRY.fullmatch(entry) for entry in str(self._tags.get(f"{image}:{tag}", "")).split()]
        known = [(one[1], one[2], one[3]) for one in entries if one is not None]
        if not known:
            return None
        at = bisect_right([entry[0] for entry in known], day)
        if at == 0:
            return ""
        _, python, alpine = known[at - 1]
        return f"{python}-alpine{alpine}" if python else alpine
