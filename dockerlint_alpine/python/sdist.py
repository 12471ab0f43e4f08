"""What a source distribution needs to be built, read from its files in memory. Nothing of it is extracted or run.

The size of the archive, the number and the size of its members are bounded, so a bomb or a tarball with odd names costs
little and gives an incomplete answer that says so.
"""

from __future__ import annotations

import gzip
import io
import lzma
import posixpath
import re
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from dockerlint_alpine.python.markers import applies, environment
from dockerlint_alpine.python.model import Origin, PythonError, Target, normalise
from dockerlint_alpine.python.requirement import InvalidRequirementError, parse_pep508

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.python.model import FileReader

MAX_MEMBERS = 20_000
MAX_MEMBER = 2 * 1024 * 1024
MAX_UNPACKED = 256 * 1024 * 1024
MAX_READ = 48 * 1024 * 1024
"""Bytes of member text kept at most; more sources are counted as unread."""

_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".m", ".mm")
_CYTHON = (".pyx", ".pxd", ".pxi")
_CPP = (".cc", ".cpp", ".cxx", ".hpp", ".hxx", ".hh")
_LANGUAGES = (("c", (".c",)), ("c++", (".cc", ".cpp", ".cxx")), ("cython", (".pyx",)), ("fortran", (".f90", ".f")))
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]{1,200})[>"]', re.MULTILINE)
_CDEF = re.compile(rb"""^[ \t]*cdef[ \t]+extern[ \t]+from[ \t]+["']<?([^"'>\n]{1,200})>?["']""", re.MULTILINE)
_CMAKE_FIND = re.compile(r"\bfind_package\s*\(\s*([\w+.-]+)", re.IGNORECASE)
_CMAKE_PKG = re.compile(r"\bpkg_(?:check_modules|search_module)\s*\(\s*\w+([^)]*)\)", re.IGNORECASE)
_CMAKE_LANGUAGES = re.compile(r"\bproject\s*\([^)]*\)", re.IGNORECASE)
_MESON_DEPENDENCY = re.compile(r"(?<![\w.])dependency\s*\(\s*'([^'\n]+)'")
_MESON_LIBRARY = re.compile(r"\.find_library\s*\(\s*'([^'\n]+)'")
_MESON_PROGRAM = re.compile(r"\bfind_program\s*\(\s*'([^'\n]+)'")
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
)
"""What the archive modules raise for damaged, encrypted or unsupported members."""
_BUILD_FILES = frozenset(
    "pyproject.toml setup.py setup.cfg PKG-INFO requires.txt CMakeLists.txt meson.build Cargo.toml".split()
)
_BUILD_TOOLS: Mapping[str, tuple[str, ...]] = {
    "maturin": ("cmd:cargo", "cmd:rustc"),
    "setuptools-rust": ("cmd:cargo", "cmd:rustc"),
    "puccinialin": ("cmd:cargo", "cmd:rustc"),
    "scikit-build": ("cmd:cmake", "cmd:ninja"),
    "scikit-build-core": ("cmd:cmake", "cmd:ninja"),
    "cmake": ("cmd:cmake",),
    "py-build-cmake": ("cmd:cmake",),
    "meson-python": ("cmd:meson", "cmd:ninja"),
    "meson": ("cmd:meson",),
    "ninja": ("cmd:ninja",),
}
"""Build requirement -> programs that it runs. cmake, meson and ninja may themselves come as wheels from the index."""
_STANDARD = frozenset(
    """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype alloca unistd fcntl
    dirent dlfcn endian execinfo fnmatch getopt glob grp ifaddrs langinfo libgen malloc memory net/if netdb netinet/in
    netinet/tcp poll pthread pwd regex sched semaphore spawn strings sys/epoll sys/file sys/ioctl sys/ipc sys/mman
    sys/param sys/resource sys/select sys/shm sys/socket sys/stat sys/statvfs sys/syscall sys/time sys/times sys/types
    sys/uio sys/un sys/utsname sys/wait syslog termios utime byteswap arpa/inet sys/eventfd sys/timerfd sys/random
    Python structmember frameobject longintrepr modsupport methodobject descrobject bytesobject pymem pystate pythread
    pyconfig datetime code compile marshal traceback omp sys/poll immintrin emmintrin xmmintrin smmintrin tmmintrin
    nmmintrin wmmintrin pmmintrin x86intrin arm_neon arm_acle cpuid intrin windows winsock2 ws2tcpip io direct process
    """.split()
)
"""Headers of the C library, the compiler, CPython and Windows: no package need follows from them."""


