"""What is installed in a root file system or a folder: apk packages, Python distributions, the Alpine release.

Sources: apk-tools' ``lib/apk/db/installed`` format (the records of APKINDEX with file lists), the core metadata and
RECORD specifications of the Python packaging guide, and os-release(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from packaging.utils import canonicalize_name

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.elf.trees import Tree


class InstalledPackage(Struct, frozen=True):
    """An apk package of the database: what it is, provides and depends on, as written."""

    name: str
    version: str
    arch: str
    origin: str
    provides: tuple[str, ...]
    depends: tuple[str, ...]


class InstalledDistribution(Struct, frozen=True):
    """A Python distribution: name (normalised, PEP 503), version, the folder of its metadata, and its shared objects.

    ``objects`` are absolute paths in the tree, from RECORD; empty where there is none (``egg-info``).
    """

    name: str
    version: str
    metadata: str
    objects: tuple[str, ...]


_METADATA = lazy_pattern(r"(?P<folder>.*/)(?P<info>[^/]+\.(?:dist|egg)-info)(?:/(?:METADATA|PKG-INFO))?$")
_FIELD = lazy_pattern(rb"^(Name|Version):[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)
_RELEASE = lazy_pattern(r"(\d+\.\d+)(?:[._]\w+)*\s*$")


def packages_of(tree: Tree) -> tuple[InstalledPackage, ...]:
    """Give the apk packages installed in this tree, in the database's order."""
    for path in ("/lib/apk/db/installed", "/usr/lib/apk/db/installed"):
        node = tree.lookup(path)
        if node is not None and node.content is not None:
            return tuple(_packages(node.content.decode("utf-8", "replace")))
    return ()


def _packages(database: str) -> Iterator[InstalledPackage]:
    for record in re.split(r"\n[ \t\r]*\n", database):
        fields: dict[str, str] = {}
        for line in record.splitlines():
            if line.startswith("F:"):
                break  # the file list: nothing of the package itself follows
            if line[1:2] == ":":
                fields[line[0]] = line[2:].strip()
        if "P" in fields and "V" in fields:
            yield InstalledPackage(
                fields["P"],
                fields["V"],
                fields.get("A", ""),
                fields.get("o", ""),
                tuple(fields.get("p", "").split()),
                tuple(fields.get("D", "").split()),
            )


def world_of(tree: Tree) -> tuple[str, ...]:
    """Give what ``etc/apk/world`` asks for, as written."""
    node = tree.lookup("/etc/apk/world")
    return () if node is None or node.content is None else tuple(node.content.decode("utf-8", "replace").split())


def alpine_release(tree: Tree) -> str | None:
    """Give the Alpine release as ``X.Y``, or ``edge``, whose file says ``3.21.0_alpha20240923``; ``None``: no Alpine."""
    node = tree.lookup("/etc/alpine-release")
    if node is not None and node.content is not None:
        text = node.content.decode("utf-8", "replace").strip()
        match = _RELEASE.match(text)
        if match is not None and "_alpha" in text:
            return "edge"
        return match[1] if match else None
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        node = tree.lookup(path)
        if node is not None and node.content is not None:
            text = node.content.decode("utf-8", "replace")
            if re.search(r"^ID=[\"']?alpine", text, re.MULTILINE):
                match = re.search(r"^VERSION_ID=[\"']?(\d+\.\d+)", text, re.MULTILINE)
                return match[1] if match else None
    return None


def distributions_of(tree: Tree) -> tuple[InstalledDistribution, ...]:
    """Give the Python distributions of this tree by their ``dist-info`` and ``egg-info``, sorted by name and path."""
    found = []
    for path, node in tree.nodes():
        match = _METADATA.match(path)
        if match is None or node.content is None:
            continue
        head = node.content.partition(b"\n\n")[0]
        fields = {key: value.decode("utf-8", "replace") for key, value in reversed(_FIELD.findall(head))}
        if b"Name" not in fields or b"Version" not in fields:
            continue
        record = tree.lookup(f"{match['folder']}{match['info']}/RECORD")
        listed = b"" if record is None or record.content is None else record.content
        objects = tuple(match["folder"] + name for name in _recorded_objects(listed))
        name = str(canonicalize_name(fields[b"Name"]))
        found.append(InstalledDistribution(name, fields[b"Version"], match["folder"] + match["info"], objects))
    return tuple(sorted(found, key=lambda d: (d.name, d.metadata)))


def _recorded_objects(record: bytes) -> Iterator[str]:
    for line in record.decode("utf-8", "replace").splitlines():
        if ".so" in line:
            name = line[1:].partition('"')[0] if line.startswith('"') else line.partition(",")[0]
            if ".so" in name:
                yield name.removeprefix("./")
