"""Byte streams of layers: plain, gzip or zstd, decompressed as they are read and limited in total."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from dockerlint_alpine.system.unreadable import ArchiveError

CHUNK = 1024 * 1024
_PACKED = 64 * 1024
"""Bytes that a decompressor gets at once: each of many tiny frames copies what is left of them."""
MAX_STREAM = 16 * 1024**3
"""Bytes that one layer may unpack to."""

MAX_FRAMES = 1_000_000
"""Gzip members or zstd frames of one layer; formats that find files in layers have one for each file."""
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"


class _Gzip:
    """zlib's decompressor with the interface that those of the standard library's other formats share."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(31)

    def decompress(self, data: bytes, limit: int) -> bytes:
        return self._engine.decompress(self._engine.unconsumed_tail + data, limit)

    @property
    def needs_input(self) -> bool:
        return not self._engine.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data


class FileSlice:
    """Bytes ``start:start + size`` of an open file, read forward; independent of the file's own position."""

    def __init__(self, handle: int, start: int, size: int) -> None:
        self._handle = handle
        self._position = start
        self._end = start + size

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end. Raises :class:`ArchiveError` where the file can't be read."""
        parts = []
        while size > 0 and self._position < self._end:
            try:
                part = os.pread(self._handle, min(size, self._end - self._position), self._position)
            except OSError as error:
                raise ArchiveError(f"can't be read: {error.strerror}") from None
            if not part:
                break
            parts.append(part)
            self._position += len(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int, /) -> int:
        """Pass over ``size`` bytes or to the end of the slice; give how many that were."""
        size = min(size, self._end - self._position)
        self._position += size
        return size

    @property
    def position(self) -> int:
        """Where in the file the next byte lies."""
        return self._position


class Packed(Protocol):
    """Where packed bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end."""


class Hashed:
    """Bytes that are read to their end, so that their digest can be compared."""

    def __init__(self, packed: Packed, algorithm: str, expected: str) -> None:
        import hashlib

        self._packed = packed
        self._digest = hashlib.new(algorithm)
        self._expected = expected

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end."""
        data = self._packed.read(size)
        self._digest.update(data)
        return data

    def finish(self) -> None:
        """Read the rest. Raises :class:`ArchiveError` where the bytes are not those of the digest."""
        while self.read(CHUNK):
            pass
        if self._digest.hexdigest() != self._expected:
            raise ArchiveError("its bytes do not match its digest")


class Decompressed:
    """The decompressed bytes of a slice, whatever it is packed with (told by its first bytes), read forward."""

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._chunks = _chunks(packed)
        self._buffer = b""
        self._at = 0
        self._total = 0

    def _fill(self) -> bool:
        chunk = next(self._chunks, b"")
        self._total += len(chunk)
        if self._total > MAX_STREAM:
            raise ArchiveError(f"it unpacks to more than {MAX_STREAM} bytes")
        self._buffer, self._at = chunk, 0
        return bool(chunk)

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end. Raises :class:`ArchiveError` for damaged data."""
        parts = []
        while size > 0:
            if self._at == len(self._buffer) and not self._fill():
                break
            part = self._buffer[self._at : self._at + size]
            parts.append(part)
            self._at += len(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def total(self) -> int:
        """How many bytes were unpacked so far."""
        return self._total

    def finish(self) -> None:
        """Compare the digest of the packed bytes, if there is one. Raises :class:`ArchiveError`."""
        if isinstance(self._packed, Hashed):
            self._packed.finish()

    def skip(self, size: int, /) -> int:
        """Pass over ``size`` bytes or to the end; give how many that were."""
        left = size
        while left > 0 and (self._at < len(self._buffer) or self._fill()):
            step = min(left, len(self._buffer) - self._at)
            self._at += step
            left -= step
        return size - left


def is_compressed(head: bytes) -> bool:
    """Whether these first bytes start a gzip or zstd stream."""
    return head.startswith((_GZIP, _ZSTD)) or head[1:4] == _ZSTD_SKIPPABLE


def _codec(head: bytes) -> tuple[str, Callable[[], Any], tuple[type[Exception], ...]]:
    """The name, the decompressor and its errors for a stream. Raises :class:`ArchiveError` where this Python has none."""
    if head.startswith(_GZIP):
        return "gzip", _Gzip, (zlib.error,)
    try:
        from compression import zstd  # type: ignore[import-not-found]
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            raise ArchiveError("reading zstd layers needs the package backports.zstd on this Python") from None
    return "zstd", zstd.ZstdDecompressor, (zstd.ZstdError, MemoryError)


def _chunks(packed: Packed) -> Iterator[bytes]:
    """Pieces of at most :data:`CHUNK` bytes; several gzip members or zstd frames in a row are one stream."""
    data = packed.read(_PACKED)
    if not is_compressed(data):
        while data:
            yield data
            data = packed.read(CHUNK)
        return
    name, make, errors = _codec(data)
    engine = make()
    frames = 1
    while True:
        try:
            piece = engine.decompress(data, CHUNK)
        except errors as error:
            raise ArchiveError(f"the {name} data is damaged ({error})") from None
        if piece:
            yield piece
        if engine.eof:
            data = engine.unused_data or packed.read(_PACKED)
            if not data.strip(b"\0"):
                return  # padding
            frames += 1
            if frames > MAX_FRAMES:
                raise ArchiveError(f"it has more than {MAX_FRAMES} compressed frames")
            engine = make()
        elif not engine.needs_input:
            data = b""  # it has more of what it was given
        else:
            data = packed.read(_PACKED)
            if not data:
                raise ArchiveError("the compressed data ends too early")
