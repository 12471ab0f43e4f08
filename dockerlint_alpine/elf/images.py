"""Images without an engine: ``docker save`` tars, OCI layouts (folder or tar), plain root file system tars.

Sources: the OCI image and image-layout specifications, and the ``manifest.json`` of Docker's image specification v1.2.
"""

from __future__ import annotations

import json
import os
import posixpath
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from dockerlint_alpine.elf.errors import TargetError
from dockerlint_alpine.elf.folders import looks_like_root
from dockerlint_alpine.elf.layers import merge
from dockerlint_alpine.elf.streams import Decompressed, FileSlice, Hashed, is_compressed
from dockerlint_alpine.elf.targets import EVERYTHING, MACHINE_NAMES, Progress, Reading, Subject, kept_sources
from dockerlint_alpine.elf.trees import MemoryTree
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.tarread import TarReader
from dockerlint_alpine.system.unreadable import ArchiveError

MAX_JSON = 4 * 1024 * 1024
"""Bytes of one document, as registries have it (OCI distribution specification, "Pushing Manifests")."""
MAX_JSON_TOTAL = 64 * 1024 * 1024
MAX_MANIFESTS = 256
MAX_NAMES = 256 * 1024 * 1024
"""Bytes of the names of files in an archive."""
MAX_LAYERS = 1024
_MAX_LINKS = 8
_NAMED_BY_DIGEST = lazy_pattern(
    r"blobs/(?P<algorithm>sha256(?=/.{64}$)|sha512(?=/.{128}$))/(?P<digits>[0-9a-f]+)|(?P<own>[0-9a-f]{64})\.json"
)
"""A blob of an OCI layout; the configuration in what ``docker save`` wrote before that."""
_SHA256 = lazy_pattern(r"[0-9a-f]{64}")


class _Blobs(Protocol):
    """Files of an image archive by their path in it."""

    def open(self, name: str) -> FileSlice | None:
        """Give the bytes of one file, ``None`` where there is none."""


class _Plan(Struct, frozen=True):
    """Which layers make the image, lowest first, and its configuration.

    ``unpacked`` are the digests of the layers as plain tars, where the configuration tells them.
    """

    layers: tuple[str, ...]
    config: Mapping[str, Any]
    unpacked: tuple[str, ...] = ()


class _TarBlobs:
    """Files of an uncompressed tar, found by one pass over its headers."""

    def __init__(self, handle: int, size: int) -> None:
        self._handle = handle
        self._files: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        stream = FileSlice(handle, 0, size)
        names = 0
        for entry in TarReader(stream):
            names += len(entry.path) + len(entry.link) + 200
            if names > MAX_NAMES:
                raise ArchiveError("it has more files than can be read")
            path = posixpath.normpath("/" + entry.path)[1:]
            if entry.kind == "file":
                self._files[path] = (stream.position, entry.size)
            elif entry.kind in ("symlink", "hardlink"):
                start = "/" if entry.kind == "hardlink" else "/" + posixpath.dirname(path)
                self._links[path] = posixpath.normpath(posixpath.join(start, entry.link))[1:]

    def open(self, name: str) -> FileSlice | None:
        for _ in range(_MAX_LINKS):  # docker save has links between the layers that images share
            if name in self._files:
                return FileSlice(self._handle, *self._files[name])
            name = self._links.get(name, "")
        return None


class _FolderBlobs:
    """Files of an unpacked archive; the descriptors stay open until :meth:`close`."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._handles: list[int] = []

    def open(self, name: str) -> FileSlice | None:
        try:
            if not (self._top / name).resolve().is_relative_to(self._top.resolve()):
                return None  # a link or name that leads out of the layout
            handle = os.open(self._top / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            self._handles.append(handle)
            return FileSlice(handle, 0, os.fstat(handle).st_size)
        except (OSError, ValueError, RuntimeError):
            return None

    def close(self) -> None:
        for handle in self._handles:
            os.close(handle)


def is_image_folder(path: Path) -> bool:
    """Whether the folder is an OCI layout or an unpacked ``docker save``."""
    return (path / "index.json").is_file() or ((path / "manifest.json").is_file() and any(path.glob("*/layer.tar")))


def open_image_folder(path: Path, how: Reading = EVERYTHING) -> Subject:
    """Give the subject of an OCI layout folder. Raises :class:`ArchiveError` for damaged layouts."""
    blobs = _FolderBlobs(path)
    try:
        plan = _plan(blobs, how.arch)
        if plan is None:
            raise ArchiveError("neither index.json nor manifest.json in it")
        return _subject(str(path), blobs, plan, how)
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}") from None
    finally:
        blobs.close()


def open_image_file(path: Path, how: Reading = EVERYTHING) -> Subject:
    """Give the subject of an image tar (``docker save``, OCI layout; also gzip or zstd) or a root file system tar.

    Raises :class:`ArchiveError` for damaged or hostile ones, :class:`TargetError` where the file can't be opened.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return read_image_file(file.fileno(), size, str(path), how)
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror}") from None
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}") from None


