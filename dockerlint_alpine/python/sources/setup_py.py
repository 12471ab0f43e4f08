"""Reads a ``setup.py`` without running it.

libcst parses; a small evaluator follows constants, concatenation, plain functions, loops over known lists and the
``read("requirements.txt")`` idioms over the files of the project. Whatever it can't follow stays unknown and is said.
The file is never executed, and nothing outside the project's own files is opened.
"""

from __future__ import annotations

import posixpath
import re
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from msgspec import Struct, field

from dockerlint_alpine.python.sources.code_names import SYSTEM, dotted
from dockerlint_alpine.python.sources.setup_failures import passes_over, retries
from dockerlint_alpine.python.sources.setup_script import Asked, Extension, SetupScript, Unclear
from dockerlint_alpine.system.native import UnsafeSourceError, check_python
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_STEPS = 50_000
_DEPTH = 12
_MAX_ITEMS = 5_000
_MAX_TEXT = 1_000_000
_MAX_NODES = 40_000
_MAX_FILES = 6
"""Nodes and lines of a script, where the longest that distributions have stay below 20,000, and files that one executes."""


class _Unknown:
    """A value that only running the script would tell."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = _Unknown()


class _Text(str):
    """A string that remembers the line of the script where it stands."""

    __slots__ = ("line",)
    line: int | None


class _Perhaps(Struct, frozen=True):
    """Stands in a list for what may be put there."""

    line: int | None
    text: str


class _File:
    """The result of ``open(...)`` on a project file."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Return(Exception):  # noqa: N818 - control flow, not an error
    def __init__(self, value: Any) -> None:
        self.value = value


class _Next(Exception):  # noqa: N818 - control flow, not an error
    """``continue``, or ``break`` where it is the ``last`` turn."""

    def __init__(self, *, last: bool) -> None:
        self.last = last


class _LimitError(Exception):
    """The script does more than this reader is willing to follow."""


class _Function:
    """A function; ``module`` are the names of the file that it stands in, where that is not the script."""

    def __init__(self, node: cst.FunctionDef, module: dict[str, Any] | None) -> None:
        self.node = node
        self.module = module


class _Dotted:
    """A name that is not a value of the script: ``os.path.join``, ``setuptools.setup``."""

    def __init__(self, path: str) -> None:
        self.path = path

    def is_named_as(self, other: Any) -> bool:
        """Whether it is the same function of another module: ``pip.req.parse_requirements``, later ``pip._internal.req``."""
        return isinstance(other, _Dotted) and other.path.rpartition(".")[2] == self.path.rpartition(".")[2]


_HERE = {
    **SYSTEM,
    "os.sep": "/",
    "os.linesep": "\n",
    "platform.python_implementation()": "CPython",
    "sys.builtin_module_names": (),
}
_ORDER: Final[Mapping[type, Callable[[Any, Any], bool]]] = {
    cst.LessThan: lt,
    cst.LessThanEqual: le,
    cst.GreaterThan: gt,
    cst.GreaterThanEqual: ge,
}
_ASKS_FOR_FILES = frozenset({"exists", "lexists", "isfile", "is_file"})
_PARTS = ("major", "minor", "micro")
_PKG_CONFIG = lazy_pattern(r"[A-Za-z0-9][\w+.-]*")
_FLAGS = lazy_pattern(r"--?[\w-]+(?:=.*)?")
_TEMPLATE = lazy_pattern(r"(?:[^{}]|\{\w*\})*")
"""``str.format`` without attributes and widths: neither can reach or fill anything."""
_WIDTH = lazy_pattern(r"%[^a-zA-Z%]*(?:\*|\d{3})")
_ONLY_TESTS = frozenset(
    {"exists", "installed", "pkgconfig_installed_check", "check_pkg_config", "call", "which", "getoutput"}
)
"""Functions whose failure a script sees and may take for an answer."""
_AMBIENT = frozenset("PATH HOME PWD USER SHELL TERM TMPDIR LANG LC_ALL PYTHONPATH VIRTUAL_ENV".split())
"""Variables that a build has although no Dockerfile sets them."""
_COMMANDS = frozenset(
    """
    bdist_wheel build build_clib build_ext build_py develop dist_info editable_wheel egg_info install install_lib
    install_scripts setup.py --quiet -q --verbose -v
    """.split()
)
"""What an installer may tell a ``setup.py`` to do (setuptools.build_meta; pip before 25.3: ``setup.py install``)."""
_ABOUT_REQUIREMENTS = lazy_pattern(r"(?i)req|dep|extra|read|load")
_BRINGS_REQUIREMENTS = frozenset({"install_requires", "extras_require", "setup_requires", "pbr"})
"""Words of ``setup()`` by which something is required: only what is required to build may know others (entry points of
distutils.setup_keywords). ``requires`` is of PEP 314, which no installer follows."""
_PROGRAMS = lazy_pattern(r"(?:[a-z0-9]+[-_])*config\d*|pkg-config|cmake|make|cargo|rustc")


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


