"""What the files of a source tree say about its build: requirements, languages, and native libraries with where they
are named.

Read are ``pyproject.toml``, ``setup.py`` (through libcst, never executed), the sources that it compiles, CMake and Meson
files. Each need tells whether the build insists on it, as far as the text tells: what stands behind a condition does not.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.python.markers import InvalidMarkerError, applies, environment
from dockerlint_alpine.python.model import Target, normalise
from dockerlint_alpine.python.requirement import requirement_name, with_marker
from dockerlint_alpine.python.sources.includes import outside_headers
from dockerlint_alpine.python.sources.native import speaks_of_extensions
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.toml import TomlError, load_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.sources.setup_script import SetupScript

Tree: TypeAlias = "Mapping[str, bytes | None]"
"""The files of a tree by relative path; ``None`` where the content was not read."""

NeedKind: TypeAlias = Literal[
    "library", "pkg-config", "cmake", "header", "tool", "external-build", "external-host", "external-run"
]

_CPP = (".cc", ".cpp", ".cxx", ".hpp", ".hxx", ".hh")
_COMPILED = (".c", ".cc", ".cpp", ".cxx", ".pyx", ".f90", ".f")
_COMPILES = lazy_pattern(rb"""['"\s/](?:make|cmake|configure|gcc|g\+\+|cc|ninja|meson|scons|bazel)['"\s]""")
"""What a command of a setup.py may start to compile something."""
_ASIDE = frozenset(
    {"tests", "test", "testing", "docs", "doc", "examples", "example", "benchmarks", "benchmark", "tools"}
)
_VENDORED = lazy_pattern(
    r"(?:^|/)(?:third[_-]?party|3rd[_-]?party|extern(?:al)?s?|vendor(?:ed)?|deps|contrib|sub(?:projects|modules)|lib(?:rarie)?s)/",
    re.IGNORECASE,
)
_BACKENDS: Mapping[str, tuple[str, ...]] = {
    "maturin": ("rust",),
    "setuptools-rust": ("rust",),
    "scikit-build": ("c",),
    "scikit-build-core": ("c",),
    "py-build-cmake": ("c",),
    "meson-python": ("c",),
    "cython": ("cython",),
    "mypy": ("c",),
    "cffi": ("c",),
    "pybind11": ("c++",),
    "nanobind": ("c++",),
}
"""Build requirement -> what is compiled where no source tells. The weak ones count only beside an extension."""
_EXTERNAL: Mapping[str, NeedKind] = {
    "build-requires": "external-build",
    "host-requires": "external-host",
    "dependencies": "external-run",
}
_WEAK = frozenset({"cython", "mypy", "cffi", "pybind11", "nanobind"})
_TOLERANT = lazy_pattern(rb"class\s+(?:\w*Build(?:Ext)?Fail\w*|ve_build_ext|\w*[Oo]ptional_?[Bb]uild_?[Ee]xt\w*)\b")
"""What setup.py files have called their "go on in pure Python" recipe since simplejson's."""
_ABOUT_LINKING = lazy_pattern(
    r"libs\b|librar|ext(?:ension|_modules|s?\b)|too complex to analyse|not readable", re.IGNORECASE
)
"""Names that lists of libraries and extensions go by: a doubt about one may hide a need."""
_STATIC = {"c++": "static-c++"}
"""What rules call a language whose extension may have the compiler's libraries in itself."""
_IGNORED_LIBRARIES = frozenset(
    """
    m dl c pthread rt util crypt resolv nsl socket stdc++ gcc gcc_s atomic anl
    advapi32 bcrypt comctl32 comdlg32 crypt32 dbghelp dwmapi gdi32 imm32 iphlpapi kernel32 mpr msvcrt mswsock ncrypt netapi32
    ntdll ole32 oleaut32 opengl32 pathcch pdh powrprof propsys psapi rpcrt4 secur32 setupapi shell32 shlwapi synchronization
    user32 userenv uxtheme version winmm winspool ws2_32 wsock32 wtsapi32
    """.split()
)
"""musl's own parts (empty archives, ``ldso``), the compiler's, and Windows libraries."""
_CMAKE_SELF = lazy_pattern(
    r"python\w*|cython|pybind11|nanobind|swig|git|doxygen|sphinx|gtest|googletest|catch2?|benchmark|threads|numpy|f2py"
    r"|scikitbuild|skbuild|unixcommands|package|corrosion|ccache|sanitizers?|iconv|intl|backtrace|dl",
    re.IGNORECASE,
)
"""Packages of ``find_package`` that the compiler or the build's own Python requirements bring, or tests only."""
_CMAKE_FIND = lazy_pattern(r"^[ \t]*find_package\s*\(\s*([\w+.-]+)([^)]*)\)", re.IGNORECASE | re.MULTILINE)
_CMAKE_PKG = lazy_pattern(
    r"^[ \t]*pkg_(?:check_modules|search_module)\s*\(\s*\w+([^)]*)\)", re.IGNORECASE | re.MULTILINE
)
_CMAKE_BLOCK = lazy_pattern(r"^[ \t]*(if|endif)\s*\(", re.IGNORECASE | re.MULTILINE)
_CMAKE_PROJECT = lazy_pattern(r"\bproject\s*\([^)]*\)", re.IGNORECASE)
_CMAKE_WORDS = frozenset("REQUIRED QUIET IMPORTED_TARGET GLOBAL STATIC_TARGET NO_CMAKE_PATH".split())
_MESON_DEPENDENCY = lazy_pattern(r"(?<![\w.])dependency\s*\(\s*'([^'\n]+)'([^)]*)")
_MESON_LIBRARY = lazy_pattern(r"\.find_library\s*\(\s*'([^'\n]+)'([^)]*)")
_MESON_BLOCK = lazy_pattern(r"^[ \t]*(if|endif)\b", re.MULTILINE)
_MESON_OPTIONAL = lazy_pattern(r"required\s*:\s*(?!true\b)|fallback\s*:|disabler\s*:")
_MESON_SELF = frozenset({"threads", "dl", "python", "python3", "numpy", "pybind11", "cython", "intl", "iconv", ""})
_CMAKE_COMMENT = lazy_pattern(r"#[^\n]*")


