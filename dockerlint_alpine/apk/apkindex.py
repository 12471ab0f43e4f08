"""Reading ``APKINDEX.tar.gz``: two concatenated gzip streams, a signature and the index itself, both holding tar entries.

Everything is read in memory and bounded: a hostile file ends in :class:`IndexFormatError`, never in an extracted path
or an exhausted machine. The limits are several times the largest index of Alpine 3.22 (20,502 packages, 2 MB packed,
10 MB unpacked).
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

from dockerlint_alpine.apk.constraint import Constraint
from dockerlint_alpine.apk.errors import ConstraintError, IndexFormatError
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.tarread import TarReader, Unpacked
from dockerlint_alpine.system.unreadable import ArchiveError

MAX_PACKED = 32 * 1024 * 1024
MAX_UNPACKED = 160 * 1024 * 1024
MAX_STREAMS = 8
MAX_MEMBERS = 64
MAX_PACKAGES = 200_000
MAX_LINE = 1024 * 1024
_MAX_TEXT = 512
_LAST_SECOND = 253_402_300_799
"""Of the year 9999, the last one that a date can be of."""
_NAME = lazy_pattern(r"[^\s<>=~!@\x00-\x1f\x7f][^\s<>=~@\x00-\x1f\x7f]{0,254}")


class Stream(Struct, frozen=True):
    """One gzip stream of the file: its raw bytes (what a signature covers) and what they unpack to."""

    packed: bytes
    content: bytes


class Record(Struct, frozen=True):
    """The fields of one package as written; token lists are kept as text (``depends``, ``provides``, ``install_if``)."""

    name: str
    version: str
    arch: str
    depends: str
    provides: str
    install_if: str
    priority: int
    origin: str
    built: int


class ApkIndex(Struct, frozen=True):
    """A whole index: Alpine's description of the snapshot (``v3.19.9-143-g74d5329``) and its packages in file order."""

    description: str
    records: tuple[Record, ...]

    @property
    def newest(self) -> str:
        """The day of the newest build in it, ``YYYY-MM-DD``: no package of it is younger."""
        built = max((record.built for record in self.records), default=0)
        return datetime.fromtimestamp(built, UTC).date().isoformat()


def split_streams(data: bytes) -> tuple[Stream, ...]:
    """The gzip streams that ``data`` is a concatenation of.

    Raises:
        IndexFormatError: when it is not a gzip file, is cut short, or unpacks to more than any index does.

    """
    if len(data) > MAX_PACKED:
        raise IndexFormatError(f"the index is larger than {MAX_PACKED} bytes")
    streams: list[Stream] = []
    left = MAX_UNPACKED
    rest = data
    while rest:
        if len(streams) == MAX_STREAMS:
            raise IndexFormatError("the index has too many gzip streams")
        unpack = zlib.decompressobj(wbits=31)
        try:
            content = unpack.decompress(rest, left)
        except zlib.error as error:
            raise IndexFormatError(f"the index is not a valid gzip file: {error}") from error
        if not unpack.eof:
            cause = "is too large when unpacked" if unpack.unconsumed_tail else "is cut short"
            raise IndexFormatError(f"the index {cause}")
        left = max(1, left - len(content))
        streams.append(Stream(rest[: len(rest) - len(unpack.unused_data)], content))
        rest = unpack.unused_data
    if not streams:
        raise IndexFormatError("the index is empty")
    return tuple(streams)


def tar_members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each regular file in a tar archive; other kinds of entries are skipped, nothing is extracted.

    Raises:
        IndexFormatError: when a header is malformed or damaged, or a member reaches beyond the end.

    """
    reader = TarReader(Unpacked(io.BytesIO(content), len(content)))
    try:
        for number, entry in enumerate(reader):
            if number == MAX_MEMBERS:
                raise IndexFormatError("the index holds too many tar members")
            if entry.kind == "file":
                yield entry.path, reader.read(entry.size)
    except ArchiveError as error:
        raise IndexFormatError(f"the index: {error}") from error


def read_index(streams: tuple[Stream, ...]) -> ApkIndex:
    """The index in the last of ``streams`` (the ones before it are signatures).

    Raises:
        IndexFormatError: when there is none in it or one of its records is malformed.

    """
    description = ""
    for name, content in tar_members(streams[-1].content):
        if name == "DESCRIPTION":
            description = content.decode("utf-8", "replace").strip()[:_MAX_TEXT]
        elif name == "APKINDEX":
            return ApkIndex(description, parse_records(content))
    raise IndexFormatError("the archive holds no APKINDEX")


def parse_records(content: bytes) -> tuple[Record, ...]:
    """The package records of an uncompressed APKINDEX or of an installed database (``lib/apk/db/installed``).

    Raises:
        IndexFormatError: when a record has no name or version, or a field that apk would refuse.

    """
    records: list[Record] = []
    fields: dict[str, str] = {}
    number = 0
    for number, raw in enumerate(content.split(b"\n"), 1):
        if len(raw) < 2:
            if fields:
                records.append(_record(fields, number))
                fields = {}
                if len(records) > MAX_PACKAGES:
                    raise IndexFormatError(f"the index has more than {MAX_PACKAGES} packages")
            continue
        if len(raw) > MAX_LINE:
            raise IndexFormatError(f"line {number} of the index is longer than {MAX_LINE} bytes")
        if raw[1:2] != b":":
            raise IndexFormatError(f"line {number} of the index is not of the form 'X:value'")
        if raw[:1] in b"PVADpikot":
            fields[chr(raw[0])] = raw[2:].decode("utf-8", "replace")
    if fields:
        records.append(_record(fields, number))
    return tuple(records)


def _record(fields: dict[str, str], line: int) -> Record:
    name, version = fields.get("P", ""), fields.get("V", "")
    if not _NAME.fullmatch(name) or "/" in name:
        raise IndexFormatError(f"the record before line {line} of the index has no usable name")
    if not version or len(version) > _MAX_TEXT or any(char.isspace() for char in version):
        raise IndexFormatError(f"the record of {name} has no usable version")
    for key in "Dpi":
        for token in fields.get(key, "").split():
            _check(token, name)
    return Record(
        name,
        version,
        fields.get("A", ""),
        " ".join(fields.get("D", "").split()),
        " ".join(fields.get("p", "").split()),
        " ".join(fields.get("i", "").split()),
        _number(fields.get("k", "0")),
        fields.get("o", "")[:_MAX_TEXT],
        min(_number(fields.get("t", "0")), _LAST_SECOND),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else 0


def _check(token: str, owner: str) -> None:
    try:
        Constraint.parse(token)
    except ConstraintError as error:
        raise IndexFormatError(f"the record of {owner} holds {token[:80]!r}, which is not a dependency") from error
