"""Calls in Python code, under the full names of what is called. Sources are parsed with :mod:`ast`, never executed."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from dockerlint_alpine.system.native import UnsafeSourceError, parse_python

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_CATCH_ALL = frozenset({"Exception", "BaseException"})


class CallReader(ast.NodeVisitor):
    """Visits all code but that in a ``try`` whose handlers catch one of the exceptions ``caught`` (``Exception`` and a bare
    ``except`` catch all)."""

    def __init__(self, caught: Collection[str]) -> None:
        self._caught = _CATCH_ALL.union(caught)
        self._names: dict[str, str] = {}
        """What names of modules and functions stand for: ``sp`` for ``subprocess``, ``run`` for ``subprocess.run``."""

    def visit_statements(self, statements: Sequence[ast.stmt]) -> None:
        """Read the statements of a block, in order."""
        for one in statements:
            self.visit(one)

    def generic_visit(self, node: ast.AST) -> None:
        """Read what is in a node, statements as blocks."""
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self.visit_statements(value)
            else:
                for one in value if isinstance(value, list) else (value,):
                    if isinstance(one, ast.AST):
                        self.visit(one)

    def visit_Import(self, node: ast.Import) -> None:
        """Note the names of modules."""
        for one in node.names:
            self._names[one.asname or one.name] = one.name

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Note the names of what is in modules."""
        for one in node.names:
            self._names[one.asname or one.name] = f"{node.module}.{one.name}"

    def visit_Try(self, node: ast.Try) -> None:
        """Leave out a body whose failure is handled."""
        caught = any(
            handler.type is None or self._caught.intersection(map(_last, _parts(handler.type)))
            for handler in node.handlers
        )
        for block in (() if caught else node.body, node.orelse, node.finalbody):
            self.visit_statements(block)
        for one in node.handlers:
            self.visit(one)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """Leave out what stands in ``with suppress(…)``."""
        if not any("suppress" in ast.unparse(one.context_expr) for one in node.items):
            self.generic_visit(node)

    visit_AsyncWith = visit_With  # noqa: N815 - ast's name

    def name(self, node: ast.expr) -> str:
        """The full name of what an expression names, as far as imports tell; empty for any other expression."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.name(node.value)}.{node.attr}"
        return ""


class _Search(CallReader):
    def __init__(self, names: Collection[str], caught: Collection[str]) -> None:
        super().__init__(caught)
        self._wanted = names
        self.found: list[tuple[int, str]] = []

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name = self.name(node.func)
        if name in self._wanted:
            self.found.append((node.lineno, name))


def may_call(source: bytes, names: tuple[str, ...]) -> bool:
    """Whether a source has the last part of one of ``names``."""
    return any(name.rpartition(".")[2].encode() in source for name in names)


@lru_cache(maxsize=1024)
def find_call(source: bytes, names: tuple[str, ...], caught: tuple[str, ...]) -> tuple[int, str] | None:
    """The first call of one of ``names`` (``PIL.ImageFont.truetype``) that is not in a ``try`` for one of the exceptions
    ``caught``: its line (1-based) and the name. ``None`` for what can't be parsed."""
    if not may_call(source, names):
        return None
    try:
        tree = parse_python(source)
    except UnsafeSourceError:
        return None
    search = _Search(names, caught)
    search.visit(tree)
    return min(search.found, default=None)


def _parts(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
