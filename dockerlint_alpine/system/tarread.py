"""Entries of a tar stream, one after the other, in memory and within limits.

Reads what image builders, sdists and archives of repositories have: ustar, GNU long names and links, and pax records for
path, link, size and owner. It never seeks back and never writes to disk; sparse files, devices and other kinds are passed
over. Unlike :mod:`tarfile`, which takes a damaged header for the end, it says that something is wrong. Source: POSIX.1 (pax
interchange format) and the GNU tar manual.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Literal, Protocol, TypeAlias, cast

from msgspec import Struct

from dockerlint_alpine.system.unreadable import ArchiveError, TooMuchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EntryKind: TypeAlias = Literal["file", "directory", "symlink", "hardlink"]

BLOCK = 512
MAX_ENTRIES = 2_000_000
MAX_HEADER = 1024 * 1024
"""Bytes of one pax header or GNU long name."""

_CHUNK = 1024 * 1024
_PAX_KEYS = frozenset({"path", "linkpath", "size", "uid", "gid", "GNU.sparse.major"})
_KINDS: dict[bytes, EntryKind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"5": "directory",
}


class ByteStream(Protocol):
    """Where a tar comes from: ``read(n)`` gives ``n`` bytes, fewer only at the end; ``skip(n)`` passes over them."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes."""

    def skip(self, size: int, /) -> int:
        """Pass over ``size`` bytes or to the end; give how many that were."""


class Unpacked:
    """A file's bytes, read forward, without the gzip, bzip2 or xz that its first bytes tell of; at most ``limit`` of them.

    What is damaged, or goes on after that, is an :class:`ArchiveError`.
    """

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._stream = _unpacking(file)
        self._limit = self._left = limit

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end."""
        import zlib
        from lzma import LZMAError

        try:
            data = self._stream.read(min(size, self._left + 1))
        except (zlib.error, LZMAError, OSError, EOFError, ValueError) as error:
            raise ArchiveError(str(error).partition("\n")[0] or "damaged") from None
        self._left -= len(data)
        if self._left < 0:
            raise TooMuchError(f"more than {self._limit} bytes unpacked")
        return data

    def skip(self, size: int, /) -> int:
        """Pass over ``size`` bytes or to the end; give how many that were."""
        left = size
        while left and (data := self.read(min(left, _CHUNK))):
            left -= len(data)
        return size - left


def _unpacking(file: IO[bytes]) -> IO[bytes]:
    head = file.read(6)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        from gzip import GzipFile

        return cast("IO[bytes]", GzipFile(fileobj=file))
    if head.startswith(b"BZh"):
        from bz2 import BZ2File

        return BZ2File(file)
    if head == b"\xfd7zXZ\0":
        from lzma import LZMAFile

        return LZMAFile(file)
    return file


class Access(Struct, frozen=True):
    """The permission bits of a file or folder, and its owner and group by number."""

    mode: int = 0o755
    uid: int = 0
    gid: int = 0


class TarEntry(Struct, frozen=True):
    """One entry: its path as written, kind, size of its data in bytes, the target of a link, and who may read it."""

    path: str
    kind: EntryKind
    size: int
    link: str
    access: Access = Access()


class TarReader:
    """Iterate over the entries; while one is current, :meth:`read` gives the bytes of its data."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._left = 0
        self._padding = 0

    def read(self, size: int) -> bytes:
        """Give up to ``size`` bytes of the current entry; raises :class:`ArchiveError` where they are cut."""
        wanted = min(size, self._left)
        content = self._stream.read(wanted)
        if len(content) < wanted:
            raise ArchiveError("the tar stream ends within a file")
        self._left -= wanted
        return content

    def __iter__(self) -> Iterator[TarEntry]:
        overrides: dict[str, str] = {}
        for _ in range(MAX_ENTRIES):
            if self._stream.skip(self._left + self._padding) < self._left:
                raise ArchiveError("the tar stream ends within a file")
            header = self._stream.read(BLOCK)
            if not header or header == bytes(BLOCK):
                return
            if len(header) < BLOCK:
                raise ArchiveError("the tar stream ends within a header")
            if not _checksum_fits(header):
                raise ArchiveError("not a tar stream, or a damaged one")
            self._start(_number(header[124:136]))
            kind = header[156:157]
            if kind in (b"L", b"K"):
                overrides["path" if kind == b"L" else "linkpath"] = _text(self._long_header())
            elif kind == b"x":
                records = _pax_records(self._long_header())
                overrides.update((key, value) for key, value in records.items() if key in _PAX_KEYS)
            elif kind not in (b"g", b"S"):
                entry = self._entry(header, kind, overrides)
                overrides = {}
                if entry is not None:
                    yield entry
            else:
                overrides = {} if kind == b"S" else overrides
        raise ArchiveError(f"the tar stream has more than {MAX_ENTRIES} entries")

    def _start(self, size: int) -> None:
        self._left = size
        self._padding = -size % BLOCK

    def _long_header(self) -> bytes:
        if self._left > MAX_HEADER:
            raise ArchiveError("a header of the tar stream is too long")
        return self.read(self._left)

    def _entry(self, header: bytes, kind: bytes, overrides: dict[str, str]) -> TarEntry | None:
        if "size" in overrides:
            if not overrides["size"].isdecimal() or len(overrides["size"]) > 20:
                raise ArchiveError("a size in the tar stream is not a number")
            self._start(int(overrides["size"]))
        path = overrides.get("path", _ustar_path(header))
        link = overrides.get("linkpath", _text(header[157:257]))
        if kind not in _KINDS or "GNU.sparse.major" in overrides or "\0" in path or "\0" in link:
            return None
        folder = kind == b"\0" and path.endswith("/")  # as writers before POSIX have it
        return TarEntry(path, "directory" if folder else _KINDS[kind], self._left, link, _access(header, overrides))


