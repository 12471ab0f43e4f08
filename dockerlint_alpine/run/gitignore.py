"""What git ignores: patterns as gitignore(5) and git's ``wildmatch.c`` define them, and the files that hold them.

git itself does not help with a repository that is not trusted: its configuration names programs that ``git ls-files`` starts
(``core.fsmonitor``). The library for this, pathspec, takes 29 seconds for one name and the pattern ``*a*a*a*a*a*a*a*a*a*ab``
(1.1.1, measured), and 45 ms to import. Both are what the tests hold this module to. Paths are text with ``/`` between the
parts, relative to the folder of the patterns.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from dockerlint_alpine.system import globs
from dockerlint_alpine.system.files import read_file
from dockerlint_alpine.system.patterns import lazy_pattern

_MAX_SIZE = 4 * 1024 * 1024
_MAX_LINE = 64 * 1024
_SPECIAL = lazy_pattern(r"[*?\[\\]")
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


class Patterns:
    """The patterns of one file, the last that matches deciding.

    Plain names, plain paths and ``*.suffix`` are most of what such files hold; only the others become regular
    expressions, when they are first asked.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._negated: list[bool] = []
        self._for_folders: list[bool] = []
        self._names: dict[str, list[int]] = {}
        self._paths: dict[str, list[int]] = {}
        self._suffixes: list[tuple[str, int]] = []
        self._others: list[tuple[str, bool, int]] = []
        for line in lines:
            self._add(line)

    def __bool__(self) -> bool:
        return bool(self._negated)

    def _add(self, line: str) -> None:
        text = _trimmed(line)
        if not text or text.startswith("#"):
            return
        negated = text.startswith("!")
        text = text[1:] if negated else text
        folders = text.endswith("/")
        text = text[:-1] if folders else text
        anchored = "/" in text
        text = text.removeprefix("/")
        if not text:
            return
        number = len(self._negated)
        self._negated.append(negated)
        self._for_folders.append(folders)
        if not _SPECIAL.search(text):
            (self._paths if anchored else self._names).setdefault(text, []).append(number)
        elif not anchored and text[0] == "*" and not _SPECIAL.search(text, 1):
            self._suffixes.append((text[1:], number))
        else:
            self._others.append((text, anchored, number))

    def decide(self, path: str, *, folder: bool) -> bool | None:
        """Whether ``path`` is ignored (True), re-included (False) or not spoken of (None)."""
        name = path.rpartition("/")[2]
        found = [*self._names.get(name, ()), *self._paths.get(path, ())]
        found += (number for suffix, number in self._suffixes if name.endswith(suffix))
        found += (
            number
            for text, anchored, number in self._others
            if (pattern := translated(text)) is not None and pattern.fullmatch(path if anchored else name)
        )
        last = max((number for number in found if folder or not self._for_folders[number]), default=None)
        return None if last is None else not self._negated[last]


def _trimmed(line: str) -> str:
    """A line without its end, and without the blanks at the end that no backslash protects."""
    text = line.rstrip("\n").removesuffix("\r")
    kept = text.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return kept + " " if kept != text and backslashes % 2 else kept


@lru_cache(maxsize=2048)
def translated(pattern: str) -> re.Pattern[str] | None:
    """The expression that matches a whole path (or name) as ``pattern``, without its leading ``/``, does.

    ``None`` where git takes the pattern for none that matches anything (a backslash at its end, an open bracket).
    """
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            piece, at = _stars(pattern, at)
        elif char == "?":
            piece, at = "[^/]", at + 1
        elif char == "[":
            found = _bracket(pattern, at)
            if found is None:
                return None
            piece, at = found
        elif char == "\\":
            if at + 1 == len(pattern):
                return None
            piece, at = re.escape(pattern[at + 1]), at + 2
        else:
            piece, at = re.escape(char), at + 1
        pieces.append(piece)
    try:
        return re.compile(globs.expression(pieces), re.DOTALL)
    except re.error:
        return None


def _stars(pattern: str, at: int) -> tuple[str, int]:
    """``*`` stays within a part of the path; ``**`` that is a whole part stands for any number of parts.

    Git compares what comes before the first wildcard by itself, and then takes ``**`` right behind it for a part that
    begins there: ``b**/z`` is met by ``build/x/z`` (``match_pathname`` in dir.c). More stars are as good as two.
    """
    end, before = at, pattern[:at]
    while pattern[end : end + 1] == "*":
        end += 1
    whole = end - at >= 2 and (before.endswith("/") or not _SPECIAL.search(before))
    if whole and end == len(pattern):
        return globs.PATH, end
    if whole and pattern[end] == "/":
        return globs.FOLDERS, end + 1
    return globs.NAME, end


