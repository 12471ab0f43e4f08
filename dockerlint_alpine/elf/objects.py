"""One ELF object: what its dynamic section says, read by a bounded reader of our own.

The reader goes through the program headers (``PT_DYNAMIC``, ``PT_INTERP``, ``PT_LOAD``) as a loader does and never
needs section headers, so stripped (``sstrip``, UPX) objects read like any other. Every offset, count and length is
checked against the bytes at hand before it is used; a table that can't be true is noted in :attr:`ElfFacts.problems`
and left out.

Sources: the System V ABI (generic ELF, dynamic linking), the GNU hash section as implemented by musl's
``ldso/dynlink.c`` (``count_syms``, ``find_sym2``: which definitions the loader accepts), and the version sections of
the Linux Standard Base.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.elf.errors import MalformedElfError, NotElfError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

Buffer: TypeAlias = "bytes | bytearray | mmap.mmap"
ObjectKind: TypeAlias = Literal["program", "shared", "static", "relocatable", "other"]

MAGIC = b"\x7fELF"
HEAD_SIZE = 4096
"""Bytes of a file's beginning that hold the program headers of any object a linker writes (64 of 56 bytes)."""

MAX_PROGRAM_HEADERS = 1024
MAX_DYNAMIC_ENTRIES = 16_384
MAX_NEEDED = 1024
MAX_STRING_TABLE = 256 * 1024 * 1024
MAX_SYMBOLS = 4_000_000
MAX_VERSION_RECORDS = 65_536
MAX_NAME = 4096
MAX_SYMBOL_NAME = 65_536

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_ET_REL, _ET_EXEC, _ET_DYN = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ = 0, 1, 4, 5, 6, 10
_DT_SONAME, _DT_RPATH, _DT_RUNPATH = 14, 15, 29
_DT_GNU_HASH, _DT_VERSYM, _DT_FLAGS_1 = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFB
_DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_DF_1_PIE = 0x08000000

# What find_sym2() in musl's dynlink.c accepts as a definition: OK_BINDS and OK_TYPES. Indirect functions (type 10) are
# not among them, and a definition whose version is hidden (bit 15 of its version index) is passed over.
_STB_WEAK = 2
_GLOBAL_BINDS = frozenset((1, 2, 10))
_DEFINING_TYPES = frozenset((0, 1, 2, 5, 6))
_STT_TLS = 6
_HIDDEN_VERSION = 0x8000

_EF_ARM_HARD_FLOAT = 0x400

_MACHINES = {
    (3, 32): "x86",
    (62, 64): "x86_64",
    (62, 32): "x32",
    (183, 64): "aarch64",
    (22, 64): "s390x",
    (243, 64): "riscv64",
    (243, 32): "riscv32",
    (258, 64): "loongarch64",
    (8, 32): "mips",
    (8, 64): "mips64",
}


class VersionNeed(Struct, frozen=True):
    """Symbol versions that an object wants from one library, e.g. ``libc.so.6`` and ``("GLIBC_2.14",)``."""

    library: str
    versions: tuple[str, ...]


class Symbols(Struct, frozen=True):
    """Names of the dynamic symbol table.

    ``defined`` are those that musl's loader would accept as a definition; ``undefined`` those it must find elsewhere,
    weak references (which may stay unresolved) left out.
    """

    defined: frozenset[str] = frozenset()
    undefined: frozenset[str] = frozenset()


class ElfFacts(Struct, frozen=True):
    """What one object says of itself.

    ``arch`` is apk's name of the architecture (``x86_64``, ``aarch64``, ``x86``, ``ppc64le``, ``s390x``, ``riscv64``,
    ``loongarch64``; ``armhf`` and ``arm`` for hard and soft float, as ELF headers can't tell armv7 from armhf) or
    ``machine-N``. ``rpath``/``runpath`` are as written, not expanded. ``problems`` lists what could not be read, one
    line each.
    """

    arch: str
    bits: int
    big_endian: bool
    kind: ObjectKind
    interpreter: str | None = None
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: str | None = None
    runpath: str | None = None
    version_needs: tuple[VersionNeed, ...] = ()
    symbols: Symbols = Symbols()
    problems: tuple[str, ...] = ()

    @property
    def search_path(self) -> str | None:
        """The path that musl obeys: DT_RUNPATH where there is one, else DT_RPATH (``decode_dyn`` in dynlink.c)."""
        return self.rpath if self.runpath is None else self.runpath

    @property
    def is_extension(self) -> bool:
        """Whether Python imports it: an extension module defines ``PyInit_NAME`` (PEP 489)."""
        return any(name.startswith("PyInit_") for name in self.symbols.defined)


