"""How an author sorts a list, read off the list itself."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    SortKey: TypeAlias = Callable[[str], tuple[str, ...]]

_NAME = lazy_pattern(r"[^=<>~@]*")


def package_name(text: str) -> str:
    """The name of an operand without quotes, version and repository tag: ``"gcc=~12"`` -> ``gcc``."""
    match = _NAME.match(text.strip("\"'"))
    return match[0] if match else text


_ORDERS: tuple[SortKey, ...] = (
    lambda name: (name,),
    lambda name: (name.lower(),),
    # as `sort` does in most locales: case and punctuation count only between equals
    lambda name: (re.sub(r"[^a-z0-9]", "", name.lower()), name.lower()),
    lambda name: (name.lower().replace("-", "~"),),
)


def sort_key(names: Sequence[str]) -> SortKey | None:
    """The sort order that these names (two or more) are in; ``None`` when they are not sorted."""
    if len(names) < 2:
        return None
    for order in _ORDERS:
        keys = [order(name) for name in names]
        if all(low <= high for low, high in pairwise(keys)):
            return order
    return None


def slot(names: Sequence[str], name: str) -> int:
    """The index at which ``name`` goes into the list: its place in a sorted list, else the end."""
    order = sort_key(names)
    return len(names) if order is None else bisect_right(names, order(name), key=order)