def _bracket(pattern: str, at: int) -> tuple[str, int] | None:
    """A bracket expression; it never matches ``/``."""
    end = at + 1
    negated = pattern[end : end + 1] in {"!", "^"}
    end += negated
    inside: list[str] = []
    first = True
    while first or pattern[end : end + 1] != "]":
        first = False
        named = re.compile(r"\[:(\w+):\]").match(pattern, end)
        if named is not None:
            if named[1] not in _CLASSES:
                return None
            inside.append(_CLASSES[named[1]])
            end = named.end()
            continue
        low, end = _member(pattern, end)
        high = low
        if pattern[end : end + 1] == "-" and pattern[end + 1 : end + 2] not in {"", "]"}:
            high, end = _member(pattern, end + 1)
        if low is None or high is None:
            return None
        # Of a range that runs backwards, git takes the first end alone.
        inside.append(f"{re.escape(low)}-{re.escape(high)}" if low < high else re.escape(low))
    body = "".join(inside)
    if negated:
        return f"[^/{body}]", end + 1
    return (f"(?!/)[{body}]" if body else "(?!)"), end + 1


def _member(pattern: str, at: int) -> tuple[str | None, int]:
    if pattern[at : at + 1] == "\\":
        at += 1
    return (pattern[at], at + 1) if at < len(pattern) else (None, at)


class WorkTree:
    """The ignore files that hold for a folder of a git work tree; :meth:`below` has those of a folder inside it.

    ``prefix`` is the path of the folder from each file's own folder, ending in ``/`` unless it is that one.
    """

    def __init__(self, files: tuple[tuple[Patterns, str], ...]) -> None:
        self._files = files

    @classmethod
    def of(cls, folder: str) -> WorkTree | None:
        """The ignore files that hold for ``folder``; ``None`` if that is in no work tree."""
        place = os.path.abspath(folder)  # noqa: PTH100 - links stay as they are
        above = [place]
        while not os.path.lexists(os.path.join(above[-1], ".git")):  # noqa: PTH118 - no objects on this path
            parent = os.path.dirname(above[-1])  # noqa: PTH120
            if parent == above[-1]:
                return None
            above.append(parent)
        found = cls(_loaded(_exclude_file(above[-1]), ""))
        for child, parent in zip(reversed(above[:-1]), reversed(above[1:]), strict=True):
            found = found.with_files_of(parent).below(os.path.basename(child))  # noqa: PTH119
        return found.with_files_of(place)

    def with_files_of(self, folder: str) -> WorkTree:
        """These ignore files with the folder's own ``.gitignore`` added."""
        own = _loaded(os.path.join(folder, ".gitignore"), "", folder)  # noqa: PTH118 - git follows no link here either
        return WorkTree((*own, *self._files)) if own else self

    def below(self, name: str) -> WorkTree:
        """The ignore files that hold for the folder ``name`` in this folder."""
        return WorkTree(tuple((patterns, f"{prefix}{name}/") for patterns, prefix in self._files))

    def ignores(self, name: str, *, folder: bool) -> bool:
        """Whether git ignores ``name`` in this folder. What is in an ignored folder is not for this to say."""
        for patterns, prefix in self._files:
            decision = patterns.decide(prefix + name, folder=folder)
            if decision is not None:
                return decision
        return False


def ignored(path: str) -> bool:
    """Whether git ignores the file at ``path``, or a folder that it is in."""
    place = os.path.abspath(path)  # noqa: PTH100
    folder = False
    while True:
        parent, name = os.path.split(place)
        tree = WorkTree.of(parent) if name else None
        if tree is None:
            return False
        if tree.ignores(name, folder=folder):
            return True
        if os.path.lexists(os.path.join(parent, ".git")):  # noqa: PTH118
            return False
        place, folder = parent, True


def _loaded(path: str, prefix: str, within: str | None = None) -> tuple[tuple[Patterns, str], ...]:
    try:
        data = read_file(path, limit=_MAX_SIZE, within=within)
    except OSError:
        return ()
    patterns = Patterns(data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").split("\n"))
    return ((patterns, prefix),) if patterns else ()


def _exclude_file(root: str) -> str:
    """``info/exclude`` of the repository; ``.git`` is a file in a linked work tree and in a submodule."""
    git = Path(root, ".git")
    try:
        if git.is_file():
            git = Path(root, _line(git).partition("gitdir:")[2].strip())
            common = git / "commondir"
            if common.is_file():
                git /= _line(common).strip()
    except OSError:
        pass
    return str(git / "info" / "exclude")


def _line(path: Path) -> str:
    """What one of git's own files of a line says."""
    return read_file(path, limit=_MAX_LINE).decode("utf-8", "surrogateescape")
