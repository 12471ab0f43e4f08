"""What Python code of the build context starts where the container runs, from the file that is started through all that it
imports."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.checks.starts.django import modules_of, names_in, settings_module
from dockerlint_alpine.checks.starts.entry_points import files_of
from dockerlint_alpine.python.sources.started import imported_modules, started_programs
from dockerlint_alpine.stages.model import Written
from dockerlint_alpine.syntax import SourceText, parse_script
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.checks.starts.entry_points import EntryPoint

_NAME = lazy_pattern(r"/?\w[\w./+-]*\Z")
_MAX_COMMAND = 4096
_MAX_IMPORTS = 2000
_MAX_MODULES = 200
"""Names that are looked for, and modules of a project that are followed, from one file on."""
_MAX_BYTES = 2 * 1024 * 1024
"""What all that is read for one stage may be long together."""


class Called(Struct, frozen=True):
    """A program, and where the Python code starts it."""

    program: str
    written: Written


class Budget(Struct):
    """How many bytes of Python may still be read for one stage."""

    left: int = _MAX_BYTES


def programs_of_python(entry: EntryPoint, budget: Budget) -> Iterator[Called]:
    """What the code may start that is run."""
    walk = _Walk(entry)
    walk.add(entry.files)
    while walk.pending:
        path = walk.pending.pop()
        source = entry.moment.files.content(path) or b""
        budget.left -= len(source)
        if budget.left < 0:
            return
        is_main = entry.is_main and path == entry.files[-1]
        for one in started_programs(source, programs_of_shell, is_main=is_main):
            yield Called(one.program, Written(entry.moment.files.display(path), one.line, one.text))
        walk.go_on(path, source)


class _Walk:
    """The modules of a project that are still to be read, each found once."""

    def __init__(self, entry: EntryPoint) -> None:
        self.pending: list[str] = []
        self._moment = entry.moment
        self._roots = entry.roots
        self._seen: set[str] = set()
        self._known: dict[tuple[str, int, str], list[str]] = {}
        self._of_django: set[str] = set()
        """Files whose texts name modules: settings and urls."""

    def add(self, files: Iterable[str]) -> None:
        """Read these files, too, which were not read yet."""
        for one in files:
            if one not in self._seen and len(self._seen) < _MAX_MODULES:
                self._seen.add(one)
                self.pending.append(one)

    def go_on(self, path: str, source: bytes) -> None:
        """Find what a module leads to: its imports, and what Django loads by its name."""
        for level, name in imported_modules(source):
            found = self._files(name, path, level)
            self.add(found)
            if path in self._of_django and not path.endswith("/urls.py"):  # from .base import *
                beside = posixpath.dirname(path)
                self._of_django.update(one for one in found if posixpath.dirname(one) == beside)
        settings = settings_module(source, self._moment.scope.names)
        if settings is not None:
            self._of_django.update(self._files(settings))
            self.add(self._files(settings))
        for name in names_in(source) if path in self._of_django else ():
            if self._files(name.partition(".")[0]):
                for found in map(self._files, modules_of(name)):
                    self._of_django.update(one for one in found if one.endswith("/urls.py"))
                    self.add(found)

    def _files(self, name: str, path: str = "", level: int = 0) -> list[str]:
        """The files of a module; ``level`` dots mean that it lies in a folder above the file at ``path``."""
        folder = path
        for _ in range(level):
            folder = posixpath.dirname(folder)
        key = (folder if level else "", level, name)
        if key not in self._known:
            if len(self._known) >= _MAX_IMPORTS:
                return []
            self._known[key] = files_of(name, [folder] if level else self._roots, self._moment)
        return self._known[key]


def programs_of_shell(text: str) -> Iterator[str]:
    """The programs that a shell command starts in any case, as far as their names are written out."""
    if len(text) > _MAX_COMMAND:
        return
    script = parse_script(SourceText.literal(text))
    for command in () if script.problems else script.commands:
        word = command.words[0].text if command.words and not command.conditional else ""
        if _NAME.match(word):
            yield word
