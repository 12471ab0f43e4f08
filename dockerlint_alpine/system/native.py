"""Checks on a text before a native parser sees it.

libcst's parser takes stack for every level of nesting and for every link of a chain, and memory for every token, without a
limit of its own: ten kilobytes end the process, and nothing of it can be caught. Python's own parser guards its stack, so
it measures the text first.
"""

from __future__ import annotations

import ast
import os
import threading
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 512 * 1024
"""Of one source; Python's own parser takes up to a kilobyte of memory for each byte."""
MAX_NODES = 100_000
"""Nodes and lines of one source: libcst takes some 3 kB and 100 microseconds for each. The largest sources that people
install have 70,000."""
MAX_BRACES = 20_000
"""Python 3.11 takes time for the fields of one f-string that grows with their square: 0.3 s for so many."""
MAX_DEPTH = 150
"""Nesting that libcst takes without exhausting the stack, with a wide margin."""


class _OneAtATime:
    """A lock that a process which is forked off finds open."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


PYTHON_PARSER = _OneAtATime()
"""Held while Python's own parser builds a tree, be it for a literal as in libcst and packaging: CPython 3.11 counts the
depth of a tree for all threads together, and raises SystemError where two are at it (Python-ast.c of 3.11.7)."""


class UnsafeSourceError(Exception):
    """A source that must not be handed on; ``str()`` says why in a few words."""


def check_python(source: bytes, *, limit: int = MAX_NODES) -> int:
    """Return how many nodes and lines ``source`` has: at most ``limit``.

    Raises :class:`UnsafeSourceError` where libcst might not survive it, and where it is not a source of this Python.
    """
    return _measured(source, limit)[1]


def parse_python(source: bytes) -> ast.Module:
    """Return the tree of a source, which is nested no deeper than a visitor takes. Raises UnsafeSourceError as
    :func:`check_python` does."""
    return _measured(source, MAX_NODES)[0]


def _measured(source: bytes, limit: int) -> tuple[ast.Module, int]:
    if len(source) > MAX_BYTES:
        raise UnsafeSourceError(f"more than {MAX_BYTES // 1024} KiB")
    if source.count(b"\n") > limit or source.count(b"{") > MAX_BRACES:
        raise UnsafeSourceError("too long")
    try:
        with PYTHON_PARSER, warnings.catch_warnings():  # what is caught is one for all threads, too
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (RecursionError, MemoryError):  # the parser says the latter where its own stack is full
        raise UnsafeSourceError("nested too deeply") from None
    except (SyntaxError, ValueError, LookupError) as error:
        raise UnsafeSourceError(f"not a source of this Python: {type(error).__name__}") from None
    count = source.count(b"\n")
    for depth in _depths(tree):
        count += 1
        if depth > MAX_DEPTH:
            raise UnsafeSourceError("nested too deeply")
        if count > limit:
            raise UnsafeSourceError("too long")
    return tree, count


def _depths(tree: ast.AST) -> Iterator[int]:
    pending = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        depth += _links(node)
        yield depth
        pending.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _links(node: ast.AST) -> int:
    """How many nodes libcst nests one in the other for what is one flat node here."""
    match node:
        case ast.BoolOp():
            return len(node.values)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return len(node.generators)
        case ast.Import():
            return max(alias.name.count(".") for alias in node.names)
        case ast.ImportFrom():
            return (node.module or "").count(".")
        case _:
            return 0