def read_image_file(handle: int, size: int, name: str, how: Reading) -> Subject:
    """As :func:`open_image_file`, for an open file descriptor that can be read anywhere (``pread``)."""
    if is_compressed(os.pread(handle, 4, 0)):
        with tempfile.TemporaryFile() as plain:
            stream = Decompressed(FileSlice(handle, 0, size))
            while chunk := stream.read(1 << 20):
                plain.write(chunk)
            plain.flush()
            return _read_plain(plain.fileno(), plain.tell(), name, how)
    return _read_plain(handle, size, name, how)


def _read_plain(handle: int, size: int, name: str, how: Reading) -> Subject:
    blobs = _TarBlobs(handle, size)
    plan = _plan(blobs, how.arch)
    if plan is not None:
        return _subject(name, blobs, plan, how)
    entries, notes = merge(iter([FileSlice(handle, 0, size)]), sources=how.sources)
    return subject_of(name, entries, notes, {}, "root" if looks_like_root(iter(entries)) else "folder")


def _plan(blobs: _Blobs, arch: str | None) -> _Plan | None:
    documents = _Documents(blobs)
    manifest = documents.read("manifest.json")
    if isinstance(manifest, list):
        return _docker_plan(documents, manifest, arch)
    index = documents.read("index.json")
    return None if index is None else _oci_plan(documents, index, arch)


def _docker_plan(documents: _Documents, manifests: list[Any], arch: str | None) -> _Plan:
    plans = []
    for manifest in manifests[:MAX_MANIFESTS]:
        if isinstance(manifest, dict) and isinstance(manifest.get("Layers"), list):
            name = manifest.get("Config")
            config = documents.read(name) if isinstance(name, str) else None
            layers = _texts(manifest["Layers"])
            plans.append(_Plan(layers, settings_of(config), _unpacked_digests(config, len(layers))))
    return _choose(plans, arch)


def _oci_plan(documents: _Documents, index: Any, arch: str | None) -> _Plan:
    pending: list[str | None] = [None]
    seen: set[str] = set()
    plans: list[_Plan] = []
    for name in pending:  # grows as it goes
        document = index if name is None else documents.read(name)
        if not isinstance(document, dict):
            continue
        if isinstance(document.get("layers"), list):
            config = documents.read(_blob_name(document.get("config")))
            layers = document["layers"]
            if len(layers) > MAX_LAYERS:
                raise ArchiveError(f"{len(layers)} layers, more than {MAX_LAYERS}")
            if isinstance(config, dict) and "rootfs" in config:
                plans.append(_Plan(tuple(map(_blob_name, layers)), settings_of(config)))
            continue
        listed = document.get("manifests")
        for descriptor in listed if isinstance(listed, list) else ():
            if isinstance(descriptor, dict) and not _is_attestation(descriptor):
                blob = _blob_name(descriptor)
                if blob in seen:
                    continue  # an index may name itself
                seen.add(blob)
                pending.append(blob)
                if len(pending) > MAX_MANIFESTS:
                    raise ArchiveError(f"its indexes name more than {MAX_MANIFESTS} manifests")
    return _choose(plans, arch)


def settings_of(config: Any) -> dict[str, Any]:
    """Of an image's configuration, what :func:`subject_of` uses; 256 of them may be at hand at a time."""
    return {key: value for key, value in _table(config).items() if key in ("architecture", "variant", "config")}


def _is_attestation(descriptor: dict[str, Any]) -> bool:
    """BuildKit keeps provenance and SBOMs as manifests of an unknown platform beside the image."""
    return _table(descriptor.get("platform")).get("os") == "unknown" or "vnd.docker.reference.type" in _table(
        descriptor.get("annotations")
    )


