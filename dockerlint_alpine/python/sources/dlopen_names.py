"""The names that code hands to ``CDLL`` and ``find_library``, and the needs that they stand for."""

from __future__ import annotations

import re

from dockerlint_alpine.system.musl import is_libc_itself
from dockerlint_alpine.system.patterns import lazy_pattern

MAX_VALUES = 64
"""Candidates of one call that are followed."""

UNKNOWN_FOLDER = "\0"
"""Stands in a value for a folder that only the running program knows (``os.path.dirname(__file__)``)."""

FOREIGN = lazy_pattern(r"\.(?:dll|dylib|framework|pyd)\b|\.framework/", re.IGNORECASE)
"""Names of libraries of other systems."""

_SONAME = lazy_pattern(r"[\w.+-]+\.so(?:\.[\w.]+)?$")


def needs_of(name: str, *, finds: bool) -> tuple[str, ...]:
    """Give the ``so:`` needs that a name given to ``CDLL`` (or, with ``finds``, to ``find_library``) stands for."""
    if not name or UNKNOWN_FOLDER in name or FOREIGN.search(name):
        return ()
    if finds:
        if not re.fullmatch(r"[\w.+-]+", name) or is_libc_itself(f"lib{name}."):
            return ()
        return (f"so:lib{name}.so.*",)
    base = name.rpartition("/")[2]
    if not _SONAME.match(base) or is_libc_itself(base):
        return ()
    return (f"so:{base}",)
