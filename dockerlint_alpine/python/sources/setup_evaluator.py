"""Follows a subset of Python as a ``setup.py`` would run, without running it.

libcst parses; the evaluator follows constants, concatenation, plain functions, loops over known lists and the files of the
project that are opened. Whatever it can't follow stays unknown. Nothing outside the project's own files is opened.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from msgspec import Struct, field

from dockerlint_alpine.python.sources.code_names import SYSTEM, dotted, literal
from dockerlint_alpine.python.sources.setup_script import Unclear
from dockerlint_alpine.python.sources.setup_values import (
    MAX_ITEMS,
    UNKNOWN,
    Dotted,
    File,
    Function,
    Perhaps,
    Text,
    Unknown,
    added,
    compared,
    converted,
    filled,
    of_table,
    of_text,
    same_line,
)
from dockerlint_alpine.system.native import UnsafeSourceError, check_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_STEPS = 50_000
_DEPTH = 12
_MAX_NODES = 40_000
_MAX_FILES = 6
"""Nodes and lines of a script, where the longest that distributions have stay below 20,000, and files that one executes."""

_HERE = {
    **SYSTEM,
    "os.sep": "/",
    "os.linesep": "\n",
    "platform.python_implementation()": "CPython",
    "sys.builtin_module_names": (),
}
_ASKS_FOR_FILES = frozenset({"exists", "lexists", "isfile", "is_file"})
_PARTS = ("major", "minor", "micro")
_AMBIENT = frozenset("PATH HOME PWD USER SHELL TERM TMPDIR LANG LC_ALL PYTHONPATH VIRTUAL_ENV".split())
"""Variables that a build has although no Dockerfile sets them."""
_COMMANDS = frozenset(
    """
    bdist_wheel build build_clib build_ext build_py develop dist_info editable_wheel egg_info install install_lib
    install_scripts setup.py --quiet -q --verbose -v
    """.split()
)
"""What an installer may tell a ``setup.py`` to do (setuptools.build_meta; pip before 25.3: ``setup.py install``)."""


class Return(Exception):  # noqa: N818 - control flow, not an error
    """The end of a function, with what it gives."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Next(Exception):  # noqa: N818 - control flow, not an error
    """``continue``, or ``break`` where it is the ``last`` turn."""

    def __init__(self, *, last: bool) -> None:
        self.last = last


class LimitError(Exception):
    """The script does more than this reader is willing to follow."""


class Trees:
    """The trees of a script and of the files that it uses: it may be read for many Pythons."""

    def __init__(self) -> None:
        """There are none yet."""
        self._known: dict[bytes, cst.Module | str] = {}
        self._positions: dict[bytes, Mapping[cst.CSTNode, Any]] = {}

    def of(self, data: bytes) -> cst.Module | str:
        """The tree of Python code, or why it can't be read."""
        if data not in self._known:
            try:
                check_python(data, limit=_MAX_NODES)
                self._known[data] = cst.parse_module(data)
            except (
                UnsafeSourceError,
                cst.ParserSyntaxError,
                UnicodeDecodeError,
                RecursionError,
                ValueError,
                LookupError,
            ) as error:
                self._known[data] = str(error).splitlines()[0]
        return self._known[data]

    def positions(self, data: bytes, module: cst.Module) -> Mapping[cst.CSTNode, Any]:
        """Where the nodes of that tree stand."""
        if data not in self._positions:
            self._positions[data] = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
        return self._positions[data]


