"""Programs that Python code starts, read from its sources: ``subprocess``, ``os.system``, ``os.popen`` and asyncio's.

Only what is written out counts: a list or a shell command of constants, or a name that is given one such value. What the
code is prepared for is left out: a call in a ``try`` that catches what a missing program raises, in an ``if`` about the
system, and a program that is looked for with ``shutil.which``. Sources are parsed with :mod:`ast`, never executed.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.python.sources.calls import CallReader
from dockerlint_alpine.system.native import UnsafeSourceError, parse_python
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SPEAKS = lazy_pattern(rb"\bsubprocess\b|\bos[ \t]*\.[ \t]*(?:system|popen|exec)|\bfrom[ \t]+os\b|create_subprocess_")
_IMPORT = lazy_pattern(
    rb"(?m)^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^()]*\)|[^\n#]*)|import[ \t]+([^\n#;]+))"
)
_LOADED = lazy_pattern(rb"\bimport_module\(\s*[\"']([A-Za-z_][\w.]*)[\"']")
_WORD = lazy_pattern(rb"[A-Za-z_]\w*")
_OF_WORDS = frozenset(
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen".split()
)
_OF_A_SHELL = frozenset(
    "os.system os.popen subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_shell".split()
)
_OF_ARGUMENTS = frozenset(
    "asyncio.create_subprocess_exec os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe".split()
)
_CATCHES = frozenset("FileNotFoundError OSError EnvironmentError IOError".split())
_ABOUT_SYSTEMS = lazy_pattern(
    r"(?i)platform|os\.name|\bwhich\b|access\(|exists\(|is_file\(|environ|\bwin|windows|darwin|linux|\bmac"
)
_OF_A_DESKTOP = frozenset(
    "gnome-terminal kdialog konsole notify-send open wl-copy wl-paste xclip xdg-open xsel xterm zenity".split()
)
_MAX_STARTS = 100
_MAX_TEXT = 200


class StartedProgram(Struct, frozen=True):
    """A program as it is written, and the call that starts it: its line (1-based) and text."""

    program: str
    line: int
    text: str


def imported_modules(source: bytes) -> tuple[tuple[int, str], ...]:
    """The modules that a source may import, each with the number of leading dots; of ``from a import b`` both ``a`` and
    ``a.b``, and what ``importlib.import_module`` is told by its name."""
    found = dict.fromkeys((0, name.decode()) for name in _LOADED.findall(source))
    for dots, module, names, plain in _IMPORT.findall(source):
        if plain:
            words = (one.split()[0] for one in plain.split(b",") if one.split())
            found.update(((0, word.decode("ascii", "replace")), None) for word in words)
            continue
        base = module.decode("ascii", "replace")
        found[len(dots), base] = None
        for one in names.strip(b"() \t\\").split(b","):
            word = _WORD.search(one)
            if word is not None:
                found[len(dots), f"{base}.{word[0].decode()}".lstrip(".")] = None
    return tuple(found)


def started_programs(
    source: bytes, of_shell: Callable[[str], Iterable[str]], *, is_main: bool
) -> tuple[StartedProgram, ...]:
    """The programs that a source may start, ``of_shell`` those of a shell command in it; what stands below
    ``if __name__ == "__main__"`` only where it ``is_main``. Nothing for what can't be parsed."""
    if _SPEAKS.search(source) is None:
        return ()
    try:
        tree = parse_python(source)
    except UnsafeSourceError:
        return ()
    reader = _Reader(tree, of_shell, is_main=is_main)
    reader.visit(tree)
    lines = source.decode("utf-8", "replace").split("\n")
    return tuple(
        StartedProgram(name, line, lines[line - 1].strip()[:_MAX_TEXT])
        for name, line in reader.found
        if name not in reader.looked_for
    )[:_MAX_STARTS]


