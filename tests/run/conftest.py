"""The compiler for musl of ``tests/elf`` serves here too."""

from __future__ import annotations

from tests.proof.conftest import lz4_object, musl_gcc, musl_loader, wheel

__all__ = ["lz4_object", "musl_gcc", "musl_loader", "wheel"]
