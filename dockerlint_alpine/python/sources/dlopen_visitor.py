# ruff: noqa: N802, ARG002 - libcst calls its visitors by these names with these arguments
"""The libcst visitor of :mod:`dockerlint_alpine.python.sources.dlopen`.

It follows constants and platform tests to opening calls.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

import libcst as cst
import libcst.matchers as m
from libcst.metadata import PositionProvider
from msgspec import Struct

from dockerlint_alpine.python.sources.code_names import SYSTEM, dotted, literal
from dockerlint_alpine.python.sources.dlopen_names import MAX_VALUES, UNKNOWN_FOLDER
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

Values: TypeAlias = "tuple[str, ...]"
Truth: TypeAlias = "bool | None"

_OPENERS = frozenset(("CDLL", "PyDLL", "LoadLibrary", "dlopen"))
_FINDERS = frozenset(("find_library",))
_HERE = {name: (value,) for name, value in SYSTEM.items()}

_SELF_TEST = lazy_pattern(r"_*(?:self_?)?test_*\Z")
_MAIN = m.If(
    test=m.Comparison(
        left=m.Name("__name__"),
        comparisons=[m.ComparisonTarget(m.Equal(), m.SimpleString(value=m.MatchRegex(r"(['\"])__main__\1")))],
    )
)


class OpenCall(Struct, frozen=True):
    """One call: 1-based line, function as written, candidate names; whether it finds only, and is tried."""

    line: int
    function: str
    names: tuple[str, ...]
    finds: bool
    guarded: bool


class OpenVisitor(cst.CSTVisitor):
    """Collects :class:`OpenCall` from a module."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[OpenCall] = []
        self._scopes: list[dict[str, Values]] = [{}]
        self._truths: list[dict[str, bool]] = [{}]
        self._guards = 0
        self._undecided = 0
        self._tests: set[str] = set()

    def visit_Module(self, node: cst.Module) -> bool:
        """Find out which function tests the module itself, as ``test`` of the standard library's ctypes.util does: it is
        started where the module is the program, and by nobody who imports it."""
        for statement in node.body:
            if m.matches(statement, _MAIN):
                calls = m.findall(statement, m.Call(func=m.Name()))
                names = {cst.ensure_type(call, cst.Call).func for call in calls}
                self._tests.update(name.value for name in names if isinstance(name, cst.Name))
        return True

    # Scopes, and what names stand for in them.

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        """Enter a function: its default arguments are values of its names."""
        self._enter()
        for parameter in (*node.params.params, *node.params.kwonly_params, *node.params.posonly_params):
            if parameter.default is not None:
                self._bind(parameter.name.value, parameter.default)
        is_test = len(self._scopes) == 2 and node.name.value in self._tests and _SELF_TEST.match(node.name.value)
        return not is_test

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        """Forget the function's names."""
        self._leave()

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        """Enter a class body, a scope as well."""
        self._enter()
        return True

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        """Forget the class's names."""
        self._leave()

    def leave_Assign(self, original_node: cst.Assign) -> None:
        """``name = value``."""
        for target in original_node.targets:
            if isinstance(target.target, cst.Name):
                self._bind(target.target.value, original_node.value)

    def leave_AnnAssign(self, original_node: cst.AnnAssign) -> None:
        """``name: type = value``."""
        if isinstance(original_node.target, cst.Name) and original_node.value is not None:
            self._bind(original_node.target.value, original_node.value)

    def leave_AugAssign(self, original_node: cst.AugAssign) -> None:
        """``names += more``: both are candidates."""
        if isinstance(original_node.target, cst.Name):
            name = original_node.target.value
            self._scopes[-1][name] = _limited((*self._lookup(name), *self._values(original_node.value)))

    def visit_For(self, node: cst.For) -> bool:
        """``for name in candidates``."""
        if isinstance(node.target, cst.Name):
            self._bind(node.target.value, node.iter)
        return True

    def visit_CompFor(self, node: cst.CompFor) -> bool:
        """``... for name in candidates``."""
        if isinstance(node.target, cst.Name):
            self._bind(node.target.value, node.iter)
        return True

    def visit_GeneratorExp(self, node: cst.GeneratorExp) -> bool:
        """Bind first: a generator names its variable after the expression that uses it."""
        self.visit_CompFor(node.for_in)
        return True

    def visit_ListComp(self, node: cst.ListComp) -> bool:
        """As for generators."""
        self.visit_CompFor(node.for_in)
        return True

    # Branches.

    def visit_If(self, node: cst.If) -> bool:
        """Walk only the branches that can run on Alpine."""
        truth = self._truth(node.test)
        node.test.visit(self)
        self._undecided += truth is None
        if truth is not False:
            node.body.visit(self)
        if truth is not True and node.orelse is not None:
            node.orelse.visit(self)
        self._undecided -= truth is None
        return False

    def visit_IfExp(self, node: cst.IfExp) -> bool:
        """As for statements."""
        truth = self._truth(node.test)
        if truth is not False:
            node.body.visit(self)
        if truth is not True:
            node.orelse.visit(self)
        return False

    def visit_Try(self, node: cst.Try) -> bool:
        """Mark what is tried: it may fail without harm."""
        self._guards += 1
        node.body.visit(self)
        self._guards -= 1
        for part in (*node.handlers, node.orelse, node.finalbody):
            if part is not None:
                part.visit(self)
        return False

    # Calls.

    def visit_Call(self, node: cst.Call) -> bool:
        """Note the calls that open a library or look for one."""
        function = dotted(node.func)
        last = function.rpartition(".")[2]
        if last not in _OPENERS | _FINDERS or "windll" in function or "oledll" in function:
            return True
        argument = next((a.value for a in node.args if a.keyword is None or a.keyword.value == "name"), None)
        if argument is not None and not node.args[0].star:
            self._note(node, function, self._values(argument), finds=last in _FINDERS)
        return True

    def visit_Subscript(self, node: cst.Subscript) -> bool:
        """``ctypes.cdll["libfoo.so"]``."""
        function = dotted(node.value)
        index = _index(node)
        if function.rpartition(".")[2] == "cdll" and index is not None:
            self._note(node, function, self._values(index), finds=False)
        return True

    def _note(self, node: cst.CSTNode, function: str, names: Values, *, finds: bool) -> None:
        if names:
            position = self.get_metadata(PositionProvider, node)
            self.calls.append(OpenCall(position.start.line, function, names, finds, self._guards > 0))

    # Values.

    def _enter(self) -> None:
        self._scopes.append({})
        self._truths.append({})

    def _leave(self) -> None:
        self._scopes.pop()
        self._truths.pop()

    def _bind(self, name: str, value: cst.BaseExpression) -> None:
        known = self._values(value)
        if name in self._scopes[-1] and (self._guards or self._undecided):
            known = (*self._scopes[-1][name], *known)  # try: a = "x"; except: a = "y": both are candidates
        self._scopes[-1][name] = _limited(known)
        truth = self._truth(value)
        if truth is None:
            self._truths[-1].pop(name, None)
        else:
            self._truths[-1][name] = truth

    def _lookup(self, name: str) -> Values:
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), ())

    def _values(self, node: cst.BaseExpression) -> Values:
        """All texts that the expression may stand for; ``()`` where that can't be told."""
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
            return _constant(node)
        if isinstance(node, cst.FormattedString):
            return self._formatted(node)
        if isinstance(node, cst.Name):
            return self._lookup(node.value)
        if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
            return _limited(text for element in node.elements for text in self._values(element.value))
        if isinstance(node, cst.BinaryOperation):
            return self._binary(node)
        if isinstance(node, cst.BooleanOperation):
            return _limited((*self._values(node.left), *self._values(node.right)))
        if isinstance(node, cst.IfExp):
            return self._either(node)
        if isinstance(node, cst.Call):
            return self._called(node)
        if isinstance(node, cst.Subscript):
            return self._subscripted(node)
        if isinstance(node, cst.Await):
            return ()
        return _HERE.get(dotted(node), ())

    def _formatted(self, node: cst.FormattedString) -> Values:
        pieces: list[Values] = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                pieces.append((part.value,))
            elif isinstance(part, cst.FormattedStringExpression):
                pieces.append(self._values(part.expression))
        return _joined(pieces)

    def _binary(self, node: cst.BinaryOperation) -> Values:
        left, right = self._values(node.left), self._values(node.right)
        if isinstance(node.operator, cst.Add):
            if isinstance(node.left, (cst.Tuple, cst.List)) or isinstance(node.right, (cst.Tuple, cst.List)):
                return _limited((*left, *right))
            return _joined([left, right])
        if isinstance(node.operator, cst.Modulo):
            parts = node.right.elements if isinstance(node.right, cst.Tuple) else None
            words = [right] if parts is None else [self._values(part.value) for part in parts]
            return _limited(text for pattern in left for text in _percent(pattern, words))
        if isinstance(node.operator, cst.Divide):  # pathlib
            return tuple(f"{UNKNOWN_FOLDER}/{text}" for text in right)
        return ()

    def _either(self, node: cst.IfExp) -> Values:
        truth = self._truth(node.test)
        body = () if truth is False else self._values(node.body)
        return _limited((*body, *(() if truth is True else self._values(node.orelse))))

    def _called(self, node: cst.Call) -> Values:
        function = dotted(node.func)
        if function == "platform.system":
            return _HERE["platform.system()"]
        arguments = [argument.value for argument in node.args if argument.keyword is None and not argument.star]
        if function in ("str", "os.fspath", "os.fsencode", "tuple", "list", "reversed", "sorted", "iter") and arguments:
            return self._values(arguments[0])
        if function in ("os.path.join", "path.join", "join") and arguments:
            parts = [self._values(argument) for argument in arguments]
            if all(parts):
                return _limited("/".join(choice) for choice in itertools.islice(itertools.product(*parts), MAX_VALUES))
            return tuple(f"{UNKNOWN_FOLDER}/{text}" for text in parts[-1])
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "format" and len(arguments) == 1:
            return self._format_call(node.func.value, arguments[0])
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "lower":
            return tuple(text.lower() for text in self._values(node.func.value))
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "get" and arguments:
            return self._chosen(node.func.value, arguments[0])
        return ()

    def _format_call(self, pattern: cst.BaseExpression, argument: cst.BaseExpression) -> Values:
        return _limited(
            text.replace("{}", value).replace("{0}", value)
            for text in self._values(pattern)
            for value in self._values(argument)
        )

    def _subscripted(self, node: cst.Subscript) -> Values:
        index = _index(node)
        return () if index is None else self._chosen(node.value, index)

    def _chosen(self, table: cst.BaseExpression, key: cst.BaseExpression) -> Values:
        """``{"linux": ..., "darwin": ...}[sys.platform]``."""
        keys = self._values(key)
        if not isinstance(table, cst.Dict):
            return ()
        return _limited(
            text
            for element in table.elements
            if isinstance(element, cst.DictElement) and set(self._values(element.key)) & set(keys)
            for text in self._values(element.value)
        )

    # Questions about the system.

    def _truth(self, node: cst.BaseExpression) -> Truth:
        """Whether the condition holds on Alpine, ``None`` where that can't be told."""
        if isinstance(node, cst.Name):
            if node.value in ("True", "False"):
                return node.value == "True"
            return next((scope[node.value] for scope in reversed(self._truths) if node.value in scope), None)
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            truth = self._truth(node.expression)
            return None if truth is None else not truth
        if isinstance(node, cst.BooleanOperation):
            return _combined(self._truth(node.left), self._truth(node.right), both=isinstance(node.operator, cst.And))
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            return self._compared(node)
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "startswith":
            known, prefixes = self._system(node.func.value), self._values(node.args[0].value) if node.args else ()
            return known[0].startswith(prefixes) if known and prefixes else None
        return None

    def _compared(self, node: cst.Comparison) -> Truth:
        comparison = node.comparisons[0]
        left, right = self._system(node.left), self._system(comparison.comparator)
        subject, other = (left, comparison.comparator) if left else (right, node.left)
        values = self._values(other)
        if not subject or not values:
            return None
        if isinstance(comparison.operator, (cst.Equal, cst.NotEqual)):
            return (subject[0] in values) == isinstance(comparison.operator, cst.Equal)
        if isinstance(comparison.operator, (cst.In, cst.NotIn)):
            inside = subject[0] in values if left else any(value in subject[0] for value in values)
            return inside == isinstance(comparison.operator, cst.In)
        return None

    def _system(self, node: cst.BaseExpression) -> Values:
        """Give the answer to a question about the system, also through a name or ``.lower()``."""
        if isinstance(node, cst.Call):
            function = dotted(node.func)
            if function == "platform.system":
                return _HERE["platform.system()"]
            known = self._called(node)
            return known if known == ("linux",) else ()
        if isinstance(node, cst.Name):
            known = self._lookup(node.value)
            return known if known in _HERE.values() or known == ("linux",) else ()
        return _HERE.get(dotted(node), ())


