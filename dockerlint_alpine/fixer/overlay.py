"""The build context as it will be once fixes are written, while nothing is written yet."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import field

from dockerlint_alpine.stages.context import BuildContext


class ChangedContext(BuildContext, frozen=True, eq=False):
    """A build context in which some files have other bytes; ``changed`` knows them by the path the user would name."""

    changed: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """The bytes of a file: the changed ones, else those on disk. Raises as BuildContext does."""
        new = self.changed.get(self.display(path))
        return super().read(path) if new is None else new


def changed_context(context: BuildContext, changed: Mapping[str, bytes]) -> BuildContext:
    """``context`` with these files changed."""
    if not changed:
        return context
    return ChangedContext(context.root, context.ignore, context.shown_as, context.looked_at, changed=changed)
