"""Second look at an object with pyelftools: the versions of its undefined symbols, where those matter.

Slower than :mod:`dockerlint_alpine.elf.objects` by two orders of magnitude, and only as good as the section headers. On
malformed files pyelftools raises much more than its own errors; all of that ends here as :class:`MalformedElfError`.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from dockerlint_alpine.elf.errors import MalformedElfError
from dockerlint_alpine.elf.objects import is_elf

MAX_SYMBOLS = 200_000
MAX_SECTIONS = 10_000


class SymbolDetail(Struct, frozen=True):
    """An undefined symbol with the version it wants and the library expected to have that, where the object says so."""

    name: str
    version: str | None
    library: str | None
    kind: str


def undefined_symbols(data: bytes, names: Collection[str]) -> tuple[SymbolDetail, ...]:
    """Details of these undefined symbols of an object (bytes of its whole file), sorted by name.

    Symbols that pyelftools does not find are left out. Raises :class:`MalformedElfError`.
    """
    with _contained(data) as elf:
        return tuple(sorted(_undefined(elf, frozenset(names)), key=lambda detail: detail.name))


@contextmanager
def _contained(data: bytes) -> Iterator[Any]:
    """Open an ELFFile; ``Any``, as its sections and segments get their methods by kind."""
    if not is_elf(data):
        raise MalformedElfError("not an ELF object")
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(io.BytesIO(data))
        if elf.num_sections() > MAX_SECTIONS or elf.num_segments() > MAX_SECTIONS:
            raise MalformedElfError("it claims to have too many sections")
        yield elf
    except (
        ELFError, ConstructError, ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError,
        RecursionError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise MalformedElfError(f"its sections can't be read ({type(error).__name__})") from None


def _undefined(elf: Any, names: frozenset[str]) -> Iterator[SymbolDetail]:
    table = elf.get_section_by_name(".dynsym")
    if table is None or table["sh_entsize"] == 0 or table.num_symbols() > MAX_SYMBOLS:
        return
    versions = elf.get_section_by_name(".gnu.version")
    needs = elf.get_section_by_name(".gnu.version_r")
    for index, symbol in enumerate(table.iter_symbols()):
        if symbol["st_shndx"] != "SHN_UNDEF" or symbol.name not in names:
            continue
        version = library = None
        if versions is not None and needs is not None:
            number = versions.get_symbol(index)["ndx"]
            found = needs.get_version(number) if isinstance(number, int) else None
            if found is not None:
                library, version = str(found[0].name), str(found[1].name)
        yield SymbolDetail(symbol.name, version, library, str(symbol["st_info"]["type"]).removeprefix("STT_").lower())
