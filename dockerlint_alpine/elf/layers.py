"""The layers of an image merged into one tree, as a runtime would mount them, without unpacking anything.

Whiteouts as in the OCI image specification (layer.md): ``.wh.NAME`` hides NAME of lower layers, ``.wh..wh..opq`` all
that lower layers have in that folder; neither touches the layer's own entries, whatever their order. Parents that are
symbolic links are followed inside the root, as the runtimes do.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.elf.file_selection import MAX_SOURCES_TOTAL, MAX_TEXT_TOTAL, opens_libraries, use_of
from dockerlint_alpine.elf.objects import HEAD_SIZE, is_elf, needed_extent
from dockerlint_alpine.elf.spool import spooled
from dockerlint_alpine.elf.streams import CHUNK, Decompressed
from dockerlint_alpine.elf.trees import MAX_LINKS, Guard, Node, object_node
from dockerlint_alpine.system.tarread import Access, ByteStream, TarEntry, TarReader
from dockerlint_alpine.system.unreadable import ArchiveError

MAX_OBJECT = 1024**3
MAX_DEPTH = 256
MAX_PATH = 4096
"""Bytes of a path or of a link's target, as Linux has it (``PATH_MAX``)."""
MAX_TREE = 512 * 1024**2
"""Bytes of memory that the merged tree may take, by a rough count: an image of 1.5 million files has a place in it."""
MAX_STEPS = 50_000_000
"""Folders passed on the ways to all entries together: a million entries in a depth of 50, or links upon links."""
MAX_UNPACKED = 64 * 1024**3
"""Bytes of all layers together."""
MAX_NOTES = 100
_ENTRY, _BRANCH = 250, 500
"""Bytes that a file and a folder take besides their names."""
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


class _Folder(Struct):
    layer: int
    access: Access = Access()
    cleared: int = 0
    """The last layer that hid all that lower ones have here: nothing of them is left to look for."""
    children: dict[str, _Folder | _Leaf] = field(default_factory=dict)


class _Leaf(Struct):
    layer: int
    node: Node
    access: Access = Access()


