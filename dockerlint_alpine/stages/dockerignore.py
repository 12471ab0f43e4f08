"""``.dockerignore``: which files of the context never reach the builder.

Rules as in the Docker build reference ("Filename patterns use Go's filepath.Match rules", ``**`` matches any number
of directories, a later ``!`` pattern brings files back, the last pattern that matches decides).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

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
            text = "/".join(map(translate, parts)).replace("\0/", "(?:.*/)?").replace("\0", ".*")
            yield re.compile(text + r"(?:/.*)?\Z", re.DOTALL), excludes
        except re.error:
            continue


def translate(part: str) -> str:
    """Turn one path component with Go's wildcards into a regular expression; ``**`` becomes a NUL for the caller."""
    if part == "**":
        return "\0"
    out: list[str] = []
    position = 0
    while position < len(part):
        letter = part[position]
        position += 1
        match letter:
            case "*":
                out.append(".*" if part[position : position + 1] == "*" else "[^/]*")
                position += part[position : position + 1] == "*"
            case "?":
                out.append("[^/]")
            case "[":
                closing = part.find("]", position + 1)
                if closing < 0:
                    raise re.error("unclosed [")
                out.append("[" + part[position:closing].replace("\\", "\\\\") + "]")
                position = closing + 1
            case "\\" if position < len(part):
                out.append(re.escape(part[position]))
                position += 1
            case _:
                out.append(re.escape(letter))
    return "".join(out)
