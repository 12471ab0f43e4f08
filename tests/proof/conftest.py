"""The compiler, loader and wheels of ``tests/elf`` serve here too."""

from __future__ import annotations

import pytest

from tests.elf.building import compile_object
from tests.elf.conftest import musl_gcc, musl_loader, wheel

__all__ = ["lz4_object", "musl_gcc", "musl_loader", "wheel"]


@pytest.fixture(scope="session")
def lz4_object(musl_gcc: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of an extension module that links liblz4.so.1, as compiled against musl."""
    folder = tmp_path_factory.mktemp("lz4")
    library = compile_object(musl_gcc, folder / "liblz4.so.1", soname="liblz4.so.1")
    source = "int PyInit__version(void) { return 1; }"
    return compile_object(musl_gcc, folder / "_version.so", source, needed=[library]).read_bytes()
