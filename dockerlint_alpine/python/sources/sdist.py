"""What a source distribution needs to be built, read from its files in memory. Nothing of it is extracted or run.

The size of the archive, the number and the size of its members are bounded, so a bomb or a tarball with odd names costs
little and gives an incomplete answer that says so.
"""

from __future__ import annotations

import gzip
import io
import lzma
import posixpath
import tarfile
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, cast

from dockerlint_alpine.python.model import PythonError
from dockerlint_alpine.python.sources.includes import CYTHON, SOURCES
from dockerlint_alpine.python.sources.source_facts import SourceFacts, read_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockerlint_alpine.python.model import FileReader

MAX_MEMBERS = 200_000
MAX_MEMBER = 2 * 1024 * 1024
MAX_UNPACKED = 256 * 1024 * 1024
MAX_READ = 48 * 1024 * 1024
"""Bytes of member text kept at most; more sources are counted as unread."""

_MAX_DEPTH = 40
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
_TELLING = ("/setup.py", "/pyproject.toml", "/PKG-INFO")
"""Files at the top that tell of a build, or of what is required."""
_BUILD_FILES = frozenset(
    "pyproject.toml setup.py setup.cfg PKG-INFO requires.txt CMakeLists.txt meson.build Cargo.toml".split()
)


class SdistError(PythonError):
    """The archive is no sdist or can't be read."""


def read_sdist(data: bytes, filename: str, variables: Mapping[str, str] | None = None) -> SourceFacts:
    """Read a source archive (``.tar.gz``, ``.tgz``, ``.tar.bz2``, ``.tar.xz``, ``.tar`` or ``.zip``) as it is built in an
    environment with ``variables``.

    Where there is more in it than is read, what was read counts if it holds the files that tell about a build. Raises
    ``SdistError`` if it is damaged or of another kind.
    """
    doubts: list[str] = []
    tree: dict[str, bytes | None] = {}
    try:
        members = _zip_members(data, doubts) if filename.endswith(".zip") else _tar_members(data, filename, doubts)
        tree.update(members)
    except _TooMuchError as error:
        if not any(name.count("/") == 1 and name.endswith(_TELLING) for name in tree):
            raise SdistError(f"{filename} can't be read: {error}") from None
        doubts.append(f"{filename}: {error}: the rest was not read")
    except _DAMAGED as error:
        raise SdistError(
            f"{filename} can't be read: {str(error).splitlines()[0] if str(error) else 'damaged'}"
        ) from None
    if not tree:
        raise SdistError(f"{filename} has no readable files")
    return read_source(_without_top(tree), doubts, variables)


def read_tree(folder: str, files: FileReader, variables: Mapping[str, str] | None = None) -> SourceFacts:
    """Read a project folder of the stage's view in the same way; what can't be listed is left out."""
    doubts: list[str] = []
    tree: dict[str, bytes | None] = {}
    try:
        tree.update(_folder_members(folder, files, doubts))
    except ValueError as error:
        doubts.append(f"{folder}: {error}")
    return read_source(tree, doubts, variables)


# -- members, with bounds -------------------------------------------------------------------------------------------


class _TooMuchError(ValueError):
    """More members, or more bytes, than are read."""


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
            raise _TooMuchError(f"more than {MAX_MEMBERS} members")
        if not _wanted(name):
            return False
        source = name.endswith((*SOURCES, *CYTHON))  # what a source includes stands at its start
        if (size > MAX_MEMBER and not source) or self.kept + min(size, MAX_MEMBER) > MAX_READ:
            self.doubts.append(f"{name} is too large to be read")
            return False
        self.kept += min(size, MAX_MEMBER)
        return True


def _wanted(name: str) -> bool:
    base = posixpath.basename(name)
    if base in _BUILD_FILES:
        return True
    text = base.endswith(".txt") and name.count("/") <= 2  # requirements.txt and the like, which setup.py may read
    ffi = base.endswith(".py") and ("ffi" in base or "build" in base)  # what cffi_modules of a setup.py may name
    return text or ffi or base.endswith((*SOURCES, *CYTHON))


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
            raise _TooMuchError(f"more than {MAX_UNPACKED} bytes unpacked")
        return data


def _opened(data: bytes, filename: str) -> IO[bytes]:
    raw = io.BytesIO(data)
    if filename.endswith((".tar.gz", ".tgz")):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if filename.endswith((".tar.bz2", ".tbz")):
        import bz2

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
            if "." not in name:
                if name not in _NOT_SOURCES and inner.count("/") < _MAX_DEPTH and _is_folder(files, path):
                    queue.append(inner)
                continue
            if _wanted(inner):
                try:
                    data = files.read(path)
                except OSError:
                    continue
                yield inner, data if budget.take(inner, len(data)) else None


_NOT_SOURCES = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
"""Folders of a working copy that are no part of what is built."""


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
