"""Whether a ``setup.py`` goes on where its extensions can't be built: recipes since simplejson's, by what they do."""

from __future__ import annotations

from itertools import chain

import libcst as cst

from dockerlint_alpine.python.sources.code_names import dotted

_BUILDS = frozenset({"run", "build_extension", "build_extensions"})
"""The methods of distutils' build_ext."""
_OFTEN = frozenset({"print", "str", "open", "exit"})
"""Functions that are called on both sides of a failure and set nothing up."""


def retries(node: cst.Try | cst.TryStar) -> bool:
    """Whether a handler of the ``try`` in which ``setup()`` was called calls it again: by its name, or that of the function
    that does. One that raises, in some cases only, may not."""
    handled = [one for one in map(_Calls, (one.body for one in node.handlers)) if not one.raises]
    again = set(chain.from_iterable(one.names for one in handled))
    return not again.isdisjoint({"setup", *_Calls(node.body).names} - _OFTEN)


def passes_over(node: cst.ClassDef) -> bool:
    """Whether a class (a ``build_ext``) has distutils build in a ``try``, and no handler raises in any case."""
    return _Tries(node).passed


class _Tries(cst.CSTVisitor):
    """Looks for a ``try`` around a build that goes on."""

    def __init__(self, body: cst.CSTNode) -> None:
        super().__init__()
        self.passed = False
        body.visit(self)

    def visit_Try(self, node: cst.Try) -> None:  # noqa: N802 - libcst's names
        goes_on = bool(node.handlers) and not any(
            _is_raise(one) for handler in node.handlers for one in handler.body.body
        )
        self.passed = self.passed or (goes_on and _Calls(node.body).builds)


def _is_raise(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and any(isinstance(one, cst.Raise) for one in statement.body)


class _Calls(cst.CSTVisitor):
    """The plain names that are called anywhere in a block, whether it has distutils build, and whether it raises."""

    def __init__(self, body: cst.CSTNode) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.builds = False
        self.raises = False
        body.visit(self)

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802 - libcst's names
        if isinstance(node.func, cst.Name):
            self.names.add(node.func.value)
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value in _BUILDS:
            called = dotted(node.func.value)
            self.builds = self.builds or called == "super()" or "build_ext" in called

    def visit_Raise(self, node: cst.Raise) -> None:  # noqa: ARG002, N802 - libcst's, which hands it the node
        self.raises = True
