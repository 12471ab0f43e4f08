"""Writes TOML in the style of ``rules/``: short lists on one line, long ones with an item a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dockerlint_alpine.system.patterns import lazy_pattern

_WIDTH = 110
_BARE = lazy_pattern(r"[A-Za-z0-9_-]+\Z")


def text(value: str) -> str:
    """Return a basic string; JSON's escapes are all TOML's too, and a character beyond them is written as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def texts(values: Sequence[str]) -> str:
    """Return an array of strings."""
    line = f"[{', '.join(text(value) for value in values)}]"
    if len(line) <= _WIDTH:
        return line
    return "[\n" + "".join(f"  {text(value)},\n" for value in values) + "]"


def key(name: str) -> str:
    """Return a key, quoted where it must be."""
    return name if _BARE.match(name) else text(name)


def dumps(table: Mapping[str, Any]) -> str:
    """Return a rule (or another table of strings, booleans, numbers, lists and tables) as a file's text.

    Lists of tables become arrays of tables, tables inside stay inline; ``tomllib`` reads the same value back.
    """
    return "\n".join(_lines(table, "")).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: str) -> Iterator[str]:
    groups = {name: value for name, value in table.items() if _is_group(value)}
    for name, value in table.items():
        if name not in groups:
            yield f"{key(name)} = {_value(value)}"
    for name, value in groups.items():
        inner = f"{path}{key(name)}"
        for item in value:
            yield f"\n[[{inner}]]"
            yield from _lines(item, f"{inner}.")


def _is_group(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _value(value: object) -> str:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        pairs = ", ".join(f"{key(name)} = {_value(item)}" for name, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return texts(value)
        return f"[{', '.join(_value(item) for item in value)}]"
    raise TypeError(f"{type(value).__name__} has no place in a rule")
