"""The reader against readelf, pyelftools, headerless and malformed objects."""

from __future__ import annotations

import io
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.elf.details import undefined_symbols
from dockerlint_alpine.elf.errors import MalformedElfError, NotElfError
from dockerlint_alpine.elf.objects import HEAD_SIZE, MAX_DYNAMIC_ENTRIES, ElfFacts, needed_extent, read_object
from dockerlint_alpine.system.zipread import ZipDirectory

from .building import compile_object, elf_bytes, without_sections

if TYPE_CHECKING:
    from .conftest import Download


def readelf(path: Path) -> dict[str, list[str]]:
    """The names that ``readelf -d`` prints, by tag."""
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed (Debian: binutils)")
    text = subprocess.run(["readelf", "-dW", str(path)], capture_output=True, text=True, check=False).stdout
    found: dict[str, list[str]] = {}
    for tag, name in re.findall(r"\((NEEDED|SONAME|RPATH|RUNPATH)\).*?\[(.*)\]$", text, re.MULTILINE):
        found.setdefault(tag, []).append(name)
    return found


def as_readelf(facts: ElfFacts) -> dict[str, list[str]]:
    found = {"NEEDED": list(facts.needed)}
    found |= {"SONAME": [facts.soname or ""], "RPATH": [facts.rpath or ""], "RUNPATH": [facts.runpath or ""]}
    return {tag: names for tag, names in found.items() if names and names != [""]}


def by_pyelftools(data: bytes) -> dict[str, list[str]]:
    """The dynamic section and interpreter as pyelftools reads them, in the form of :func:`readelf`."""
    found: dict[str, list[str]] = {}
    for segment in ELFFile(io.BytesIO(data)).iter_segments():
        if segment["p_type"] == "PT_INTERP":
            found["INTERP"] = [segment.get_interp_name()]
        if segment["p_type"] == "PT_DYNAMIC":
            for tag in segment.iter_tags():
                name = tag.entry.d_tag.removeprefix("DT_") if isinstance(tag.entry.d_tag, str) else ""
                if name in ("NEEDED", "SONAME", "RPATH", "RUNPATH"):
                    found.setdefault(name, []).append(getattr(tag, name.lower()))
    return found