class _Reader(CallReader):
    def __init__(self, tree: ast.AST, of_shell: Callable[[str], Iterable[str]], *, is_main: bool) -> None:
        super().__init__(_CATCHES)
        self._of_shell = of_shell
        self._is_main = is_main
        self._values: list[dict[str, ast.expr | None]] = [_assigned(tree)]
        self._latest: dict[str, ast.expr] = {}
        """What names were given last on the way to the statement that is read, where that is certain."""

        self.found: dict[tuple[str, int], None] = {}
        self.looked_for: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:  # noqa: N802 - ast's name
        self._values.append(_assigned(node))
        outer, self._latest = self._latest, {}
        self.generic_visit(node)
        self._latest = outer
        self._values.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's name

    def visit_statements(self, statements: Sequence[ast.stmt]) -> None:
        """Read a block: what it gives a name holds up to its end, and nothing certain is known of that name behind it."""
        outer, given = self._latest, set[str]()
        self._latest = dict(outer)
        for one in statements:
            names = set() if isinstance(one, ast.AugAssign) else _stored(one)  # what is added leaves the first word
            if isinstance(one, (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)):
                self._latest = {name: value for name, value in self._latest.items() if name not in names}
            self.visit(one)
            given |= names
            self._latest = {name: value for name, value in self._latest.items() if name not in names}
            match one:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ):
                    self._latest[name] = value
        self._latest = {name: value for name, value in outer.items() if name not in given}

    def visit_If(self, node: ast.If) -> None:  # noqa: N802 - as above
        test = ast.unparse(node.test)
        if "__name__" in test and not self._is_main:
            return
        if not _ABOUT_SYSTEMS.search(test):
            self.generic_visit(node)
        else:
            self.visit(node.test)  # shutil.which in it

    def visit_Call(self, node: ast.Call) -> None:  # noqa: N802 - as above
        self.generic_visit(node)
        name = self.name(node.func)
        first = self._value(node.args[0]) if node.args else None
        if name.endswith("which") and isinstance(first, ast.Constant):
            self.looked_for.add(str(first.value))
        elif name in _OF_ARGUMENTS:
            self._take(_text(first), node)
        elif name in _OF_A_SHELL or (name in _OF_WORDS and _is_true(node, "shell")):
            for word in self._of_shell(_shell_text(first)):
                self._take(word, node)
        elif name in _OF_WORDS and isinstance(first, (ast.List, ast.Tuple)) and first.elts:
            self._take(_text(self._value(first.elts[0])), node)
        elif name in _OF_WORDS and (text := _text(first)) and not any(map(str.isspace, text)):
            self._take(text, node)

    def _take(self, word: str | None, node: ast.Call) -> None:
        if word and word.rpartition("/")[2] not in _OF_A_DESKTOP:
            self.found.setdefault((word, node.lineno))

    def _value(self, node: ast.expr) -> ast.expr | None:
        """What an expression is, by the value that its name was given last, or by the only one."""
        if isinstance(node, ast.Name) and node.id in self._latest:
            return self._latest[node.id]
        if isinstance(node, ast.Name):
            scope = next((values for values in reversed(self._values) if node.id in values), {})
            return scope.get(node.id)
        if isinstance(node, ast.Call) and node.args and self.name(node.func) == "shlex.split":
            text = _shell_text(self._value(node.args[0]))
            return ast.List([ast.Constant(one) for one in text.split()[:1]], ast.Load())
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.left, (ast.List, ast.Name)):
            return self._value(node.left)  # [program, ...] + more
        return node


def _stored(node: ast.AST) -> set[str]:
    """The names that are given something in a statement."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def _assigned(scope: ast.AST) -> dict[str, ast.expr | None]:
    """The names that are given just one value in a scope, ``None`` for the others."""
    found: dict[str, ast.expr | None] = {}
    pending = list(ast.iter_child_nodes(scope))
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        every = (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs, scope.args.vararg, scope.args.kwarg)
        found.update((one.arg, None) for one in every if one is not None)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        # What is added to a list leaves its first word.
        pending.extend([node.value] if isinstance(node, ast.AugAssign) else ast.iter_child_nodes(node))
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                found[name] = None if name in found else value
            case ast.Name(id=name, ctx=ast.Store()):
                found.setdefault(name, None)
            case _:
                continue
    return found


def _is_true(node: ast.Call, name: str) -> bool:
    return any(
        one.arg == name and isinstance(one.value, ast.Constant) and bool(one.value.value) for one in node.keywords
    )


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _shell_text(node: ast.expr | None) -> str:
    """A shell command of constants, with a word for each value that is put in; empty for anything else."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr():
            return "".join(str(one.value) if isinstance(one, ast.Constant) else "$X" for one in node.values)
        case ast.BinOp(left=left, op=ast.Mod() | ast.Add()) | ast.Call(func=ast.Attribute(value=left, attr="format")):
            return _shell_text(left)
    return ""
