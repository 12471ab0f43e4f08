"""Wheels: their shared objects and sources, from the bytes of the zip file, nothing unpacked to disk."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.elf.errors import ArchiveError, TargetError
from dockerlint_alpine.elf.file_selection import MAX_SOURCES_TOTAL, opens_libraries, use_of
from dockerlint_alpine.elf.objects import is_elf, needed_extent
from dockerlint_alpine.elf.parallel import thread_map, workers
from dockerlint_alpine.elf.targets import Source, Subject
from dockerlint_alpine.elf.trees import MemoryTree, Node, object_node
from dockerlint_alpine.elf.zipread import ZipDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from dockerlint_alpine.elf.zipread import ZipBuffer, ZipMember

_SMALL = 4 * 1024 * 1024
"""Below so many bytes to inflate, threads cost more than they bring."""


def open_wheel(path: Path, *, sources: bool = True, threads: int | None = None) -> Subject:
    """Give the subject of a wheel on disk, as :func:`read_wheel`. Raises :class:`TargetError` as well."""
    try:
        with path.open("rb") as file:
            if not file.seek(0, 2):
                raise ArchiveError(f"{path}: empty")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                subject = read_wheel(data, str(path), sources=sources, threads=threads)
        return replace(subject, reread=lambda member: _reread(path, member))
    except (OSError, ValueError) as error:
        raise TargetError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}") from None


def _reread(path: Path, member_path: str) -> bytes | None:
    """Give the bytes of one object again; a wheel that changed meanwhile gives ``None``."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            directory = ZipDirectory(data)
            return next((directory.read(m) for m in directory.members if "/" + m.name == member_path), None)
    except (OSError, ValueError, ArchiveError):
        return None


def read_wheel(data: ZipBuffer, name: str, *, sources: bool = True, threads: int | None = None) -> Subject:
    """Give the subject of a wheel given as bytes.

    ``sources=False`` leaves Python sources alone (no ``dlopen`` scan). Raises :class:`ArchiveError` for what a wheel
    must not be: damaged, encrypted, a bomb, hostile names, duplicates, links.
    """
    directory = ZipDirectory(data)
    chosen = [m for m in directory.members if (use := use_of(m.name, m.size)) and (sources or use != "source")]
    chosen.sort(key=lambda member: -member.size)  # the longest first keeps all threads busy to the end
    count = threads or (workers() if sum(m.size for m in chosen) > _SMALL else 1)
    nodes = thread_map(lambda member: _read_member(directory, member), chosen, threads=count)
    entries = {"/" + member.name: node for member, node in zip(chosen, nodes, strict=True)}
    for member in directory.members:
        entries.setdefault("/" + member.name, Node("file", member.size))
    tree = MemoryTree(dict(sorted(entries.items())))
    return Subject(
        name=name,
        kind="wheel",
        tree=tree,
        objects=tuple(p for p, n in tree.entries.items() if n.facts is not None or n.problem is not None),
        sources=tuple(kept_sources(tree)),
    )


def _read_member(directory: ZipDirectory, member: ZipMember) -> Node:
    use = use_of(member.name, member.size)
    if use == "probe":
        if not is_elf(directory.head(member, 4)):
            return Node("file", member.size)
        return object_node(directory.read(member, extent=needed_extent), member.size)
    content = directory.read(member)
    if use == "source" and not opens_libraries(content):
        return Node("file", member.size)
    return Node("file", member.size, content=content)


def kept_sources(tree: MemoryTree) -> list[Source]:
    """Give the sources whose bytes a tree keeps, up to a total that bounds the memory and time of the scan."""
    found, total = [], 0
    for path, node in tree.entries.items():
        if path.endswith(".py") and node.content is not None:
            total += len(node.content)
            if total > MAX_SOURCES_TOTAL:
                break
            found.append(Source(path, node.content))
    return found
