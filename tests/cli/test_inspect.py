"""``alpine-doctor inspect``: what it prints, its JSON, and its exit codes."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockerlint_alpine.apk import IndexStore, UnknownReleaseError
from dockerlint_alpine.cli.inspect import inspect_command
from tests.archives import tarred


def shared_object(*needed: str) -> bytes:
    """A 64-bit object with nothing but DT_NEEDED names."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in needed)
    offsets = [1 + sum(len(n) + 1 for n in needed[:i]) for i in range(len(needed))]
    at = 64 + 2 * 56
    dynamic_at = at + len(strings)
    tags = [*((1, offset) for offset in offsets), (5, at), (10, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    end = dynamic_at + len(dynamic)
    header = (
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    )
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, end, end, 1)
    return header + load + struct.pack("<IIQQQQQQ", 2, 4, *[dynamic_at] * 3, *[len(dynamic)] * 2, 8) + strings + dynamic


@dataclass
class Package:
    name: str


@dataclass
class Provider:
    package: Package
    capability: str
    reason: str = "the only provider"


class Index:
    def find(self, need: str, /) -> Sequence[Provider]:
        known = {"so:liblz4.so.1": "lz4-libs", "so:libmagic.so.1": "libmagic"}
        return [Provider(Package(known[need]), need)] if need in known else []


@pytest.fixture(autouse=True)
def releases(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """A store that knows 3.19 alone and remembers what was asked for."""
    asked: list[tuple[str, str]] = []

    def opened(self: IndexStore, release: str, arch: str = "x86_64", repositories: object = ()) -> Index:
        asked.append((release, arch))
        if release != "3.19":
            raise UnknownReleaseError(f"no index of Alpine {release} for {arch}")
        return Index()

    monkeypatch.setattr(IndexStore, "open", opened)
    return asked


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "demo-1-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("demo/_x.so", shared_object("liblz4.so.1", "libc.musl-x86_64.so.1"))
        archive.writestr("demo/__init__.py", "import ctypes\nctypes.CDLL('libmagic.so.1')\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(inspect_command, [str(argument) for argument in arguments])


def test_the_tree(wheel: Path) -> None:
    result = run(wheel, "--alpine", "3.19")
    assert result.output == (
        f"{wheel} (wheel: 1 object, x86_64, musl)\n"
        "demo/_x.so  [x86_64, musl, shared]\n"
        "├─ liblz4.so.1 => from the system: apk add lz4-libs  (the only provider)\n"
        "└─ libc.musl-x86_64.so.1 => musl itself\n"
        "demo/__init__.py:2: ctypes.CDLL(libmagic.so.1) => from the system, likely: apk add libmagic  (the only provider)\n"
        "no object has problems; not in the set: liblz4.so.1; apk add lz4-libs\n"
    )
    assert result.exit_code == 0


def test_json(wheel: Path) -> None:
    document = json.loads(run(wheel, "--alpine", "3.19", "--output-format", "json").output)
    assert (document["version"], document["alpine"]) == (1, "3.19")
    target = document["targets"][0]
    assert (target["kind"], target["packages"], target["externals"]) == ("wheel", ["lz4-libs"], ["liblz4.so.1"])
    assert target["objects"][0]["needed"][0]["packages"][0]["name"] == "lz4-libs"
    assert (target["opens"][0]["line"], target["opens"][0]["confidence"]) == (2, "likely")


def test_what_no_package_has_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(shared_object("libnobody.so.1"))
    assert run(path).exit_code == 0
    result = run(path, "--alpine", "3.19")
    assert "libnobody.so.1 => MISSING: no package of this Alpine release has it" in result.output
    assert result.exit_code == 1
    assert run(path, "--alpine", "3.19", "--exit-zero").exit_code == 0


def test_glibc_objects_fail(tmp_path: Path) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(shared_object("libc.so.6"))
    result = run(path)
    assert "built for glibc" in result.output
    assert result.exit_code == 1


def test_what_cannot_be_read_is_exit_code_two(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / "bad.whl").write_bytes(b"PK\x03\x04 cut short")
    result = run(tmp_path / "none", tmp_path / "bad.whl", wheel)
    assert "none: No such file or directory" in result.output
    assert "bad.whl: not a zip file" in result.output
    assert "no object has problems" in result.output
    assert result.exit_code == 2
    assert run().exit_code == 2
    result = run(wheel, "--alpine", "9.99")
    assert "no index of Alpine 9.99" in result.output
    assert result.exit_code == 2


def image(tmp_path: Path, release: bytes) -> Path:
    path = tmp_path / "root.tar"
    path.write_bytes(tarred({"etc/alpine-release": release, "usr/lib/x.so": shared_object("liblz4.so.1")}))
    return path


def test_an_image_tells_its_release_itself(tmp_path: Path, releases: list[tuple[str, str]]) -> None:
    result = run(image(tmp_path, b"3.19.7\n"))
    assert releases == [("3.19", "x86_64")]
    assert "liblz4.so.1 => MISSING: apk add lz4-libs" in result.output
    assert result.exit_code == 1
    result = run(image(tmp_path, b"3.99.0\n"))
    assert "liblz4.so.1 => MISSING\n" in result.output
    assert run(image(tmp_path, b"3.19.7\n"), "--arch", "aarch64").exit_code == 1
    assert releases[-1] == ("3.19", "aarch64")


def test_folders_show_what_lacks_and_all_on_demand(tmp_path: Path) -> None:
    (tmp_path / "good.so").write_bytes(shared_object("libc.musl-x86_64.so.1"))
    (tmp_path / "bad.so").write_bytes(shared_object("libc.so.6"))
    assert "good.so" not in run(tmp_path).output
    assert "good.so" in run(tmp_path, "--all").output


def test_the_source_scan_can_be_left_out(wheel: Path) -> None:
    assert "libmagic" not in run(wheel, "--no-dlopen").output


def test_an_output_file(wheel: Path, tmp_path: Path) -> None:
    assert run(wheel, "--output-file", tmp_path / "out.txt").output == ""
    assert "liblz4.so.1" in (tmp_path / "out.txt").read_text()
    assert run(wheel, "--output-file", tmp_path / "none" / "out.txt").exit_code == 2