def _combined(left: Truth, right: Truth, *, both: bool) -> Truth:
    if both:
        return False if left is False or right is False else (True if left and right else None)
    return True if left or right else (False if left is False and right is False else None)


def _index(node: cst.Subscript) -> cst.BaseExpression | None:
    if len(node.slice) == 1 and m.matches(node.slice[0], m.SubscriptElement(slice=m.Index())):
        index = node.slice[0].slice
        return index.value if isinstance(index, cst.Index) else None
    return None


def _constant(node: cst.SimpleString | cst.ConcatenatedString) -> Values:
    value = literal(node)
    if isinstance(value, bytes):
        return (value.decode("utf-8", "replace"),)
    return (value,) if isinstance(value, str) else ()


def _percent(pattern: str, words: list[Values]) -> Values:
    """``pattern % words`` for patterns of ``%s`` alone."""
    if not pattern.count("%") == pattern.count("%s") == len(words):
        return ()
    return tuple(pattern % choice for choice in itertools.islice(itertools.product(*words), MAX_VALUES))


def _joined(pieces: list[Values]) -> Values:
    if not pieces:
        return ()
    if not all(pieces):
        # An unknown beginning is a folder of the program's own; an unknown end leaves nothing to tell.
        return tuple(f"{UNKNOWN_FOLDER}{text}" for text in pieces[-1]) if pieces[-1] and "/" in pieces[-1][0] else ()
    return _limited("".join(choice) for choice in itertools.islice(itertools.product(*pieces), MAX_VALUES))


def _limited(values: Iterable[str]) -> Values:
    return tuple(itertools.islice(dict.fromkeys(values), MAX_VALUES))
