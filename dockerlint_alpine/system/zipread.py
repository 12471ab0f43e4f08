"""Members of a zip file by its central directory, in memory and within limits.

Stricter than :mod:`zipfile` on purpose: a wheel is refused where two readers could see different things in it
(duplicate names, data that overlaps, local headers that contradict the directory) and where a name or size is hostile.
Nothing is written to disk. Source: PKWARE's APPNOTE.TXT (sections 4.3 and 4.4; zip64 in 4.5.3).
"""

from __future__ import annotations

import stat
import struct
import zlib
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from dockerlint_alpine.system.unreadable import ArchiveError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

ZipBuffer: TypeAlias = "bytes | mmap.mmap"

MAX_MEMBERS = 200_000
MAX_MEMBER_SIZE = 2 * 1024**3
MAX_TOTAL_SIZE = 16 * 1024**3
MAX_RATIO = 1100
"""Deflate can't compress better than 1032:1; more is a lie of the directory."""
MAX_NAME = 4096

_END = struct.Struct("<4sHHHHIIH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 1, 0x800
_CHUNK = 1024 * 1024


class ZipMember(Struct, frozen=True):
    """One file of the archive: its name, sizes in bytes and where its data lies."""

    name: str
    size: int
    method: int
    crc: int
    data_start: int
    data_size: int


class ZipDirectory:
    """The members of a zip file whose bytes are given; raises :class:`ArchiveError` for what it refuses."""

    def __init__(self, data: ZipBuffer) -> None:
        self._data = data
        self.members: tuple[ZipMember, ...] = tuple(self._read_directory())

    def read(self, member: ZipMember) -> bytes:
        """Give the bytes of a member; its size and checksum are compared."""
        return b"".join(self.chunks(member, member.size))

    def head(self, member: ZipMember, size: int) -> bytes:
        """Give the first bytes of a member."""
        return b"".join(self.chunks(member, min(size, member.size)))

    def chunks(self, member: ZipMember, wanted: int) -> Iterator[bytes]:
        """The first ``wanted`` bytes of a member, in pieces of at most 1 MiB.

        Where that is all of it, its size and its checksum, which cover the whole, are compared; else nobody knows.
        """
        whole = wanted >= member.size
        crc = missing = 0
        for left, piece in self._unpacked(member, min(wanted, member.size)):
            missing = left
            crc = zlib.crc32(piece, crc) if whole else 0
            yield piece
        if missing:
            raise ArchiveError(f"{member.name}: the compressed data ends too early")
        if whole and crc != member.crc:
            raise ArchiveError(f"{member.name}: the checksum is wrong")

    def _unpacked(self, member: ZipMember, wanted: int) -> Iterator[tuple[int, bytes]]:
        """Pieces, each with how many bytes are still missing behind it."""
        end = member.data_start + member.data_size
        if member.method == _STORED:
            for start in range(0, wanted, _CHUNK):
                size = min(_CHUNK, wanted - start)
                yield wanted - start - size, self._data[member.data_start + start : member.data_start + start + size]
            return
        engine = zlib.decompressobj(-15)
        position, left, source = member.data_start, wanted, b""
        try:
            while left and not engine.eof:
                if not source and position < end:
                    # A short head needs few compressed bytes.
                    source = self._data[position : min(end, position + min(_CHUNK, left + 4096))]
                    position += len(source)
                piece = engine.decompress(source, min(left, _CHUNK))
                if not piece and not source and position >= end:
                    break
                source = engine.unconsumed_tail
                left -= len(piece)
                yield left, piece
            if left:
                yield left, b""
            elif wanted == member.size and engine.decompress(source + self._data[position:end], 1):
                raise ArchiveError(f"{member.name}: it is bigger than the directory says")
        except zlib.error as error:
            raise ArchiveError(f"{member.name}: the compressed data is damaged ({error})") from None

    def _read_directory(self) -> Iterator[ZipMember]:
        start, size, count = self._locate()
        if count > MAX_MEMBERS:
            raise ArchiveError(f"the archive has {count} members, more than {MAX_MEMBERS}")
        names: set[str] = set()
        spans: list[tuple[int, int]] = []
        position, total = start, 0
        for _ in range(count):
            if position + _CENTRAL.size > start + size:
                raise ArchiveError("the central directory is cut short")
            fields = _CENTRAL.unpack_from(self._data, position)
            name_size, extra_size, comment_size = fields[10:13]
            after = position + _CENTRAL.size + name_size + extra_size + comment_size
            if fields[0] != b"PK\x01\x02" or after > start + size:
                raise ArchiveError("the central directory is damaged")
            name_at = position + _CENTRAL.size
            raw_name = self._data[name_at : name_at + name_size]
            extra = self._data[name_at + name_size : name_at + name_size + extra_size]
            position = after
            name = _checked_name(raw_name, utf8=bool(fields[3] & _UTF8))
            if name in names:
                raise ArchiveError(f"{name}: the name is there twice")
            names.add(name)
            if stat.S_ISLNK(fields[15] >> 16):
                raise ArchiveError(f"{name}: a symbolic link, which wheels must not have")
            if name.endswith("/"):
                continue
            member = self._member(name, raw_name, fields, extra)
            total += member.size
            if total > MAX_TOTAL_SIZE:
                raise ArchiveError(f"the archive unpacks to more than {MAX_TOTAL_SIZE} bytes")
            spans.append((member.data_start, member.data_start + member.data_size))
            yield member
        _refuse_overlaps(spans, start)

    def _locate(self) -> tuple[int, int, int]:
        """``(start, size, count)`` of the central directory, which must end where its end record starts."""
        tail_start = max(0, len(self._data) - 65_536 - _END.size)
        tail = self._data[tail_start:]
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or at + _END.size > len(tail):
            raise ArchiveError("not a zip file, or cut short")
        _, disk, start_disk, here, count, size, start, comment = _END.unpack_from(tail, at)
        if at + _END.size + comment != len(tail):
            raise ArchiveError("data after the end of the archive")
        end = tail_start + at
        if self._data[max(0, end - _LOCATOR.size) : end].startswith(b"PK\x06\x07"):
            end, size, start, count = self._locate64(end)
        elif disk or start_disk or here != count:
            raise ArchiveError("the archive is split over several files")
        if start + size > end:
            raise ArchiveError("the central directory lies outside the file")
        if end - size != start:
            raise ArchiveError("data before the archive or between its parts")
        return start, size, count

    def _locate64(self, end: int) -> tuple[int, int, int, int]:
        at = end - _LOCATOR.size
        _, _, where, _ = _LOCATOR.unpack_from(self._data, at)
        if where + _END64.size > at:
            raise ArchiveError("the zip64 locator is damaged")
        fields = _END64.unpack_from(self._data, where)
        if fields[0] != b"PK\x06\x06":
            raise ArchiveError("the zip64 record is damaged")
        return where, fields[8], fields[9], fields[7]

    def _member(self, name: str, raw_name: bytes, fields: tuple[int, ...], extra: bytes) -> ZipMember:
        flags, method, crc, packed, size, local = fields[3], fields[4], fields[7], fields[8], fields[9], fields[16]
        size, packed, local = _zip64_sizes(name, extra, size, packed, local)
        if flags & _ENCRYPTED:
            raise ArchiveError(f"{name}: encrypted")
        if method not in (_STORED, _DEFLATED):
            raise ArchiveError(f"{name}: compression method {method}, which wheels do not use")
        if size > MAX_MEMBER_SIZE or size > (packed + 1) * MAX_RATIO or (method == _STORED and size != packed):
            raise ArchiveError(f"{name}: {size} bytes packed in {packed} are implausible")
        if local + _LOCAL.size > len(self._data):
            raise ArchiveError(f"{name}: its data lies outside the file")
        header = _LOCAL.unpack_from(self._data, local)
        name_at = local + _LOCAL.size
        start = name_at + header[9] + header[10]
        if header[0] != b"PK\x03\x04" or self._data[name_at : name_at + header[9]] != raw_name or header[3] != method:
            raise ArchiveError(f"{name}: its local header differs from the directory")
        if start + packed > len(self._data):
            raise ArchiveError(f"{name}: its data lies outside the file")
        return ZipMember(name, size, method, crc, start, packed)


def _zip64_sizes(name: str, extra: bytes, size: int, packed: int, local: int) -> tuple[int, int, int]:
    if 0xFFFFFFFF not in (size, packed, local):
        return size, packed, local
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        position += 4
        if kind == 1:
            words = iter(struct.unpack_from(f"<{min(length, len(extra) - position) // 8}Q", extra, position))
            values = [next(words, None) if value == 0xFFFFFFFF else value for value in (size, packed, local)]
            if None in values:
                break
            return values[0] or 0, values[1] or 0, values[2] or 0
        position += length
    raise ArchiveError(f"{name}: its zip64 sizes are missing")


def _checked_name(raw: bytes, *, utf8: bool) -> str:
    try:
        name = raw.decode("utf-8" if utf8 else "cp437")
    except UnicodeDecodeError:
        raise ArchiveError("a member's name is not valid UTF-8") from None
    shown = ascii(name[:80])
    if not name or len(raw) > MAX_NAME:
        raise ArchiveError(f"{shown}: a member's name that is empty or too long")
    parts = name.removesuffix("/").split("/")
    if (
        name.startswith("/")
        or "\\" in name
        or "\0" in name
        or ":" in parts[0]
        or any(p in ("", ".", "..") for p in parts)
    ):
        raise ArchiveError(
            f"{shown}: a name that leads out of the archive or means different things to different readers"
        )
    return name


def _refuse_overlaps(spans: list[tuple[int, int]], directory: int) -> None:
    """Members that share bytes make zip bombs small; honest writers never do it."""
    end = 0
    for start, stop in sorted(spans):
        if start < end or stop > directory:
            raise ArchiveError("members of the archive overlap")
        end = stop
