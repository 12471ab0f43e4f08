"""Reads a ``setup.py`` without running it: what it tells ``setup()``, and what its build asks for.

Whatever can't be followed stays unknown and is said.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

import libcst as cst
from msgspec import field

from dockerlint_alpine.python.sources.setup_evaluator import Evaluator, LimitError, Return, Trees
from dockerlint_alpine.python.sources.setup_failures import passes_over, retries
from dockerlint_alpine.python.sources.setup_script import Asked, Extension, SetupScript, Unclear
from dockerlint_alpine.python.sources.setup_values import UNKNOWN, File, Perhaps, lists, same_line, strings
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PKG_CONFIG = lazy_pattern(r"[A-Za-z0-9][\w+.-]*")
_FLAGS = lazy_pattern(r"--?[\w-]+(?:=.*)?")
_ONLY_TESTS = frozenset(
    {"exists", "installed", "pkgconfig_installed_check", "check_pkg_config", "call", "which", "getoutput"}
)
"""Functions whose failure a script sees and may take for an answer."""
_ABOUT_REQUIREMENTS = lazy_pattern(r"(?i)req|dep|extra|read|load")
_BRINGS_REQUIREMENTS = frozenset({"install_requires", "extras_require", "setup_requires", "pbr"})
"""Words of ``setup()`` by which something is required: only what is required to build may know others (entry points of
distutils.setup_keywords). ``requires`` is of PEP 314, which no installer follows."""
_PROGRAMS = lazy_pattern(r"(?:[a-z0-9]+[-_])*config\d*|pkg-config|cmake|make|cargo|rustc")


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
    except (LimitError, RecursionError):
        reader.unsure(None, "setup.py is too complex to analyse")
    except Return:
        pass
    return reader.result()


class _Reader(Evaluator, eq=False):
    setup: dict[str, Any] | None = None
    setups: int = 0
    goes_on: bool = False
    optional_rust: list[bool] = field(default_factory=list)
    may_require: bool = False
    """Whether a call of ``setup()`` says something of requirements, or may."""
    open_arguments: bool = False
    extensions: list[Extension] = field(default_factory=list)
    pkg_config: dict[str, Asked] = field(default_factory=dict)
    programs: dict[str, Asked] = field(default_factory=dict)

    # -- what the script leads to --------------------------------------------------------------------------------------

    def own_module(self, module: str, names: Sequence[str]) -> Mapping[str, Any]:
        """What a module of the project gives for requirements; nothing of any other."""
        if self.conditional or not any(map(_ABOUT_REQUIREMENTS.search, names)):
            return {}
        file = self.open(f"{module.replace('.', '/')}.py")
        found = self.run(file.text, {}) if isinstance(file, File) else UNKNOWN
        return found if isinstance(found, dict) else {}

    def try_body(self, node: cst.Try | cst.TryStar) -> None:
        setups = self.setups
        super().try_body(node)
        self.goes_on = self.goes_on or (self.setups > setups and retries(node))

    def inside(self, node: cst.ClassDef) -> None:
        super().inside(node)
        self.goes_on = self.goes_on or passes_over(node)

    def call(self, node: cst.Call) -> Any:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "set_source":
            # cffi: FFI.set_source(module, C source, **Extension's own)
            arguments, keywords, _ = self.arguments(node)
            self.extension(node, arguments[:1], keywords, code=arguments[1] if len(arguments) > 1 else None)
            return None
        return super().call(node)

    def outside(
        self, node: cst.Call, path: str, arguments: Sequence[Any], keywords: dict[str, Any], *, whole: bool
    ) -> Any:
        name = path.rpartition(".")[2]
        if name == "setup" and (node.args or path in {"setuptools.setup", "distutils.core.setup"}):
            self.set_up(node, keywords, whole=whole)
            return None
        if name == "RustExtension":
            self.optional_rust.append(keywords.get("optional") is True)
        elif name.endswith("Extension") and name != "CMakeExtension":
            self.extension(node, arguments, keywords)
            return UNKNOWN
        self.asks(node, name, path, arguments)
        return self.library(path, arguments)

    def set_up(self, node: cst.Call, keywords: dict[str, Any], *, whole: bool) -> None:
        """``setup(...)``; not ``whole`` where more arguments than these are computed at run time."""
        if self.setup is None or not self.conditional:
            self.setup = keywords
        self.setups += 1
        self.may_require = self.may_require or not whole or bool(keywords.keys() & _BRINGS_REQUIREMENTS)
        if not whole:
            self.open_arguments = True
            self.unsure(self.line(node), "setup() gets arguments that are computed at run time")

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
        given = (sources, libraries)
        complete = all(isinstance(one, list) and all(isinstance(i, (str, Perhaps)) for i in one) for one in given)
        self.extensions.append(
            Extension(
                name=str(name) if isinstance(name, str) else None,
                line=self.line(node) or 1,
                libraries=strings(libraries),
                sources=strings(sources),
                language=str(language) if isinstance(language, str) else None,
                conditional=bool(self.conditional),
                complete=complete,
                optional=keywords.get("optional") is True,
                code=str(code) if isinstance(code, str) else None,
            )
        )

    # -- the answer ----------------------------------------------------------------------------------------------------

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
            cffi_modules=strings(setup.get("cffi_modules")),
            own_libraries=strings([one[0] for one in lists(setup.get("libraries")) if one]),
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

    def requirements(self, value: Any, what: str, extra: str = "") -> tuple[tuple[str, int | None], ...] | None:
        if isinstance(value, str):
            value = [same_line(one, value) for one in value.splitlines()]
        if not isinstance(value, list):
            self.unsure(None, f"{what} is computed at run time", extra)
            return ()
        found: list[tuple[str, int | None]] = []
        for one in value:
            if not isinstance(one, str):
                told = one if isinstance(one, Perhaps) else Perhaps(None, f"a part of {what} is computed at run time")
                self.unsure(told.line, told.text, extra)
                continue
            plain = re.sub(r"(^|\s)#.*", "", str(one)).strip()
            if plain and not plain.startswith("-"):
                found.append((plain, getattr(one, "line", None)))
        return tuple(found)
