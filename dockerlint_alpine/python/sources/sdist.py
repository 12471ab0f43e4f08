"""What a source distribution needs to be built, read from its files in memory. Nothing of it is extracted or run.

The size of the archive, the number and the size of its members are bounded, so a bomb or a tarball with odd names costs
little and gives an incomplete answer that says so.
"""

from __future__ import annotations

import io
import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.python.model import PythonError
from dockerlint_alpine.python.requirement import is_folder
from dockerlint_alpine.python.sources.includes import CYTHON, SOURCES
from dockerlint_alpine.python.sources.source_facts import SourceFacts, read_source
from dockerlint_alpine.system.tarread import TarReader, Unpacked
from dockerlint_alpine.system.unreadable import ArchiveError, TooMuchError
from dockerlint_alpine.system.zipread import ZipDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockerlint_alpine.python.model import FileReader

MAX_MEMBERS = 200_000
MAX_MEMBER = 2 * 1024 * 1024
MAX_UNPACKED = 256 * 1024 * 1024
MAX_READ = 48 * 1024 * 1024
"""Bytes of member text kept at most; more sources are counted as unread."""

_MAX_DEPTH = 40
_TELLING = ("/setup.py", "/pyproject.toml", "/PKG-INFO")
"""Files at the top that tell of a build, or of what is required."""
_BUILD_FILES = frozenset(
    "pyproject.toml setup.py setup.cfg PKG-INFO requires.txt CMakeLists.txt meson.build Cargo.toml".split()
)


class SdistError(PythonError):
    """The archive is not an sdist or can't be read."""


def read_sdist(data: bytes, filename: str, variables: Mapping[str, str] | None = None) -> SourceFacts:
    """Read a source archive (``.tar.gz``, ``.tgz``, ``.tar.bz2``, ``.tar.xz``, ``.tar`` or ``.zip``) as it is built in an
    environment with ``variables``.

    Where there is more in it than is read, what was read counts if it holds the files that tell about a build. Raises
    ``SdistError`` if it is damaged or of another kind.
    """
    doubts: list[str] = []
    tree: dict[str, bytes | None] = {}
    try:
        tree.update(_zip_members(data, doubts) if filename.endswith(".zip") else _tar_members(data, doubts))
    except ArchiveError as error:
        told = any(name.count("/") == 1 and name.endswith(_TELLING) for name in tree)
        if not (isinstance(error, TooMuchError) and told):
            raise SdistError(f"{filename} can't be read: {error}") from None
        doubts.append(f"{filename}: {error}: the rest was not read")
    if not tree:
        raise SdistError(f"{filename} has no readable files")
    return read_source(_without_top(tree), doubts, variables)


def read_tree(folder: str, files: FileReader, variables: Mapping[str, str] | None = None) -> SourceFacts:
    """Read a project folder of the stage's view in the same way; what can't be listed is left out."""
    doubts: list[str] = []
    tree: dict[str, bytes | None] = {}
    try:
        tree.update(_folder_members(folder, files, doubts))
    except TooMuchError as error:
        doubts.append(f"{folder}: {error}")
    return read_source(tree, doubts, variables)


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
            raise TooMuchError(f"more than {MAX_MEMBERS} members")
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


def _tar_members(data: bytes, doubts: list[str]) -> Iterator[tuple[str, bytes | None]]:
    budget = _Budget(doubts)
    reader = TarReader(Unpacked(io.BytesIO(data), MAX_UNPACKED))
    for entry in reader:
        if entry.kind == "file":
            take = budget.take(entry.path, entry.size)
            yield entry.path, reader.read(MAX_MEMBER) if take else None


def _zip_members(data: bytes, doubts: list[str]) -> Iterator[tuple[str, bytes | None]]:
    budget = _Budget(doubts)
    archive = ZipDirectory(data)
    for member in archive.members:
        take = budget.take(member.name, member.size)
        yield member.name, archive.head(member, MAX_MEMBER) if take else None


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
                if name not in _NOT_SOURCES and inner.count("/") < _MAX_DEPTH and is_folder(files, path):
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


def _without_top(tree: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """Drop the ``name-version/`` folder that every sdist has."""
    tops = {name.partition("/")[0] for name in tree}
    cut = len(tops.pop()) + 1 if len(tops) == 1 else 0
    return {name[cut:]: data for name, data in tree.items()}
