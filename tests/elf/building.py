"""Objects for tests: compiled against musl, or put together byte by byte where no compiler makes them."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path


def compile_object(
    gcc: str,
    out: Path,
    source: str = "",
    *,
    needed: Sequence[Path | str] = (),
    soname: str | None = None,
    rpath: str | None = None,
    new_tags: bool = True,
    program: bool = False,
    flags: Sequence[str] = (),
) -> Path:
    """Compile C source with musl-gcc to a shared object (or program) that names ``needed`` in DT_NEEDED as they are."""
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [gcc, "-x", "c", "-", "-o", str(out), "-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"]
    command += ["-Wl,--unresolved-symbols=ignore-all"]
    command += [] if program else ["-shared", "-fPIC", "-nostdlib"]
    if soname:
        command.append(f"-Wl,-soname,{soname}")
    if rpath:
        command += [f"-Wl,-rpath,{rpath}", "-Wl,--enable-new-dtags" if new_tags else "-Wl,--disable-new-dtags"]
    done = subprocess.run(
        [*command, *flags, "-x", "none", *map(str, needed)], input=source, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out


def elf_bytes(
    *,
    bits: int = 64,
    order: str = "<",
    machine: int = 62,
    file_type: int = 3,
    needed: Sequence[bytes] = (),
    soname: bytes | None = None,
    rpath: bytes | None = None,
    runpath: bytes | None = None,
    interpreter: bytes | None = None,
    flags: int = 0,
    extra: Sequence[tuple[int, int]] = (),
) -> bytes:
    """An object with program headers and a dynamic section only: no section headers, nothing else."""
    strings = b"\0"
    entries: list[tuple[int, int]] = []
    for tag, names in ((1, needed), (14, [soname]), (15, [rpath]), (29, [runpath])):
        for name in names:
            if name is not None:
                entries.append((tag, len(strings)))
                strings += name + b"\0"
    wide = bits == 64
    header_size, entry_size = (64, 56) if wide else (52, 32)
    count = 3 if interpreter is not None else 2
    strings_at = header_size + count * entry_size
    interpreter_at = strings_at + len(strings)
    text = (interpreter or b"") + b"\0"
    dynamic_at = interpreter_at + len(text)
    entries += [(5, strings_at), (10, len(strings)), *extra, (0, 0)]
    dynamic = b"".join(struct.pack(order + ("qQ" if wide else "iI"), tag, value) for tag, value in entries)
    end = dynamic_at + len(dynamic)
    ident = b"\x7fELF" + bytes((2 if wide else 1, 1 if order == "<" else 2, 1)) + bytes(9)
    header = struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        file_type, machine, 1, 0, header_size, 0, flags, header_size, entry_size, count, 0, 0, 0,
    )  # fmt: skip

    def segment(kind: int, start: int, size: int) -> bytes:
        if wide:
            return struct.pack(order + "IIQQQQQQ", kind, 4, start, start, start, size, size, 1)
        return struct.pack(order + "IIIIIIII", kind, start, start, start, size, size, 4, 1)

    segments = segment(1, 0, end) + segment(2, dynamic_at, len(dynamic))
    if interpreter is not None:
        segments = segment(3, interpreter_at, len(text)) + segments
    return ident + header + segments + strings + text + dynamic


def without_sections(data: bytes) -> bytes:
    """The same 64-bit object with its section headers wiped, as sstrip and UPX leave it."""
    wiped = bytearray(data)
    offset, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
    wiped[offset : offset + 64 * count] = bytes(64 * count)
    struct.pack_into("<Q", wiped, 40, 0)
    struct.pack_into("<HHH", wiped, 58, 0, 0, 0)
    return bytes(wiped)
