"""What C, C++ and Cython sources include: read from their text, and followed through the headers of their own tree.

An include that stands between ``#if`` and ``#endif`` may not be taken; the guard around a whole header does not count.
"""

from __future__ import annotations

import posixpath
import re
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SOURCES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".m", ".mm")
CYTHON = (".pyx", ".pxd", ".pxi")
HEADERS = (".h", ".hh", ".hpp", ".hxx")

_DIRECTIVE = lazy_pattern(
    rb'^[ \t]*#[ \t]*(?:(ifndef|ifdef|if|elif|else|endif|define)\b([^\n]*)|include[ \t]*[<"]([^>"\n]{1,200})[>"])',
    re.MULTILINE,
)
_CDEF = lazy_pattern(rb"""^[ \t]*cdef[ \t]+extern[ \t]+from[ \t]+["']<?([^"'>\n]{1,200})>?["']""", re.MULTILINE)
_COMMENT = lazy_pattern(rb"/\*.*?\*/", re.DOTALL)

_STANDARD = frozenset(
    """
    aio alloca ar arpa/ftp arpa/inet arpa/nameser arpa/nameser_compat arpa/telnet arpa/tftp assert byteswap complex cpio
    crypt ctype dirent dlfcn elf endian err errno fcntl features fenv float fmtmsg fnmatch ftw getopt glob grp iconv
    ifaddrs inttypes iso646 langinfo lastlog libgen libintl limits link locale malloc math memory mntent monetary mqueue
    net/ethernet net/if net/if_arp net/route netdb netinet/ether netinet/icmp6 netinet/if_ether netinet/igmp netinet/in
    netinet/in_systm netinet/ip netinet/ip6 netinet/ip_icmp netinet/tcp netinet/udp netpacket/packet nl_types paths poll
    pthread pty pwd regex resolv sched scsi/scsi scsi/scsi_ioctl scsi/sg search semaphore setjmp shadow signal spawn
    stdalign stdarg stdatomic stdbool stdc-predef stddef stdint stdio stdio_ext stdlib stdnoreturn string strings stropts
    syscall sysexits syslog tar termios tgmath threads time uchar ucontext ulimit unistd utime utmp utmpx values wait
    wchar wctype wordexp execinfo cpuid unwind omp quadmath
    abstract bltinmodule boolobject bytearrayobject bytesobject cellobject ceval classobject code codecs compile
    complexobject context datetime descrobject dictobject dynamic_annotations enumobject errcode eval exports fileobject
    fileutils floatobject frameobject funcobject genericaliasobject genobject import intrcheck iterobject listobject
    longintrepr longobject marshal memoryobject methodobject modsupport moduleobject namespaceobject object objimpl
    odictobject opcode osdefs osmodule patchlevel py_curses pyarena pycapsule pyconfig pydtrace pyerrors pyexpat pyframe
    pyhash pylifecycle pymacconfig pymacro pymath pymem pyport pystate pystrcmp pystrhex pystrtod Python pythonrun
    pythread rangeobject setobject sliceobject structmember structseq sysmodule token traceback tracemalloc tupleobject
    typeslots unicodeobject warnings weakrefobject
    """.split()
)
"""Headers of musl (its ``include/``), GCC and CPython: no package need follows from them."""
_STANDARD_FOLDERS = ("sys/", "bits/", "cpython/", "internal/")
_FROM_PYTHON = ("numpy/", "pybind11/", "nanobind/")
"""Headers that distributions bring which a build asks for by itself."""
_INTRINSICS = lazy_pattern(r"(?:\w*intrin|arm_\w+)\.h")


def is_standard(header: str) -> bool:
    """Tell whether the C library, the compiler, CPython or a build requirement has this header."""
    return (
        header.rpartition(".")[0] in _STANDARD
        or header.startswith((*_STANDARD_FOLDERS, *_FROM_PYTHON))
        or _INTRINSICS.fullmatch(header) is not None
    )


