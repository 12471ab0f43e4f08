"""Who may decide what, for each setting and each source; this is the only place that defines it.

A setting comes from the command line, from a variable of the environment, from the user's own configuration, or from a
file of the analysed project. The first three are the user's words. A project's files are material: they may choose codes,
severities, values of the build and what is left out. They may not choose where anything is written, whether and where the
network is asked, what is read outside the project, or that an engine is used.
"""

from __future__ import annotations

from collections.abc import Mapping
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


class Rule(Struct, frozen=True):
    """Which sources may decide a setting. ``option`` and ``variable``: whether the command line and the environment have
    a word for it at all; the user's own configuration has one for each."""

    project: Share
    option: bool = True
    variable: bool = True


RULES: Mapping[str, Rule] = MappingProxyType({
    "select": Rule("yes"),
    "ignore": Rule("yes"),
    "per_file_ignores": Rule("yes", option=False, variable=False),
    "severity": Rule("yes", option=False, variable=False),
    "platforms": Rule("yes"),
    "build_args": Rule("yes", variable=False),
    "target": Rule("yes"),
    "context": Rule("inside"),
    "alpine": Rule("yes"),
    "python": Rule("yes"),
    "online": Rule("false"),
    "strict": Rule("yes"),
    "exit_zero": Rule("yes"),
    "output_format": Rule("no file"),
    "output_file": Rule("no"),
    "color": Rule("yes"),
    "quiet": Rule("yes"),
    "unsafe_fixes": Rule("yes"),
    "require_reason": Rule("yes", option=False),
    "rules": Rule("inside", option=False),
    "wheels": Rule("inside"),
    "exclude": Rule("yes", option=False),
    "respect_gitignore": Rule("yes"),
    "force_exclude": Rule("yes"),
    "docs_url": Rule("no", option=False),
    "as_of": Rule("yes"),
    "moves": Rule("yes", variable=False),
    "alpine_mirror": Rule("no", option=False),
    "alpine_index_days": Rule("no", option=False),
    "source_hosts": Rule("no", option=False),
    "image_hosts": Rule("no", option=False),
})  # fmt: skip
"""Every setting by the name of its field."""


def admitted(name: str, value: object, project: Path) -> tuple[object | None, str]:
    """What counts of a value that a file of ``project`` gives to a setting (``None``: nothing), and what is refused.

    The second is empty where all counts, else words that follow the name of the setting: "may not ...".
    """
    share = RULES[name].project
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


def words(name: str) -> str:
    """How the user says a setting, for a message that refuses the project's word for it."""
    rule = RULES[name]
    ways = [f"--{name.replace('_', '-')}"] if rule.option else []
    ways += [f"ALPINE_DOCTOR_{name.upper()}"] if rule.variable else []
    return ", ".join([*ways, "your own configuration"])


def project_may(name: str) -> str:
    """What a project's file may decide of a setting, in words."""
    return _WORDS[RULES[name].project]
