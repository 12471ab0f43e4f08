"""Mutated objects, wheels and images: always a result or one error of this package, never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockerlint_alpine.elf.details import undefined_symbols
from dockerlint_alpine.elf.errors import MalformedElfError
from dockerlint_alpine.elf.inspection import inspect
from dockerlint_alpine.elf.objects import needed_extent, read_object
from dockerlint_alpine.elf.render import to_json, to_text
from dockerlint_alpine.elf.targets import Subject
from dockerlint_alpine.elf.trees import MemoryTree, Node, object_node
from dockerlint_alpine.elf.wheels import read_wheel
from dockerlint_alpine.system.unreadable import UnreadableError
from tests.zips import zipped

from .building import compile_object, elf_bytes

SEEDS = [
    elf_bytes(
        needed=[b"liba.so.1", b"libc.musl-x86_64.so.1"], soname=b"libme.so", rpath=b"$ORIGIN", interpreter=b"/lib/ld"
    ),
    elf_bytes(bits=32, machine=40, needed=[b"liba.so.1"], runpath=b"${ORIGIN}/x:$LIB"),
    elf_bytes(
        order=">", machine=22, needed=[b"liba.so.1"], extra=[(4, 100), (6, 64), (0x6FFFFEF5, 120), (0x6FFFFFFE, 64)]
    ),
]

numbers = st.one_of(
    st.integers(0, 255).map(lambda value: bytes([value])),
    st.sampled_from([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1]).map(
        lambda value: value.to_bytes(8, "little")
    ),
    st.binary(min_size=1, max_size=8),
)
mutations = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), numbers), min_size=1, max_size=5)


def mutate(data: bytes, changes: list[tuple[float, bytes]]) -> bytes:
    changed = bytearray(data)
    for where, value in changes:
        at = int(where * len(changed))
        changed[at : at + len(value)] = value
    return bytes(changed)


def one_line(error: UnreadableError) -> None:
    assert "\n" not in str(error)


def look_at(data: bytes) -> None:
    try:
        facts = read_object(data)
    except UnreadableError as error:
        one_line(error)
        return
    assert all(isinstance(name, str) for name in facts.needed)
    extent = needed_extent(data[:4096])
    if extent is not None and extent <= len(data):
        assert read_object(data[:extent]).needed == facts.needed
    tree = MemoryTree({"/x.so": object_node(data, len(data)), "/y/liba.so.1": Node("file", facts=facts)})
    result = inspect(Subject("x", "wheel", tree, tuple(tree.entries)))
    assert to_text(result)
    assert to_json([result], alpine=None, arch=None)


@given(st.sampled_from(SEEDS), mutations)
@example(SEEDS[1], [(0.25, bytes(8)), (0.46875, bytes(8))])  # its segments end before its headers do
def test_mutated_small_objects(seed: bytes, changes: list[tuple[float, bytes]]) -> None:
    look_at(mutate(seed, changes))


@given(st.binary(max_size=600))
def test_noise_behind_the_magic_number(noise: bytes) -> None:
    look_at(b"\x7fELF\x02\x01\x01" + noise)


@pytest.fixture(scope="module")
def compiled(musl_gcc: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder: Path = tmp_path_factory.mktemp("seed")
    library = compile_object(musl_gcc, folder / "liba.so.1", "int a(void) { return 1; }", soname="liba.so.1")
    source = "int a(void); int b; int PyInit_x(void) { return a() + b; }"
    return compile_object(musl_gcc, folder / "x.so", source, needed=[library], rpath="$ORIGIN/y").read_bytes()


@given(data=st.data())
def test_mutated_compiled_objects(compiled: bytes, data: st.DataObject) -> None:
    """Mutations where they hurt: headers and tables, not machine code."""
    head, tail = compiled[:2048], compiled[2048:]
    if data.draw(st.booleans()):
        look_at(mutate(head, data.draw(mutations)) + tail)
    else:
        look_at(mutate(compiled, data.draw(mutations)))


@given(data=st.data())
def test_what_pyelftools_raises_stays_inside(compiled: bytes, data: st.DataObject) -> None:
    mutated = mutate(compiled, data.draw(mutations))
    try:
        undefined_symbols(mutated, {"a", "b"})
    except MalformedElfError as error:
        one_line(error)


@given(data=st.data())
def test_mutated_wheels(compiled: bytes, data: st.DataObject) -> None:
    wheel = zipped(
        {
            "pkg/x.so": compiled,
            "pkg/__init__.py": "import ctypes\nctypes.CDLL('liba.so.1')\n",
            "pkg-1.dist-info/RECORD": "pkg/x.so,,\n",
            "pkg-1.dist-info/METADATA": "Name: pkg\nVersion: 1\n\n",
        }
    )
    try:
        subject = read_wheel(mutate(wheel, data.draw(mutations)), "x.whl")
    except UnreadableError as error:
        one_line(error)
    else:
        assert to_text(inspect(subject))