class SourceNeed(Struct, frozen=True):
    """One thing that the build looks for, by the name that the source gives it.

    ``library`` is a linker name (``lz4`` for ``-llz4``), ``pkg-config`` a module, ``cmake`` a name of ``find_package``,
    ``header`` an included file that neither the tree nor the C library, the compiler or CPython has, ``tool`` a program;
    ``external-…`` is what a PEP 725 table names: ``generic/openssl``, ``virtual/compiler/c``.
    ``where`` is a file of the tree and mostly a line (``setup.py:12``). ``required``: the build fails without it.
    """

    kind: NeedKind
    name: str
    where: str
    required: bool

    @property
    def shown(self) -> str:
        """The need in a few words with its place: ``setup.py:12 links -llz4``."""
        how = {
            "library": f"links -l{self.name}",
            "pkg-config": f"asks pkg-config for {self.name}",
            "cmake": f"has find_package({self.name})",
            "header": f"includes {self.name}",
            "tool": f"runs {self.name}",
        }.get(self.kind, f"names {self.name} as [external]")
        return f"{self.where} {how}{'' if self.required else ', behind a condition'}"


class SourceFacts(Struct, frozen=True):
    """What the files of a source tree say about its build.

    ``build_requires`` and ``requires`` are PEP 508 texts (``requires`` is ``None`` where only a build would tell), and
    ``requires_static`` tells that no build can change them (PEP 643);
    ``languages`` of ``c``, ``c++``, ``cython``, ``rust``, ``fortran``, each with where that is seen in ``language_from``.
    ``optional_extension``: the install goes on in pure Python where the extension can't be built. ``pure`` tells that
    nothing is compiled. ``doubts`` is what was not readable, ``gaps`` those of them that may hide a native need.
    ``variables`` are those of the environment that its scripts look at: all is as with those that were given.
    """

    name: str | None = None
    version: str | None = None
    build_backend: str | None = None
    build_requires: tuple[str, ...] = ()
    requires: tuple[str, ...] | None = None
    requires_static: bool = False
    requires_python: str | None = None
    languages: tuple[str, ...] = ()
    language_from: tuple[str, ...] = ()
    needs: tuple[SourceNeed, ...] = ()
    optional_extension: bool = False
    pure: bool = False
    doubts: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    def named(self, kind: NeedKind) -> tuple[str, ...]:
        """Return the names of the needs of one kind, in order."""
        return tuple(need.name for need in self.needs if need.kind == kind)

    @property
    def evidence(self) -> tuple[str, ...]:
        """One line for each fact, with its place."""
        languages = (
            f"{where}: {language}" for language, where in zip(self.languages, self.language_from, strict=False)
        )
        return (*languages, *(need.shown for need in self.needs))