def _choose(plans: list[_Plan], arch: str | None) -> _Plan:
    if not plans:
        raise ArchiveError("no image in it")
    if arch is None:
        return plans[0]
    for plan in plans:
        if _arch(plan.config) == arch:
            return plan
    known = ", ".join(sorted({_arch(plan.config) or "unknown" for plan in plans}))
    raise ArchiveError(f"no image for {arch} in it (available: {known})")


def _arch(config: Mapping[str, Any]) -> str | None:
    name = config.get("architecture")
    if name == "arm":
        return "armhf" if config.get("variant") == "v6" else "armv7"
    return MACHINE_NAMES.get(name, name) if isinstance(name, str) else None


def _blob_name(descriptor: Any) -> str:
    algorithm, colon, value = _text(_table(descriptor).get("digest")).partition(":")
    if not colon or not algorithm.isalnum() or not value.isalnum():
        raise ArchiveError("a digest in the manifest is not valid")
    return f"blobs/{algorithm}/{value}"


def _unpacked_digests(config: Any, layers: int) -> tuple[str, ...]:
    """The sha256 digits of ``rootfs.diff_ids``, if there is one for each layer."""
    listed = _texts(_table(_table(config).get("rootfs")).get("diff_ids"))
    found = tuple(digest.removeprefix("sha256:") for digest in listed)
    return found if len(found) == layers and all(map(_SHA256.fullmatch, found)) else ()


def _digest_of(name: str) -> tuple[str, str] | None:
    """The digest that the name of a blob stands for, as algorithm and hexadecimal digits; of those that OCI registers."""
    match = _NAMED_BY_DIGEST.fullmatch(name)
    return (match["algorithm"] or "sha256", match["digits"] or match["own"]) if match is not None else None


class _Documents:
    """The JSON documents of an image, within limits and held against their digests."""

    def __init__(self, blobs: _Blobs) -> None:
        self._blobs = blobs
        self._left = MAX_JSON_TOTAL

    def read(self, name: str) -> Any:
        """Give one document, ``None`` where there is none. Raises :class:`ArchiveError`."""
        stream = self._blobs.open(name)
        if stream is None:
            return None
        raw = stream.read(MAX_JSON + 1)
        self._left -= len(raw)
        if len(raw) > MAX_JSON or self._left < 0:
            raise ArchiveError(f"{name}: its documents are too long for an image")
        digest = _digest_of(name)
        if digest is not None:
            import hashlib

            if hashlib.new(digest[0], raw).hexdigest() != digest[1]:
                raise ArchiveError(f"{name}: its bytes do not match its digest")
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise ArchiveError(f"{name} is not valid JSON") from None


def _subject(name: str, blobs: _Blobs, plan: _Plan, how: Reading) -> Subject:
    if len(plan.layers) > MAX_LAYERS:
        raise ArchiveError(f"{len(plan.layers)} layers, more than {MAX_LAYERS}")
    entries, notes = merge(_open_layers(blobs, plan, how.progress), sources=how.sources)
    return subject_of(name, entries, notes, plan.config, "image")


def _open_layers(blobs: _Blobs, plan: _Plan, progress: Progress) -> Iterator[Decompressed]:
    for number, name in enumerate(plan.layers):
        progress(number, len(plan.layers))
        stream, head = blobs.open(name), blobs.open(name)
        if stream is None or head is None:
            raise ArchiveError(f"{name} is not in the archive")
        digest = _digest_of(name)
        if digest is None and plan.unpacked and not is_compressed(head.read(4)):
            digest = "sha256", plan.unpacked[number]
        yield Decompressed(Hashed(stream, *digest) if digest is not None else stream)
    progress(len(plan.layers), len(plan.layers))


def subject_of(
    name: str, entries: dict[str, Any], notes: tuple[str, ...], config: Mapping[str, Any], kind: Any
) -> Subject:
    """Give the subject of merged layers (:func:`.layers.merge`) under an image's configuration."""
    inner = _table(config.get("config"))
    pairs = (text.partition("=") for text in _texts(inner.get("Env")))
    return Subject(
        name=name,
        kind=kind,
        tree=MemoryTree(entries, system=kind != "folder"),
        objects=tuple(path for path, node in entries.items() if node.is_object),
        arch=_arch(config),
        environment={key: value for key, equals, value in pairs if equals},
        start=(*_texts(inner.get("Entrypoint")), *_texts(inner.get("Cmd"))),
        user=_text(inner.get("User")),
        workdir=_text(inner.get("WorkingDir")) or "/",
        sources=kept_sources(entries),
        notes=notes,
    )


# What a document should hold, or nothing of its kind where it holds something else.


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
