"""``.dockerignore``: which files of the context never reach the builder.

Rules as in the Docker build reference ("Filename patterns use Go's filepath.Match rules", ``**`` matches any number
of directories, a later ``!`` pattern brings files back, the last pattern that matches decides).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.system import globs

if TYPE_CHECKING:
    from collections.abc import Iterable


class DockerIgnore(Struct, frozen=True):
    """The compiled patterns of one file; ``rules`` pairs each with True when it excludes."""

    rules: tuple[tuple[re.Pattern[str], bool], ...] = ()

    def excludes(self, path: str) -> bool:
        """True when ``path`` (POSIX, relative to the context root) is left out of the build context."""
        if path in {"", "."}:
            return False
        excluded = False
        for pattern, excludes in self.rules:
            if pattern.match(path):
                excluded = excludes
        return excluded


NOTHING_IGNORED = DockerIgnore()
"""A context without a ``.dockerignore``."""


def parse_dockerignore(text: str) -> DockerIgnore:
    """Compile the text of a ``.dockerignore`` file; a pattern that Go would refuse is left out."""
    return DockerIgnore(tuple(_rules(text.removeprefix("\ufeff").splitlines())))


def _rules(lines: Iterable[str]) -> Iterable[tuple[re.Pattern[str], bool]]:
    for line in lines:
        pattern = line.strip()
        if line.startswith("#") or not pattern:
            continue
        excludes = not pattern.startswith("!")
        if not excludes:
            pattern = pattern[1:].strip()
        parts = [part for part in pattern.split("/") if part not in {"", "."}]
        if not parts:
            continue
        try:
            # A match of a directory takes everything below it along.
            yield re.compile(globs.expression(_pieces(parts)) + r"(?:/.*)?\Z", re.DOTALL), excludes
        except re.error:
            continue


def _pieces(parts: list[str]) -> Iterable[str]:
    for number, part in enumerate(parts, start=1):
        if part == "**":
            yield globs.FOLDERS if number < len(parts) else globs.PATH
        else:
            yield from component(part)
            if number < len(parts):
                yield "/"


def component(part: str) -> Iterable[str]:
    """One component of a path with Go's wildcards, as the pieces of :func:`globs.expression`."""
    position = 0
    while position < len(part):
        letter = part[position]
        position += 1
        match letter:
            case "*":
                yield globs.PATH if part[position : position + 1] == "*" else globs.NAME
                position += part[position : position + 1] == "*"
            case "?":
                yield "[^/]"
            case "[":
                closing = part.find("]", position + 1)
                if closing < 0:
                    raise re.error("unclosed [")
                yield "[" + part[position:closing].replace("\\", "\\\\") + "]"
                position = closing + 1
            case "\\" if position < len(part):
                yield re.escape(part[position])
                position += 1
            case _:
                yield re.escape(letter)