class SdistError(PythonError):
    """The archive is no sdist or can't be read."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the files of a source tree say about its build.

    ``build_requires`` and ``requires`` are PEP 508 texts (``requires`` is ``None`` where only a build would tell);
    ``tools`` are ``cmd:`` needs; ``libraries`` are linker names (``lz4`` for ``-llz4``); ``pkg_config`` module names;
    ``packages`` CMake names of ``find_package``; ``headers`` included ones that neither the tree nor the C library, the
    compiler or CPython has; ``languages`` of ``c``, ``c++``, ``cython``, ``rust``, ``fortran``, ``go``. ``pure`` tells
    that nothing has to be compiled. ``evidence`` are one-line sources of these facts, ``doubts`` what was not readable.
    """

    name: str | None = None
    version: str | None = None
    build_backend: str | None = None
    build_requires: tuple[str, ...] = ()
    requires: tuple[str, ...] | None = None
    requires_python: str | None = None
    tools: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    pkg_config: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    pure: bool = False
    evidence: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def read_sdist(data: bytes, filename: str) -> SourceFacts:
    """Read a source archive (``.tar.gz``, ``.tgz``, ``.tar.bz2``, ``.tar.xz``, ``.tar`` or ``.zip``).

    Raises ``SdistError`` if it is damaged or of another kind.
    """
    doubts: list[str] = []
    try:
        tree = (
            dict(_zip_members(data, doubts))
            if filename.endswith(".zip")
            else dict(_tar_members(data, filename, doubts))
        )
    except _DAMAGED as error:
        raise SdistError(
            f"{filename} can't be read: {str(error).splitlines()[0] if str(error) else 'damaged'}"
        ) from None
    if not tree:
        raise SdistError(f"{filename} has no readable files")
    return _facts(_without_top(tree), doubts)


def read_tree(folder: str, files: FileReader) -> SourceFacts:
    """Read a project folder of the stage's view in the same way; what can't be listed is left out."""
    doubts: list[str] = []
    tree = dict(_folder_members(folder, files, doubts))
    return _facts(tree, doubts)


# -- members, with bounds -------------------------------------------------------------------------------------------


class _Budget:
    """Counts members and bytes, and says when enough was read."""

    def __init__(self, doubts: list[str]) -> None:
        self.doubts = doubts
        self.members = 0
        self.kept = 0

    def take(self, name: str, size: int) -> bool:
        """Tell whether the member's content is to be read."""
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise ValueError(f"more than {MAX_MEMBERS} members")
        if not _wanted(name):
            return False
        source = name.endswith((*_SOURCES, *_CYTHON))  # what a source includes stands at its start
        if (size > MAX_MEMBER and not source) or self.kept + min(size, MAX_MEMBER) > MAX_READ:
            self.doubts.append(f"{name} is too large to be read")
            return False
        self.kept += min(size, MAX_MEMBER)
        return True


def _wanted(name: str) -> bool:
    base = posixpath.basename(name)
    if base in {
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "PKG-INFO",
        "requires.txt",
        "CMakeLists.txt",
        "meson.build",
        "Cargo.toml",
    }:
        return True
    text = base.endswith(".txt") and name.count("/") <= 2  # requirements.txt and the like, which setup.py may read
    return text or base.endswith((*_SOURCES, *_CYTHON, ".cmake"))


