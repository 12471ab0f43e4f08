"""Wheels of a stranger: bombs, lies of the directory, more of everything than there is room for."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import arena
from tests.hostile.test_images import object_of
from tests.zips import zipped

NAME = "lz4-4.4.5-cp312-cp312-musllinux_1_2_x86_64.whl"
_DOCKERFILE = "FROM python:3.12-alpine3.20\nCOPY dist dist\nRUN pip install --no-index --find-links dist lz4\n"


def both(project: Path, wheel: bytes, **limits: float) -> tuple[arena.Ended, arena.Ended]:
    """Inspect a wheel, and judge a Dockerfile with it at hand."""
    (project / "dist").mkdir(exist_ok=True)
    place = project / "dist" / NAME
    place.write_bytes(wheel)
    (project / "Dockerfile").write_text(_DOCKERFILE)
    told = arena.doctor("inspect", place, cwd=project, **limits).sound()  # type: ignore[arg-type]
    judged = arena.doctor("check", "--wheels", "dist", "Dockerfile", cwd=project, **limits).sound()  # type: ignore[arg-type]
    return told, judged


def bomb(size: int, times: int = 1) -> bytes:
    """A wheel whose objects unpack to ``size`` bytes each and say that all of it is wanted."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(times):
            with archive.open(f"lz4/big{number}.so", "w", force_zip64=True) as member:
                head = object_of(size)
                member.write(head)
                for _ in range(size >> 20):
                    member.write(bytes(2**20))
                member.write(bytes(size % 2**20 - len(head)) if size % 2**20 > len(head) else b"")
    return out.getvalue()


@pytest.mark.parametrize(("size", "times"), [(700 * 2**20, 1), (200 * 2**20, 4)])
def test_bombs(tmp_path: Path, size: int, times: int) -> None:
    """Neither one object of 700 MiB nor four that several threads unpack at a time take the memory that they claim."""
    both(tmp_path, bomb(size, times), memory=2 * 2**30, data=300 * 2**20, seconds=60)


def test_sizes_that_are_not_true(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """A directory that says 10, 60 or 0 bytes of an object of 5 kB is found out, however small the claim."""
    code = """
import struct, sys
from pathlib import Path
from dockerlint_alpine.system.unreadable import ArchiveError
from dockerlint_alpine.elf.wheels import read_wheel
for claimed in map(int, sys.argv[2:]):
    data = bytearray(Path(sys.argv[1]).read_bytes())
    struct.pack_into("<I", data, data.rfind(b"PK\\x01\\x02") + 24, claimed)
    try:
        read_wheel(bytes(data), "w.whl")
        sys.exit(f"{claimed} is believed")
    except ArchiveError as error:
        print(error)
"""
    claims = (0, 10, 51, 52, 60, 4999, 2**31, 2**32 - 2)
    whole = zipped({"lz4/_version.so": object_of(5000) + bytes(4880)})
    place = tmp_path / "w.whl"
    place.write_bytes(whole)
    arena.python(code, place, *map(str, claims), cwd=tmp_path).sound(0)
    lying = bytearray(whole)
    struct.pack_into("<I", lying, lying.rfind(b"PK\x01\x02") + 24, 10)
    told, _ = both(tmp_path, bytes(lying))
    told.sound(2).says("_version.so: it is bigger than the directory says")
    tried(len(claims) + 1)


def test_small_members_are_ordinary(tmp_path: Path) -> None:
    told, _ = both(tmp_path, zipped({"lz4/__init__.py": b"", "lz4/py.typed": b"", "lz4/x.so": b"no object"}))
    told.sound(0)


def test_more_text_than_there_is_room_for(tmp_path: Path, tried: Callable[[int], None]) -> None:
    texts = {f"a{number}-1.dist-info/METADATA": bytes(60 * 2**20) for number in range(6)}
    told, _ = both(tmp_path, zipped(texts), seconds=40)
    told.sound(2).says("have more than")
    sources = {f"a/m{number}.py": b"CDLL(" + b"#" * 2**20 for number in range(40)}
    both(tmp_path, zipped(sources), seconds=40)
    tried(2)


def test_many_members(tmp_path: Path, tried: Callable[[int], None]) -> None:
    both(tmp_path, zipped({f"a/{number}.so": b"" for number in range(30_000)}), seconds=40)
    many = bytearray(zipped({"a": b""}))
    end = many.rfind(b"PK\x05\x06")
    struct.pack_into("<HH", many, end + 8, 0xFFFE, 0xFFFE)
    both(tmp_path, bytes(many))[0].sound(2)
    tried(2)


def test_damaged_in_every_place(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """In one child: 3,000 wheels with one or two bytes changed, and every length; one error each and nothing else."""
    code = """
import contextlib, random, sys
from pathlib import Path
from dockerlint_alpine.system.unreadable import UnreadableError
from dockerlint_alpine.elf.inspection import inspect
from dockerlint_alpine.elf.wheels import read_wheel
data = Path(sys.argv[1]).read_bytes()
random.seed(7)
def look(wheel):
    with contextlib.suppress(UnreadableError):
        inspect(read_wheel(bytes(wheel), "w.whl", threads=1))
for at in range(0, len(data), 3):
    look(data[:at])
for _ in range(3000 - len(data) // 3):
    wheel = bytearray(data)
    for _ in range(random.randint(1, 2)):
        wheel[random.randrange(len(wheel))] = random.randrange(256)
    look(wheel)
"""
    wheel = tmp_path / "w.whl"
    content = object_of(3000) + zlib.compress(bytes(range(256)) * 4)
    wheel.write_bytes(zipped({"a/b.so": content, "a/c.py": b"import ctypes; ctypes.CDLL('libx.so.1')", "d/": b""}))
    arena.python(code, wheel, cwd=tmp_path, seconds=60).sound(0)
    tried(3000)
