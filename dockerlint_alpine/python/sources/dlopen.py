"""Libraries that Python code opens at run time: ctypes, cffi and ``find_library`` calls, read from sources.

DT_NEEDED does not know them. What can be told without running anything: constants, joins and formats of constants,
tuples and loops of candidates, module constants, default arguments; branches that only run on other systems are left
out. The sources are parsed with libcst, never executed; what is too deeply nested for it is refused beforehand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.python.model import PythonError
from dockerlint_alpine.python.sources.dlopen_names import FOREIGN, UNKNOWN_FOLDER, needs_of
from dockerlint_alpine.system.native import UnsafeSourceError, check_python
from dockerlint_alpine.system.opens import RuntimeOpen

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NODES = 2_000_000
"""Of the syntax trees of all sources of one subject: a minute or two of work."""

FIND_LIBRARY_ON_ALPINE = (
    "find_library() asks ldconfig, gcc and ld: without gcc, binutils and the -dev package it returns None in "
    "python:*-alpine images, even where the library is installed (Alpine's own python3 package is patched)"
)


class SourceError(PythonError):
    """A source that can't be parsed, with the reason in one line."""


def _scan(source: bytes, path: str) -> tuple[tuple[RuntimeOpen, ...], int]:
    """The library-opening calls of one Python source (bytes of the file), and how many nodes it has. Raises SourceError."""
    try:
        nodes = check_python(source)
    except UnsafeSourceError as error:
        raise SourceError(str(error)) from None
    from libcst import ParserSyntaxError, parse_module
    from libcst.metadata import MetadataWrapper

    from dockerlint_alpine.python.sources.dlopen_visitor import OpenVisitor

    try:
        wrapper = MetadataWrapper(parse_module(source), unsafe_skip_copy=True)
        visitor = OpenVisitor()
        wrapper.visit(visitor)
    except (ParserSyntaxError, RecursionError, UnicodeError, ValueError) as error:
        raise SourceError(f"can't be parsed: {type(error).__name__}") from None
    found = []
    for call in visitor.calls:
        needs = tuple(dict.fromkeys(need for name in call.names for need in needs_of(name, finds=call.finds)))
        names = tuple(name for name in call.names if UNKNOWN_FOLDER not in name and not FOREIGN.search(name))
        if needs or (call.finds and names):
            note = FIND_LIBRARY_ON_ALPINE if call.finds else ""
            found.append(RuntimeOpen(path, call.line, call.function, names, needs, call.guarded, note))
    return tuple(found), nodes


def scan_sources(sources: Sequence[tuple[str, bytes]]) -> tuple[tuple[RuntimeOpen, ...], tuple[str, ...]]:
    """Scan many sources, given as ``(path, bytes)``: what they open, and one line for each that can't be parsed."""
    found: list[RuntimeOpen] = []
    problems: list[str] = []
    left = MAX_NODES
    for path, content in sources:
        if left <= 0:
            problems.append(f"{path}: not read, nor are those behind it: there are too many")
            break
        try:
            opens, nodes = _scan(content, path)
            found.extend(opens)
            left -= nodes
        except SourceError as error:
            problems.append(f"{path}: {error}")
    return tuple(found), tuple(problems)