class _Segment(Struct, frozen=True):
    kind: int
    offset: int
    address: int
    file_size: int


class _Header(Struct, frozen=True):
    order: str
    bits: int
    file_type: int
    machine: int
    flags: int
    segments: tuple[_Segment, ...]

    @property
    def wide(self) -> bool:
        return self.bits == 64


def is_elf(head: bytes) -> bool:
    """Whether these first bytes of a file (four are enough) start an ELF object."""
    return head[:4] == MAGIC


def needed_extent(head: bytes) -> int | None:
    """How many bytes from the start of the file the reader can use, told by its first bytes (:data:`HEAD_SIZE`).

    Debug sections and section headers lie behind it; it is never less than what was given. ``None``: the
    program headers are not within ``head`` or not true.
    """
    try:
        header = _read_header(head)
    except (MalformedElfError, NotElfError):
        return None
    return max([len(head), *(s.offset + s.file_size for s in header.segments)])


def read_object(data: Buffer) -> ElfFacts:
    """Read an ELF object from the bytes of its file (or of its first :func:`needed_extent` bytes).

    Raises :class:`NotElfError` for anything else than ELF and :class:`MalformedElfError` where not even the headers make
    sense; lesser damage is told in ``problems``.
    """
    header = _read_header(data)
    reader = _DynamicReader(data, header)
    needed = reader.needed()
    interpreter = reader.interpreter()
    return ElfFacts(
        arch=_arch_name(header),
        bits=header.bits,
        big_endian=header.order == ">",
        kind=_kind(header, reader.entries, interpreter),
        interpreter=interpreter,
        soname=reader.single_string(_DT_SONAME),
        needed=needed,
        rpath=reader.single_string(_DT_RPATH),
        runpath=reader.single_string(_DT_RUNPATH),
        version_needs=tuple(reader.version_needs()),
        symbols=reader.symbols(),
        problems=tuple(reader.problems),
    )


