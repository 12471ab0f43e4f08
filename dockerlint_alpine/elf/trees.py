"""A tree of files that resolves paths as opening them would.

Two kinds: :class:`MemoryTree` holds what was read from an archive (a wheel, the merged layers of an image), and
:class:`DiskTree` asks a folder. Symbolic links are followed inside the tree; nothing outside of its root is ever
opened. Paths are text with ``/``, as in the file system of the tree, absolute from its root.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from dockerlint_alpine.elf.errors import NotElfError
from dockerlint_alpine.elf.objects import ElfFacts, is_elf, read_object
from dockerlint_alpine.system.unreadable import UnreadableError

NodeKind: TypeAlias = Literal["file", "directory", "symlink"]

MAX_LINKS = 40
"""Symbolic links followed for one path, as Linux does (``MAXSYMLINKS``)."""


class Guard(Struct, frozen=True):
    """A file that not everybody may read (``wanted`` 4), or a folder that not everybody may pass (1), with its mode, owner
    and group."""

    wanted: int
    mode: int
    uid: int
    gid: int

    def admits(self, uid: int, gids: frozenset[int]) -> bool:
        """Whether a process of this user and these groups may (path_resolution(7)); root always."""
        if uid == 0:
            return True
        bits = self.mode >> 6 if uid == self.uid else self.mode >> 3 if self.gid in gids else self.mode
        return bool(bits & self.wanted)


class Node(Struct, frozen=True):
    """One entry of a tree.

    ``facts`` are those of an ELF object, ``content`` the bytes of the few other files that are read (package databases,
    metadata, sources), ``target`` that of a symbolic link; ``problem`` says why an object could not be read.
    ``guards`` are what keeps some users from it: of the file and of the folders above it.
    """

    kind: NodeKind
    size: int = 0
    facts: ElfFacts | None = None
    content: bytes | None = None
    target: str | None = None
    problem: str | None = None
    guards: tuple[Guard, ...] = ()

    @property
    def is_object(self) -> bool:
        """Whether it is an ELF object, be it one that can't be read."""
        return self.facts is not None or self.problem is not None


DIRECTORY = Node("directory")


class Found(Struct, frozen=True):
    """What a path leads to: the real path inside the tree (the identity of the file) and its node."""

    path: str
    node: Node


class LinkLoopError(UnreadableError):
    """A path with more symbolic links than the system follows."""


class Tree(Protocol):
    """A tree of files as the loader and the inspection see it."""

    @property
    def system(self) -> bool:
        """Whether this is a whole root file system, where absolute search paths mean something."""

    def lookup(self, path: str) -> Node | None:
        """Give the node at this canonical path (no links followed), or ``None``."""

    def nodes(self) -> Iterator[tuple[str, Node]]:
        """All files of the tree that were read (objects and kept contents) and links, as ``(path, node)``."""


def normalise(path: str) -> str:
    """Give an absolute path without ``.``, ``..``, doubled or trailing slashes; text only, no links followed."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part and part != ".":
            parts.append(part)
    return "/" + "/".join(parts)


def follow(tree: Tree, path: str) -> Found | None:
    """Give what opening this absolute path in the tree gives, links followed; ``None``: no such file.

    Raises :class:`LinkLoopError` where the system would say ELOOP.
    """
    pending = [part for part in reversed(path.split("/")) if part and part != "."]
    here: list[str] = []
    links = 0
    node = DIRECTORY
    while pending:
        part = pending.pop()
        if part == "..":
            if here:
                here.pop()
            node = DIRECTORY
            continue
        if node.kind != "directory":
            return None
        found = tree.lookup("/" + "/".join((*here, part)))
        if found is None:
            return None
        if found.kind != "symlink":
            here.append(part)
            node = found
            continue
        links += 1
        if links > MAX_LINKS:
            raise LinkLoopError(f"{path}: too many levels of symbolic links")
        target = found.target or ""
        if target.startswith("/"):
            here.clear()
        pending.extend(part for part in reversed(target.split("/")) if part and part != ".")
        node = DIRECTORY
    return Found("/" + "/".join(here), node)


def opened(tree: Tree, path: str) -> Found | None:
    """As :func:`follow`, with ``None`` for a path that has too many links as well."""
    try:
        return follow(tree, path)
    except LinkLoopError:
        return None


class MemoryTree(Struct, frozen=True, dict=True):
    """A tree whose nodes were read beforehand; directories above a node need no node of their own."""

    entries: Mapping[str, Node]
    system: bool = False

    @cached_property
    def _folders(self) -> frozenset[str]:
        folders: set[str] = set()
        for path in self.entries:
            parent = path.rpartition("/")[0]
            while parent and parent not in folders:
                folders.add(parent)
                parent = parent.rpartition("/")[0]
        return frozenset(folders)

    def lookup(self, path: str) -> Node | None:
        """See :class:`Tree`."""
        node = self.entries.get(path)
        return DIRECTORY if node is None and path in self._folders else node

    def nodes(self) -> Iterator[tuple[str, Node]]:
        """See :class:`Tree`."""
        return iter(self.entries.items())


class DiskTree:
    """A folder of this machine; files are opened when they are asked for, and never outside of ``root``.

    ``scanned`` are the nodes that a scan has found already, by path in the tree.
    """

    def __init__(self, root: Path, scanned: Mapping[str, Node], *, system: bool) -> None:
        self.root = root
        self.system = system
        self._scanned = scanned
        self._asked: dict[str, Node | None] = {}

    def lookup(self, path: str) -> Node | None:
        """See :class:`Tree`; what can't be read counts as absent, as for the loader (EACCES)."""
        node = self._scanned.get(path)
        if node is not None:
            return node
        if path not in self._asked:
            self._asked[path] = read_node(os.path.join(self.root, path[1:]))  # noqa: PTH118 - keeps odd names as they are
        return self._asked[path]

    def nodes(self) -> Iterator[tuple[str, Node]]:
        """See :class:`Tree`: what the scan found."""
        return iter(self._scanned.items())


def read_node(path: str | os.PathLike[str]) -> Node | None:
    """Give the node of one file of this machine, an object's facts included; ``None`` where it can't be had."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return Node("symlink", target=os.readlink(path))  # noqa: PTH115 - keeps odd names as they are
        if stat.S_ISDIR(status.st_mode):
            return DIRECTORY
        if not stat.S_ISREG(status.st_mode):
            return Node("file")
        return read_file(path)
    except (OSError, ValueError):
        return None


def read_file(path: str | os.PathLike[str]) -> Node:
    """Give the node of a regular file: facts for an ELF object, just the size for others. Raises ``OSError``.

    Only the pages that the reader touches are read from the disk.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if not is_elf(os.pread(handle, 4, 0)):
            return Node("file", status.st_size)
        with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as data:
            return object_node(data, status.st_size)
    finally:
        os.close(handle)


def object_node(data: bytes | bytearray | mmap.mmap, size: int) -> Node:
    """Give the node of an ELF object from its bytes; ``size`` is that of the whole file."""
    try:
        return Node("file", size, facts=read_object(data))
    except NotElfError:
        return Node("file", size)
    except UnreadableError as error:
        return Node("file", size, problem=str(error))
