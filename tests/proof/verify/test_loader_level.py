"""What musl's loader prints, read: the lines here were printed by it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dockerlint_alpine.proof.verify.loader_level import FaultKind, read_answer
from tests.elf.building import compile_object

LZ4 = "/site-packages/lz4/_version.so"


@pytest.mark.parametrize(
    ("line", "kind", "what", "by"),
    [
        (
            f"Error loading shared library liblz4.so.1: No such file or directory (needed by {LZ4})",
            "missing",
            "liblz4.so.1",
            LZ4,
        ),
        (
            f"Error loading shared library libz.so.1: Permission denied (needed by {LZ4})",
            "permission",
            "libz.so.1",
            LZ4,
        ),
        (f"Error loading shared library libz.so.1: Exec format error (needed by {LZ4})", "format", "libz.so.1", LZ4),
        (f"Error relocating {LZ4}: LZ4_compress: symbol not found", "symbol", "LZ4_compress", LZ4),
        (f"/lib/ld-musl-x86_64.so.1: {LZ4}: Not a valid dynamic program", "format", LZ4, LZ4),
        (f"/lib/ld-musl-x86_64.so.1: cannot load {LZ4}: Permission denied", "permission", LZ4, LZ4),
        (f"/lib/ld-musl-x86_64.so.1: cannot load {LZ4}: No such file or directory", "missing", LZ4, LZ4),
    ],
)
def test_reasons_are_told_apart(line: str, kind: FaultKind, what: str, by: str) -> None:
    (fault,) = read_answer(LZ4, f"\tldd (0x1)\n{line}\n", preloaded=True).faults
    assert (fault.kind, fault.needed_by, fault.line) == (kind, by, line)
    assert fault.what.endswith(what)


def test_symbols_of_python_count_only_beside_its_library() -> None:
    text = f"Error relocating {LZ4}: PyModule_Create2: symbol not found\n"
    assert read_answer(LZ4, text, preloaded=False).faults == ()
    assert [fault.what for fault in read_answer(LZ4, text, preloaded=True).faults] == ["PyModule_Create2"]


def test_what_a_missing_library_would_have_brought_is_not_told_twice() -> None:
    text = (
        f"Error loading shared library liblz4.so.1: No such file or directory (needed by {LZ4})\n"
        f"Error relocating {LZ4}: LZ4_compress: symbol not found\n"
    )
    assert [fault.kind for fault in read_answer(LZ4, text, preloaded=True).faults] == ["missing"]


def test_the_loader_itself(musl_gcc: str, musl_loader: Path, tmp_path: Path) -> None:
    """The lines above, from the loader of this machine."""
    library = compile_object(musl_gcc, tmp_path / "libgone.so.1", "int gone(void) { return 1; }", soname="libgone.so.1")
    source = "extern int gone(void); extern int never(void); int PyInit_x(void) { return gone() + never(); }"
    module = compile_object(musl_gcc, tmp_path / "x.so", source, needed=[library], rpath=str(tmp_path))

    def said() -> list[tuple[str, str]]:
        done = subprocess.run([musl_loader, "--list", module], capture_output=True, text=True, check=False)
        return [(f.kind, f.what) for f in read_answer(str(module), done.stdout + done.stderr, preloaded=True).faults]

    assert said() == [("symbol", "never")]
    library.write_bytes(b"no object")
    assert said() == [("format", "libgone.so.1")]
    library.unlink()
    assert said() == [("missing", "libgone.so.1")]
