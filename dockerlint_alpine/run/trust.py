"""Who may decide what: what the word of each source is worth. ``OPTIONS`` of :mod:`.config` says it for each option.

A setting comes from the command line, from a variable of the environment, from the user's own configuration, or from a
file of the analysed project. The first three are the user's words. A project's files are material: they may choose codes,
severities, values of the build and what is left out. They may not choose where anything is written, whether and where the
network is asked, what is read outside the project, or that an engine is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, cast

from msgspec import Struct

from dockerlint_alpine.system.files import lies_within

Share: TypeAlias = Literal["yes", "no", "inside", "no file", "false"]
"""What of a setting a project's file may decide: all of it, nothing, only what lies in the project, formats and no files,
only ``false``."""

_WORDS: Mapping[Share, str] = MappingProxyType({
    "yes": "yes",
    "no": "no",
    "inside": "only a path inside the project",
    "no file": "only without an output file",
    "false": "only `false`",
})  # fmt: skip


_FLAGS = {"build_args": "--build-arg", "moves": "--as", "platforms": "--platform"}
"""Those that are not called as their options are: each takes one value of several."""


class Option(Struct, frozen=True):
    """An option: how its value is read (from what TOML or the command line has; raises ValueError), and what a project's
    file may decide of it.

    A ``table`` is added to entry by entry, and no variable sets it. ``on_command_line``: whether that has a word for it; the
    user's own configuration has one for each.
    """

    read: Callable[[object], object]
    project: Share
    table: bool = False
    on_command_line: bool = True


def admitted(option: Option, value: object, project: Path) -> tuple[object | None, str]:
    """What counts of a value that a file of ``project`` gives to an option (``None``: nothing), and what is refused.

    The second is empty where all counts, else words that follow the name of the option: "may not ...".
    """
    share = option.project
    if share == "no" or (share == "false" and value is not False):
        return None, "is not for a project's file to decide"
    if share == "no file":
        given = cast("tuple[str, ...]", value)
        formats = tuple(one for one in given if ":" not in one)
        return formats or None, "may not name a file to write to" if formats != given else ""
    if share == "inside":
        places = value if isinstance(value, tuple) else (value,)
        inside = tuple(place for place in places if lies_within(str(place), project))
        refused = "" if inside == places else f"may not name a place outside the project {project}"
        if not isinstance(value, tuple):
            return (inside[0] if inside else None), refused
        return inside, refused
    return value, ""


def flag(name: str) -> str:
    """What the option ``name`` is called on the command line."""
    return _FLAGS.get(name) or f"--{name.replace('_', '-')}"


def words(name: str, option: Option) -> str:
    """How the user says an option, for a message that refuses the project's word for it."""
    ways = [flag(name)] if option.on_command_line else []
    ways += [] if option.table else [f"ALPINE_DOCTOR_{name.upper()}"]
    return ", ".join([*ways, "your own configuration"])


def project_may(option: Option) -> str:
    """What a project's file may decide of an option, in words."""
    return _WORDS[option.project]
