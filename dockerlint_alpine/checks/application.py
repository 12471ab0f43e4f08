"""What a stage's application imports and calls, read from its sources in the build context. AD101, AD201 and AD203 use it.

Imports are read line by line, and no source is parsed for them as a whole: whatever it holds, it can't keep a reader busy.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.model.findings import Evidence
from dockerlint_alpine.python.sources.calls import find_call, may_call
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.stages import Moment
    from dockerlint_alpine.stages.files import StageFiles

_MAX_FOLDERS = 400
_MAX_FILES = 1000
_MAX_BYTES = 1 << 23
_MAX_PARSED = 1 << 20
_MAX_LINE = 1000
_NOT_OURS = frozenset("site-packages node_modules .git .tox .nox venv .venv __pycache__ tests test docs".split())

_LINE = lazy_pattern(r"(?P<indent>[ \t]*)(?P<rest>(?:try|except|if|import|from)\b.*)")
_IMPORT = lazy_pattern(r"import\s+(?P<names>[\w., \t]+)|from\s+(?P<module>\w[\w.]*)\s+import\b")
_HANDLED = lazy_pattern(
    r"except\s*(?::|\(?[^:]*\b(?:ImportError|ModuleNotFoundError|OSError|Exception|BaseException)\b)"
)
_TYPES_ONLY = lazy_pattern(r"if\s+(?:\w+\.)?TYPE_CHECKING\b")


class Application(Struct, frozen=True):
    """The imports of all sources that were found: by the first part of the name, where (``app.py:3``) it is imported with
    nothing around it, and where with ``except ImportError`` or the like. ``complete``: there are sources, and all of
    them were read."""

    plain: dict[str, str]
    guarded: dict[str, str]
    files: int
    complete: bool

    def imports(self, names: Iterable[str]) -> str | None:
        """Where one of these modules is imported, come what may."""
        return next((self.plain[top] for top in _tops(names) if top in self.plain), None)

    def tries(self, names: Iterable[str]) -> str | None:
        """Where one of them is imported, and the application goes on without it."""
        return next((self.guarded[top] for top in _tops(names) if top in self.guarded), None)


def application(end: Moment) -> Application:
    """Read the Python sources that COPY and ADD bring from the build context."""
    plain: dict[str, str] = {}
    guarded: dict[str, str] = {}
    count, complete = 0, True
    for path, text in _texts(end.files):
        if text is None:
            complete = False
            continue
        count += 1
        for line, name, is_guarded in _imports(text.decode("utf-8", "replace")):
            (guarded if is_guarded else plain).setdefault(name, f"{path}:{line}")
    return Application(plain, guarded, count, complete and count > 0)


def call_of(end: Moment, names: tuple[str, ...]) -> Evidence | None:
    """That these sources call one of ``names`` (``app.py:3 calls a.b``) and do not expect an ``ImportError``."""
    left = _MAX_PARSED
    for path, text in _texts(end.files):
        left -= len(text) if text is not None and may_call(text, names) else 0
        if left < 0:
            return None
        found = find_call(text or b"", names, ("ImportError", "ModuleNotFoundError"))
        if found is not None:
            return Evidence("source", said := f"{path}:{found[0]} calls {found[1]}", said)
    return None


def _texts(files: StageFiles) -> Iterator[tuple[str, bytes | None]]:
    """The Python files of the stage, as they are shown and with their texts; ``None`` for what is not read."""
    count, size = 0, 0
    for path in _sources(files):
        pulse()
        if path is None or count >= _MAX_FILES or size > _MAX_BYTES:
            yield "", None
            return
        text = files.content(path)
        if text is not None:
            count, size = count + 1, size + len(text)
        yield files.display(path), text


def _sources(files: StageFiles) -> Iterator[str | None]:
    """The Python files of the stage, each once; ``None`` where there are more folders than are looked into."""
    todo = list(dict.fromkeys(placement.target for placement in files.placements))
    seen: set[str] = set()
    while todo:
        place = todo.pop()
        if place in seen:
            continue
        seen.add(place)
        if len(seen) > _MAX_FOLDERS + _MAX_FILES:
            yield None
            return
        if place.endswith(".py"):
            if files.exists(place):
                yield place
            continue
        try:
            names = files.names(place)
        except NotADirectoryError:
            continue
        ours = (name for name in names if name.endswith(".py") or ("." not in name and name not in _NOT_OURS))
        todo.extend(posixpath.join(place, name) for name in ours)


def _imports(text: str) -> Iterator[tuple[int, str, bool]]:
    """The modules that a source imports: 1-based line, first part of the name, and whether a failure is handled."""
    tried: list[tuple[int, list[tuple[int, str]]]] = []
    """The ``try`` statements around a line: how far they are indented, and what is imported in them."""
    types_from: int | None = None
    for number, indent, written in _statements(text):
        rest = written
        if types_from is not None and indent > types_from:
            continue
        types_from = indent if _TYPES_ONLY.match(rest) else None
        while tried and (indent < tried[-1][0] or (indent == tried[-1][0] and not rest.startswith("except"))):
            yield from ((at, name, False) for at, name in tried.pop()[1])
        if rest.startswith("try"):
            tried.append((indent, []))
            rest = rest.partition(":")[2].lstrip()
        elif rest.startswith("except") and tried and tried[-1][0] == indent:
            handled = _HANDLED.match(rest) is not None
            yield from ((at, name, handled) for at, name in tried.pop()[1])
        for name in _names(rest):
            if tried:
                tried[-1][1].append((number, name))
            else:
                yield number, name, False
    for _, waiting in tried:
        yield from ((at, name, False) for at, name in waiting)


def _statements(text: str) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.match(line[:_MAX_LINE])
        if match is not None:
            yield number, len(match["indent"].expandtabs()), match["rest"]


def _names(statement: str) -> Iterator[str]:
    """The first parts of the names that an import statement imports."""
    found = _IMPORT.match(statement)
    if found is not None:
        names = found["names"].split(",") if found["names"] else [found["module"]]
        yield from (one.split()[0].partition(".")[0] for one in names if one.split())


def _tops(names: Iterable[str]) -> Iterator[str]:
    return (name.partition(".")[0] for name in names)
