"""What musl's loader would load for a program or an extension, and from where.

A model of ``load_library``, ``path_open``, ``fixup_rpath`` and ``load_deps`` in musl's ``ldso/dynlink.c`` (1.2.x), on a
:class:`~dockerlint_alpine.elf.trees.Tree` instead of the running system:

- names that musl reserves (``libc.``, ``libpthread.``, ...) are the loader itself;
- a name with a slash is opened as it stands; others first match what is already loaded under that short name;
- then LD_LIBRARY_PATH, then the search path of the object that needs it, of the one that needed that, and so on up to
  the
  program (RPATH and RUNPATH alike, both are inherited), then ``/etc/ld-musl-ARCH.path``, or
  ``/lib:/usr/local/lib:/usr/lib``;
- the first file that opens ends the search, even if it can't be loaded;
- ``$ORIGIN`` is the folder of the path by which the object was found, links not resolved; a search path with any other
  ``$`` word is ignored as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

from dockerlint_alpine.elf.trees import Found, LinkLoopError, Tree, follow
from dockerlint_alpine.system.musl import is_libc_itself
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.elf.identity import Identity
    from dockerlint_alpine.elf.objects import ElfFacts


NeedStatus: TypeAlias = Literal["found", "libc", "missing", "external", "unloadable"]

DEFAULT_PATH = "/lib:/usr/local/lib:/usr/lib"
NAME_MAX = 255
MAX_FOLDERS = 256
"""Folders of one search path that are tried: musl knows no limit, but hostile objects should not take forever."""
_SEPARATOR = lazy_pattern(r"[:\n]+")
_ORIGIN = lazy_pattern(r"\$(?:ORIGIN|\{ORIGIN\})")

_LOADER_ARCHES = {"x86": "i386", "ppc64le": "powerpc64le", "armv7": "armhf"}


class Need(Struct, frozen=True):
    """One DT_NEEDED name and what the loader makes of it.

    ``status``: ``found``; ``libc`` (the loader itself); ``missing`` (a root file system without it); ``external`` (the
    tree is not a root file system, so the system is expected to have it); ``unloadable`` (the file found first can't be
    loaded, ``how`` says why). ``path`` is the path as the loader sees it, ``real`` with links resolved; ``how`` says
    which search found it. ``denied``: it is missing because the user that runs it may not read it, as ``how`` says.
    """

    name: str
    status: NeedStatus
    path: str | None = None
    real: str | None = None
    how: str = ""
    denied: bool = False


class _Loaded(Struct):
    path: str
    real: str
    facts: ElfFacts
    needed_by: _Loaded | None
    short_name: str | None = None
    needs: list[Need] = field(default_factory=list)


class LoadedObject(Struct, frozen=True):
    """One object of a load, in loading order: its path as the loader sees it, the real one, and its needs resolved."""

    path: str
    real: str
    facts: ElfFacts
    needs: tuple[Need, ...]


class Load(Struct, frozen=True):
    """Everything that loading one object brings, the object itself first, then its libraries in the loader's order."""

    objects: tuple[LoadedObject, ...]

    @property
    def root(self) -> LoadedObject:
        """The object that was asked for."""
        return self.objects[0]

    @property
    def complete(self) -> bool:
        """Whether every library was found, so that undefined symbols can be judged."""
        return all(need.status in ("found", "libc") for loaded in self.objects for need in loaded.needs)


