"""Records as plain data, the way JSON has them."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins


def fields_of(record: object, names: str) -> dict[str, Any]:
    """The fields and properties of ``record`` with these ``names`` (blanks between them), in their order; what they hold
    becomes lists, mappings and plain values."""
    return {name: to_builtins(getattr(record, name)) for name in names.split()}