def _read_header(data: Buffer) -> _Header:
    if data[:4] != MAGIC:
        raise NotElfError("not an ELF object")
    if len(data) < 52 or data[4] not in (1, 2) or data[5] not in (1, 2):
        raise MalformedElfError("the ELF header is cut short or names no known class or byte order")
    bits = 32 if data[4] == 1 else 64
    order = "<" if data[5] == 1 else ">"
    layout = struct.Struct(order + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"))
    if len(data) < 16 + layout.size:
        raise MalformedElfError("the ELF header is cut short")
    file_type, machine, _, _, offset, _, flags, _, entry_size, count, _, _, _ = layout.unpack_from(data, 16)
    segments = _read_segments(data, order + ("IIQQQQQQ" if bits == 64 else "IIIIIIII"), offset, entry_size, count)
    return _Header(order, bits, file_type, machine, flags, segments)


def _read_segments(data: Buffer, record: str, offset: int, entry_size: int, count: int) -> tuple[_Segment, ...]:
    layout = struct.Struct(record)
    if count == 0:
        return ()
    if entry_size != layout.size or count > MAX_PROGRAM_HEADERS or offset + count * entry_size > len(data):
        raise MalformedElfError("the program headers lie outside the file")
    found = []
    for index in range(count):
        fields = layout.unpack_from(data, offset + index * entry_size)
        if "Q" in record:
            kind, _, where, address, _, file_size, _, _ = fields
        else:
            kind, where, address, _, file_size, _, _, _ = fields
        if kind in (_PT_LOAD, _PT_DYNAMIC, _PT_INTERP):
            found.append(_Segment(kind, where, address, file_size))
    return tuple(found)


def _arch_name(header: _Header) -> str:
    if header.machine == 40:
        return "armhf" if header.flags & _EF_ARM_HARD_FLOAT else "arm"
    if header.machine == 21:
        return "ppc64" if header.order == ">" else "ppc64le"
    return _MACHINES.get((header.machine, header.bits), f"machine-{header.machine}")


def _kind(header: _Header, dynamic: dict[int, list[int]], interpreter: str | None) -> ObjectKind:
    if header.file_type == _ET_REL:
        return "relocatable"
    if header.file_type not in (_ET_EXEC, _ET_DYN):
        return "other"
    if interpreter is not None:
        return "program"
    pie = dynamic.get(_DT_FLAGS_1, [0])[-1] & _DF_1_PIE
    if header.file_type == _ET_EXEC or (pie and not dynamic.get(_DT_NEEDED)):
        return "static"
    return "shared"


class _DynamicReader:
    """Reads the tables that the dynamic section points to; collects what is wrong with them in ``problems``."""

    def __init__(self, data: Buffer, header: _Header) -> None:
        self.problems: list[str] = []
        self._data = data
        self._header = header
        self._loads = tuple(s for s in header.segments if s.kind == _PT_LOAD)
        self.entries: dict[int, list[int]] = self._read_entries()
        self._strings = self._read_strings()

    def _segment(self, kind: int) -> _Segment | None:
        return next((s for s in self._header.segments if s.kind == kind), None)

    def _read_entries(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        segment = self._segment(_PT_DYNAMIC)
        if segment is None or not segment.file_size:
            return found
        layout = struct.Struct(self._header.order + ("qQ" if self._header.wide else "iI"))
        available = min(segment.file_size, max(0, len(self._data) - segment.offset))
        if available < segment.file_size:
            self.problems.append("the dynamic section reaches beyond the end of the file")
        for index in range(min(available // layout.size, MAX_DYNAMIC_ENTRIES)):
            tag, value = layout.unpack_from(self._data, segment.offset + index * layout.size)
            if tag == _DT_NULL:
                return found
            found.setdefault(tag, []).append(value)
        self.problems.append("the dynamic section has no end")
        return found

    def _value(self, tag: int) -> int | None:
        values = self.entries.get(tag)
        return values[-1] if values else None  # as decode_vec() in dynlink.c: the last one wins

    def _file_offset(self, address: int) -> int | None:
        for load in self._loads:
            if load.address <= address < load.address + load.file_size:
                offset = address - load.address + load.offset
                return offset if offset < len(self._data) else None
        return None

    def _read_strings(self) -> bytes:
        address = self._value(_DT_STRTAB)
        if address is None:
            if self.entries.get(_DT_NEEDED):
                self.problems.append("the dynamic section has no string table")
            return b""
        offset = self._file_offset(address)
        size = self._value(_DT_STRSZ)
        if offset is None or not size or size > MAX_STRING_TABLE:
            self.problems.append("the string table lies outside the file")
            return b""
        return bytes(self._data[offset : offset + size])

    def string(self, offset: int) -> str | None:
        """Give the name at this offset of the string table; ``None`` and a problem where there is none."""
        end = self._strings.find(b"\0", offset, offset + MAX_NAME) if offset < len(self._strings) else -1
        if end < 0:
            self.problems.append(f"a name at offset {offset} is not in the string table")
            return None
        return _text(self._strings[offset:end])

    def single_string(self, tag: int) -> str | None:
        offset = self._value(tag)
        return None if offset is None else self.string(offset)

    def needed(self) -> tuple[str, ...]:
        """The DT_NEEDED names, in order."""
        offsets = self.entries.get(_DT_NEEDED, [])
        if len(offsets) > MAX_NEEDED:
            self.problems.append(f"it names {len(offsets)} libraries: only the first {MAX_NEEDED} are read")
        return tuple(name for offset in offsets[:MAX_NEEDED] if (name := self.string(offset)) is not None)

    def interpreter(self) -> str | None:
        segment = self._segment(_PT_INTERP)
        if segment is None:
            return None
        raw = bytes(self._data[segment.offset : segment.offset + min(segment.file_size, MAX_NAME)])
        name, nul, _ = raw.partition(b"\0")
        if not nul or not name:
            self.problems.append("the interpreter's name lies outside the file or has no end")
            return None
        return _text(name)

    def version_needs(self) -> Iterator[VersionNeed]:
        address, count = self._value(_DT_VERNEED), self._value(_DT_VERNEEDNUM)
        if address is None or count is None:
            return
        offset = self._file_offset(address)
        if offset is None or count > MAX_VERSION_RECORDS:
            self.problems.append("the version needs lie outside the file")
            return
        layout = struct.Struct(self._header.order + "HHIII")
        budget = MAX_VERSION_RECORDS
        for _ in range(count):
            if offset + layout.size > len(self._data):
                self.problems.append("the version needs reach beyond the end of the file")
                return
            _, entries, file_name, auxiliary, following = layout.unpack_from(self._data, offset)
            budget -= entries
            if budget < 0:
                self.problems.append("the version needs have no end")
                return
            library = self.string(file_name)
            if library is not None:
                yield VersionNeed(library, tuple(self._version_names(offset + auxiliary, entries)))
            if not following:
                return
            offset += following

    def _version_names(self, offset: int, count: int) -> Iterator[str]:
        layout = struct.Struct(self._header.order + "IHHII")
        for _ in range(count):
            if offset + layout.size > len(self._data):
                self.problems.append("the version needs reach beyond the end of the file")
                return
            _, _, _, name, following = layout.unpack_from(self._data, offset)
            text = self.string(name)
            if text is not None:
                yield text
            if not following:
                return
            offset += following

    def symbols(self) -> Symbols:
        address = self._value(_DT_SYMTAB)
        if address is None:
            return Symbols()
        offset = self._file_offset(address)
        if offset is None:
            self.problems.append("the symbol table lies outside the file")
            return Symbols()
        layout = struct.Struct(self._header.order + ("IBBHQQ" if self._header.wide else "IIIBBH"))
        count = min(self._symbol_count(address, layout.size), (len(self._data) - offset) // layout.size, MAX_SYMBOLS)
        table = bytes(self._data[offset : offset + count * layout.size])
        return self._sort_symbols(layout, table, self._version_indexes(count))

    def _version_indexes(self, count: int) -> tuple[int, ...]:
        address = self._value(_DT_VERSYM)
        offset = None if address is None else self._file_offset(address)
        if offset is None or offset + 2 * count > len(self._data):
            return ()
        return struct.unpack_from(f"{self._header.order}{count}H", self._data, offset)

    def _sort_symbols(self, layout: struct.Struct, table: bytes, versions: tuple[int, ...]) -> Symbols:
        strings, wide = self._strings, self._header.wide
        defined: set[bytes] = set()
        undefined: set[bytes] = set()
        budget = 16 * len(strings) + MAX_SYMBOL_NAME  # names share endings, but not without limit
        for index, fields in enumerate(layout.iter_unpack(table)):
            if wide:
                name, info, _, section, value, _ = fields
            else:
                name, value, _, info, _, section = fields
            if not name or info >> 4 not in _GLOBAL_BINDS:
                continue
            if section:
                if info & 15 not in _DEFINING_TYPES or not (value or info & 15 == _STT_TLS):
                    continue
                if versions and versions[index] & _HIDDEN_VERSION:
                    continue
            elif info >> 4 == _STB_WEAK:
                continue
            end = strings.find(b"\0", name, name + MAX_SYMBOL_NAME)
            budget -= end - name
            if end < 0 or budget < 0:
                self.problems.append("names of symbols are not in the string table")
                break
            (defined if section else undefined).add(strings[name:end])
        return Symbols(_texts(defined), _texts(undefined))

    def _symbol_count(self, symbols_address: int, entry_size: int) -> int:
        """How many symbols there are; only the hash tables say it (``count_syms`` in dynlink.c)."""
        counts = [self._count_by_hash(), self._count_by_gnu_hash()]
        strings_address = self._value(_DT_STRTAB)
        if not any(counts) and strings_address is not None and strings_address > symbols_address:
            # A GNU hash table without definitions does not tell: then the strings follow the symbols, as linkers lay
            # out.
            counts.append((strings_address - symbols_address) // entry_size)
        return max(counts)

    def _count_by_hash(self) -> int:
        address = self._value(_DT_HASH)
        offset = None if address is None else self._file_offset(address)
        if offset is None or offset + 8 > len(self._data):
            return 0
        if self._header.machine == 22 and self._header.wide:  # s390x: entries of 64 bits (System z ABI supplement)
            if offset + 16 > len(self._data):
                return 0
            return int(struct.unpack_from(self._header.order + "QQ", self._data, offset)[1])
        return int(struct.unpack_from(self._header.order + "II", self._data, offset)[1])

    def _count_by_gnu_hash(self) -> int:
        address = self._value(_DT_GNU_HASH)
        offset = None if address is None else self._file_offset(address)
        if offset is None or offset + 16 > len(self._data):
            return 0
        buckets, first, bloom, _ = struct.unpack_from(self._header.order + "IIII", self._data, offset)
        table = offset + 16 + bloom * (8 if self._header.wide else 4)
        chains = table + 4 * buckets
        if buckets > MAX_SYMBOLS or chains > len(self._data):
            self.problems.append("the hash table of the symbols lies outside the file")
            return 0
        last = max(struct.unpack_from(f"{self._header.order}{buckets}I", self._data, table), default=0)
        if last < first:
            return 0
        # The chain of the highest bucket ends at a word with bit 0 set; the table's last word ends the symbols.
        where = chains + 4 * (last - first)
        while where + 4 <= len(self._data) and last < MAX_SYMBOLS:
            (word,) = struct.unpack_from(self._header.order + "I", self._data, where)
            last += 1
            if word & 1:
                return int(last)
            where += 4
        self.problems.append("the hash table of the symbols has no end")
        return 0


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _texts(raw: set[bytes]) -> frozenset[str]:
    raw.discard(b"")
    return frozenset(name.decode("utf-8", "backslashreplace") for name in raw)