class _Bounded(io.RawIOBase):
    """A stream that fails after ``MAX_UNPACKED`` bytes: compressed bombs end here."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self.stream = stream
        self.left = MAX_UNPACKED

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(data)
        if self.left < 0:
            raise ValueError(f"more than {MAX_UNPACKED} bytes unpacked")
        return data


def _opened(data: bytes, filename: str) -> IO[bytes]:
    raw = io.BytesIO(data)
    if filename.endswith((".tar.gz", ".tgz")):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if filename.endswith((".tar.bz2", ".tbz")):
        import bz2  # noqa: PLC0415 - rare

        return bz2.BZ2File(raw)
    if filename.endswith((".tar.xz", ".txz")):
        return lzma.LZMAFile(raw)
    if filename.endswith(".tar"):
        return raw
    raise ValueError("an unknown kind of archive")


def _tar_members(data: bytes, filename: str, doubts: list[str]) -> Iterator[tuple[str, bytes | None]]:
    budget = _Budget(doubts)
    with tarfile.open(fileobj=_Bounded(_opened(data, filename)), mode="r|") as archive:
        for member in archive:
            if not member.isreg():
                continue
            take = budget.take(member.name, member.size)
            stream = archive.extractfile(member) if take else None
            yield member.name, stream.read(MAX_MEMBER) if stream is not None else None


def _zip_members(data: bytes, doubts: list[str]) -> Iterator[tuple[str, bytes | None]]:
    budget = _Budget(doubts)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            take = budget.take(member.filename, member.file_size)
            if take:
                with archive.open(member) as stream:
                    yield member.filename, stream.read(MAX_MEMBER)
            else:
                yield member.filename, None


def _folder_members(folder: str, files: FileReader, doubts: list[str]) -> Iterator[tuple[str, bytes | None]]:
    budget = _Budget(doubts)
    queue = [""]
    while queue:
        relative = queue.pop()
        try:
            names = files.names(posixpath.join(folder, relative) if relative else folder)
        except OSError:
            continue
        for name in names:
            inner = posixpath.join(relative, name)
            path = posixpath.join(folder, inner)
            if "." not in name and name.count("/") < 40 and _is_folder(files, path):
                queue.append(inner)
                continue
            if _wanted(inner):
                try:
                    data = files.read(path)
                except OSError:
                    continue
                yield inner, data if budget.take(inner, len(data)) else None


def _is_folder(files: FileReader, path: str) -> bool:
    try:
        files.names(path)
    except OSError:
        return False
    return True


def _without_top(tree: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """Drop the ``name-version/`` folder that every sdist has."""
    tops = {name.partition("/")[0] for name in tree}
    cut = len(tops.pop()) + 1 if len(tops) == 1 else 0
    return {name[cut:]: data for name, data in tree.items()}


# -- the facts ------------------------------------------------------------------------------------------------------


class _Collector:
    """Facts as they are found, each with where it stands."""

    def __init__(self, tree: Mapping[str, bytes | None], doubts: list[str]) -> None:
        self.tree = tree
        self.doubts = doubts
        self.found: dict[str, dict[str, str]] = {}

    def add(self, kind: str, value: str, where: str) -> None:
        self.found.setdefault(kind, {}).setdefault(value, f"{where}: {value}")

    def values(self, kind: str) -> tuple[str, ...]:
        return tuple(self.found.get(kind, {}))

    def evidence(self) -> tuple[str, ...]:
        return tuple(text for kind in self.found.values() for text in kind.values())

    def text(self, name: str) -> str | None:
        data = self.tree.get(name)
        return data.decode("utf-8", "replace") if data is not None else None


def _facts(tree: Mapping[str, bytes | None], doubts: list[str]) -> SourceFacts:
    facts = _Collector(tree, doubts)
    backend, build_requires = _pyproject(facts)
    requires = _setup(facts)
    metadata = _metadata(facts)
    for name in tree:
        _source(facts, name)
    _tools(facts, build_requires)
    native = bool(facts.values("language") or facts.values("extension"))
    headers = tuple(sorted(set(facts.values("header")) - _own_headers(tree)))
    return SourceFacts(
        name=normalise(metadata.name) if metadata.name else None,
        version=metadata.version,
        build_backend=backend,
        build_requires=tuple(build_requires),
        requires=metadata.requires if metadata.requires is not None else requires,
        requires_python=metadata.requires_python,
        tools=facts.values("tool"),
        languages=facts.values("language"),
        libraries=facts.values("library"),
        pkg_config=facts.values("pkg-config"),
        packages=facts.values("package"),
        headers=headers,
        pure=not native and not facts.values("tool"),
        evidence=tuple(
            text for text in facts.evidence() if text.rpartition(": ")[2] in headers or ": #include" not in text
        ),
        doubts=tuple(dict.fromkeys(doubts)),
    )


def _pyproject(facts: _Collector) -> tuple[str | None, list[str]]:
    text = facts.text("pyproject.toml")
    if text is None:
        return None, []
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        facts.doubts.append("pyproject.toml is not valid TOML")
        return None, []
    system = data.get("build-system")
    system = system if isinstance(system, dict) else {}
    listed = system.get("requires")
    backend = system.get("build-backend")
    requires = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    return backend if isinstance(backend, str) else None, requires


def _setup(facts: _Collector) -> tuple[str, ...] | None:
    data = facts.tree.get("setup.py")
    if data is None:
        return None
    from dockerlint_alpine.python.setup_py import read_setup_py  # noqa: PLC0415 - libcst costs 150 ms

    script = read_setup_py(data, facts.tree.get)
    for extension in script.extensions:
        where = f"setup.py:{extension.line}: Extension {extension.name or '?'}"
        facts.add("extension", extension.name or "?", where)
        cpp = extension.language == "c++" or any(source.endswith(_CPP) for source in extension.sources)
        facts.add("language", "c++" if cpp else "c", where)
        for library in extension.libraries:
            facts.add("library", library, f"{where}: libraries")
    for module in script.pkg_config:
        facts.add("pkg-config", module, "setup.py: pkg-config")
    for program in script.programs:
        facts.add("tool", f"cmd:{program}", "setup.py runs")
    for text in script.setup_requires:
        facts.add("setup-requires", text[0], "setup.py: setup_requires")
    facts.doubts.extend(f"setup.py{f':{line}' if line else ''}: {text}" for line, text in script.doubts)
    complete = script.install_requires is not None and not any("install_requires" in text for _, text in script.doubts)
    return tuple(text for text, _ in script.install_requires or ()) if complete else None


@dataclass(frozen=True, slots=True)
class _Metadata:
    name: str | None = None
    version: str | None = None
    requires_python: str | None = None
    requires: tuple[str, ...] | None = None


def _metadata(facts: _Collector) -> _Metadata:
    """Read PKG-INFO. PEP 643: from metadata 2.2 on, what is not ``Dynamic`` is the truth of every wheel."""
    text = facts.text("PKG-INFO")
    if text is None:
        return _Metadata()
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
    known = bool(listed) or (version >= (2, 2) and "requires-dist" not in dynamic)
    requires = tuple(listed) if known else _egg_requires(facts)
    return _Metadata(one("name"), one("version"), one("requires-python"), requires)


def _egg_requires(facts: _Collector) -> tuple[str, ...] | None:
    """Read setuptools' ``*.egg-info/requires.txt``: plain requirements, then ``[extra:marker]`` sections."""
    path = next((name for name in facts.tree if name.endswith(".egg-info/requires.txt")), None)
    text = facts.text(path) if path is not None else None
    if text is None:
        has_egg_info = any(".egg-info/" in name for name in facts.tree)
        return () if has_egg_info else None
    found: list[str] = []
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line:
            extra, _, marker = section.partition(":")
            parts = [f"({marker})"] if marker else []
            parts += [f"extra == '{extra}'"] if extra else []
            found.append(f"{line} ; {' and '.join(parts)}" if parts else line)
    return tuple(found)