def read_setup_py(
    data: bytes,
    read: Callable[[str], bytes | None],
    variables: Mapping[str, str] | None = None,
    python: tuple[int, int] | None = None,
    trees: Trees | None = None,
) -> SetupScript:
    """Return what the script ``data`` says. ``read`` gives the bytes of a project file by relative path, or ``None``.

    ``variables`` is the environment of the build: branches that ask for others are decided by their not being set.
    ``python`` is the Python (major, minor) that runs it; where it is not given, neither branch is taken for certain.
    ``trees`` is given where the same files are read more than once.

    A script that is no Python (of today) gives an empty answer with a doubt. Never raises for bad input.
    """
    trees = trees or Trees()
    module = trees.of(data)
    if isinstance(module, str):
        text = f"setup.py is not readable as Python 3: {module}"
        return SetupScript(doubts=((None, text),), unclear=(Unclear(None, text),))
    reader = _Reader(trees.positions(data, module), read, variables or {}, trees, python)
    try:
        reader.block(module.body)
    except (_LimitError, RecursionError):
        reader.unsure(None, "setup.py is too complex to analyse")
    except _Return:
        pass
    return reader.result()


class _Reader(Struct, eq=False):
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

    setup: dict[str, Any] | None = None
    setups: int = 0
    goes_on: bool = False
    optional_rust: list[bool] = []
    may_require: bool = False
    """Whether a call of ``setup()`` says something of requirements, or may."""
    open_arguments: bool = False
    extensions: list[Extension] = []
    pkg_config: dict[str, Asked] = {}
    programs: dict[str, Asked] = {}
    doubts: list[tuple[int | None, str]] = []
    unclear: list[Unclear] = []

    def line(self, node: cst.CSTNode) -> int | None:
        found = self.positions.get(node)
        return found.start.line if found is not None else None

    def doubt(self, node: cst.CSTNode | None, text: str) -> None:
        entry = (self.line(node) if node is not None else None, text)
        if entry not in self.doubts:
            self.doubts.append(entry)

    # -- other files of the project -------------------------------------------------------------------------------

    def own_module(self, module: str, names: Sequence[str]) -> Mapping[str, Any]:
        """What a module of the project gives for requirements; nothing of any other."""
        if self.conditional or not any(map(_ABOUT_REQUIREMENTS.search, names)):
            return {}
        file = self.open(f"{module.replace('.', '/')}.py")
        found = self.run(file.text, {}) if isinstance(file, _File) else UNKNOWN
        return found if isinstance(found, dict) else {}

    def run(self, text: str, names: dict[str, Any]) -> dict[str, Any] | _Unknown:
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
        except _Return:
            pass
        finally:
            module.update(self.names)
            self.names, self.module, self.depth = saved, outer, self.depth - 1
        return module

    # -- statements -------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> None:
        for statement in body:
            self.steps += 1
            if self.steps > _STEPS:
                raise _LimitError
            self.statement(statement)

    def statement(self, node: cst.CSTNode) -> None:  # noqa: C901, PLR0912 - one case per statement of Python
        match node:
            case cst.SimpleStatementLine():
                self.block(node.body)
            case cst.Expr():
                self.value(node.value)
            case cst.Assign():
                value = self.value(node.value)
                for target in node.targets:
                    self.assign(target.target, value)
            case cst.AnnAssign() if node.value is not None:
                self.assign(node.target, self.value(node.value))
            case cst.AugAssign():
                self.augment(node)
            case cst.Import():
                for alias in node.names:
                    path = dotted(alias.name)
                    bound = dotted(alias.asname.name) if alias.asname else path.partition(".")[0]
                    self.names[bound] = _Dotted(path if alias.asname else bound)
            case cst.ImportFrom() if not isinstance(node.names, cst.ImportStar):
                module = dotted(node.module) if node.module is not None else ""
                own = self.own_module(module, [dotted(alias.name) for alias in node.names])
                for alias in node.names:
                    name = dotted(alias.name)
                    bound = dotted(alias.asname.name) if alias.asname else name
                    self.names[bound] = own[name] if name in own else self.known(f"{module}.{name}")
            case cst.FunctionDef():
                self.names[node.name.value] = _Function(node, self.module)
            case cst.If():
                self.branch(node)
            case cst.For():
                self.loop(node)
            case cst.With():
                for item in node.items:
                    value = self.value(item.item)
                    if item.asname is not None:
                        self.assign(item.asname.name, value)
                self.block(node.body.body)
            case cst.Try() | cst.TryStar():
                self.attempt(node)
            case cst.Return():
                raise _Return(self.value(node.value) if node.value is not None else None)
            case cst.Continue() | cst.Break():
                raise _Next(last=isinstance(node, cst.Break))
            case cst.ClassDef():
                self.names[node.name.value] = UNKNOWN
                self.inside(node)
            case cst.While():
                self.maybe(node.body.body)
            case _:
                return

    def attempt(self, node: cst.Try | cst.TryStar) -> None:
        """``try``: the body is followed as if nothing went wrong; what it asks for is not insisted on."""
        setups = self.setups
        self.guarded += 1 if node.handlers else 0
        try:
            self.block(node.body.body)
        finally:
            self.guarded -= 1 if node.handlers else 0
        self.goes_on = self.goes_on or (self.setups > setups and retries(node))
        if node.orelse is not None:
            self.block(node.orelse.body.body)
        if node.finalbody is not None:
            self.block(node.finalbody.body.body)

    def inside(self, node: cst.ClassDef) -> None:
        """Look at the methods of a class (a ``build_ext`` of its own) for extensions and pkg-config calls."""
        outer, self.returned = self.returned, []
        for item in node.body.body:
            if isinstance(item, cst.FunctionDef):
                self.maybe(item.body.body)
        self.returned = outer
        self.goes_on = self.goes_on or passes_over(node)

    def maybe(self, body: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> None:
        """Run a block that may not run: it adds extensions as conditional and makes what it assigns unknown."""
        self.conditional += 1
        before = dict(self.names)
        try:
            self.block(body)
        except _Return as result:
            self.returned.append(result.value)
        except _Next:
            pass
        finally:
            self.conditional -= 1
        for name, value in self.names.items():
            known = before.get(name, value)
            if known is not value and not (isinstance(known, _Dotted) and known.is_named_as(value)):
                before[name] = UNKNOWN
            else:
                before.setdefault(name, value)
        self.names = before

    def branch(self, node: cst.If) -> None:
        test = self.value(node.test)
        other = node.orelse
        rest = other.body.body if isinstance(other, cst.Else) else [other] if isinstance(other, cst.If) else []
        if test is UNKNOWN:
            self.maybe(node.body.body)
            self.maybe(rest)
        else:
            self.block(node.body.body if test else rest)

    def loop(self, node: cst.For) -> None:
        values = self.value(node.iter)
        if isinstance(values, _File):
            values = values.text.splitlines(keepends=True)
        if not isinstance(values, (list, tuple, dict)) or len(values) > _MAX_ITEMS:
            self.maybe(node.body.body)
            return
        for value in list(values):
            self.assign(node.target, value)
            try:
                self.block(node.body.body)
            except _Next as leave:
                if leave.last:
                    break

    def assign(self, target: cst.CSTNode, value: Any) -> None:
        match target:
            case cst.Name():
                self.names[target.value] = value
            case cst.Tuple() | cst.List():
                items = list(value) if isinstance(value, (list, tuple)) and len(value) == len(target.elements) else None
                for index, element in enumerate(target.elements):
                    self.assign(element.value, items[index] if items is not None else UNKNOWN)
            case cst.Subscript():
                table, key = self.value(target.value), self.subscript(target)
                if isinstance(table, dict) and isinstance(key, str):
                    table[key] = UNKNOWN if self.conditional else value
                elif isinstance(target.value, cst.Name):
                    self.names[target.value.value] = UNKNOWN
            case _:
                return

    def augment(self, node: cst.AugAssign) -> None:
        if not isinstance(node.target, (cst.Name, cst.Subscript)):
            return
        old, new = self.value(node.target), self.value(node.value)
        if self.conditional and isinstance(old, list):
            self.perhaps(old, node)
            return
        self.assign(node.target, _added(old, new) if isinstance(node.operator, cst.AddAssign) else UNKNOWN)

    # -- expressions ------------------------------------------------------------------------------------------------

    def value(self, node: cst.CSTNode) -> Any:  # noqa: C901, PLR0912 - one case per expression of Python
        self.steps += 1
        if self.steps > _STEPS:
            raise _LimitError
        match node:
            case cst.SimpleString():
                raw = node.evaluated_value
                return self.text(raw, node) if isinstance(raw, str) else UNKNOWN
            case cst.ConcatenatedString():
                return self.text(_added(self.value(node.left), self.value(node.right)), node)
            case cst.FormattedString():
                return self.formatted(node)
            case cst.Integer() | cst.Float():
                return node.evaluated_value
            case cst.Name():
                constants = {"True": True, "False": False, "None": None}
                if node.value in constants:
                    return constants[node.value]
                return self.names.get(node.value, _Dotted(node.value))
            case cst.List() | cst.Tuple() | cst.Set():
                return self.sequence(node.elements)
            case cst.Dict():
                return self.mapping(node)
            case cst.BinaryOperation():
                return self.binary(node)
            case cst.Call():
                return self.call(node)
            case cst.Attribute():
                return self.attribute(node)
            case cst.Subscript():
                return self.item(node)
            case cst.Comparison():
                return self.comparison(node)
            case cst.BooleanOperation():
                return self.boolean(node)
            case cst.UnaryOperation():
                inner = self.value(node.expression)
                if isinstance(node.operator, cst.Minus):
                    return -inner if isinstance(inner, int) else UNKNOWN
                negated = isinstance(node.operator, cst.Not) and inner is not UNKNOWN and not isinstance(inner, _Dotted)
                return not inner if negated else UNKNOWN
            case cst.IfExp():
                test = self.value(node.test)
                return UNKNOWN if test is UNKNOWN else self.value(node.body if test else node.orelse)
            case cst.ListComp() | cst.GeneratorExp() | cst.SetComp():
                return self.comprehension(node)
            case _:
                return UNKNOWN

    def text(self, value: Any, node: cst.CSTNode) -> Any:
        if not isinstance(value, str):
            return UNKNOWN
        found = _Text(value)
        found.line = self.line(node)
        return found

    def formatted(self, node: cst.FormattedString) -> Any:
        parts = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                parts.append(part.value)
                continue
            value = self.value(part.expression) if isinstance(part, cst.FormattedStringExpression) else UNKNOWN
            if not isinstance(value, (str, int)):
                return UNKNOWN
            parts.append(str(value))
        return self.text("".join(parts), node)

    def sequence(self, elements: Sequence[cst.BaseElement]) -> list[Any]:
        found: list[Any] = []
        for element in elements:
            value = self.value(element.value)
            if isinstance(element, cst.StarredElement):
                found.extend(value if isinstance(value, (list, tuple)) else [UNKNOWN])
            else:
                found.append(value)
        return found

    def mapping(self, node: cst.Dict) -> Any:
        found: dict[Any, Any] = {}
        for element in node.elements:
            value = self.value(element.value)
            if isinstance(element, cst.DictElement):
                key = self.value(element.key)
                if isinstance(key, (str, int)):
                    found[key] = value
            elif isinstance(value, dict):
                found.update(value)
            else:
                self.unsure(self.line(node), "a table is filled in at run time")
        return found

    def binary(self, node: cst.BinaryOperation) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        match node.operator:
            case cst.Add():
                found = _added(left, right)
                return self.text(found, node) if isinstance(found, str) else found
            case cst.Modulo() if isinstance(left, str) and not _WIDTH.search(left):
                arguments = tuple(right) if isinstance(right, list) else (right,)
                if all(isinstance(one, (str, int)) for one in arguments):
                    try:
                        return self.text(str(left) % arguments, node)
                    except (TypeError, ValueError):
                        return UNKNOWN
                return UNKNOWN
            case cst.Divide() if isinstance(left, str) and isinstance(right, str):
                return posixpath.join(left, right)
            case cst.Subtract() if isinstance(left, list) and isinstance(right, list) and UNKNOWN not in right:  # sets
                return [one for one in left if one not in right]
            case cst.BitOr() if isinstance(left, list) and isinstance(right, list):  # sets
                return _added(left, [one for one in right if one not in left])
            case _:
                return UNKNOWN

    def comparison(self, node: cst.Comparison) -> Any:
        left, answers = self.value(node.left), []
        for one in node.comparisons:
            right = self.value(one.comparator)
            answers.append(self.compared(left, one.operator, right))
            left = right
        return False if False in answers else UNKNOWN if UNKNOWN in answers else True

    def compared(self, left: Any, operator: cst.BaseCompOp, right: Any) -> Any:
        """Whether two values compare so."""
        if isinstance(right, _Dotted) and right.path in {"os.environ", "sys.argv"}:
            there = self.is_given(left, right.path)
            asked = there is not UNKNOWN and isinstance(operator, (cst.In, cst.NotIn))
            return there == isinstance(operator, cst.In) if asked else UNKNOWN
        if isinstance(left, _Dotted) and left.path == "sys.argv" and isinstance(operator, (cst.Equal, cst.NotEqual)):
            words = right if isinstance(right, list) else [right]
            other = any(self.is_given(word, left.path) is False for word in words)
            return isinstance(operator, cst.NotEqual) if other else UNKNOWN
        if isinstance(left, _Dotted) and right is None and isinstance(operator, (cst.Is, cst.IsNot)):
            return isinstance(operator, cst.IsNot)  # what could be imported
        if not _plain(left) or not _plain(right):
            return UNKNOWN
        match operator:
            case cst.Equal():
                return left == right
            case cst.NotEqual():
                return left != right
            case cst.Is() if right is None:
                return left is None
            case cst.IsNot() if right is None:
                return left is not None
            case cst.In() | cst.NotIn() if isinstance(right, (list, tuple, dict)) or (
                isinstance(right, str) and isinstance(left, str)
            ):
                # A list can't be looked up in a dict, where Python would stop and we go on.
                there = left in (right if isinstance(right, str) else list(right))
                return there == isinstance(operator, cst.In)
            case cst.LessThan() | cst.LessThanEqual() | cst.GreaterThan() | cst.GreaterThanEqual():
                try:
                    return _ORDER[type(operator)](left, right)
                except TypeError:  # not of one kind, or it depends on what is not known
                    return UNKNOWN
            case _:
                return UNKNOWN

    def boolean(self, node: cst.BooleanOperation) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        short = isinstance(node.operator, cst.Or)
        for one in (left, right):
            if one is not UNKNOWN and not isinstance(one, _Dotted) and bool(one) == short:
                return one
        return UNKNOWN if UNKNOWN in (left, right) else right

    def attribute(self, node: cst.Attribute) -> Any:
        base = self.value(node.value)
        if isinstance(base, _Dotted):
            path = f"{base.path}.{node.attr.value}"
            return self.known(path)
        if isinstance(base, list) and node.attr.value in _PARTS and len(base) == len(_PARTS):  # of sys.version_info
            return base[_PARTS.index(node.attr.value)]
        if isinstance(base, str) and node.attr.value == "parent":
            return posixpath.dirname(base)
        if isinstance(base, str) and node.attr.value in {"req", "requirement"}:
            return base  # of what parse_requirements gives
        return UNKNOWN

    def known(self, path: str) -> Any:
        """The value of a name of another module where Linux or the Python that runs the script decides it."""
        if self.python is not None and path in {"sys.version_info", "sys.version"}:
            major, minor = self.python  # the patch is not known
            return [major, minor, UNKNOWN] if path == "sys.version_info" else f"{major}.{minor}."
        return _HERE.get(path, _Dotted(path))

    def subscript(self, node: cst.Subscript) -> Any:
        index = node.slice[0].slice if len(node.slice) == 1 else None
        return self.value(index.value) if isinstance(index, cst.Index) else UNKNOWN

    def variable(self, name: Any, default: Any) -> Any:
        """What the script finds in a variable of the environment."""
        if not isinstance(name, str) or name in _AMBIENT:
            return UNKNOWN
        self.asked_variables[name] = None
        return self.variables.get(name, default)

    def is_given(self, name: Any, where: str) -> Any:
        """Whether there is such a variable of the environment, or such a word on the command line."""
        if where == "sys.argv":
            return False if isinstance(name, str) and name not in _COMMANDS else UNKNOWN
        value = self.variable(name, None)
        return UNKNOWN if value is UNKNOWN else value is not None

    def item(self, node: cst.Subscript) -> Any:
        base, key = self.value(node.value), self.subscript(node)
        index = node.slice[0].slice
        if isinstance(index, cst.Slice) and isinstance(base, (list, tuple, str)) and index.step is None:
            ends = [self.value(one) if one is not None else None for one in (index.lower, index.upper)]
            known = all(isinstance(one, (int, type(None))) for one in ends) and len(node.slice) == 1
            return _same_line(base[ends[0] : ends[1]], base) if known else UNKNOWN
        if isinstance(base, _Dotted):
            if base.path == "sys.argv":  # some of the words of the command line
                return base
            return self.variable(key, UNKNOWN) if base.path == "os.environ" else UNKNOWN
        if isinstance(base, dict):
            return base.get(key, UNKNOWN) if isinstance(key, (str, int)) else UNKNOWN
        if isinstance(base, (list, tuple, str)) and isinstance(key, int) and -len(base) <= key < len(base):
            return base[key]
        return UNKNOWN

    def comprehension(self, node: cst.ListComp | cst.GeneratorExp | cst.SetComp) -> Any:
        saved, found = dict(self.names), []
        known = self.turns(node.for_in, lambda value: found.append(_same_line(self.value(node.elt), value)))
        self.names = saved
        return found if known else UNKNOWN

    def turns(self, loop: cst.CompFor, take: Callable[[Any], None]) -> bool:
        """Go through the loops of a comprehension; ``False`` where it is not known what they go through."""
        values = self.value(loop.iter)
        if isinstance(values, _File):
            values = values.text.splitlines(keepends=True)
        if not isinstance(values, (list, tuple)) or len(values) > _MAX_ITEMS:
            return False
        for value in values:
            self.assign(loop.target, value)
            tests = [self.value(one.test) for one in loop.ifs]
            if all(test is UNKNOWN or test for test in tests):
                if loop.inner_for_in is None:
                    take(value)
                elif not self.turns(loop.inner_for_in, take):
                    return False
        return True

    # -- calls ------------------------------------------------------------------------------------------------------

    def call(self, node: cst.Call) -> Any:
        arguments, keywords, whole = self.arguments(node)
        if isinstance(node.func, cst.Attribute):
            base = self.value(node.func.value)
            if node.func.attr.value == "set_source":  # cffi: FFI.set_source(module, C source, **Extension's own)
                self.extension(node, arguments[:1], keywords, code=arguments[1] if len(arguments) > 1 else None)
                return None
            if not isinstance(base, (_Dotted, _Function)):
                return self.method(base, node.func.attr.value, arguments, node)
        function = self.value(node.func)
        if isinstance(function, _Function):
            return self.user_function(function, arguments, keywords)
        path = function.path if isinstance(function, _Dotted) else ""
        name = path.rpartition(".")[2]
        if name == "setup" and (node.args or path in {"setuptools.setup", "distutils.core.setup"}):
            self.set_up(node, keywords, whole=whole)
            return None
        if name == "RustExtension":
            self.optional_rust.append(keywords.get("optional") is True)
        elif name.endswith("Extension") and name != "CMakeExtension":
            self.extension(node, arguments, keywords)
            return UNKNOWN
        if path in {"os.environ.get", "os.getenv"}:
            return self.variable(arguments[0], arguments[1] if len(arguments) > 1 else None) if arguments else UNKNOWN
        if path in {"int", "bool", "dict"} or function is UNKNOWN:
            known = _converted(dotted(node.func), arguments, keywords if whole else None)
            if known is not UNKNOWN:
                return known
        self.asks(node, name, path, arguments)
        return self.builtin(name, path, arguments)

    def set_up(self, node: cst.Call, keywords: dict[str, Any], *, whole: bool) -> None:
        """``setup(...)``; not ``whole`` where more arguments than these are computed at run time."""
        if self.setup is None or not self.conditional:
            self.setup = keywords
        self.setups += 1
        self.may_require = self.may_require or not whole or bool(keywords.keys() & _BRINGS_REQUIREMENTS)
        if not whole:
            self.open_arguments = True
            self.unsure(self.line(node), "setup() gets arguments that are computed at run time")

    def arguments(self, node: cst.Call) -> tuple[list[Any], dict[str, Any], bool]:
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        whole = True
        for argument in node.args:
            value = self.value(argument.value)
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

    def user_function(self, function: _Function, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        if self.depth >= _DEPTH:
            return UNKNOWN
        saved, parameters = self.names, function.node.params.params
        local = dict(saved if function.module is None else function.module)
        for index, parameter in enumerate(parameters):
            default = self.value(parameter.default) if parameter.default is not None else UNKNOWN
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
        except _Return as result:
            value = result.value
        finally:
            earlier, self.returned = self.returned, outer
            self.names, self.depth = saved, self.depth - 1
        return value if all(one is value or one == value for one in earlier) else UNKNOWN

    def method(self, base: Any, name: str, arguments: Sequence[Any], node: cst.Call) -> Any:
        if isinstance(base, list) and name in {"append", "extend", "insert"} and arguments:
            return self.grow(base, name, arguments[-1], node)
        if isinstance(base, list) and name == "copy":
            return list(base)
        if isinstance(base, list) and name == "intersection" and arguments:
            given = isinstance(arguments[0], _Dotted) and arguments[0].path == "sys.argv"
            return [] if given and all(isinstance(one, str) and one not in _COMMANDS for one in base) else UNKNOWN
        if isinstance(base, dict):
            return self.dict_method(base, name, arguments)
        if isinstance(base, _File):
            lines = base.text.splitlines(keepends=True)
            return {"read": self.plain(base.text), "readlines": lines, "__enter__": base}.get(name, UNKNOWN)
        if isinstance(base, str):
            return self.string_method(base, name, arguments)
        return UNKNOWN

    def perhaps(self, base: list[Any], node: cst.CSTNode) -> None:
        """Note that something may be put into a list: it matters to who makes requirements of that."""
        text = f"whether {_code(node)} is executed is decided at run time"
        self.doubt(node, text)
        if len(base) <= _MAX_ITEMS:
            base.append(_Perhaps(self.line(node), text))

    def grow(self, base: list[Any], name: str, value: Any, node: cst.Call) -> None:
        if self.conditional:
            self.perhaps(base, node)
        elif len(base) > _MAX_ITEMS:
            raise _LimitError
        elif name == "extend":
            base.extend(list(value)[:_MAX_ITEMS] if isinstance(value, (list, tuple)) else [UNKNOWN])
        else:
            base.append(value)

    def dict_method(self, base: dict[Any, Any], name: str, arguments: Sequence[Any]) -> Any:
        if name == "update" and arguments and isinstance(arguments[0], dict) and not self.conditional:
            base.update(arguments[0])
            return None
        if name == "get" and arguments and isinstance(arguments[0], str):
            return base.get(arguments[0], arguments[1] if len(arguments) > 1 else None)
        views = {
            "copy": dict(base),
            "values": list(base.values()),
            "keys": list(base),
            "items": [list(item) for item in base.items()],
        }
        return views.get(name, UNKNOWN)

    def string_method(self, base: str, name: str, arguments: Sequence[Any]) -> Any:
        if name in {"read_text", "open"}:
            opened = self.open(base)
            return self.plain(opened.text) if isinstance(opened, _File) and name == "read_text" else opened
        if name in _ASKS_FOR_FILES:
            return self.is_there(base)
        if name in {"resolve", "absolute", "as_posix", "__str__", "decode", "encode"}:
            return base
        if name == "with_name" and len(arguments) == 1 and isinstance(arguments[0], str):
            return posixpath.join(posixpath.dirname(base), arguments[0])
        if name == "joinpath":
            return posixpath.join(base, *arguments) if all(isinstance(one, str) for one in arguments) else UNKNOWN
        if name == "join" and arguments and isinstance(arguments[0], list):
            return base.join(arguments[0]) if all(isinstance(one, str) for one in arguments[0]) else UNKNOWN
        known = {
            "strip", "lstrip", "rstrip", "split", "splitlines", "lower", "upper", "startswith", "endswith", "replace",
            "partition", "rsplit", "rpartition", "title", "find", "isspace",
        }  # fmt: skip
        if name == "format" and _TEMPLATE.fullmatch(base):
            known.add(name)
        if name not in known or not all(isinstance(one, (str, int, type(None))) for one in arguments):
            return UNKNOWN
        try:
            result = getattr(str(base), name)(*arguments)
        except (TypeError, ValueError, IndexError, KeyError):
            return UNKNOWN
        if isinstance(result, str) and len(result) > _MAX_TEXT:
            return UNKNOWN
        return (
            [_same_line(one, base) for one in result] if isinstance(result, (list, tuple)) else _same_line(result, base)
        )

    def plain(self, text: str) -> _Text:
        found = _Text(text)
        found.line = None
        return found

    def open(self, path: str) -> _File | _Unknown:
        relative = posixpath.normpath(path.lstrip("/"))
        data = self.read(relative) if not relative.startswith("..") else None
        return _File(data.decode("utf-8", "replace")) if data is not None else UNKNOWN

    def is_there(self, path: str) -> Any:
        """Whether there is a file; what is none that can be read may be a folder, or made by the build."""
        return True if isinstance(self.open(path), _File) else UNKNOWN

    def of_files(self, name: str, path: str, arguments: Sequence[str]) -> Any:
        """What a function makes of the names of files; ``None`` for any other function."""
        first = arguments[0]
        if name in {"abspath", "realpath", "normpath", "PurePath", "fspath", "str"}:
            return first
        if name == "dirname":
            return posixpath.dirname(first)
        if name == "Path" or path.endswith("path.join"):
            return posixpath.join(*arguments)
        if name in _ASKS_FOR_FILES:
            return self.is_there(first)
        return self.open(first) if name == "open" else None

    def builtin(self, name: str, path: str, arguments: Sequence[Any]) -> Any:
        first: Any = arguments[0] if arguments else UNKNOWN
        if arguments and all(isinstance(one, str) for one in arguments):
            found = self.of_files(name, path, arguments)
            if found is not None:
                return found
        if name in {"list", "sorted", "tuple", "set"} and (isinstance(first, (list, tuple, dict)) or not arguments):
            return list(first) if arguments else []
        if name in {"list"} and isinstance(first, _File):
            return first.text.splitlines(keepends=True)
        if name == "filter" and len(arguments) == 2 and first is None and isinstance(arguments[1], list):
            return [one for one in arguments[1] if one]
        if name in {"cythonize", "mypycify", "compile"}:
            return first
        if path in {"exec", "execfile", "runpy.run_path"} and isinstance(first, str):
            return self.executed(path, first, arguments[1:])
        if name == "parse_requirements" and isinstance(first, str):
            opened = self.open(first)
            return opened.text.splitlines() if isinstance(opened, _File) else UNKNOWN
        if name == "hasattr" and isinstance(first, _Dotted) and str(arguments[-1]).startswith("pypy"):
            return False  # of sys: it is CPython that runs here
        return "" if name == "getcwd" else _HERE.get(f"{path}()", UNKNOWN)

    def executed(self, path: str, code: str, namespaces: Sequence[Any]) -> Any:
        """``exec(TEXT, NAMES)``, ``execfile(FILE, NAMES)`` of Python 2, ``runpy.run_path(FILE)``."""
        if path != "exec":
            file = self.open(code)
            code = file.text if isinstance(file, _File) else ""
        table = namespaces[0] if namespaces else {} if path == "runpy.run_path" else self.names
        found = self.run(code, table) if isinstance(table, dict) and not self.conditional else UNKNOWN
        if isinstance(found, dict) and isinstance(table, dict):
            table.update(found)
        return found if path == "runpy.run_path" else None

    def asks(self, node: cst.Call, name: str, path: str, arguments: Sequence[Any]) -> None:
        """Note what the script asks pkg-config and other configuration programs for."""
        first = arguments[0] if arguments else None
        required = not self.conditional and not self.guarded and name not in _ONLY_TESTS

        def note(table: dict[str, Asked], word: str) -> None:
            known = table.get(word)
            if known is None or (required and not known.required):
                table[word] = Asked(word, self.line(node), required)

        if "pkgconfig" in path or name in {"pkgconfig", "pkg_config", "check_pkg_config"}:
            for word in first.split() if isinstance(first, str) else ():
                if _PKG_CONFIG.fullmatch(word):
                    note(self.pkg_config, word)
            return
        if path.partition(".")[0] not in {"subprocess", "os", "commands", "shutil"} and name not in {
            "check_output",
            "run",
        }:
            return
        words = first.split() if isinstance(first, str) else first
        if not isinstance(words, list) or not words or not isinstance(words[0], str):
            return
        program = posixpath.basename(words[0])
        if not _PROGRAMS.fullmatch(program):
            return
        if program != "pkg-config":
            note(self.programs, program)
            return
        for word in words[1:]:
            if isinstance(word, str) and not _FLAGS.fullmatch(word) and _PKG_CONFIG.fullmatch(word):
                note(self.pkg_config, word)

    def extension(
        self, node: cst.Call, arguments: Sequence[Any], keywords: Mapping[str, Any], *, code: Any = None
    ) -> None:
        name = keywords.get("name", arguments[0] if arguments else None)
        sources = keywords.get("sources", arguments[1] if len(arguments) > 1 else [])
        libraries = keywords.get("libraries", [])
        language = keywords.get("language")
        lists = (sources, libraries)
        complete = all(isinstance(one, list) and all(isinstance(i, (str, _Perhaps)) for i in one) for one in lists)
        self.extensions.append(
            Extension(
                name=str(name) if isinstance(name, str) else None,
                line=self.line(node) or 1,
                libraries=_strings(libraries),
                sources=_strings(sources),
                language=str(language) if isinstance(language, str) else None,
                conditional=bool(self.conditional),
                complete=complete,
                optional=keywords.get("optional") is True,
                code=str(code) if isinstance(code, str) else None,
            )
        )

    # -- the answer -------------------------------------------------------------------------------------------------

    def result(self) -> SetupScript:
        setup = self.setup or {}
        name = setup.get("name")
        extras = setup.get("extras_require")
        listed: dict[str, tuple[tuple[str, int | None], ...]] | None = None
        if isinstance(extras, dict):
            listed = {
                str(key): self.requirements(value, f"extras_require[{key!r}]", str(key).partition(":")[0]) or ()
                for key, value in extras.items()
            }
        elif extras is not None:
            self.unsure(None, "extras_require is computed at run time", "*")
        return SetupScript(
            name=str(name) if isinstance(name, str) else None,
            install_requires=self.requirements(setup["install_requires"], "install_requires")
            if "install_requires" in setup
            else None,
            extras_require=listed,
            setup_requires=self.requirements(setup.get("setup_requires", []), "setup_requires") or (),
            extensions=tuple(dict.fromkeys(self.extensions)),
            pkg_config=tuple(self.pkg_config.values()),
            programs=tuple(self.programs.values()),
            cffi_modules=_strings(setup.get("cffi_modules")),
            own_libraries=_strings([one[0] for one in _lists(setup.get("libraries")) if one]),
            variables=tuple(map(str, self.asked_variables)),
            doubts=tuple(self.doubts),
            unclear=tuple(dict.fromkeys(self.unclear)),
            no_extensions=setup.get("ext_modules") == []
            and not self.extensions
            and not {"cmdclass", "cffi_modules", "rust_extensions", "libraries"} & setup.keys(),
            open_arguments=self.open_arguments,
            own_commands="cmdclass" in setup,
            optional_rust=bool(self.optional_rust) and all(self.optional_rust),
            goes_on=self.goes_on,
            requires_nothing=self.setup is not None and not self.may_require,
        )

    def unsure(self, line: int | None, text: str, extra: str = "") -> None:
        if (line, text) not in self.doubts:
            self.doubts.append((line, text))
        self.unclear.append(Unclear(line, text, extra))

    def requirements(self, value: Any, what: str, extra: str = "") -> tuple[tuple[str, int | None], ...] | None:
        if isinstance(value, str):
            value = [_same_line(one, value) for one in value.splitlines()]
        if not isinstance(value, list):
            self.unsure(None, f"{what} is computed at run time", extra)
            return ()
        found: list[tuple[str, int | None]] = []
        for one in value:
            if not isinstance(one, str):
                told = one if isinstance(one, _Perhaps) else _Perhaps(None, f"a part of {what} is computed at run time")
                self.unsure(told.line, told.text, extra)
                continue
            plain = re.sub(r"(^|\s)#.*", "", str(one)).strip()
            if plain and not plain.startswith("-"):
                found.append((plain, getattr(one, "line", None)))
        return tuple(found)


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return str(left) + str(right) if len(left) + len(right) <= _MAX_TEXT else UNKNOWN
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return [*left, *right] if len(left) + len(right) <= _MAX_ITEMS else UNKNOWN
    if isinstance(left, list):
        return [*left, UNKNOWN]
    return [UNKNOWN, *right] if isinstance(right, list) else UNKNOWN


def _converted(name: str, arguments: Sequence[Any], keywords: Mapping[str, Any] | None) -> Any:
    """What ``int("1")``, ``bool(x)`` and ``dict(table, key=x)`` are; ``keywords`` is ``None`` where not all are known."""
    if name == "dict":
        base = arguments[0] if arguments else {}
        return {**base, **keywords} if keywords is not None and isinstance(base, dict) else UNKNOWN
    if len(arguments) != 1:
        return UNKNOWN
    first = arguments[0]
    if name == "int" and isinstance(first, str) and first.isascii() and first.isdecimal() and len(first) < 10:
        return int(first)
    return bool(first) if name == "bool" and _plain(first) else UNKNOWN


def _plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, list, tuple, dict, type(None)))


def _same_line(value: Any, source: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, _Text):
        found = _Text(value)
        found.line = getattr(source, "line", None)
        return found
    return value


def _lists(value: Any) -> list[list[Any]]:
    return [one for one in value if isinstance(one, list)] if isinstance(value, list) else []


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _code(node: cst.CSTNode) -> str:
    text = cst.Module([]).code_for_node(node).strip().splitlines()[0]
    return text if len(text) <= 60 else f"{text[:57]}..."