class Loader:
    """Loads objects of one tree as musl's loader does.

    ``library_path`` is the value of LD_LIBRARY_PATH, ``workdir`` what relative folders count from, ``identity`` the user
    that opens the files (``None``: one who may). ``host`` is the program that loads extensions (a Python): its
    search path is inherited by them, as the program is what ``dlopen`` counts as the one that needs them.
    """

    def __init__(
        self,
        tree: Tree,
        arch: str,
        *,
        library_path: str = "",
        host: Found | None = None,
        identity: Identity | None = None,
        workdir: str = "/",
    ) -> None:
        self._tree = tree
        self._library_path = library_path
        self._system_path = system_path(tree, arch) if tree.system else ""
        self._host = host
        self._identity = identity
        self._workdir = workdir.rstrip("/")
        self._denied: dict[str, str] = {}
        self._opened: dict[str, Found | Literal["loop"] | None] = {}

    def load(self, path: str) -> Load | None:
        """Load the object at this absolute path of the tree, or ``None`` where no readable object is there."""
        found = self._open(path)
        if not isinstance(found, Found) or found.node.facts is None:
            return None
        # The kernel maps a program, whose $ORIGIN is then that of /proc/self/exe; a library keeps the path it was
        # named by.
        seen_as = found.path if found.node.facts.kind == "program" else path
        root = _Loaded(seen_as, found.path, found.node.facts, self._host_object(found))
        chain = [root]
        for loaded in chain:  # grows while it is walked, as the list of musl's load_deps does
            loaded.needs.extend(self._load_library(name, loaded, chain) for name in loaded.facts.needed)
        return Load(tuple(LoadedObject(o.path, o.real, o.facts, tuple(o.needs)) for o in chain))

    def _host_object(self, found: Found) -> _Loaded | None:
        host = self._host
        if host is None or host.path == found.path or host.node.facts is None or found.node.facts is None:
            return None
        if found.node.facts.kind == "program":
            return None
        return _Loaded(host.path, host.path, host.node.facts, None)

    def _open(self, path: str) -> Found | Literal["loop"] | None:
        if path not in self._opened:
            try:
                self._opened[path] = self._readable(path, follow(self._tree, path))
            except LinkLoopError:
                self._opened[path] = "loop"
        return self._opened[path]

    def _readable(self, path: str, found: Found | None) -> Found | None:
        """What opening gives to the user that runs it: musl goes on where that is EACCES, as where it is ENOENT."""
        if found is None or self._identity is None or self._identity.may_read(found.node):
            return found
        name = path.rpartition("/")[2]
        self._denied.setdefault(name, f"{path} is there, but USER {self._identity.name} may not read it")
        return None

    def _load_library(self, name: str, needed_by: _Loaded, chain: list[_Loaded]) -> Need:
        if is_libc_itself(name):
            return Need(name, "libc", how="musl's loader reserves this name for itself")
        if "/" in name:
            absolute = name if name.startswith("/") else "/" + name
            candidate, how = self._open(absolute), "named by its path"
            seen_as = absolute
        else:
            for loaded in chain[1:]:
                if loaded.short_name == name:
                    return Need(name, "found", loaded.path, loaded.real, "already loaded")
            if not name or len(name.encode()) > NAME_MAX:
                return Need(name, "missing", how="no loader accepts this name")
            seen_as, candidate, how = self._search(name, needed_by)
        if candidate == "loop":
            return Need(name, "unloadable", seen_as, how="too many levels of symbolic links: the search ends here")
        if candidate is None:
            denied = self._denied.get(name, "")
            return Need(name, "missing" if self._tree.system else "external", how=denied, denied=bool(denied))
        return self._map(name, seen_as, candidate, how, needed_by, chain)

    def _search(self, name: str, needed_by: _Loaded) -> tuple[str, Found | Literal["loop"] | None, str]:
        for folders, how in self._search_paths(needed_by):
            for folder in folders:
                start = "" if folder.startswith("/") else f"{self._workdir}/"
                path = f"{start}{folder}/{name}"  # not normalised: behind a link, .. is another folder
                found = self._open(path)
                if found is not None:
                    return path, found, how
        return "", None, ""

    def _search_paths(self, needed_by: _Loaded) -> Iterator[tuple[list[str], str]]:
        if self._library_path:
            yield _folders(self._library_path), "LD_LIBRARY_PATH"
        ancestor: _Loaded | None = needed_by
        while ancestor is not None:
            folders = self._own_path(ancestor)
            if folders:
                tag = "RPATH" if ancestor.facts.runpath is None else "RUNPATH"
                yield folders, f"{tag} of {ancestor.path.rpartition('/')[2]}"
            ancestor = ancestor.needed_by
        if self._system_path:
            yield _folders(self._system_path), "system path"

    def _own_path(self, loaded: _Loaded) -> list[str]:
        folders = expand_search_path(loaded.facts.search_path, loaded.path)
        if self._tree.system:
            return folders
        # Absolute entries speak of the system that will run this, not of the machine or archive that holds it now.
        written = _folders(loaded.facts.search_path or "")
        return [folder for folder, raw in zip(folders, written, strict=False) if _ORIGIN.match(raw)]

    def _map(self, name: str, path: str, found: Found, how: str, needed_by: _Loaded, chain: list[_Loaded]) -> Need:
        """Load the first file that opened for a name; ``how`` says which search led to it."""
        for loaded in chain:
            if loaded.real == found.path:
                if loaded.short_name is None and "/" not in name:
                    loaded.short_name = path.rpartition("/")[2]
                return Need(name, "found", loaded.path, loaded.real, how)
        facts = found.node.facts
        if facts is None:
            reason = found.node.problem or ("a folder" if found.node.kind == "directory" else "not an ELF object")
            return Need(name, "unloadable", path, found.path, f"the first file found ({how}) is {reason}")
        if facts.arch != needed_by.facts.arch:
            return Need(name, "unloadable", path, found.path, f"the first file found ({how}) is for {facts.arch}")
        if "__libc_start_main" in facts.symbols.defined and "stdin" in facts.symbols.defined:
            return Need(name, "libc", path, found.path, "a C library: musl's loader puts itself in its place")
        short = None if "/" in name else path.rpartition("/")[2]
        chain.append(_Loaded(path, found.path, facts, needed_by, short))
        return Need(name, "found", path, found.path, how)


def _folders(search_path: str) -> list[str]:
    return [folder for folder in _SEPARATOR.split(search_path) if folder][:MAX_FOLDERS]


def expand_search_path(search_path: str | None, path: str) -> list[str]:
    """Give the folders of an RPATH or RUNPATH, ``$ORIGIN`` put in for the object found at ``path``.

    Relative folders are given as they are: they count from the working directory.
    """
    if not search_path or len(_ORIGIN.findall(search_path)) != search_path.count("$"):
        return []
    origin = path.rpartition("/")[0]
    return _folders(_ORIGIN.sub(lambda _: origin, search_path))


def system_path(tree: Tree, arch: str) -> str:
    """Give the loader's own search path in this root file system: ``/etc/ld-musl-ARCH.path``, or musl's default.

    An unreadable or empty file means an empty path, as for the loader.
    """
    name = f"/etc/ld-musl-{_LOADER_ARCHES.get(arch, arch)}.path"
    try:
        found = follow(tree, name)
    except LinkLoopError:
        return ""
    if found is None:
        return DEFAULT_PATH
    return (found.node.content or b"").decode("utf-8", "surrogateescape")