def _source(facts: _Collector, name: str) -> None:
    data = facts.tree[name]
    base = posixpath.basename(name)
    if name.split("/", maxsplit=1)[0] in {"tests", "test", "docs", "examples", "benchmarks"}:
        return
    compiled = next((language for language, endings in _LANGUAGES if name.endswith(endings)), None)
    if compiled is not None:
        facts.add("language", compiled, name)
    if name.endswith((*_SOURCES, *_CYTHON)) and data is not None:
        pattern = _CDEF if name.endswith(_CYTHON) else _INCLUDE
        for match in pattern.finditer(data):
            header = match[1].decode("utf-8", "replace").strip()
            if header.endswith((".h", ".hpp", ".hh", ".hxx")) and header.rpartition(".")[0] not in _STANDARD:
                facts.add("header", header, f"{name}: #include")
    text = (
        facts.text(name) if base in {"CMakeLists.txt", "meson.build", "Cargo.toml"} or name.endswith(".cmake") else None
    )
    if text is None:
        return
    if base == "Cargo.toml":
        facts.add("language", "rust", name)
        facts.add("tool", "cmd:cargo", name)
        facts.add("tool", "cmd:rustc", name)
    elif base == "meson.build":
        _meson(facts, name, text)
    elif base == "CMakeLists.txt" or "/" not in name:
        _cmake(facts, name, text)


