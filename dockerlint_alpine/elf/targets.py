"""What is inspected: a tree, the objects in it to report on, and what is known around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from dockerlint_alpine.elf.file_selection import MAX_SOURCES_TOTAL
from dockerlint_alpine.elf.trees import Node, Tree, normalise

SubjectKind: TypeAlias = Literal["object", "wheel", "folder", "root", "image"]
Progress: TypeAlias = Callable[[int, "int | None"], None]
"""Told how many steps are done and how many there are, if known."""

MACHINE_NAMES = {"amd64": "x86_64", "arm64": "aarch64", "386": "x86", "loong64": "loongarch64"}
"""Go's and OCI's architecture names -> apk's, where they differ; ``arm`` depends on the variant."""


MAX_REREAD = 32 * 1024 * 1024
"""Bytes of an object that is read as a whole for a second look."""


def nothing_to_reread(_path: str) -> bytes | None:
    """Give the :attr:`Subject.reread` of subjects whose bytes are gone once they are read."""
    return None


def no_progress(_done: int, _total: int | None) -> None:
    """Give a :data:`Progress` that tells nobody."""


class Reading(Struct, frozen=True):
    """How a target is read: ``arch`` (apk's name) chooses among the platforms of an image, and without ``sources`` Python
    sources are left alone (no ``dlopen`` scan)."""

    arch: str | None = None
    sources: bool = True
    progress: Progress = no_progress


EVERYTHING = Reading()


class Source(Struct, frozen=True):
    """A Python source that may open libraries: its path in the tree and its bytes."""

    path: str
    content: bytes


class Subject(Struct, frozen=True):
    """One thing to inspect.

    ``objects`` are the paths to report on, in order; ``base`` is the folder that shown paths are relative to.
    ``environment`` is that of an image's configuration, ``start`` its ENTRYPOINT and CMD, ``user`` and ``workdir`` its USER
    and WORKDIR. ``arch`` is apk's name where the subject itself tells it (an
    image). ``notes`` say what was left out, one line each. ``reread`` gives the bytes of an object's whole file again,
    or ``None``.
    """

    name: str
    kind: SubjectKind
    tree: Tree
    objects: tuple[str, ...]
    base: str = "/"
    arch: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    start: tuple[str, ...] = ()
    user: str = ""
    workdir: str = "/"
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    reread: Callable[[str], bytes | None] = nothing_to_reread

    def shown(self, path: str) -> str:
        """Give a path of the tree as the user would name it."""
        path = normalise(path)
        if self.base != "/" and path.startswith(self.base + "/"):
            return path[len(self.base) + 1 :]
        return path if self.tree.system or self.base != "/" or self.kind == "object" else path.lstrip("/")

    @property
    def needed(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The objects that could be read, each with the libraries that it names in DT_NEEDED."""
        nodes = ((path, self.tree.lookup(path)) for path in self.objects)
        return tuple((path, node.facts.needed) for path, node in nodes if node is not None and node.facts is not None)

    @property
    def alpine(self) -> str | None:
        """The Alpine release of a root file system or image as ``X.Y``, where it tells."""
        from dockerlint_alpine.elf.installed import alpine_release

        return alpine_release(self.tree) if self.tree.system else None

    @property
    def apk_arch(self) -> str | None:
        """The apk architecture of the subject: an image's own, its packages', or the one of all its objects."""
        if self.arch is not None:
            return self.arch
        if self.tree.system:
            from dockerlint_alpine.elf.installed import packages_of

            told = {package.arch for package in packages_of(self.tree)} - {"", "noarch"}
            if len(told) == 1:
                return told.pop()
        arches = {node.facts.arch for path in self.objects if (node := self.tree.lookup(path)) and node.facts}
        arch = arches.pop() if len(arches) == 1 else None
        return "armv7" if arch == "armhf" else arch


def kept_sources(entries: Mapping[str, Node]) -> tuple[Source, ...]:
    """Give the sources whose bytes were kept, by path, up to a total that bounds the memory and time of the scan."""
    found: list[Source] = []
    total = 0
    for path, node in sorted(entries.items()):
        if path.endswith(".py") and node.content is not None:
            total += len(node.content)
            if total > MAX_SOURCES_TOTAL:
                break
            found.append(Source(path, node.content))
    return tuple(found)
