"""The tree as the design has it: which folder may import which, and no import circle of any kind.

The graph has every import statement in it: at the top of a module, inside functions, and for types alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "dockerlint_alpine"
ROOT = Path(__file__).parent.parent / PACKAGE

_BELOW_RUN = "syntax apk elf python installers knowledge stages checks fixer model report".split()
_ALL = [*_BELOW_RUN, *"run answers diagnose proof sweep server cli".split()]
ALLOWED: Mapping[str, Iterable[str]] = {
    "system": (),
    "syntax": (),
    "apk": (),
    "elf": (),
    "python": (),
    "installers": ("syntax", "python"),
    "knowledge": ("apk", "python"),
    "stages": ("syntax", "apk", "python", "installers", "knowledge"),
    "checks": ("stages", "knowledge", "fixer", "elf", "apk", "python", "model", "syntax"),
    "fixer": ("stages", "syntax", "model", "apk"),
    "model": ("syntax",),
    "report": ("model",),
    "run": _BELOW_RUN,
    "answers": (*_BELOW_RUN, "run"),
    "diagnose": (*_BELOW_RUN, "run"),
    "proof": (*_BELOW_RUN, "run", "diagnose"),
    "sweep": (*_BELOW_RUN, "run"),
    "server": (*_ALL, ""),
    "cli": (*_ALL, ""),
    "": _ALL,
}
"""Folder -> the folders that it may import, besides itself and ``system``, which everybody may. ``""`` is the package's
own ``__init__`` and ``__main__``."""


def _modules() -> dict[str, Path]:
    """Module without the package's name (``stages.walk``, ``stages`` for its ``__init__``) -> file."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imported(tree: ast.AST) -> Iterable[str]:
    """Everything that import statements of a module may mean, with the package's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not resolved here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph_of(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Module -> the modules that it imports, of ours. A name that is no module counts as the one that holds it."""
    found: dict[str, set[str]] = {}
    for module, text in sources.items():
        found[module] = set()
        for name in _imported(ast.parse(text)):
            if name.partition(".")[0] != PACKAGE:
                continue
            inner = name[len(PACKAGE) + 1 :]
            while inner not in sources:
                inner = inner.rpartition(".")[0]
            found[module].add(inner)
        found[module].discard(module)
    return found


def circle_in(graph: Mapping[str, set[str]]) -> str:
    """One import circle as text; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return ""


def _folder(module: str) -> str:
    return "" if module == "__main__" else module.partition(".")[0]


def forbidden_in(graph: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """Pairs of a module and a folder that it must not import."""
    return {
        (module, _folder(imported))
        for module, names in graph.items()
        for imported in names
        if _folder(imported) not in {_folder(module), "system", *ALLOWED[_folder(module)]}
    }


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return graph_of({module: path.read_text("utf-8") for module, path in _modules().items()})


def test_every_folder_is_in_the_table(graph: dict[str, set[str]]) -> None:
    assert {_folder(module) for module in graph} <= set(ALLOWED)


def test_no_import_circle(graph: dict[str, set[str]]) -> None:
    assert circle_in(graph) == ""


def test_folders_import_what_they_may(graph: dict[str, set[str]]) -> None:
    assert {f"{module} imports {folder or PACKAGE}" for module, folder in forbidden_in(graph)} == set()


@pytest.mark.parametrize(
    "text",
    [
        "from dockerlint_alpine.stages.b import x",
        "from dockerlint_alpine.stages import b",
        "import dockerlint_alpine.stages.b",
        "def f():\n    from dockerlint_alpine.stages import b",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dockerlint_alpine.stages.b import B",
    ],
)
def test_a_circle_is_seen_wherever_the_import_stands(text: str) -> None:
    found = graph_of({"": "", "stages": "", "stages.a": text, "stages.b": "from dockerlint_alpine.stages.a import y"})
    assert circle_in(found) in {"stages.a -> stages.b -> stages.a", "stages.b -> stages.a -> stages.b"}


def test_a_forbidden_folder_is_seen() -> None:
    found = graph_of(
        {"": "", "apk": "from dockerlint_alpine.elf import x", "elf": "", "cli.x": "import dockerlint_alpine"}
    )
    assert forbidden_in(found) == {("apk", "elf")}


def compiled_at_load(text: str) -> list[int]:
    """Lines at which loading a module compiles a regular expression: outside its functions."""
    found, nodes = [], list(ast.parse(text).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile":
            found.append(node.lineno)
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            nodes += ast.iter_child_nodes(node)
    return sorted(found)


def test_modules_compile_no_expression_when_they_are_loaded() -> None:
    """A check loads 250 expressions and uses a hundred: they are ``system.patterns.lazy_pattern``."""
    assert {
        name: lines for name, path in _modules().items() if (lines := compiled_at_load(path.read_text("utf-8")))
    } == {}


def test_an_expression_of_a_module_is_seen() -> None:
    text = "import re\nA = re.compile('a')\ndef f():\n    return re.compile('b')\nclass C:\n    c = (re.compile('c'),)"
    assert compiled_at_load(text) == [2, 6]
