"""Which C library an object was made for, and what is to be done about a symbol that nothing defines.

Sources: the names of musl's and glibc's loaders and libraries; ``musl-symbols.txt`` and ``gcompat-symbols.txt`` beside
this module (their first lines say what they hold); musl's ``get_lfs64``; Alpine's packages for what musl leaves to
others.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.elf.objects import ElfFacts

LibcKind: TypeAlias = Literal["musl", "glibc", "static", "unknown"]
RemedyKind: TypeAlias = Literal["library", "gcompat", "rebuild", "none", "unknown"]

_GLIBC_LIBRARY = lazy_pattern(r"(?:libc\.so\.6(?:\.1)?|ld-linux[-\w]*\.so\.\d|ld64\.so\.[12])$")
_MUSL_LIBRARY = lazy_pattern(r"(?:libc\.musl-[\w]+\.so\.1|ld-musl-[\w]+\.so\.1|libc\.so)$")
_MUSL_SUFFIX = lazy_pattern(r"-linux-musl[a-z]*\.so$")
_GLIBC_ONLY = lazy_pattern(r"__\w+_chk$|__isoc(?:23|99)_|__libc_|gnu_get_libc|__\w+_finite$")


class Libc(Struct, frozen=True):
    """The C library that an object was linked for and the one-line reasons, strongest first."""

    kind: LibcKind
    reasons: tuple[str, ...] = ()


class Remedy(Struct, frozen=True):
    """The way out for a symbol that nothing defines.

    ``need`` is the capability that has it (``so:libstdc++.so.6``) where a package can help; ``advice`` is one sentence.
    """

    kind: RemedyKind
    advice: str
    need: str | None = None

    @property
    def glibc_only(self) -> bool:
        """Whether only glibc has the symbol, so that no library of Alpine's can define it after all."""
        return self.kind in ("gcompat", "none")


def libc_of(facts: ElfFacts, name: str = "") -> Libc:
    """Tell the C library of an object; ``name`` is its file name, whose ``-linux-musl.so`` suffix is the weakest hint.

    The ``-linux-gnu.so`` suffix is none: CPython before 3.11 wrote it on musl as well.
    """
    musl, glibc = [], []
    if facts.interpreter is not None:
        if "/ld-musl-" in facts.interpreter:
            musl.append(f"its interpreter is {facts.interpreter}")
        elif _GLIBC_LIBRARY.search(facts.interpreter):
            glibc.append(f"its interpreter is {facts.interpreter}")
    for library in facts.needed:
        if _GLIBC_LIBRARY.match(library):
            glibc.append(f"it needs {library}")
        elif _MUSL_LIBRARY.match(library):
            musl.append(f"it needs {library}")
    version = newest_glibc(facts)
    if version is not None:
        glibc.append(f"it requires symbols of {version}")
    if _MUSL_SUFFIX.search(name):
        musl.append("its file name says musl")
    if glibc and not (facts.interpreter or "").startswith("/lib/ld-musl-"):
        return Libc("glibc", tuple(glibc))
    if musl:
        return Libc("musl", tuple(musl))
    if facts.kind == "static":
        return Libc("static", ("it has no interpreter and needs no library",))
    return Libc("unknown")


def newest_glibc(facts: ElfFacts) -> str | None:
    """Give the newest ``GLIBC_X.Y`` among the symbol versions that the object wants, or ``None``."""
    versions = [v for need in facts.version_needs for v in need.versions if re.fullmatch(r"GLIBC_\d+(\.\d+)*", v)]
    return max(versions, key=lambda v: tuple(map(int, v[6:].split("."))), default=None)


def comes_with_interpreter(name: str) -> bool:
    """Whether the library is CPython's own (``libpython3.11.so.1.0``), which is there wherever that Python is."""
    return name.startswith("libpython3")


@functools.cache
def _names(file: str) -> frozenset[str]:
    lines = Path(__file__).with_name(file).read_text("ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def musl_symbols() -> frozenset[str]:
    """Give the names that musl defines, for sets that do not hold a musl of their own."""
    return _names("musl-symbols.txt")


def is_python_symbol(name: str) -> bool:
    """Whether the name belongs to CPython's C API, which the interpreter that loads an extension defines."""
    return name.startswith(("Py", "_Py"))


# What compilers and libc leave to a library of its own. Order matters: the first match decides.
_LIBRARIES = (
    (
        r"_Z(?:N?K?St|NKSt|NVSt|T[ISVTC](?:N?K?St|N10__cxxabiv|[a-z]$|P)|GVNSt|Thn|n[wa]|d[la])|__cxa_(?!thread_atexit_impl)|__gxx_|_ZNS[abiosdt]|_ZNKS[abiosdt]|__once_proxy",
        "so:libstdc++.so.6",
        "the C++ runtime",
    ),
    (
        r"_Unwind_|__(?:u?div|u?mod|mul|ashl|ashr|lshr)ti3$|__(?:popcount|parity|clz|ctz|ffs)[sdt]i2$|__emutls_get_address|__(?:add|sub|mul|div|eq|ne|lt|le|gt|ge|unord)tf[23]$|__(?:de)?register_frame|__cpu_(?:model|indicator)",
        "so:libgcc_s.so.1",
        "GCC's runtime",
    ),
    (r"__atomic_", "so:libatomic.so.1", "GCC's library of atomic operations"),
    (r"GOMP_|omp_", "so:libgomp.so.1", "GCC's OpenMP runtime"),
    (r"__kmpc_", "so:libomp.so", "LLVM's OpenMP runtime"),
    (r"_gfortran_", "so:libgfortran.so.*", "the Fortran runtime"),
    (r"fts_(?:open|read|close|children|set)$", "so:libfts.so.0", "musl-fts (musl has no fts)"),
    (r"_?obstack_", "so:libobstack.so.1", "musl-obstack (musl has no obstack)"),
    (r"libintl_", "so:libintl.so.8", "GNU gettext's runtime"),
    (r"libiconv", "so:libiconv.so.2", "GNU libiconv"),
    (r"backtrace(?:_symbols(?:_fd)?)?$", "so:libexecinfo.so.1", "libexecinfo (musl has no backtrace)"),
)


def remedy_for(symbol: str, *, version: str | None = None) -> Remedy:
    """Give the way out for a symbol that nothing in the set defines, and the version it wants, if known."""
    for pattern, need, what in _LIBRARIES:
        if re.match(pattern, symbol):  # compiled when a symbol is missing, which it rarely is
            library = need.removeprefix("so:")
            return Remedy(
                "library",
                f"{what} defines it, but nothing here names {library} in DT_NEEDED: link with it"
                f"{' (a C++ extension with g++)' if 'stdc++' in library else ''}, or preload it",
                need,
            )
    if symbol in _names("gcompat-symbols.txt"):
        return Remedy(
            "gcompat",
            "glibc only; gcompat defines it when preloaded (LD_PRELOAD=/lib/libgcompat.so.0); "
            "a musllinux wheel or a build on Alpine is the proper solution",
            "so:libgcompat.so.0",
        )
    if _GLIBC_ONLY.match(symbol) or (version or "").startswith("GLIBC_"):
        return Remedy("none", "glibc only, and no Alpine package defines it: no package helps; build it on Alpine")
    if symbol.startswith("argp_"):
        return Remedy("rebuild", "musl has no argp: build it with argp-standalone, a static library")
    return Remedy("unknown", "no library in the set defines it")
