"""What Python code of the build context starts where the container runs, from the file that is started through all that it
imports."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.python.sources.started import imported_modules, started_programs
from dockerlint_alpine.stages.model import Written
from dockerlint_alpine.syntax import SourceText, parse_script
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.stages import Moment

_PYTHON = lazy_pattern(r"python(?:[23](?:\.\d+)?)?\Z")
_SERVERS = frozenset("daphne gunicorn hypercorn uvicorn waitress-serve".split())
_APPLICATION = lazy_pattern(r"([A-Za-z_][\w.]*):[A-Za-z_][\w.]*(?:\(.*\))?\Z")
_NAME = lazy_pattern(r"[\w][\w.+-]*\Z")
_WITHOUT_VALUE = frozenset("-b -B -d -E -h -i -I -O -OO -q -s -S -u -v -V -x".split())
_MAX_COMMAND = 4096
_MAX_IMPORTS = 2000
_MAX_MODULES = 200
_MAX_BYTES = 2 * 1024 * 1024
"""Names that are looked for, modules of a project that are followed, and what these may be long together."""


class Called(Struct, frozen=True):
    """A program, and where the Python code starts it."""

    program: str
    written: Written


def programs_of_python(words: Sequence[str], moment: Moment) -> Iterator[Called]:
    """What the code may start that a command of these words runs; nothing for a command that runs no code of the context."""
    roots = _roots(moment)
    pending = _entry(words, roots, moment)
    if not pending:
        return
    main, seen, left = pending[-1], {*pending}, _MAX_BYTES
    roots = [posixpath.dirname(main), *roots]
    known: dict[tuple[str, int, str], list[str]] = {}
    while pending and len(seen) <= _MAX_MODULES:
        path = pending.pop()
        source = moment.files.content(path) or b""
        left -= len(source)
        if left < 0:
            return
        for one in started_programs(source, programs_of_shell, is_main=path == main):
            yield Called(one.program, Written(moment.files.display(path), one.line, one.text))
        for level, name in imported_modules(source):
            key = (posixpath.dirname(path) if level else "", level, name)
            if key not in known:
                if len(known) >= _MAX_IMPORTS:
                    return
                known[key] = _files_of(name, [_above(path, level)] if level else roots, moment)
            pending += [one for one in known[key] if one not in seen]
            seen.update(known[key])


def programs_of_shell(text: str) -> Iterator[str]:
    """The programs that a shell command starts in any case, as far as their names are written out."""
    if len(text) > _MAX_COMMAND:
        return
    script = parse_script(SourceText.literal(text))
    for command in () if script.problems else script.commands:
        word = command.words[0].text if command.words and not command.conditional else ""
        if _NAME.match(word):
            yield word


def _roots(moment: Moment) -> list[str]:
    """The folders that modules are looked for in beside that of the file that is started."""
    given = moment.scope.names.get("PYTHONPATH")
    paths = given.text.split(":") if given is not None else []
    return [moment.workdir, *(absolute(one, moment.workdir) for one in paths if one and "$" not in one)]


def _entry(words: Sequence[str], roots: Sequence[str], moment: Moment) -> list[str]:
    """The file of the context whose code a command runs, behind those of the packages around it; none if it runs no such."""
    name, rest = words[0].rpartition("/")[2] if words else "", list(words[1:])
    if _PYTHON.match(name):
        while rest and rest[0] in _WITHOUT_VALUE:
            rest.pop(0)
        if rest[:1] == ["-m"]:
            names = (f"{rest[1]}.__main__", rest[1]) if rest[1:] else ()
            return next((files for one in names if (files := _files_of(one, roots, moment))), [])
        words = rest
    elif name in _SERVERS:
        application = next((match[1] for word in rest if (match := _APPLICATION.match(word))), "")
        return _files_of(application, roots, moment) if application else []
    return [absolute(words[0], moment.workdir)] if words and words[0].endswith(".py") else []


def _above(path: str, level: int) -> str:
    for _ in range(level):
        path = posixpath.dirname(path)
    return path


def _files_of(name: str, roots: Sequence[str], moment: Moment) -> list[str]:
    """The files of a module below the first folder that has it, those of the packages around it first."""
    for root in roots:
        base = posixpath.join(root, *name.split("."))
        own = next(
            (one for one in (f"{base}.py", f"{base}/__init__.py") if moment.files.content(one) is not None), None
        )
        if own is None:
            continue
        around = [own]
        for _ in range(name.count(".")):
            base = posixpath.dirname(base)
            if moment.files.content(init := f"{base}/__init__.py") is not None:
                around.insert(0, init)
        return around
    return []
