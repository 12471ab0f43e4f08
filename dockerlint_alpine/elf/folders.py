"""Folders of this machine: site-packages, virtual environments, unpacked root file systems, single objects."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from dockerlint_alpine.elf.errors import TargetError
from dockerlint_alpine.elf.file_selection import opens_libraries, use_of
from dockerlint_alpine.elf.parallel import thread_map, workers
from dockerlint_alpine.elf.targets import EVERYTHING, MAX_REREAD, Reading, Subject, kept_sources
from dockerlint_alpine.elf.trees import DiskTree, Node, normalise, read_file
from dockerlint_alpine.system.patterns import lazy_pattern

MAX_FILES = 5_000_000
_BATCH = 256
_PSEUDO = ("proc", "sys", "dev")
"""Where a running system keeps what is no file at all."""

_ROOT_MARKS = lazy_pattern(
    r"/(?:lib/ld-musl-\w+\.so\.1|(?:usr/)?lib/apk/db/installed|etc/alpine-release|(?:etc|usr/lib)/os-release)$"
)
_ROOT_FILES = """
    lib/apk/db/installed usr/lib/apk/db/installed etc/alpine-release etc/os-release usr/lib/os-release
""".split()


def looks_like_root(paths: Iterator[str]) -> bool:
    """Whether these absolute paths of a tree contain what only a root file system has."""
    return any(_ROOT_MARKS.fullmatch(path) for path in paths)


def open_object(path: Path) -> Subject:
    """Give the subject of one object on disk; ``$ORIGIN`` finds its neighbours. Raises :class:`TargetError`."""
    absolute = normalise(os.path.abspath(path))  # noqa: PTH100 - keeps links as the user named them
    try:
        node = read_file(path)
    except (OSError, ValueError) as error:
        raise TargetError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if node.facts is None:
        raise TargetError(f"{path}: {node.problem or 'not an ELF object'}")
    tree = DiskTree(Path("/"), {absolute: node}, system=False)
    return Subject(
        str(path), "object", tree, (absolute,), base=absolute.rpartition("/")[0] or "/", reread=_reread_below("/")
    )


def open_folder(path: Path, how: Reading = EVERYTHING) -> Subject:
    """Give the subject of a folder and everything below it.

    A folder that holds an Alpine or other root file system is taken as one: absolute search paths then mean paths in
    it. Raises :class:`TargetError` where the folder can't be read.
    """
    top = os.path.abspath(path)  # noqa: PTH100 - keeps links as the user named them
    if not os.path.isdir(top):  # noqa: PTH112 - as above
        raise TargetError(f"{path}: not a folder")
    root = _is_root(top)
    notes: list[str] = []
    files = list(_walk(top, notes, skipped=frozenset(_PSEUDO if root else ())))
    prefix = top if root and top != "/" else ""
    scanned: dict[str, Node] = {}
    done = 0

    def scan(batch: list[tuple[str, int]]) -> list[tuple[str, Node]]:
        nonlocal done
        found = ((file, _scan_file(file, size, sources=how.sources)) for file, size in batch)
        nodes = [(file, node) for file, node in found if node is not None]
        done += len(batch)
        how.progress(done, len(files))
        return nodes

    batches = [files[start : start + _BATCH] for start in range(0, len(files), _BATCH)]
    for nodes in thread_map(scan, batches, threads=workers()):
        scanned.update((normalise(file[len(prefix) :]), node) for file, node in nodes)
    return Subject(
        name=str(path),
        kind="root" if root else "folder",
        tree=DiskTree(Path(top) if root else Path("/"), scanned, system=root),
        objects=tuple(path for path, node in sorted(scanned.items()) if node.is_object),
        base="/" if root else normalise(top),
        sources=kept_sources(scanned),
        notes=tuple(notes),
        reread=_reread_below(top if root else "/"),
    )


def _reread_below(root: str) -> Callable[[str], bytes | None]:
    def reread(path: str) -> bytes | None:
        try:
            whole = Path(root, path[1:])
            return whole.read_bytes() if whole.stat().st_size <= MAX_REREAD else None
        except (OSError, ValueError):
            return None

    return reread


def _is_root(top: str) -> bool:
    if any(os.path.exists(os.path.join(top, name)) for name in _ROOT_FILES):  # noqa: PTH110, PTH118 - as above
        return True
    try:
        return any(re.fullmatch(r"ld-musl-\w+\.so\.1", name) for name in os.listdir(os.path.join(top, "lib")))  # noqa: PTH118, PTH208
    except OSError:
        return False


def _walk(top: str, notes: list[str], *, skipped: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Regular files below ``top`` that are worth opening, as ``(path, size)``; links are not followed.

    Folders directly in ``top`` whose names are in ``skipped`` are passed over.
    """
    pending = [top]
    count = 0
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            notes.append(f"{folder}: {error.strerror}")
            continue
        for entry in entries:
            if folder == top and entry.name in skipped:
                continue
            count += 1
            if count > MAX_FILES:
                notes.append(f"more than {MAX_FILES} files: the rest was not read")
                return
            try:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    if use_of(entry.path, size) is not None:
                        yield entry.path, size
            except OSError as error:  # gone meanwhile
                notes.append(f"{entry.path}: {error.strerror}")


def _scan_file(path: str, size: int, *, sources: bool) -> Node | None:
    """Give the node of a file that says something, ``None`` for all others."""
    use = use_of(path, size)
    try:
        if use == "probe":
            node = read_file(path)
            return node if node.is_object else None
        if use == "source" and not sources:
            return None
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        return Node("file", size, problem=f"can't be read: {getattr(error, 'strerror', None) or error}")
    if use == "source" and not opens_libraries(content):
        return None
    return Node("file", size, content=content)
