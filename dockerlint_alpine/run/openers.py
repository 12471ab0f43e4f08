"""How indexes are opened: passed from the command line to the checks, before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.python.resolve import Resolver
    from dockerlint_alpine.run.config import Settings

OpenResolver: TypeAlias = "Callable[[Settings], Resolver | None]"
"""Makes the resolver that knows what the Python package index says, as far as these settings allow."""
OpenStore: TypeAlias = "Callable[[Settings], IndexStore]"
"""Opens Alpine's indexes, the cached ones among them as far as these settings allow."""


def _plain(_: Settings) -> IndexStore:
    from dockerlint_alpine.apk import IndexStore

    return IndexStore()


class Openers(Struct, frozen=True):
    """How the two kinds of indexes are opened."""

    resolver: OpenResolver
    store: OpenStore = _plain
