"""Which files of a tree are read, and how much of them is kept: objects as facts, a few small files as bytes."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from dockerlint_alpine.system.patterns import lazy_pattern

Use: TypeAlias = Literal["text", "source", "probe"]

MAX_TEXT = 64 * 1024 * 1024
"""Package databases and metadata; the apk database of a very large image has some 10 MB."""
MAX_TEXT_TOTAL = 256 * 1024 * 1024
"""Of all such files of one archive."""
MAX_SOURCE = 1024 * 1024
MAX_SOURCES_TOTAL = 256 * 1024 * 1024
MIN_OBJECT = 52
"""The size of the smallest ELF header."""

_TEXT = lazy_pattern(
    r"(?:lib/apk/db/installed|etc/apk/(?:world|repositories)|etc/alpine-release|etc/passwd|etc/group|(?:etc|usr/lib)/os-release"
    r"|etc/ld-musl-[\w]+\.path|pyvenv\.cfg|[^/]+\.dist-info/(?:METADATA|RECORD|WHEEL)|[^/]+\.egg-info(?:/PKG-INFO)?)$"
)
_OTHER = frozenset(
    f".{suffix}"
    for suffix in re.findall(
        r"\w+",
        "pyc pyi pyx pxd txt md rst h hpp c cpp f90 json toml cfg ini yml yaml xml html css js ts map png svg jpg gif "
        "ico ttf woff woff2 gz xz bz2 zst zip mo po a o la pc cmake sh tcl csv npy npz pkl pem crt key sql rs go java "
        "jar class tar whl apk log conf pub sig",
    )
)
"""Suffixes of files that are never loaded, so that they need not be opened."""
_NOT_RUN = lazy_pattern(
    r"(?:^|/)(?:tests?|examples?|_examples|docs?|benchmarks)/|(?:^|/)(?:test_[^/]*|conftest|setup)\.py$"
)
"""Sources that come along but do not run in production."""
_OPENS = lazy_pattern(rb"\b(?:CDLL|PyDLL|LoadLibrary|find_library|dlopen)\s*\(|\bcdll\s*[.\[]")


def use_of(path: str, size: int) -> Use | None:
    """Give what to do with a file: keep its text, scan it as a source, probe it for ELF, or nothing."""
    if path.endswith(".py"):
        return "source" if size <= MAX_SOURCE and not _NOT_RUN.search(path) else None
    if _TEXT.search(path):
        return "text" if size <= MAX_TEXT else None
    if path[path.rfind(".") :] in _OTHER:
        return None
    return "probe" if size >= MIN_OBJECT else None


def opens_libraries(source: bytes) -> bool:
    """Whether a Python source may open libraries at run time: a cheap look before it is parsed."""
    return _OPENS.search(source) is not None