def _meson(facts: _Collector, name: str, text: str) -> None:
    for module in _MESON_DEPENDENCY.findall(text):
        if module not in {"threads", "openmp", "dl", "python", "python3", "numpy", ""}:
            facts.add("pkg-config", module, f"{name}: dependency")
    for library in _MESON_LIBRARY.findall(text):
        if library not in {"m", "dl", "pthread", "rt"}:
            facts.add("library", library, f"{name}: find_library")
    if name == "meson.build":
        for language, word in (("c", "'c'"), ("c++", "'cpp'"), ("cython", "'cython'"), ("fortran", "'fortran'")):
            if word in text.partition(")")[0]:
                facts.add("language", language, f"{name}: project")
        if "fortran" in facts.values("language"):
            facts.add("tool", "cmd:gfortran", f"{name}: project")


def _cmake(facts: _Collector, name: str, text: str) -> None:
    for package in _CMAKE_FIND.findall(text):
        if package.lower() not in {
            "python",
            "python3",
            "pythoninterp",
            "pythonlibs",
            "pythonextensions",
            "cython",
            "git",
        }:
            if package.lower() == "pkgconfig":
                facts.add("tool", "cmd:pkg-config", f"{name}: find_package")
            else:
                facts.add("package", package, f"{name}: find_package")
    for arguments in _CMAKE_PKG.findall(text):
        for word in arguments.split():
            module = re.split(r"[<>=]", word.strip("\"'"))[0]
            if (
                module
                and module not in {"REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL", "STATIC_TARGET"}
                and "$" not in module
            ):
                facts.add("pkg-config", module, f"{name}: pkg_check_modules")
    if name == "CMakeLists.txt" and (match := _CMAKE_LANGUAGES.search(text)) is not None:
        words = match[0].upper().split()
        facts.add("language", "c++" if any(word.strip(")") == "CXX" for word in words) else "c", f"{name}: project")


def _tools(facts: _Collector, build_requires: list[str]) -> None:
    for text in (*build_requires, *facts.values("setup-requires")):
        name = normalise(re.split(r"[^\w.-]", text.strip(), maxsplit=1)[0])
        for tool in _BUILD_TOOLS.get(name, ()):
            facts.add("tool", tool, f"pyproject.toml: build-system requires {text}")
            if tool == "cmd:cargo":
                facts.add("language", "rust", f"pyproject.toml: build-system requires {text}")
        if name == "cffi" and _for_cpython(text):
            facts.add("header", "ffi.h", f"pyproject.toml: build-system requires {text}: #include")
            facts.add("language", "c", f"pyproject.toml: build-system requires {text}")
    for language in facts.values("language"):
        if language in {"c", "c++", "cython"}:
            facts.add("tool", "cmd:c++" if language == "c++" else "cmd:cc", f"language {language}")


def _for_cpython(text: str) -> bool:
    """Tell whether a build requirement holds on CPython at all."""
    try:
        marker = parse_pep508(text, Origin("")).marker
    except InvalidRequirementError:
        return False
    return applies(marker, environment(Target("3.12", musl=(1, 2))))


def _own_headers(tree: Mapping[str, bytes | None]) -> set[str]:
    """Return every way in which a header of the tree can be included: its path's tails."""
    own: set[str] = set()
    for name in tree:
        if name.endswith((".h", ".hpp", ".hh", ".hxx", ".pyx", ".py", ".in")):
            plain = name.removesuffix(".in")
            parts = plain.split("/")
            own.update("/".join(parts[index:]) for index in range(len(parts)))
            if plain.endswith((".pyx", ".py")):
                own.add(f"{plain.rpartition('/')[2].rpartition('.')[0]}.h")
    return own