def corpus() -> list[Path]:
    """Objects of this machine: many linkers, languages and ages."""
    folders = [Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/bin"), Path("/usr/lib")]
    files = [f for folder in folders if folder.is_dir() for f in sorted(folder.iterdir()) if f.is_file()]
    return [f for f in files if f.stat().st_size < 4_000_000 and f.open("rb").read(4) == b"\x7fELF"][:250]


def test_agrees_with_readelf_and_pyelftools_on_this_machines_objects(tmp_path: Path) -> None:
    objects = corpus()
    assert len(objects) > 20
    text = subprocess.run(["readelf", "-dW", *map(str, objects)], capture_output=True, text=True, check=False).stdout
    by_file = dict(re.findall(r"^File: (.*)\n((?:(?!^File: ).*\n?)*)", text, re.MULTILINE))
    for path in objects:
        data = path.read_bytes()
        facts = read_object(data)
        expected: dict[str, list[str]] = {}
        tags = r"\((NEEDED|SONAME|RPATH|RUNPATH)\).*?\[(.*)\]$"
        for tag, name in re.findall(tags, by_file[str(path)], re.MULTILINE):
            expected.setdefault(tag, []).append(name)
        assert as_readelf(facts) == expected, path
        assert facts.problems == (), path
    for path in objects[::10]:
        data = path.read_bytes()
        facts = read_object(data)
        interpreter = {"INTERP": [facts.interpreter]} if facts.interpreter else {}
        assert by_pyelftools(data) == as_readelf(facts) | interpreter, path
        names = {detail.name for detail in undefined_symbols(data, facts.symbols.undefined)}
        assert names == facts.symbols.undefined, path


@pytest.mark.parametrize("libc", ["musl", "glibc"])
def test_agrees_with_pyelftools_on_wheels(wheel: Download, libc: str) -> None:
    directory = ZipDirectory(wheel("psycopg2-binary", libc).read_bytes())
    members = [m for m in directory.members if ".so" in m.name]
    assert len(members) > 5
    for member in members:
        data = directory.read(member)
        facts = read_object(data)
        assert by_pyelftools(data) == as_readelf(facts)
        short = b"".join(directory.chunks(member, needed_extent(directory.head(member, HEAD_SIZE)) or member.size))
        assert read_object(short) == facts


def test_symbols_of_a_compiled_object(musl_gcc: str, tmp_path: Path) -> None:
    source = """
    extern int wanted(void); extern int maybe(void) __attribute__((weak));
    static int hidden_here(void) { return 1; }
    __attribute__((visibility("hidden"))) int hidden_too(void) { return 2; }
    __thread int per_thread; int data = 3;
    int given(void) { return wanted() + (maybe ? maybe() : 0) + hidden_here() + hidden_too() + per_thread + data; }
    """
    path = compile_object(musl_gcc, tmp_path / "libx.so", source, soname="libx.so.1", rpath="$ORIGIN/../x.libs")
    facts = read_object(path.read_bytes())
    assert {"given", "per_thread", "data"} <= facts.symbols.defined
    assert "wanted" in facts.symbols.undefined
    assert not {"maybe", "hidden_here", "hidden_too"} & (facts.symbols.defined | facts.symbols.undefined)
    assert (facts.soname, facts.runpath, facts.rpath) == ("libx.so.1", "$ORIGIN/../x.libs", None)
    assert (facts.arch, facts.bits, facts.kind) == ("x86_64", 64, "shared")
    assert readelf(path) == as_readelf(facts)


def test_an_object_without_definitions_still_has_its_undefined_symbols(musl_gcc: str, tmp_path: Path) -> None:
    """GNU hash tables of such objects do not say how many symbols there are."""
    source = "extern int wanted(void); static int use(void) { return wanted(); } void *p[] = { use };"
    path = compile_object(
        musl_gcc, tmp_path / "libx.so", source, flags=["-fvisibility=hidden", "-Wl,--hash-style=gnu", "-Wl,-z,nodelete"]
    )
    assert read_object(path.read_bytes()).symbols.undefined == {"wanted"}


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
def test_all_hash_styles(musl_gcc: str, tmp_path: Path, style: str) -> None:
    source = (
        "".join(f"int f{i}(void) {{ return {i}; }}" for i in range(40)) + "int g(void); int h(void) { return g(); }"
    )
    path = compile_object(musl_gcc, tmp_path / "libx.so", source, flags=[f"-Wl,--hash-style={style}"])
    symbols = read_object(path.read_bytes()).symbols
    assert {f"f{i}" for i in range(40)} | {"h"} <= symbols.defined
    assert symbols.undefined == {"g"}


def test_hidden_versions_and_indirect_functions_define_nothing_for_musl(musl_gcc: str, tmp_path: Path) -> None:
    (tmp_path / "v.map").write_text("V1 { global: *; }; V2 { } V1;")
    source = """
    int old(void) { return 1; } __asm__(".symver old,thing@V1");
    int plain(void) { return 2; }
    static int (*pick(void))(void) { return plain; } int indirect(void) __attribute__((ifunc("pick")));
    """
    path = compile_object(
        musl_gcc, tmp_path / "libx.so", source, flags=[f"-Wl,--version-script={tmp_path / 'v.map'}", "-fno-lto"]
    )
    assert "plain" in read_object(path.read_bytes()).symbols.defined
    assert not {"thing", "indirect"} & read_object(path.read_bytes()).symbols.defined


def test_section_headers_are_not_needed(musl_gcc: str, tmp_path: Path) -> None:
    lib = compile_object(musl_gcc, tmp_path / "libz.so.1", "int z(void) { return 1; }", soname="libz.so.1")
    path = compile_object(musl_gcc, tmp_path / "libx.so", "int z(void); int x(void) { return z(); }", needed=[lib])
    data = path.read_bytes()
    assert read_object(without_sections(data)) == read_object(data)
    assert read_object(without_sections(data)).needed == ("libz.so.1",)


def test_a_program_and_a_static_program(musl_gcc: str, tmp_path: Path) -> None:
    main = "int main(void) { return 0; }"
    program = read_object(compile_object(musl_gcc, tmp_path / "a", main, program=True).read_bytes())
    assert (program.kind, program.interpreter) == ("program", "/lib/ld-musl-x86_64.so.1")
    static = read_object(compile_object(musl_gcc, tmp_path / "b", main, program=True, flags=["-static"]).read_bytes())
    assert (static.kind, static.interpreter, static.needed) == ("static", None, ())
    relocatable = compile_object(musl_gcc, tmp_path / "c.o", main, program=True, flags=["-c"])
    assert read_object(relocatable.read_bytes()).kind == "relocatable"


@pytest.mark.parametrize(
    ("bits", "order", "machine", "flags", "arch"),
    [
        (64, "<", 62, 0, "x86_64"),
        (32, "<", 62, 0, "x32"),
        (32, "<", 3, 0, "x86"),
        (64, "<", 183, 0, "aarch64"),
        (32, "<", 40, 0x5000400, "armhf"),
        (32, "<", 40, 0x5000200, "arm"),
        (64, "<", 21, 0, "ppc64le"),
        (64, ">", 21, 0, "ppc64"),
        (64, ">", 22, 0, "s390x"),
        (64, "<", 243, 0, "riscv64"),
        (64, "<", 258, 0, "loongarch64"),
        (32, ">", 9999, 0, "machine-9999"),
    ],
)
def test_every_class_and_byte_order(bits: int, order: str, machine: int, flags: int, arch: str) -> None:
    data = elf_bytes(
        bits=bits, order=order, machine=machine, flags=flags,
        needed=[b"libc.musl.so", b"liba.so.1"], soname=b"libme.so", rpath=b"$ORIGIN", runpath=b"/x", interpreter=b"/lib/ld",
    )  # fmt: skip
    facts = read_object(data)
    assert facts.needed == ("libc.musl.so", "liba.so.1")
    assert (facts.soname, facts.rpath, facts.runpath, facts.interpreter) == ("libme.so", "$ORIGIN", "/x", "/lib/ld")
    assert (facts.arch, facts.bits, facts.big_endian, facts.problems) == (arch, bits, order == ">", ())
    assert facts.search_path == "/x"


@given(st.binary(max_size=64))
def test_anything_else_is_refused(data: bytes) -> None:
    if data[:4] != b"\x7fELF":
        with pytest.raises(NotElfError):
            read_object(data)


def patched(data: bytes, layout: str, offset: int, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, offset, *values)
    return bytes(changed)


def test_hostile_headers_are_refused() -> None:
    good = elf_bytes(needed=[b"liba.so"])
    for bad in (
        good[:20],
        good[:60],
        patched(good, "B", 4, 7),
        patched(good, "B", 5, 0),
        patched(good, "<H", 56, 0xFFFF),
        patched(good, "<Q", 32, 1 << 60),
        patched(good, "<H", 54, 3),
    ):
        with pytest.raises(MalformedElfError):
            read_object(bad)


def test_lesser_damage_is_told_and_the_rest_is_read() -> None:
    name_without_end = elf_bytes(needed=[b"liba.so"], extra=[(1, 1 << 40)])
    assert read_object(name_without_end).needed == ("liba.so",)
    assert "not in the string table" in read_object(name_without_end).problems[0]
    strings_outside = elf_bytes(needed=[b"liba.so"], extra=[(5, 1 << 50)])
    assert read_object(strings_outside).needed == ()
    assert any("string table" in problem for problem in read_object(strings_outside).problems)
    cut = elf_bytes(needed=[b"liba.so"])[:-16]
    assert read_object(cut).needed == ("liba.so",)
    assert read_object(cut).problems != ()
    symbols_outside = elf_bytes(needed=[b"liba.so"], extra=[(6, 1 << 50), (4, 1 << 50)])
    assert any("symbol table" in problem for problem in read_object(symbols_outside).problems)


def test_an_endless_dynamic_section_ends() -> None:
    data = elf_bytes(extra=[(0x60000000, 1)] * (MAX_DYNAMIC_ENTRIES + 10))
    assert "no end" in " ".join(read_object(data).problems)


def test_names_that_are_no_utf8_survive() -> None:
    assert read_object(elf_bytes(needed=[b"lib\xff.so"])).needed == ("lib\\xff.so",)


def test_the_extent_needs_only_the_head(musl_gcc: str, tmp_path: Path) -> None:
    path = compile_object(musl_gcc, tmp_path / "libx.so", "int x(void) { return 1; }", flags=["-g"])
    data = path.read_bytes()
    extent = needed_extent(data[:HEAD_SIZE])
    assert extent is not None
    assert extent < len(data)
    assert read_object(data[:extent]) == read_object(data)
    assert needed_extent(b"\x7fELF") is None


def test_hostile_names_cost_little() -> None:
    """Many symbols that all name the same long text, and more libraries than anybody needs."""
    symbols = struct.pack("<IBBHQQ", 1, 0x10, 0, 0, 0, 0) * 20_000
    base = elf_bytes(needed=[b"x" * 4000] * 10, extra=[(6, 0), (4, 0)])
    at = len(base)
    data = bytearray(elf_bytes(needed=[b"x" * 4000] * 10, extra=[(6, at), (4, at + len(symbols))]))
    data += symbols + struct.pack("<II", 1, 20_000)
    for offset in (32, 40):  # the load segment holds it all
        struct.pack_into("<Q", data, 64 + offset, len(data))
    facts = read_object(bytes(data))
    assert facts.symbols.undefined == {"x" * 4000}
    assert "names of symbols" in " ".join(facts.problems)
    many = read_object(elf_bytes(extra=[(1, 1)] * 5000, soname=b"a"))
    assert len(many.needed) == 1024
    assert "5000 libraries" in many.problems[0]