def is_tar(path: Path) -> bool:
    """Whether a file, packed or not, begins as a tar does."""
    try:
        with path.open("rb") as file:
            next(iter(TarReader(Unpacked(file, MAX_HEADER))), None)
    except (ArchiveError, OSError):
        return False
    return True


def _access(header: bytes, overrides: dict[str, str]) -> Access:
    """Mode, owner and group; a field that is no number counts as root's, so that nothing is told of it."""
    found = []
    for key, field in (("mode", header[100:108]), ("uid", header[108:116]), ("gid", header[116:124])):
        try:
            given = overrides.get(key, "")
            found.append(int(given) if given.isdecimal() and len(given) < 20 else _number(field))
        except ArchiveError:
            return Access()
    return Access(found[0] & 0o7777, found[1], found[2])


def _ustar_path(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    """Give a size: octal digits, or GNU's base 256 where the first bit is set."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ~(0x80 << 8 * (len(field) - 1))
        if field[0] & 0x40 or value >= 1 << 62:
            raise ArchiveError("a size in the tar stream is impossible")
        return value
    digits = field.strip(b" \0")
    if not digits:
        return 0
    if len(digits) > len(field) or digits.strip(b"01234567"):
        raise ArchiveError("a size in the tar stream is not a number")
    return int(digits, 8)


def _checksum_fits(header: bytes) -> bool:
    stored = header[148:156].strip(b" \0")
    if not stored or stored.strip(b"01234567"):
        return False
    return int(stored, 8) == sum(header) - sum(header[148:156]) + 8 * 32


def _pax_records(raw: bytes) -> dict[str, str]:
    r"""``LENGTH KEY=VALUE\n`` records; the length counts itself."""
    records: dict[str, str] = {}
    position = 0
    while position < len(raw):
        digits, space, _ = raw[position : position + 24].partition(b" ")
        if not space or not digits.isdigit():
            raise ArchiveError("a pax header of the tar stream is damaged")
        end = position + int(digits)
        if end <= position + len(digits) + 1 or end > len(raw):
            raise ArchiveError("a pax header of the tar stream is damaged")
        key, _, value = raw[position + len(digits) + 1 : end - 1].partition(b"=")
        records[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
        position = end
    return records
