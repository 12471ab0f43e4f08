"""Wheels: their shared objects and sources, from the bytes of the zip file, nothing unpacked to disk."""

from __future__ import annotations

import mmap
from pathlib import Path

from msgspec.structs import replace

from dockerlint_alpine.elf.errors import TargetError
from dockerlint_alpine.elf.file_selection import MAX_SOURCES_TOTAL, MAX_TEXT_TOTAL, MIN_OBJECT, opens_libraries, use_of
from dockerlint_alpine.elf.objects import HEAD_SIZE, is_elf, needed_extent
from dockerlint_alpine.elf.parallel import thread_map, workers
from dockerlint_alpine.elf.spool import spooled
from dockerlint_alpine.elf.targets import MAX_REREAD, Subject, kept_sources
from dockerlint_alpine.elf.trees import MemoryTree, Node, object_node
from dockerlint_alpine.system.unreadable import ArchiveError
from dockerlint_alpine.system.zipread import ZipBuffer, ZipDirectory, ZipMember

_SMALL = 4 * 1024 * 1024
"""Below so many bytes to inflate, threads cost more than they bring."""


def open_wheel(path: Path, *, sources: bool = True) -> Subject:
    """Give the subject of a wheel on disk, as :func:`read_wheel`. Raises :class:`TargetError` as well."""
    try:
        with path.open("rb") as file:
            if not file.seek(0, 2):
                raise ArchiveError(f"{path}: empty")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                subject = read_wheel(data, str(path), sources=sources)
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
            found = (m for m in directory.members if "/" + m.name == member_path and m.size <= MAX_REREAD)
            return next(map(directory.read, found), None)
    except (OSError, ValueError, ArchiveError):
        return None


def read_wheel(data: ZipBuffer, name: str, *, sources: bool = True, threads: int | None = None) -> Subject:
    """Give the subject of a wheel given as bytes.

    ``sources=False`` leaves Python sources alone (no ``dlopen`` scan). Raises :class:`ArchiveError` for what a wheel
    must not be: damaged, encrypted, a bomb, hostile names, duplicates, links.
    """
    directory = ZipDirectory(data)
    chosen, notes = _chosen(directory, sources=sources)
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
        objects=tuple(path for path, node in tree.entries.items() if node.is_object),
        sources=kept_sources(tree.entries),
        notes=notes,
    )


def _read_member(directory: ZipDirectory, member: ZipMember) -> Node:
    use = use_of(member.name, member.size)
    if use is None:  # too small to be an object, if that is true
        directory.read(member)
        return Node("file", member.size)
    if use == "probe":
        head = directory.head(member, HEAD_SIZE)
        if not is_elf(head):
            return Node("file", member.size)
        wanted = min(member.size, needed_extent(head) or member.size)
        with spooled(directory.chunks(member, wanted), wanted) as data:
            return object_node(data, member.size)
    content = directory.read(member)
    if use == "source" and not opens_libraries(content):
        return Node("file", member.size)
    return Node("file", member.size, content=content)


def _chosen(directory: ZipDirectory, *, sources: bool) -> tuple[list[ZipMember], tuple[str, ...]]:
    """The members that are opened, and a line on what is left out: the totals of texts and sources bound the memory."""
    chosen: list[ZipMember] = []
    text = source = 0
    for member in directory.members:
        use = use_of(member.name, member.size)
        if use == "text":
            text += member.size
            if text > MAX_TEXT_TOTAL:
                raise ArchiveError(f"{member.name}: the texts of the archive have more than {MAX_TEXT_TOTAL} bytes")
        if use == "source":
            source += member.size
            if not sources or source > MAX_SOURCES_TOTAL:
                continue
        if use is not None or member.size < MIN_OBJECT:
            chosen.append(member)
    left_out = sources and source > MAX_SOURCES_TOTAL
    return chosen, (f"of the sources only the first {MAX_SOURCES_TOTAL} bytes were read",) if left_out else ()
