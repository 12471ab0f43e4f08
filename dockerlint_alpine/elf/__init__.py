"""Shared objects, wheels, folders and images: what they need, where musl's loader finds it, and what is missing.

Imports nothing else of this project. Everything is imported when it is first used, as most runs never look at a binary.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockerlint_alpine.elf.engine import open_engine_image
    from dockerlint_alpine.elf.errors import (
        ArchiveError,
        ElfError,
        EngineError,
        MalformedElfError,
        NotElfError,
        TargetError,
    )
    from dockerlint_alpine.elf.folders import open_folder, open_object
    from dockerlint_alpine.elf.images import open_image_file, open_image_folder
    from dockerlint_alpine.elf.inspection import (
        Inspection,
        NeedReport,
        ObjectReport,
        OpenReport,
        PackageLookup,
        Provider,
        RootFacts,
        RuntimeOpen,
        SourceScan,
        UnresolvedSymbol,
        inspect,
    )
    from dockerlint_alpine.elf.installed import InstalledDistribution, InstalledPackage
    from dockerlint_alpine.elf.libc import Libc, Remedy, libc_of, remedy_for
    from dockerlint_alpine.elf.loader import Load, LoadedObject, Loader, Need
    from dockerlint_alpine.elf.objects import ElfFacts, Symbols, VersionNeed, read_object
    from dockerlint_alpine.elf.opening import open_target
    from dockerlint_alpine.elf.render import to_json, to_text
    from dockerlint_alpine.elf.targets import Source, Subject
    from dockerlint_alpine.elf.trees import DiskTree, MemoryTree, Node, Tree
    from dockerlint_alpine.elf.wheels import open_wheel, read_wheel

_HOMES = {
    "engine": ("open_engine_image",),
    "errors": ("ArchiveError", "ElfError", "EngineError", "MalformedElfError", "NotElfError", "TargetError"),
    "folders": ("open_folder", "open_object"),
    "images": ("open_image_file", "open_image_folder"),
    "inspection": (
        "Inspection",
        "NeedReport",
        "ObjectReport",
        "OpenReport",
        "PackageLookup",
        "Provider",
        "RootFacts",
        "RuntimeOpen",
        "SourceScan",
        "UnresolvedSymbol",
        "inspect",
    ),
    "installed": ("InstalledDistribution", "InstalledPackage"),
    "libc": ("Libc", "Remedy", "libc_of", "remedy_for"),
    "loader": ("Load", "LoadedObject", "Loader", "Need"),
    "objects": ("ElfFacts", "Symbols", "VersionNeed", "read_object"),
    "opening": ("open_target",),
    "render": ("to_json", "to_text"),
    "targets": ("Source", "Subject"),
    "trees": ("DiskTree", "MemoryTree", "Node", "Tree"),
    "wheels": ("open_wheel", "read_wheel"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ArchiveError",
    "DiskTree",
    "ElfError",
    "ElfFacts",
    "EngineError",
    "Inspection",
    "InstalledDistribution",
    "InstalledPackage",
    "Libc",
    "Load",
    "LoadedObject",
    "Loader",
    "MalformedElfError",
    "MemoryTree",
    "Need",
    "NeedReport",
    "Node",
    "NotElfError",
    "ObjectReport",
    "OpenReport",
    "PackageLookup",
    "Provider",
    "Remedy",
    "RootFacts",
    "RuntimeOpen",
    "Source",
    "SourceScan",
    "Subject",
    "Symbols",
    "TargetError",
    "Tree",
    "UnresolvedSymbol",
    "VersionNeed",
    "inspect",
    "libc_of",
    "open_engine_image",
    "open_folder",
    "open_image_file",
    "open_image_folder",
    "open_object",
    "open_target",
    "open_wheel",
    "read_object",
    "read_wheel",
    "remedy_for",
    "to_json",
    "to_text",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
