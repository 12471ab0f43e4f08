"""What is missing, where it comes from and what helps: on compiled objects, real wheels and root file systems."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from dockerlint_alpine.elf.errors import TargetError
from dockerlint_alpine.elf.folders import open_folder, open_object
from dockerlint_alpine.elf.inspection import Inspection, ObjectReport, inspect
from dockerlint_alpine.elf.libc import libc_of, musl_symbols, newest_glibc, remedy_for
from dockerlint_alpine.elf.objects import ElfFacts, VersionNeed, read_object
from dockerlint_alpine.elf.opening import open_target
from dockerlint_alpine.elf.render import to_json, to_text
from dockerlint_alpine.elf.targets import Subject
from dockerlint_alpine.elf.trees import MemoryTree, Node
from dockerlint_alpine.elf.wheels import open_wheel, read_wheel
from dockerlint_alpine.python.sources.dlopen import scan_sources
from dockerlint_alpine.system.unreadable import ArchiveError

from .building import compile_object, elf_bytes

if TYPE_CHECKING:
    from .conftest import Download, FakeIndex

EXTENSION = "extern void *{symbol}(void); void *PyInit_x(void) {{ return {symbol}(); }}"


def only(result: Inspection, name: str = "") -> ObjectReport:
    found = [report for report in result.objects if report.path.endswith(name)]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def extension(musl_gcc: str, tmp_path: Path) -> Callable[..., Path]:
    """Compile an extension module that wants one symbol and names libraries."""

    def make(symbol: str, *libraries: str) -> Path:
        stubs = [compile_object(musl_gcc, tmp_path / "stubs" / name, soname=name) for name in libraries]
        return compile_object(
            musl_gcc,
            tmp_path / "pkg/_x.cpython-311-x86_64-linux-musl.so",
            EXTENSION.format(symbol=symbol),
            needed=stubs,
        )

    return make


@pytest.mark.parametrize(
    ("symbol", "remedy", "package", "said"),
    [
        ("_ZSt9terminatev", "library", "libstdc++", "libstdc++.so.6"),
        ("__gxx_personality_v0", "library", "libstdc++", "C++"),
        ("_Znwm", "library", "libstdc++", "g++"),
        ("_Unwind_Resume", "library", None, "libgcc_s.so.1"),
        ("__memcpy_chk", "gcompat", "gcompat", "LD_PRELOAD"),
        ("__isoc23_strtol", "none", None, "no package helps"),
        ("argp_parse", "rebuild", None, "argp-standalone"),
        ("fts_open", "library", None, "musl-fts"),
        ("nobody_knows_it", "unknown", None, "no library in the set"),
    ],
)
def test_symbols_without_a_definition(
    extension: Callable[..., Path], index: FakeIndex, symbol: str, remedy: str, package: str | None, said: str
) -> None:
    report = only(inspect(open_object(extension(symbol)), index))
    assert [(u.name, u.remedy.kind) for u in report.unresolved] == [(symbol, remedy)]
    assert said in report.unresolved[0].remedy.advice
    assert [p.package for u in report.unresolved for p in u.providers] == ([package] if package else [])
    assert not report.sound


@pytest.mark.parametrize("symbol", ["PyLong_FromLong", "_PyObject_New", "malloc", "open64", "__cxa_atexit", "qsort_r"])
def test_symbols_that_python_and_musl_define(extension: Callable[..., Path], symbol: str) -> None:
    report = only(inspect(open_object(extension(symbol, "libc.musl-x86_64.so.1"))))
    assert report.unresolved == ()
    assert report.sound


def test_a_library_that_is_not_there_may_define_anything(extension: Callable[..., Path]) -> None:
    report = only(inspect(open_object(extension("LZ4_compress", "liblz4.so.1"))))
    assert report.unresolved == ()
    assert [(need.name, need.status) for need in report.needs] == [("liblz4.so.1", "external")]


def test_the_embedded_names_are_those_of_the_real_musl(musl_loader: Path) -> None:
    """All but the fts functions, which Debian adds."""
    exported = read_object(musl_loader.read_bytes()).symbols.defined
    assert {name for name in exported - musl_symbols() if not name.startswith("fts_")} == set()


def test_providers_and_no_provider(extension: Callable[..., Path], index: FakeIndex) -> None:
    report = only(inspect(open_object(extension("x", "liblz4.so.1", "libnobody.so.9")), index))
    assert [p.package for p in report.needs[0].providers] == ["lz4-libs"]
    assert (report.needs[1].looked_up, report.needs[1].advice) == (True, "no package of this Alpine release has it")
    assert not report.sound


def auditwheel_needs(path: Path) -> set[str]:
    """All DT_NEEDED names that auditwheel reads in a wheel, those of files in it and of musl itself taken away."""
    abi = pytest.importorskip("auditwheel.wheel_abi", reason="auditwheel is not installed")
    data = abi.get_wheel_elfdata(None, None, path, frozenset(), None)
    trees = data.full_elftree.values()
    names = {name for tree in trees for name in tree.needed}
    names |= {name for tree in trees for library in tree.libraries.values() for name in library.needed}
    inside = {Path(name).name for name in zipfile.ZipFile(path).namelist()}
    return {name for name in names - inside if not name.startswith(("libc.musl", "ld-musl"))}


@pytest.mark.parametrize("name", ["pyyaml", "psycopg2-binary", "pillow"])
def test_musl_wheels_need_what_auditwheel_reads(wheel: Download, name: str) -> None:
    path = wheel(name, "musl")
    ours = inspect(open_wheel(path))
    assert set(ours.externals) == auditwheel_needs(path)
    assert len(ours.objects) >= 1


def test_a_real_wheel_with_bundled_libraries(wheel: Download, index: FakeIndex) -> None:
    result = inspect(open_wheel(wheel("pillow", "musl")), index)
    assert (result.arch, result.libc, result.externals, result.packages) == (
        "x86_64",
        ("musl",),
        ("libz.so.1",),
        ("zlib",),
    )
    assert result.sound
    assert [(d.name) for d in result.root.distributions] == ["pillow"]
    imaging = only(result, "_imaging.cpython-311-x86_64-linux-musl.so")
    assert imaging.distribution == "pillow"
    bundled = {need.name: need.path for need in imaging.needs if need.bundled}
    assert all(path == f"pillow.libs/{name}" for name, path in bundled.items())
    assert len(bundled) > 3


def test_a_real_glibc_wheel_says_so(wheel: Download, index: FakeIndex) -> None:
    result = inspect(open_wheel(wheel("psycopg2-binary", "glibc")), index)
    assert result.libc == ("glibc",)
    assert not result.sound
    report = next(r for r in result.objects if "_psycopg" in r.path)
    assert report.libc.kind == "glibc"
    assert any("libc.so.6" in reason for reason in report.libc.reasons)


def test_glibc_only_symbols_carry_their_version(wheel: Download) -> None:
    result = inspect(open_wheel(wheel("pillow", "glibc")))
    unresolved = [u for report in result.objects for u in report.unresolved]
    assert unresolved != []
    assert all(u.remedy.glibc_only for u in unresolved)
    assert any(u.version and u.version.startswith("GLIBC_2.") for u in unresolved)


@pytest.mark.parametrize(
    ("changes", "name", "kind"),
    [
        ({"needed": ("libc.musl-x86_64.so.1",)}, "", "musl"),
        ({"needed": ("libc.so",)}, "", "musl"),
        ({"needed": ("libc.so.6",)}, "", "glibc"),
        ({"needed": ("ld-linux-aarch64.so.1",)}, "", "glibc"),
        ({"interpreter": "/lib/ld-musl-armhf.so.1"}, "", "musl"),
        ({"interpreter": "/lib64/ld-linux-x86-64.so.2"}, "", "glibc"),
        ({"version_needs": (VersionNeed("libm.so.6", ("GLIBC_2.9", "GLIBC_2.29")),)}, "", "glibc"),
        ({}, "x.cpython-312-aarch64-linux-musl.so", "musl"),
        ({}, "x.cpython-310-x86_64-linux-gnu.so", "unknown"),
        ({"kind": "static"}, "", "static"),
        ({"needed": ("libfoo.so.1",)}, "", "unknown"),
    ],
)
def test_the_c_library_is_told(changes: dict[str, object], name: str, kind: str) -> None:
    facts = replace(ElfFacts("x86_64", 64, big_endian=False, kind="shared"), **changes)  # type: ignore[arg-type]
    assert libc_of(facts, name).kind == kind
    assert (libc_of(facts, name).reasons != ()) == (kind != "unknown")
    if "version_needs" in changes:
        assert newest_glibc(facts) == "GLIBC_2.29"


def test_a_library_is_judged_by_the_loads_that_reach_it() -> None:
    """It has no search path of its own, but inherits that of the extension."""
    tree = MemoryTree(
        {
            "/pkg/_x.so": Node(
                "file", facts=read_object(elf_bytes(needed=[b"liba.so"], runpath=b"$ORIGIN/../pkg.libs"))
            ),
            "/pkg.libs/liba.so": Node("file", facts=read_object(elf_bytes(needed=[b"libb.so"], soname=b"liba.so"))),
            "/pkg.libs/libb.so": Node("file", facts=read_object(elf_bytes(soname=b"libb.so"))),
        }
    )
    result = inspect(Subject("x", "wheel", tree, tuple(tree.entries)))
    assert [(n.name, n.status) for r in result.objects for n in r.needs] == [("liba.so", "found"), ("libb.so", "found")]
    assert result.sound
    text = to_text(result)
    assert "└─ liba.so => pkg.libs/liba.so  (bundled)\n   └─ libb.so => pkg.libs/libb.so  (bundled)" in text


def test_a_bundled_library_that_no_search_path_reaches() -> None:
    tree = MemoryTree(
        {
            "/pkg/_x.so": Node("file", facts=read_object(elf_bytes(needed=[b"liba.so"]))),
            "/pkg.libs/liba.so": Node("file", facts=read_object(elf_bytes())),
        }
    )
    need = only(inspect(Subject("x", "wheel", tree, tuple(tree.entries))), "_x.so").needs[0]
    assert (need.status, need.advice) == ("external", "pkg.libs/liba.so exists, but is on no search path")


def test_a_folder_finds_neighbours_and_nothing_of_this_machine(musl_gcc: str, tmp_path: Path) -> None:
    lib = compile_object(musl_gcc, tmp_path / "site/x.libs/libq-1.so", "int q(void) { return 1; }", soname="libq-1.so")
    system = compile_object(musl_gcc, tmp_path / "stub/libz.so.1", soname="libz.so.1")
    compile_object(
        musl_gcc, tmp_path / "site/x/_x.so", "int q(void); int PyInit__x(void) { return q(); }",
        needed=[lib, system], rpath="$ORIGIN/../x.libs:/usr/lib:/lib/x86_64-linux-gnu",
    )  # fmt: skip
    (tmp_path / "site/x/_x.so").chmod(0o644)
    (tmp_path / "site/x/script.so").write_text("INPUT(-lq)")
    (tmp_path / "site/x/fifo.so").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "site/x/fifo.so")
    result = inspect(open_folder(tmp_path / "site"))
    assert [report.path for report in result.objects] == ["x.libs/libq-1.so", "x/_x.so"]
    assert [(n.name, n.status, n.path) for n in only(result, "_x.so").needs] == [
        ("libq-1.so", "found", "x.libs/libq-1.so"),
        ("libz.so.1", "external", None),
    ]
    single = inspect(open_object(tmp_path / "site/x/_x.so"))
    assert [need.status for need in single.objects[0].needs] == ["found", "external"]


def test_a_root_file_system_in_a_folder(musl_gcc: str, musl_loader: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "lib").mkdir(parents=True)
    shutil.copy(os.path.realpath(musl_loader), root / "lib/ld-musl-x86_64.so.1")
    stub = compile_object(musl_gcc, tmp_path / "liblz4.so.1", soname="liblz4.so.1")
    python = "int PyLong_FromLong(void) { return 1; } int main(void) { return 0; }"
    compile_object(musl_gcc, root / "usr/local/bin/python3.11", python, program=True, flags=["-rdynamic"])
    site = root / "usr/local/lib/python3.11/site-packages"
    source = "int PyLong_FromLong(void); int PyLong_NoSuch(void); int nobody(void);"
    source += "int PyInit_x(void) { return PyLong_FromLong() + PyLong_NoSuch() + nobody(); }"
    compile_object(musl_gcc, site / "x.so", source, needed=[stub])
    (root / "etc").mkdir()
    (root / "etc/os-release").write_text('NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.21.2\n')
    subject = open_folder(root)
    assert (subject.kind, subject.alpine, subject.apk_arch) == ("root", "3.21", "x86_64")
    result = inspect(subject)
    assert result.root.pythons == ("3.11",)
    report = only(result, "x.so")
    assert report.path == "/usr/local/lib/python3.11/site-packages/x.so"
    assert [(need.name, need.status) for need in report.needs] == [("liblz4.so.1", "missing")]
    shutil.copy(stub, root / "usr/local/lib/liblz4.so.1")
    report = only(inspect(open_folder(root)), "x.so")
    assert [need.status for need in report.needs] == ["found"]
    assert [unresolved.name for unresolved in report.unresolved] == ["nobody"]


def test_sources_that_open_libraries(tmp_path: Path, index: FakeIndex) -> None:
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "magic/__init__.py",
            "import ctypes\nctypes.CDLL('libmagic.so.1')\ntry:\n    ctypes.CDLL('libno.so.1')\nexcept OSError: pass\n",
        )
        archive.writestr("magic/broken.py", "ctypes.CDLL(\n")
    result = inspect(open_wheel(path), index, scan=scan_sources)
    assert [
        (o.opens.path, o.opens.line, o.status, [p.package for p in o.providers], o.opens.optional) for o in result.opens
    ] == [
        ("magic/__init__.py", 2, "external", ["libmagic"], False),
        ("magic/__init__.py", 4, "external", [], True),
    ]
    assert any("broken.py" in note for note in result.notes)
    assert inspect(open_wheel(path, sources=False), scan=scan_sources).opens == ()
    assert inspect(open_wheel(path)).opens == ()


def test_text_and_json_hold_nothing_that_moves_a_terminal() -> None:
    facts = read_object(elf_bytes(needed=[b"lib\x1b[2Jevil\n.so.1", "lib\u202eevil.so".encode()]))
    tree = MemoryTree({"/a\x1b]0;x\x07/x.so": Node("file", facts=facts)})
    result = inspect(Subject("x\x9b", "wheel", tree, tuple(tree.entries)))
    assert not any(ord(char) < 32 and char != "\n" for char in to_text(result))
    assert "\u202e" not in to_text(result)
    assert to_text(result).count("\n") == 4
    assert json.loads(json.dumps(to_json([result], alpine=None, arch=None)))["version"] == 1


def test_symbols_with_the_same_way_out_share_a_line(musl_gcc: str, tmp_path: Path, index: FakeIndex) -> None:
    names = [f"__x{number}_chk" for number in range(60)] + ["_Znwm"]
    source = "".join(f"int {name}(void);" for name in names)
    source += f"int PyInit_x(void) {{ return {' + '.join(f'{name}()' for name in names)}; }}"
    path = compile_object(musl_gcc, tmp_path / "x.so", source)
    result = inspect(open_object(path), index)
    assert (only(result).unresolved_count, len(only(result).unresolved)) == (61, 50)
    lines = [line for line in to_text(result).splitlines() if "not found" in line]
    assert len(lines) == 3
    assert lines[0].startswith("   ! symbol not found: _Znwm (wanted by x.so)")
    assert "and 41 more (wanted by x.so)" in lines[1]
    assert lines[2] == "   ! ... and 11 more symbols not found"


def test_unreadable_objects_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bad.so", b"\x7fELF" + b"\xff" * 100)
        archive.writestr("text.so", b"INPUT(libx.so.1)" + b" " * 100)
    result = inspect(open_wheel(path))
    assert [(report.path, report.sound, report.facts) for report in result.objects] == [("bad.so", False, None)]
    assert "ELF header" in result.objects[0].problems[0]


def test_what_is_no_target_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "empty.whl").touch()
    with pytest.raises(ArchiveError, match="empty"):
        open_wheel(tmp_path / "empty.whl")
    with pytest.raises(TargetError, match="No such file"):
        open_wheel(tmp_path / "none.whl")
    with pytest.raises(ArchiveError, match="not a zip file"):
        read_wheel(b"no zip", "x")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(TargetError, match="neither a file nor a folder"):
        list(open_target(str(tmp_path / "fifo")))


def test_remedies_without_an_object() -> None:
    assert remedy_for("something", version="GLIBC_2.38").kind == "none"
    assert remedy_for("__cxa_thread_atexit_impl").kind != "library"
    assert remedy_for("_ZNSt6thread4joinEv").need == "so:libstdc++.so.6"
    assert remedy_for("__atomic_load_16").need == "so:libatomic.so.1"