class LayerMerge:
    """Takes layers from the lowest to the highest, then gives the merged entries."""

    def __init__(self, *, sources: bool = True) -> None:
        self._root = _Folder(0)
        self._layer = 0
        self._sources = sources
        self._source_bytes = self._text_bytes = 0
        self._cost = self._steps = 0
        self._untold = 0
        self._notes: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What was passed over, one line each."""
        more = (f"{self._untold} more entries were ignored",) if self._untold else ()
        return (*self._notes, *more)

    def _note(self, entry: TarEntry, text: str) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes.append(f"layer {self._layer}: {entry.path[:200]}: {text}")
        else:
            self._untold += 1

    def _pay(self, size: int) -> None:
        self._cost += size
        if self._cost > MAX_TREE:
            raise ArchiveError("it has more files and folders than can be read")

    def apply(self, stream: ByteStream) -> None:
        """Put the next layer, an uncompressed tar stream, on top. Raises :class:`ArchiveError` for damaged ones."""
        self._layer += 1
        reader = TarReader(stream)
        for entry in reader:
            if len(entry.path) > MAX_PATH or len(entry.link) > MAX_PATH:
                self._note(entry, "an overlong path was ignored")
                continue
            parts = [part for part in entry.path.split("/") if part not in ("", ".")]
            if ".." in parts or len(parts) > MAX_DEPTH:
                self._note(entry, "a path that leads out of the image was ignored")
                continue
            if not parts:
                continue
            self._put(parts, entry, reader)

    def entries(self) -> dict[str, Node]:
        """All files and links of the merged tree by absolute path, sorted."""
        return dict(sorted(_leaves(self._root)))

    def _put(self, parts: list[str], entry: TarEntry, reader: TarReader) -> None:
        parent = self._folder(parts[:-1])
        if parent is None:
            self._note(entry, "its folder is an endless symbolic link")
            return
        self._pay(_ENTRY + len(entry.path))
        name = parts[-1]
        if name.startswith(_WHITEOUT):
            self._white_out(parent, name)
        elif entry.kind == "directory":
            below = parent.children.get(name)
            if not isinstance(below, _Folder):
                below = parent.children[name] = _Folder(self._layer)
            below.layer = self._layer
            below.access = entry.access
        elif entry.kind == "symlink":
            parent.children[name] = _Leaf(self._layer, Node("symlink", target=entry.link))
        elif entry.kind == "hardlink":
            self._link(parent, name, entry)
        else:
            parent.children[name] = _Leaf(self._layer, self._read(entry, reader), entry.access)

    def _white_out(self, parent: _Folder, name: str) -> None:
        if name == _OPAQUE:
            _drop_lower(parent, self._layer)
            return
        hidden = name[len(_WHITEOUT) :]
        below = parent.children.get(hidden)
        if below is None:
            return
        if isinstance(below, _Folder) and below.layer == self._layer:
            _drop_lower(below, self._layer)
        elif below.layer < self._layer:
            del parent.children[hidden]

    def _link(self, parent: _Folder, name: str, entry: TarEntry) -> None:
        parts = [part for part in entry.link.split("/") if part not in ("", ".")]
        folder = self._folder(parts[:-1]) if parts and ".." not in parts else None
        target = folder.children.get(parts[-1]) if folder is not None else None
        if isinstance(target, _Leaf):
            parent.children[name] = _Leaf(self._layer, target.node, target.access)
        else:
            self._note(entry, "a dangling hard link was ignored")

    def _folder(self, parts: list[str]) -> _Folder | None:
        """Give the folder at this path, links followed, made where it is missing; ``None`` for a loop of links."""
        pending = list(reversed(parts))
        trail = [self._root]
        branch = _BRANCH + sum(map(len, parts))
        links = 0
        while pending:
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise ArchiveError("the paths of its files are too long in total")
            part = pending.pop()
            if part == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            child = trail[-1].children.get(part)
            if isinstance(child, _Leaf) and child.node.kind == "symlink":
                links += 1
                target = child.node.target or ""
                if links > MAX_LINKS or len(pending) + target.count("/") > MAX_DEPTH:
                    return None
                if target.startswith("/"):
                    del trail[1:]
                pending.extend(part for part in reversed(target.split("/")) if part not in ("", "."))
                continue
            if not isinstance(child, _Folder):
                self._pay(branch)
                child = trail[-1].children[part] = _Folder(self._layer)
            trail.append(child)
            if len(trail) > MAX_DEPTH:
                return None
        return trail[-1]

    def _read(self, entry: TarEntry, reader: TarReader) -> Node:
        use = use_of(entry.path, entry.size)
        if use == "probe":
            return _read_object(entry, reader)
        if use == "text" or (use == "source" and self._sources):
            if use == "text":
                self._text_bytes += entry.size
                if self._text_bytes > MAX_TEXT_TOTAL:
                    raise ArchiveError(f"its texts have more than {MAX_TEXT_TOTAL} bytes")
            content = reader.read(entry.size)
            if use == "text":
                return Node("file", entry.size, content=content)
            if opens_libraries(content) and self._source_bytes + len(content) <= MAX_SOURCES_TOTAL:
                self._source_bytes += len(content)
                return Node("file", entry.size, content=content)
        return Node("file", entry.size)


def _read_object(entry: TarEntry, reader: TarReader) -> Node:
    head = reader.read(min(entry.size, 4))
    if not is_elf(head):
        return Node("file", entry.size)
    head += reader.read(min(entry.size, HEAD_SIZE) - len(head))
    wanted = min(entry.size, needed_extent(head) or entry.size)
    if wanted > MAX_OBJECT:
        return Node("file", entry.size, problem=f"bigger than {MAX_OBJECT} bytes: not read")
    with spooled(_pieces(head, reader, wanted), wanted) as data:
        return object_node(data, entry.size)


def _pieces(head: bytes, reader: TarReader, wanted: int) -> Iterator[bytes]:
    yield head
    for start in range(len(head), wanted, CHUNK):
        yield reader.read(min(CHUNK, wanted - start))


def _drop_lower(folder: _Folder, layer: int) -> None:
    """Take away what lower layers put below this folder."""
    if folder.cleared == layer:
        return
    folder.cleared = layer
    for name, child in list(folder.children.items()):
        if isinstance(child, _Folder):
            _drop_lower(child, layer)
            if child.layer < layer and not child.children:
                del folder.children[name]
        elif child.layer < layer:
            del folder.children[name]


def _leaves(root: _Folder) -> Iterator[tuple[str, Node]]:
    pending: list[tuple[str, _Folder, tuple[Guard, ...]]] = [("", root, ())]
    while pending:
        path, folder, guards = pending.pop()
        for name, child in folder.children.items():
            own = _guard(child)
            inner = guards if own is None else (*guards, own)
            if isinstance(child, _Folder):
                pending.append((f"{path}/{name}", child, inner))
            else:
                yield f"{path}/{name}", replace(child.node, guards=inner) if inner else child.node


def _guard(child: _Folder | _Leaf) -> Guard | None:
    """What keeps some users from a file or from what is in a folder; ``None`` where everybody may."""
    if isinstance(child, _Leaf) and child.node.kind == "symlink":
        return None
    wanted = 1 if isinstance(child, _Folder) else 4
    access = child.access
    return None if access.mode & wanted else Guard(wanted, access.mode, access.uid, access.gid)


def merge(streams: Iterator[ByteStream], *, sources: bool = True) -> tuple[dict[str, Node], tuple[str, ...]]:
    """Merge layers from the lowest to the highest: ``(entries by path, notes)``. Raises :class:`ArchiveError`."""
    merged = LayerMerge(sources=sources)
    unpacked = 0
    for number, stream in enumerate(streams, 1):
        try:
            merged.apply(stream)
            if isinstance(stream, Decompressed):
                stream.finish()
                unpacked += stream.total
            if unpacked > MAX_UNPACKED:
                raise ArchiveError(f"with those below it, it unpacks to more than {MAX_UNPACKED} bytes")
        except OSError as error:
            raise ArchiveError(f"layer {number}: can't be read: {error.strerror}") from None
        except ArchiveError as error:
            raise ArchiveError(f"layer {number}: {error}") from None
    return merged.entries(), merged.notes
