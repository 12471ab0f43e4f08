"""``.env`` files, and the variables of a compose file (the compose documentation: "Set, use, and manage variables")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.system.files import read_file
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping
    from pathlib import Path

VARIABLE = lazy_pattern(
    r"\$(?:(?P<dollar>\$)|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<colon>:)?(?P<sign>[-?+])(?P<word>[^}]*))?\}|(?P<plain>[A-Za-z_]\w*))"
)
"""``$NAME``, ``${NAME:-default}``, ``${NAME?error}``, ``${NAME:+other}`` and ``$$``."""
_SETTING = lazy_pattern(
    r"""(?m)^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*[=:][ \t]*"""
    r"""(?:"(?P<filled>[^"\n]*)"|'(?P<literal>[^'\n]*)'|(?P<bare>(?:[^\s#]|[ \t]+(?![\s#])|(?<=\S)#)*))"""
    r"""[ \t]*(?:(?<=\s)\#.*)?\r?$"""
)
_MAX_SIZE = 1024 * 1024


def read_dotenv(path: Path, *, within: Path | None = None) -> dict[str, str]:
    """What an ``.env`` file sets, line by line; nothing where there is none that can be read in the folder ``within``.

    What a line refers to was set by one before it, or is empty: variables of the environment are never read. All such
    references bring at most a million characters; those beyond are empty.
    """
    try:
        text = read_file(path, limit=_MAX_SIZE, within=within).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    found: dict[str, str] = {}
    brought = 0

    def value_at(match: re.Match[str]) -> str:
        nonlocal brought
        value = chosen(match, found) or ""
        brought += len(value)
        return value if brought <= _MAX_SIZE else ""

    for match in _SETTING.finditer(text):
        value = match["literal"]
        if value is None:
            value = VARIABLE.sub(value_at, match["filled"] or match["bare"] or "")
        found[match["name"]] = value
    return found


def chosen(match: re.Match[str], known: Mapping[str, str]) -> str | None:
    """What stands for a match of VARIABLE where ``known`` are the values; ``None`` for a name without one."""
    if match["dollar"]:
        return "$"
    value = value_of(match, known)
    if match["sign"] == "+":
        return match["word"] if value is not None else ""
    return match["word"] if value is None and match["sign"] == "-" else value


def value_of(match: re.Match[str], known: Mapping[str, str]) -> str | None:
    """The value of the name in a match of VARIABLE; ``None`` where it has none, or an empty one behind a colon."""
    value = known.get(match["braced"] or match["plain"])
    return None if match["colon"] and not value else value