def read_source(tree: Tree, doubts: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> SourceFacts:
    """Return what ``tree`` says in an environment with ``variables``; ``doubts`` of the one who listed it are passed on.

    Never raises for bad input.
    """
    return _Reader(tree, doubts, variables or {}).facts()


class _Reader:
    """Collects needs and languages, each with the first place that names it; a required one beats an optional one."""

    def __init__(self, tree: Tree, doubts: Sequence[str], variables: Mapping[str, str]) -> None:
        self.tree = tree
        self.given = variables
        self.variables: dict[str, None] = {}
        self.doubts = list(doubts)
        self.gaps: list[str] = []
        self.needs: dict[tuple[str, str], SourceNeed] = {}
        self.own_libraries: set[str] = set()
        self.static_runtime = False
        """Whether an extension may have the compiler's libraries in itself."""
        self.languages: dict[str, str] = {}
        self.extensions: list[_Extension] = []
        self.tolerant = False
        self.build_script: str | None = None
        self.unread = False

    def facts(self) -> SourceFacts:
        backend, build_requires, requires_python, project_requires = self._pyproject()
        script = self._setup()
        metadata = _metadata(self.tree)
        setup_requires = tuple(text for text, _ in script.setup_requires) if script is not None else ()
        requires = metadata.requires if metadata.requires is not None else _requires_of(script)
        if requires is None and self._requires_nothing(script, build_requires):
            requires = ()
        self._extensions()
        for name in self.tree:
            self._cmake_or_meson(name)
        self._backends((*build_requires, *setup_requires))
        if script is not None and not script.no_extensions:
            self._unread_sources(script)
        return SourceFacts(
            name=normalise(metadata.name) if metadata.name else None,
            version=metadata.version,
            build_backend=backend,
            build_requires=(*build_requires, *setup_requires),
            requires=requires if requires is not None else project_requires,
            requires_static=metadata.requires_static,
            requires_python=metadata.requires_python or requires_python,
            languages=tuple(_STATIC.get(one, one) if self.static_runtime else one for one in self.languages),
            language_from=tuple(self.languages.values()),
            needs=tuple(self.needs.values()),
            optional_extension=self._does_without(script),
            pure=not self.languages and not self.extensions and not self.unread,
            doubts=tuple(dict.fromkeys((*self.doubts, *self.gaps))),
            gaps=tuple(dict.fromkeys(self.gaps)),
            variables=tuple(self.variables),
        )

    def _does_without(self, script: SetupScript | None) -> bool:
        """Whether the install goes on where what is compiled can't be: as the script says, or each extension."""
        if self.tolerant:
            return True
        rust, cffi = (script.optional_rust, script.cffi_modules) if script is not None else (False, ())
        places = {one.where for one in self.extensions}
        told = all(where in places or (name == "rust" and rust) for name, where in self.languages.items())
        return bool(self.languages) and told and not cffi and all(one.optional for one in self.extensions)

    def _requires_nothing(self, script: SetupScript | None, build_requires: Sequence[str]) -> bool:
        """Whether ``setup.py`` tells that nothing is required: its words and those of ``setup.cfg`` are all there are."""
        plain = {"setuptools", "wheel", "cython"}.issuperset(map(requirement_name, build_requires))
        return (
            script is not None
            and script.requires_nothing
            and plain
            and "requires" not in (self.text("setup.cfg") or "")
        )

    def need(self, kind: NeedKind, name: str, where: str, *, required: bool) -> None:
        known = self.needs.get((kind, name))
        if known is None or (required and not known.required):
            self.needs[kind, name] = SourceNeed(kind, name, where, required)

    def language(self, name: str, where: str) -> None:
        self.languages.setdefault(name, where)

    def text(self, name: str) -> str | None:
        data = self.tree.get(name)
        return data.decode("utf-8", "replace") if data is not None else None

    # -- pyproject.toml ---------------------------------------------------------------------------------------------

    def _pyproject(self) -> tuple[str | None, tuple[str, ...], str | None, tuple[str, ...] | None]:
        """The backend, the build requirements, ``requires-python`` and ``dependencies``; extensions are kept."""
        text = self.text("pyproject.toml")
        if text is None:
            return None, (), None, None
        try:
            data = load_toml(text.encode("utf-8"))
        except TomlError:
            self.doubts.append("pyproject.toml is not valid TOML")
            return None, (), None, None
        self._external(_table(data, "external"), text)
        system = _table(data, "build-system")
        backend = system.get("build-backend")
        for one in _tables(_table(data, "tool", "setuptools").get("ext-modules")):
            self.extensions.append(_Extension.from_table(one, _line_of(text, "ext-modules")))
        script = _table(data, "tool", "poetry", "build").get("script")
        self.build_script = posixpath.normpath(script) if isinstance(script, str) else None
        project = _table(data, "project")
        static = "dependencies" not in _texts(project.get("dynamic"))
        listed = _texts(project.get("dependencies")) if project and static else None
        python = project.get("requires-python")
        return (
            backend if isinstance(backend, str) else None,
            _texts(system.get("requires")),
            python if isinstance(python, str) else None,
            listed,
        )

    def _external(self, table: Mapping[str, Any], text: str) -> None:
        """PEP 725: what the build runs (``build-requires``), links (``host-requires``), and the result needs to run."""
        for key, kind in _EXTERNAL.items():
            for one in _texts(table.get(key)):
                url, _, marker = one.partition(";")
                name = re.sub(r"^(?:dep|pkg):", "", url.strip()).partition("@")[0].partition("?")[0].strip()
                if name and _holds_on_linux(marker.strip()):
                    self.need(kind, name, f"pyproject.toml:{_line_of(text, one)}", required=True)

    # -- setup.py ---------------------------------------------------------------------------------------------------

    def _setup(self) -> SetupScript | None:
        """Read ``setup.py``, and the scripts that it or Poetry's ``[tool.poetry.build]`` names."""
        if self.build_script is not None and (code := self.tree.get(self.build_script)) is not None:
            self._script(self.build_script, code)
        data = self.tree.get("setup.py")
        if data is None:
            return None
        self.tolerant = self.tolerant or _TOLERANT.search(data) is not None
        script = self._script("setup.py", data)
        for module in script.cffi_modules:
            path = posixpath.normpath(module.partition(":")[0])
            code = self.tree.get(path)
            if code is None:
                self.gaps.append(f"setup.py: {path} is not there")
            else:
                self.language("c", path)
                self._script(path, code)
        return script

    def _script(self, path: str, data: bytes) -> SetupScript:
        from dockerlint_alpine.python.sources.setup_of_pythons import read_setup_of_pythons

        script = read_setup_of_pythons(data, self.tree.get, self.given)
        self.tolerant = self.tolerant or script.goes_on
        self.static_runtime = self.static_runtime or b"-static-libstdc++" in data
        self.variables.update(dict.fromkeys(script.variables))
        self.own_libraries.update(script.own_libraries)
        for one in script.extensions:
            self.extensions.append(
                _Extension(
                    where=f"{path}:{one.line}",
                    sources=one.sources,
                    libraries=one.libraries,
                    language=one.language,
                    required=not one.conditional and not one.optional and not self.tolerant,
                    optional=one.optional,
                    complete=one.complete or one.code is not None,
                    code=one.code,
                )
            )
        for asked in script.pkg_config:
            self.need("pkg-config", asked.name, _at(path, asked.line), required=asked.required and not self.tolerant)
        for asked in script.programs:
            self.need("tool", f"cmd:{asked.name}", _at(path, asked.line), required=asked.required and not self.tolerant)
        for line, text in script.doubts:
            (self.gaps if _ABOUT_LINKING.search(text) else self.doubts).append(f"{_at(path, line)}: {text}")
        return script

    # -- what extensions compile and link ----------------------------------------------------------------------------

    def _extensions(self) -> None:
        for one in self.extensions:
            self.language(one.compiled_as, one.where)
            for library in one.libraries:
                if library not in _IGNORED_LIBRARIES and library not in self.own_libraries:
                    self.need("library", library, one.where, required=one.required)
            followed, missing = outside_headers({**self.tree, **one.written}, (*one.sources, *one.written))
            for header in followed:
                self.need("header", header.header, header.where, required=header.required and one.required)
            if any(source.endswith(".i") for source in one.sources):
                self.need("tool", "cmd:swig", one.where, required=one.required)
            if not one.complete:
                self.gaps.append(f"{one.where}: the contents of this extension are decided at run time")
            elif missing and not missing[0].endswith(".i"):
                self.gaps.append(f"{one.where}: {missing[0]} is created by the build")

    # -- CMake and Meson ----------------------------------------------------------------------------------------------

    def _cmake_or_meson(self, name: str) -> None:
        base = posixpath.basename(name)
        if (
            base not in {"CMakeLists.txt", "meson.build"}
            or name.split("/", maxsplit=1)[0] in _ASIDE
            or _VENDORED.search(name)
        ):
            return
        text = self.text(name)
        if text is None:
            return
        self._cmake(name, _CMAKE_COMMENT.sub("", text)) if base == "CMakeLists.txt" else self._meson(name, text)

    def _cmake(self, name: str, text: str) -> None:
        certain = name == "CMakeLists.txt"
        for match in _CMAKE_FIND.finditer(text):
            package = match[1]
            where = _at(name, text.count("\n", 0, match.start(1)) + 1)
            required = certain and "REQUIRED" in match[2].split() and not _depth(_CMAKE_BLOCK, text, match.start())
            if package.lower() == "pkgconfig":
                self.need("tool", "cmd:pkg-config", where, required=required)
            elif package.lower() == "openmp":
                self.need("library", "gomp", where, required=required)
            elif not _CMAKE_SELF.fullmatch(package):
                self.need("cmake", package, where, required=required)
        for match in _CMAKE_PKG.finditer(text):
            where = _at(name, text.count("\n", 0, match.start(1)) + 1)
            required = certain and "REQUIRED" in match[1].split() and not _depth(_CMAKE_BLOCK, text, match.start())
            for word in match[1].split():
                module = re.split(r"[<>=]", word.strip("\"'"))[0]
                if module and module not in _CMAKE_WORDS and "$" not in module:
                    self.need("pkg-config", module, where, required=required)
        if certain and (match_project := _CMAKE_PROJECT.search(text)) is not None:
            words = [word.strip('()"') for word in match_project[0].upper().split()]
            self.language("c++" if "CXX" in words or not {"C", "LANGUAGES", "NONE"} & set(words) else "c", _at(name, 1))
            if "FORTRAN" in words:
                self.language("fortran", _at(name, 1))

    def _meson(self, name: str, text: str) -> None:
        for pattern, kind in ((_MESON_DEPENDENCY, "pkg-config"), (_MESON_LIBRARY, "library")):
            for match in pattern.finditer(text):
                where = _at(name, text.count("\n", 0, match.start(1)) + 1)
                optional = _MESON_OPTIONAL.search(match[2]) is not None or _depth(_MESON_BLOCK, text, match.start())
                if match[1] == "openmp":
                    self.need("library", "gomp", where, required=not optional)
                elif kind == "library" and match[1] not in _IGNORED_LIBRARIES:
                    self.need("library", match[1], where, required=not optional)
                elif kind == "pkg-config" and match[1] not in _MESON_SELF:
                    self.need("pkg-config", match[1], where, required=not optional)
        if name == "meson.build":
            head = text.partition(")")[0]
            for language, word in (("c", "'c'"), ("c++", "'cpp'"), ("cython", "'cython'"), ("fortran", "'fortran'")):
                if word in head:
                    self.language(language, _at(name, 1))

    # -- build requirements ------------------------------------------------------------------------------------------

    def _backends(self, build_requires: Sequence[str]) -> None:
        """What the build requirements say of languages, where no extension or project file did."""
        project = self.text("pyproject.toml") or ""
        for text in build_requires:
            file = f"pyproject.toml:{_line_of(project, text)}" if text in project else "setup.py"
            where = f"{file}, build requirement {text}"
            for language in _BACKENDS.get(name := requirement_name(text), ()):
                if language == "rust" or (name not in _WEAK and not self.languages):
                    self.language(language, where)

    def _unread_sources(self, script: SetupScript) -> None:
        """Sources that something compiles, but not in a way that could be read: their languages are told, if it is certain
        that something does."""
        if self.languages:
            return
        sources = [
            name for name in self.tree if name.endswith(_COMPILED) and name.split("/", maxsplit=1)[0] not in _ASIDE
        ]
        if speaks_of_extensions("setup.py", self.tree["setup.py"] or b""):
            for name in sources:
                self.language("c++" if name.endswith(_CPP) else "c", name)
            self.gaps.append("setup.py: how its extensions are built could not be read")
        elif sources and (
            script.open_arguments or (script.own_commands and _COMPILES.search(self.tree["setup.py"] or b""))
        ):
            self.unread = True
            self.gaps.append(f"setup.py: whether it compiles {sources[0]} could not be read")


class _Extension(Struct, frozen=True):
    """One extension module, from whichever file declares it."""

    where: str
    sources: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    language: str | None = None
    required: bool = True
    optional: bool = False
    complete: bool = True
    code: str | None = None
    """C source that stands in the script itself (cffi's ``set_source``)."""

    @classmethod
    def from_table(cls, raw: Mapping[str, Any], line: int) -> _Extension:
        """Read an entry of ``[[tool.setuptools.ext-modules]]`` (setuptools 74.1)."""
        return cls(
            where=f"pyproject.toml:{line}",
            sources=_texts(raw.get("sources")),
            libraries=_texts(raw.get("libraries")),
            language=raw.get("language") if isinstance(raw.get("language"), str) else None,
            required=raw.get("optional") is not True,
            optional=raw.get("optional") is True,
        )

    @property
    def compiled_as(self) -> str:
        """``c++`` or ``c``: what the compiler sees."""
        return "c++" if self.language == "c++" or any(source.endswith(_CPP) for source in self.sources) else "c"

    @property
    def written(self) -> dict[str, bytes]:
        """The source in the script, as a file of its own."""
        return {self.where: self.code.encode("utf-8", "replace")} if self.code else {}


def _holds_on_linux(marker: str) -> bool:
    """Tell whether a marker lets a need in on Linux, whatever the Python; one that can't be read does."""
    if not marker:
        return True
    try:
        return applies(marker, environment(Target("3.12", musl=(1, 2))))
    except InvalidMarkerError:
        return True


def _at(name: str, line: int | None) -> str:
    return name if line is None else f"{name}:{line}"


def _line_of(text: str, word: str) -> int:
    return text.count("\n", 0, max(text.find(word), 0)) + 1


def _depth(block: re.Pattern[str], text: str, offset: int) -> bool:
    """Tell whether ``offset`` lies in an ``if`` block."""
    words = [match[1].lower() for match in block.finditer(text, 0, offset)]
    return words.count("if") > words.count("endif")


def _table(data: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        inner = data.get(key)
        data = inner if isinstance(inner, dict) else {}
    return data


def _tables(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _requires_of(script: SetupScript | None) -> tuple[str, ...] | None:
    if (
        script is None
        or script.install_requires is None
        or any("install_requires" in text for _, text in script.doubts)
    ):
        return None
    return tuple(text for text, _ in script.install_requires)


class _Metadata(Struct, frozen=True):
    name: str | None = None
    version: str | None = None
    requires_python: str | None = None
    requires: tuple[str, ...] | None = None
    requires_static: bool = False


def _metadata(tree: Tree) -> _Metadata:
    """Read PKG-INFO. PEP 643: from metadata 2.2 on, what is not ``Dynamic`` is the truth of every wheel."""
    data = tree.get("PKG-INFO")
    if data is None:
        return _Metadata()
    text = data.decode("utf-8", "replace")
    fields: dict[str, list[str]] = {}
    for line in text.split("\n\n", 1)[0].splitlines():
        key, colon, value = line.partition(":")
        if colon and not line[:1].isspace():
            fields.setdefault(key.strip().lower(), []).append(value.strip())

    def one(key: str) -> str | None:
        return fields.get(key, [None])[0]

    dynamic = {value.lower() for value in fields.get("dynamic", [])}
    version = tuple(int(part) for part in re.findall(r"\d+", one("metadata-version") or "0")[:2])
    listed = fields.get("requires-dist", [])
    static = version >= (2, 2) and "requires-dist" not in dynamic
    requires = tuple(listed) if listed or static else _egg_requires(tree)
    return _Metadata(one("name"), one("version"), one("requires-python"), requires, static)


def _egg_requires(tree: Tree) -> tuple[str, ...] | None:
    """Read setuptools' ``*.egg-info/requires.txt``: plain requirements, then ``[extra:marker]`` sections."""
    path = next((name for name in tree if name.endswith(".egg-info/requires.txt")), None)
    data = tree.get(path) if path is not None else None
    if data is None:
        has_egg_info = any(".egg-info/" in name for name in tree)
        return () if has_egg_info else None
    found: list[str] = []
    section = ""
    for raw in data.decode("utf-8", "replace").splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line:
            extra, _, marker = section.partition(":")
            parts = [f"({marker})"] if marker else []
            parts += [f"extra == '{extra}'"] if extra else []
            found.append(with_marker(line, " and ".join(parts)))
    return tuple(found)