class Include(Struct, frozen=True):
    """One include: the header as written, its 1-based line, and whether it stands behind a condition."""

    header: str
    line: int
    conditional: bool


def includes(data: bytes, *, cython: bool = False) -> Iterator[Include]:
    """Yield the headers that a source text includes, in order."""
    if cython:
        for match in _CDEF.finditer(data):
            yield Include(_text(match[1]), _line(data, match.start()), conditional=False)
        return
    plain = _COMMENT.sub(lambda match: b"\n" * match[0].count(b"\n"), data)
    depth, base, first = 0, 0, b""
    for match in _DIRECTIVE.finditer(plain):
        word = match[1]
        if word is None:
            yield Include(_text(match[3]), _line(plain, match.start()), conditional=depth > base)
        elif word in {b"if", b"ifdef", b"ifndef"}:
            first = match[2].strip() if depth == 0 and word == b"ifndef" and base == 0 else b""
            depth += 1
        elif word == b"endif":
            depth = max(depth - 1, 0)
        elif word == b"define" and first and match[2].split()[:1] == [first]:
            base, first = 1, b""  # the guard around a whole header


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


class Outside(Struct, frozen=True):
    """A header that the tree does not have: where it is included first, and whether every build takes it."""

    header: str
    where: str
    required: bool


def outside_headers(tree: Mapping[str, bytes | None], sources: Iterable[str]) -> tuple[tuple[Outside, ...], list[str]]:
    """Follow the includes of ``sources`` (paths of the tree) through the tree's own headers.

    Returns the headers that neither the tree nor C library, compiler or CPython have, and the sources that are not there.
    """
    known = _by_name(tree)
    found: dict[str, Outside] = {}
    missing: list[str] = []
    queue: deque[tuple[str, bool]] = deque()
    for source in sources:
        path = _present(tree, source)
        if path is None:
            missing.append(source)
        else:
            queue.append((path, True))
    seen: dict[str, bool] = {}
    while queue:
        path, required = queue.popleft()
        data = tree[path]
        if data is None or (path in seen and (seen[path] or not required)):
            continue
        seen[path] = required
        for include in includes(data, cython=path.endswith(CYTHON)):
            if not include.header.endswith(HEADERS) or is_standard(include.header):
                continue
            needed = required and not include.conditional
            own = _resolved(include.header, path, tree, known)
            if own is not None:
                queue.append((own, needed))
            elif include.header not in found or (needed and not found[include.header].required):
                found[include.header] = Outside(include.header, f"{path}:{include.line}", needed)
    return tuple(found[header] for header in sorted(found)), missing


def _by_name(tree: Mapping[str, bytes | None]) -> dict[str, list[str]]:
    """The tree's own headers by file name; those that a build makes (``config.h.in``, ``module.pyx``) count too."""
    known: dict[str, list[str]] = {}
    for path in tree:
        base = posixpath.basename(path).removesuffix(".in").removesuffix(".cmake")
        if base.endswith(HEADERS):
            known.setdefault(base, []).append(path)
        elif base.endswith((".pyx", ".py")):
            known.setdefault(f"{base.rpartition('.')[0]}.h", []).append(path)
    return known


def _present(tree: Mapping[str, bytes | None], source: str) -> str | None:
    """A source as the tree has it: generated C stands for the Cython file it is made from."""
    path = posixpath.normpath(source)
    stem = path.rpartition(".")[0]
    return next((name for name in (path, f"{stem}.pyx") if tree.get(name) is not None), None)


def _resolved(header: str, path: str, tree: Mapping[str, bytes | None], known: Mapping[str, list[str]]) -> str | None:
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), header))
    if beside in tree:
        return beside
    plain = posixpath.normpath(header).lstrip("./")
    for candidate in known.get(posixpath.basename(plain), ()):
        bare = candidate.removesuffix(".in").removesuffix(".cmake")
        if "/" not in plain or bare == plain or bare.endswith(f"/{plain}"):
            return candidate
    return None