class Evaluator(Struct, eq=False):
    """Follows one script. ``positions`` are those of its nodes, ``read`` gives the bytes of a project file by relative path,
    ``variables`` are the environment's, ``python`` (major, minor) runs it. Methods that others override say what becomes of
    calls that lead out of the script."""

    positions: Mapping[cst.CSTNode, Any]
    read: Callable[[str], bytes | None]
    variables: Mapping[str, str]
    trees: Trees
    python: tuple[int, int] | None = None
    asked_variables: dict[str, None] = {}
    names: dict[str, Any] = field(default_factory=lambda: {"__file__": "setup.py", "__name__": "__main__"})
    conditional: int = 0
    guarded: int = 0
    """Above zero in the body of a ``try``."""

    module: dict[str, Any] | None = None
    """The names of the file that is read in place of the script."""

    returned: list[Any] = []
    """What the function that is followed may have returned by now, in some cases only."""

    steps: int = 0
    depth: int = 0
    files: int = 0
    """Other files that were read as Python."""

    doubts: list[tuple[int | None, str]] = []
    unclear: list[Unclear] = []

    def line(self, node: cst.CSTNode) -> int | None:
        """The line (1-based) that a node stands on, where that is known."""
        found = self.positions.get(node)
        return found.start.line if found is not None else None

    def doubt(self, line: int | None, text: str) -> None:
        """Note what is only decided at run time."""
        if (line, text) not in self.doubts:
            self.doubts.append((line, text))

    def unsure(self, line: int | None, text: str, extra: str = "") -> None:
        """Note a doubt about what the script requires, or what its ``extra`` does."""
        self.doubt(line, text)
        self.unclear.append(Unclear(line, text, extra))

    # -- other files of the project ------------------------------------------------------------------------------------

    def own_module(self, module: str, names: Sequence[str]) -> Mapping[str, Any]:
        """What a module of the project gives that the script takes ``names`` from, as far as that is followed."""
        raise NotImplementedError

    def run(self, text: str, names: dict[str, Any]) -> dict[str, Any] | Unknown:
        """The names that other code leaves behind which starts with ``names``."""
        self.files += 1
        if self.files > _MAX_FILES or self.depth >= _DEPTH:
            return UNKNOWN
        tree = self.trees.of(text.encode("utf-8", "surrogatepass"))
        if isinstance(tree, str):
            return UNKNOWN
        saved, outer = self.names, self.module
        module = self.names = self.module = dict(names)
        self.depth += 1
        try:
            self.block(tree.body)
        except Return:
            pass
        finally:
            module.update(self.names)
            self.names, self.module, self.depth = saved, outer, self.depth - 1
        return module

    # -- statements ----------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> None:
        """Follow statements one by one."""
        for statement in body:
            self.steps += 1
            if self.steps > _STEPS:
                raise LimitError
            self._statement(statement)

    def _statement(self, node: cst.CSTNode) -> None:  # noqa: C901, PLR0912 - one case per statement of Python
        match node:
            case cst.SimpleStatementLine():
                self.block(node.body)
            case cst.Expr():
                self._value(node.value)
            case cst.Assign():
                value = self._value(node.value)
                for target in node.targets:
                    self._assign(target.target, value)
            case cst.AnnAssign() if node.value is not None:
                self._assign(node.target, self._value(node.value))
            case cst.AugAssign():
                self._augment(node)
            case cst.Import():
                for alias in node.names:
                    path = dotted(alias.name)
                    bound = dotted(alias.asname.name) if alias.asname else path.partition(".")[0]
                    self.names[bound] = Dotted(path if alias.asname else bound)
            case cst.ImportFrom() if not isinstance(node.names, cst.ImportStar):
                module = dotted(node.module) if node.module is not None else ""
                own = self.own_module(module, [dotted(alias.name) for alias in node.names])
                for alias in node.names:
                    name = dotted(alias.name)
                    bound = dotted(alias.asname.name) if alias.asname else name
                    self.names[bound] = own[name] if name in own else self._known(f"{module}.{name}")
            case cst.FunctionDef():
                self.names[node.name.value] = Function(node, self.module)
            case cst.If():
                self._branch(node)
            case cst.For():
                self._loop(node)
            case cst.With():
                for item in node.items:
                    value = self._value(item.item)
                    if item.asname is not None:
                        self._assign(item.asname.name, value)
                self.block(node.body.body)
            case cst.Try() | cst.TryStar():
                self._attempt(node)
            case cst.Return():
                raise Return(self._value(node.value) if node.value is not None else None)
            case cst.Continue() | cst.Break():
                raise Next(last=isinstance(node, cst.Break))
            case cst.ClassDef():
                self.names[node.name.value] = UNKNOWN
                self.inside(node)
            case cst.While():
                self._maybe(node.body.body)
            case _:
                return

    def _attempt(self, node: cst.Try | cst.TryStar) -> None:
        """``try``: the body is followed as if nothing went wrong; what it asks for is not insisted on."""
        self.try_body(node)
        if node.orelse is not None:
            self.block(node.orelse.body.body)
        if node.finalbody is not None:
            self.block(node.finalbody.body.body)

    def try_body(self, node: cst.Try | cst.TryStar) -> None:
        """The body of a ``try``."""
        self.guarded += 1 if node.handlers else 0
        try:
            self.block(node.body.body)
        finally:
            self.guarded -= 1 if node.handlers else 0

    def inside(self, node: cst.ClassDef) -> None:
        """Look at what the methods of a class may do (a ``build_ext`` of its own)."""
        outer, self.returned = self.returned, []
        for item in node.body.body:
            if isinstance(item, cst.FunctionDef):
                self._maybe(item.body.body)
        self.returned = outer

    def _maybe(self, body: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> None:
        """Run a block that may not run: what it assigns is unknown behind it."""
        self.conditional += 1
        before = dict(self.names)
        try:
            self.block(body)
        except Return as result:
            self.returned.append(result.value)
        except Next:
            pass
        finally:
            self.conditional -= 1
        for name, value in self.names.items():
            known = before.get(name, value)
            if known is not value and not (isinstance(known, Dotted) and known.is_named_as(value)):
                before[name] = UNKNOWN
            else:
                before.setdefault(name, value)
        self.names = before

    def _branch(self, node: cst.If) -> None:
        test = self._value(node.test)
        other = node.orelse
        rest = other.body.body if isinstance(other, cst.Else) else [other] if isinstance(other, cst.If) else []
        if test is UNKNOWN:
            self._maybe(node.body.body)
            self._maybe(rest)
        else:
            self.block(node.body.body if test else rest)

    def _loop(self, node: cst.For) -> None:
        values = self._value(node.iter)
        if isinstance(values, File):
            values = values.lines
        if not isinstance(values, (list, tuple, dict)) or len(values) > MAX_ITEMS:
            self._maybe(node.body.body)
            return
        for value in list(values):
            self._assign(node.target, value)
            try:
                self.block(node.body.body)
            except Next as leave:
                if leave.last:
                    break

    def _assign(self, target: cst.CSTNode, value: Any) -> None:
        match target:
            case cst.Name():
                self.names[target.value] = value
            case cst.Tuple() | cst.List():
                items = list(value) if isinstance(value, (list, tuple)) and len(value) == len(target.elements) else None
                for index, element in enumerate(target.elements):
                    self._assign(element.value, items[index] if items is not None else UNKNOWN)
            case cst.Subscript():
                table, key = self._value(target.value), self._subscript(target)
                if isinstance(table, dict) and isinstance(key, str):
                    table[key] = UNKNOWN if self.conditional else value
                elif isinstance(target.value, cst.Name):
                    self.names[target.value.value] = UNKNOWN
            case _:
                return

    def _augment(self, node: cst.AugAssign) -> None:
        if not isinstance(node.target, (cst.Name, cst.Subscript)):
            return
        old, new = self._value(node.target), self._value(node.value)
        if self.conditional and isinstance(old, list):
            self._perhaps(old, node)
            return
        self._assign(node.target, added(old, new) if isinstance(node.operator, cst.AddAssign) else UNKNOWN)

    # -- expressions ---------------------------------------------------------------------------------------------------

    def _value(self, node: cst.CSTNode) -> Any:  # noqa: C901, PLR0912 - one case per expression of Python
        self.steps += 1
        if self.steps > _STEPS:
            raise LimitError
        match node:
            case cst.SimpleString():
                raw = literal(node)
                return self._text(raw, node) if isinstance(raw, str) else UNKNOWN
            case cst.ConcatenatedString():
                return self._text(added(self._value(node.left), self._value(node.right)), node)
            case cst.FormattedString():
                return self._formatted(node)
            case cst.Integer() | cst.Float():
                return literal(node)
            case cst.Name():
                constants = {"True": True, "False": False, "None": None}
                if node.value in constants:
                    return constants[node.value]
                return self.names.get(node.value, Dotted(node.value))
            case cst.List() | cst.Tuple() | cst.Set():
                return self._sequence(node.elements)
            case cst.Dict():
                return self._mapping(node)
            case cst.BinaryOperation():
                return self._binary(node)
            case cst.Call():
                return self.call(node)
            case cst.Attribute():
                return self._attribute(node)
            case cst.Subscript():
                return self._item(node)
            case cst.Comparison():
                return self._comparison(node)
            case cst.BooleanOperation():
                return self._boolean(node)
            case cst.UnaryOperation():
                inner = self._value(node.expression)
                if isinstance(node.operator, cst.Minus):
                    return -inner if isinstance(inner, int) else UNKNOWN
                negated = isinstance(node.operator, cst.Not) and inner is not UNKNOWN and not isinstance(inner, Dotted)
                return not inner if negated else UNKNOWN
            case cst.IfExp():
                test = self._value(node.test)
                return UNKNOWN if test is UNKNOWN else self._value(node.body if test else node.orelse)
            case cst.ListComp() | cst.GeneratorExp() | cst.SetComp():
                return self._comprehension(node)
            case _:
                return UNKNOWN

    def _text(self, value: Any, node: cst.CSTNode) -> Any:
        if not isinstance(value, str):
            return UNKNOWN
        found = Text(value)
        found.line = self.line(node)
        return found

    def _formatted(self, node: cst.FormattedString) -> Any:
        parts = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                parts.append(part.value)
                continue
            value = self._value(part.expression) if isinstance(part, cst.FormattedStringExpression) else UNKNOWN
            if not isinstance(value, (str, int)):
                return UNKNOWN
            parts.append(str(value))
        return self._text("".join(parts), node)

    def _sequence(self, elements: Sequence[cst.BaseElement]) -> list[Any]:
        found: list[Any] = []
        for element in elements:
            value = self._value(element.value)
            if isinstance(element, cst.StarredElement):
                found.extend(value if isinstance(value, (list, tuple)) else [UNKNOWN])
            else:
                found.append(value)
        return found

    def _mapping(self, node: cst.Dict) -> Any:
        found: dict[Any, Any] = {}
        for element in node.elements:
            value = self._value(element.value)
            if isinstance(element, cst.DictElement):
                key = self._value(element.key)
                if isinstance(key, (str, int)):
                    found[key] = value
            elif isinstance(value, dict):
                found.update(value)
            else:
                self.unsure(self.line(node), "a table is filled in at run time")
        return found

    def _binary(self, node: cst.BinaryOperation) -> Any:
        left, right = self._value(node.left), self._value(node.right)
        match node.operator:
            case cst.Add():
                found = added(left, right)
                return self._text(found, node) if isinstance(found, str) else found
            case cst.Modulo() if isinstance(left, str):
                return self._text(filled(left, right), node)
            case cst.Divide() if isinstance(left, str) and isinstance(right, str):
                return posixpath.join(left, right)
            case cst.Subtract() if isinstance(left, list) and isinstance(right, list) and UNKNOWN not in right:  # sets
                return [one for one in left if one not in right]
            case cst.BitOr() if isinstance(left, list) and isinstance(right, list):  # sets
                return added(left, [one for one in right if one not in left])
            case _:
                return UNKNOWN

    def _comparison(self, node: cst.Comparison) -> Any:
        left, answers = self._value(node.left), []
        for one in node.comparisons:
            right = self._value(one.comparator)
            answers.append(self._compared(left, one.operator, right))
            left = right
        return False if False in answers else UNKNOWN if UNKNOWN in answers else True

    def _compared(self, left: Any, operator: cst.BaseCompOp, right: Any) -> Any:
        """Whether two values compare so."""
        if isinstance(right, Dotted) and right.path in {"os.environ", "sys.argv"}:
            there = self._is_given(left, right.path)
            asked = there is not UNKNOWN and isinstance(operator, (cst.In, cst.NotIn))
            return there == isinstance(operator, cst.In) if asked else UNKNOWN
        if isinstance(left, Dotted) and left.path == "sys.argv" and isinstance(operator, (cst.Equal, cst.NotEqual)):
            words = right if isinstance(right, list) else [right]
            other = any(self._is_given(word, left.path) is False for word in words)
            return isinstance(operator, cst.NotEqual) if other else UNKNOWN
        if isinstance(left, Dotted) and right is None and isinstance(operator, (cst.Is, cst.IsNot)):
            return isinstance(operator, cst.IsNot)  # what could be imported
        return compared(left, operator, right)

    def _boolean(self, node: cst.BooleanOperation) -> Any:
        left, right = self._value(node.left), self._value(node.right)
        short = isinstance(node.operator, cst.Or)
        for one in (left, right):
            if one is not UNKNOWN and not isinstance(one, Dotted) and bool(one) == short:
                return one
        return UNKNOWN if UNKNOWN in (left, right) else right

    def _attribute(self, node: cst.Attribute) -> Any:
        base = self._value(node.value)
        if isinstance(base, Dotted):
            path = f"{base.path}.{node.attr.value}"
            return self._known(path)
        if isinstance(base, list) and node.attr.value in _PARTS and len(base) == len(_PARTS):  # of sys.version_info
            return base[_PARTS.index(node.attr.value)]
        if isinstance(base, str) and node.attr.value == "parent":
            return posixpath.dirname(base)
        if isinstance(base, str) and node.attr.value in {"req", "requirement"}:
            return base  # of what parse_requirements gives
        return UNKNOWN

    def _known(self, path: str) -> Any:
        """The value of a name of another module where Linux or the Python that runs the script decides it."""
        if self.python is not None and path in {"sys.version_info", "sys.version"}:
            major, minor = self.python  # the patch is not known
            return [major, minor, UNKNOWN] if path == "sys.version_info" else f"{major}.{minor}."
        return _HERE.get(path, Dotted(path))

    def _subscript(self, node: cst.Subscript) -> Any:
        index = node.slice[0].slice if len(node.slice) == 1 else None
        return self._value(index.value) if isinstance(index, cst.Index) else UNKNOWN

    def _variable(self, name: Any, default: Any) -> Any:
        """What the script finds in a variable of the environment."""
        if not isinstance(name, str) or name in _AMBIENT:
            return UNKNOWN
        self.asked_variables[name] = None
        return self.variables.get(name, default)

    def _is_given(self, name: Any, where: str) -> Any:
        """Whether there is such a variable of the environment, or such a word on the command line."""
        if where == "sys.argv":
            return False if isinstance(name, str) and name not in _COMMANDS else UNKNOWN
        value = self._variable(name, None)
        return UNKNOWN if value is UNKNOWN else value is not None

    def _item(self, node: cst.Subscript) -> Any:
        base, key = self._value(node.value), self._subscript(node)
        index = node.slice[0].slice
        if isinstance(index, cst.Slice) and isinstance(base, (list, tuple, str)) and index.step is None:
            ends = [self._value(one) if one is not None else None for one in (index.lower, index.upper)]
            known = all(isinstance(one, (int, type(None))) for one in ends) and len(node.slice) == 1
            return same_line(base[ends[0] : ends[1]], base) if known else UNKNOWN
        if isinstance(base, Dotted):
            if base.path == "sys.argv":  # some of the words of the command line
                return base
            return self._variable(key, UNKNOWN) if base.path == "os.environ" else UNKNOWN
        if isinstance(base, dict):
            return base.get(key, UNKNOWN) if isinstance(key, (str, int)) else UNKNOWN
        if isinstance(base, (list, tuple, str)) and isinstance(key, int) and -len(base) <= key < len(base):
            return base[key]
        return UNKNOWN

    def _comprehension(self, node: cst.ListComp | cst.GeneratorExp | cst.SetComp) -> Any:
        saved, found = dict(self.names), []
        known = self._turns(node.for_in, lambda value: found.append(same_line(self._value(node.elt), value)))
        self.names = saved
        return found if known else UNKNOWN

    def _turns(self, loop: cst.CompFor, take: Callable[[Any], None]) -> bool:
        """Go through the loops of a comprehension; ``False`` where it is not known what they go through."""
        values = self._value(loop.iter)
        if isinstance(values, File):
            values = values.lines
        if not isinstance(values, (list, tuple)) or len(values) > MAX_ITEMS:
            return False
        for value in values:
            self._assign(loop.target, value)
            tests = [self._value(one.test) for one in loop.ifs]
            if all(test is UNKNOWN or test for test in tests):
                if loop.inner_for_in is None:
                    take(value)
                elif not self._turns(loop.inner_for_in, take):
                    return False
        return True

    # -- calls ---------------------------------------------------------------------------------------------------------

    def call(self, node: cst.Call) -> Any:
        """What a call gives."""
        arguments, keywords, whole = self.arguments(node)
        if isinstance(node.func, cst.Attribute):
            base = self._value(node.func.value)
            if not isinstance(base, (Dotted, Function)):
                return self._method(base, node.func.attr.value, arguments, node)
        function = self._value(node.func)
        if isinstance(function, Function):
            return self._user_function(function, arguments, keywords)
        path = function.path if isinstance(function, Dotted) else ""
        if path in {"int", "bool", "dict"} or function is UNKNOWN:
            known = converted(dotted(node.func), arguments, keywords if whole else None)
            if known is not UNKNOWN:
                return known
        return self.outside(node, path, arguments, keywords, whole=whole)

    def outside(
        self, node: cst.Call, path: str, arguments: Sequence[Any], keywords: dict[str, Any], *, whole: bool
    ) -> Any:
        """Call what is no function of the script, by its dotted name; not ``whole`` where more keywords than these are
        computed at run time."""
        raise NotImplementedError

    def library(self, path: str, arguments: Sequence[Any]) -> Any:
        """What a function of Python itself gives."""
        if path in {"os.environ.get", "os.getenv"}:
            return self._variable(arguments[0], arguments[1] if len(arguments) > 1 else None) if arguments else UNKNOWN
        return self._builtin(path.rpartition(".")[2], path, arguments)

    def arguments(self, node: cst.Call) -> tuple[list[Any], dict[str, Any], bool]:
        """The positional arguments of a call, its keywords, and whether these are all of them."""
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        whole = True
        for argument in node.args:
            value = self._value(argument.value)
            if argument.keyword is not None:
                keywords[argument.keyword.value] = value
            elif argument.star == "**":
                if isinstance(value, dict):
                    keywords.update({str(key): one for key, one in value.items()})
                else:
                    whole = False
            elif argument.star == "*":
                positional.extend(value if isinstance(value, list) else [UNKNOWN])
            else:
                positional.append(value)
        return positional, keywords, whole

    def _user_function(self, function: Function, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        if self.depth >= _DEPTH:
            return UNKNOWN
        saved, parameters = self.names, function.node.params.params
        local = dict(saved if function.module is None else function.module)
        for index, parameter in enumerate(parameters):
            default = self._value(parameter.default) if parameter.default is not None else UNKNOWN
            given = arguments[index] if index < len(arguments) else default
            local[parameter.name.value] = keywords.get(parameter.name.value, given)
        star = function.node.params.star_arg
        if isinstance(star, cst.Param):
            local[star.name.value] = list(arguments[len(parameters) :])
        self.names, self.depth = local, self.depth + 1
        outer, self.returned = self.returned, []
        value = None
        try:
            self.block(function.node.body.body)
        except Return as result:
            value = result.value
        finally:
            earlier, self.returned = self.returned, outer
            self.names, self.depth = saved, self.depth - 1
        return value if all(one is value or one == value for one in earlier) else UNKNOWN

    def _method(self, base: Any, name: str, arguments: Sequence[Any], node: cst.Call) -> Any:
        if isinstance(base, list) and name in {"append", "extend", "insert"} and arguments:
            return self._grow(base, name, arguments[-1], node)
        if isinstance(base, list) and name == "copy":
            return list(base)
        if isinstance(base, list) and name == "intersection" and arguments:
            given = isinstance(arguments[0], Dotted) and arguments[0].path == "sys.argv"
            return [] if given and all(isinstance(one, str) and one not in _COMMANDS for one in base) else UNKNOWN
        if isinstance(base, dict):
            return self._dict_method(base, name, arguments)
        if isinstance(base, File):
            return {"read": self._plain(base.text), "readlines": base.lines, "__enter__": base}.get(name, UNKNOWN)
        if isinstance(base, str):
            return self._string_method(base, name, arguments)
        return UNKNOWN

    def _perhaps(self, base: list[Any], node: cst.CSTNode) -> None:
        """Note that something may be put into a list: it matters to who makes requirements of that."""
        told = Perhaps(self.line(node), f"whether {_code(node)} is executed is decided at run time")
        self.doubt(told.line, told.text)
        if len(base) <= MAX_ITEMS:
            base.append(told)

    def _grow(self, base: list[Any], name: str, value: Any, node: cst.Call) -> None:
        if self.conditional:
            self._perhaps(base, node)
        elif len(base) > MAX_ITEMS:
            raise LimitError
        elif name == "extend":
            base.extend(list(value)[:MAX_ITEMS] if isinstance(value, (list, tuple)) else [UNKNOWN])
        else:
            base.append(value)

    def _dict_method(self, base: dict[Any, Any], name: str, arguments: Sequence[Any]) -> Any:
        if name == "update" and arguments and isinstance(arguments[0], dict) and not self.conditional:
            base.update(arguments[0])
            return None
        return of_table(base, name, arguments)

    def _string_method(self, base: str, name: str, arguments: Sequence[Any]) -> Any:
        if name in {"read_text", "open"}:
            opened = self.open(base)
            return self._plain(opened.text) if isinstance(opened, File) and name == "read_text" else opened
        if name in _ASKS_FOR_FILES:
            return self._is_there(base)
        return of_text(base, name, arguments)

    def _plain(self, text: str) -> Text:
        found = Text(text)
        found.line = None
        return found

    def open(self, path: str) -> File | Unknown:
        """A file of the project by its path in it; unknown where it is not there or outside."""
        relative = posixpath.normpath(path.lstrip("/"))
        data = self.read(relative) if not relative.startswith("..") else None
        return File(data.decode("utf-8", "replace")) if data is not None else UNKNOWN

    def _is_there(self, path: str) -> Any:
        """Whether there is a file; what is none that can be read may be a folder, or made by the build."""
        return True if isinstance(self.open(path), File) else UNKNOWN

    def _of_files(self, name: str, path: str, arguments: Sequence[str]) -> Any:
        """What a function makes of the names of files; ``None`` for any other function."""
        first = arguments[0]
        if name in {"abspath", "realpath", "normpath", "PurePath", "fspath", "str"}:
            return first
        if name == "dirname":
            return posixpath.dirname(first)
        if name == "Path" or path.endswith("path.join"):
            return posixpath.join(*arguments)
        if name in _ASKS_FOR_FILES:
            return self._is_there(first)
        return self.open(first) if name == "open" else None

    def _builtin(self, name: str, path: str, arguments: Sequence[Any]) -> Any:
        first: Any = arguments[0] if arguments else UNKNOWN
        if arguments and all(isinstance(one, str) for one in arguments):
            found = self._of_files(name, path, arguments)
            if found is not None:
                return found
        if name in {"list", "sorted", "tuple", "set"} and (isinstance(first, (list, tuple, dict)) or not arguments):
            return list(first) if arguments else []
        if name in {"list"} and isinstance(first, File):
            return first.lines
        if name == "filter" and len(arguments) == 2 and first is None and isinstance(arguments[1], list):
            return [one for one in arguments[1] if one]
        if name in {"cythonize", "mypycify", "compile"}:
            return first
        if path in {"exec", "execfile", "runpy.run_path"} and isinstance(first, str):
            return self._executed(path, first, arguments[1:])
        if name == "parse_requirements" and isinstance(first, str):
            opened = self.open(first)
            return opened.text.splitlines() if isinstance(opened, File) else UNKNOWN
        if name == "hasattr" and isinstance(first, Dotted) and str(arguments[-1]).startswith("pypy"):
            return False  # of sys: it is CPython that runs here
        return "" if name == "getcwd" else _HERE.get(f"{path}()", UNKNOWN)

    def _executed(self, path: str, code: str, namespaces: Sequence[Any]) -> Any:
        """``exec(TEXT, NAMES)``, ``execfile(FILE, NAMES)`` of Python 2, ``runpy.run_path(FILE)``."""
        if path != "exec":
            file = self.open(code)
            code = file.text if isinstance(file, File) else ""
        table = namespaces[0] if namespaces else {} if path == "runpy.run_path" else self.names
        found = self.run(code, table) if isinstance(table, dict) and not self.conditional else UNKNOWN
        if isinstance(found, dict) and isinstance(table, dict):
            table.update(found)
        return found if path == "runpy.run_path" else None


def _code(node: cst.CSTNode) -> str:
    text = cst.Module([]).code_for_node(node).strip().splitlines()[0]
    return text if len(text) <= 60 else f"{text[:57]}..."
