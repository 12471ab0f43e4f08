from __future__ import annotations

import pytest
from packaging import _manylinux, _musllinux, tags
from pip._internal.utils.compatibility_tags import _expand_allowed_platforms

from dockerlint_alpine.python.markers import machine
from dockerlint_alpine.python.model import PythonError, Target
from dockerlint_alpine.python.tags import (
    MUSL_OF_ALPINE,
    expand_tag,
    knows_musllinux,
    libc_of_tag,
    musl_of_alpine,
    platforms,
    supported_tags,
    tag_of_wheel,
)

PLATFORMS = ["amd64", "arm64", "arm/v7", "arm/v6", "386", "ppc64le", "s390x", "riscv64"]


def reference_platforms(
    arch: str, musl: tuple[int, int] | None, glibc: tuple[int, int] | None, patch: pytest.MonkeyPatch
) -> list[str]:
    """What packaging would say inside that stage."""
    patch.setattr(_manylinux, "_get_glibc_version", lambda: glibc or (-1, -1))
    patch.setattr(_manylinux, "_is_linux_armhf", lambda _: True)
    patch.setattr(_manylinux, "_is_linux_i686", lambda _: True)
    patch.setattr(_musllinux, "_get_musl_version", lambda _: _musllinux._MuslVersion(*musl) if musl else None)
    patch.setattr("packaging.tags.sysconfig.get_platform", lambda: f"linux-{arch}")
    return list(tags._linux_platforms(is_32bit=False))


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("musl", "glibc"), [((1, 1), None), ((1, 2), None), (None, (2, 28)), (None, (2, 41)), (None, None)]
)
def test_tags_are_packagings(
    platform: str, musl: tuple[int, int] | None, glibc: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = reference_platforms(machine(f"linux/{platform}"), musl, glibc, monkeypatch)
    for minor in range(6, 16):
        target = Target(f"3.{minor}", f"linux/{platform}", musl=musl, glibc=glibc)
        assert platforms(target) == names
        version, abi = (3, minor), f"cp3{minor}{'m' if minor < 8 else ''}"
        expected = [*tags.cpython_tags(version, [abi], names), *tags.compatible_tags(version, f"cp3{minor}", names)]
        assert list(supported_tags(target)) == list(dict.fromkeys(str(tag) for tag in expected))


@pytest.mark.parametrize("python", ["3.13", "3.15"])
def test_free_threaded_tags_are_packagings(python: str) -> None:
    target = Target(python, musl=(1, 2), free_threaded=True)
    version = target.python_version
    nodot = f"cp{version[0]}{version[1]}"
    names = platforms(target)
    expected = [*tags.cpython_tags(version, [f"{nodot}t"], names), *tags.compatible_tags(version, nodot, names)]
    assert list(supported_tags(target)) == list(dict.fromkeys(str(tag) for tag in expected))


def test_pypy_tags_are_packagings() -> None:
    target = Target("3.10", musl=(1, 2), implementation="pp")
    names = platforms(target)
    expected = [*tags.generic_tags("pp310", ["pypy310_pp73"], names), *tags.compatible_tags((3, 10), "pp3", names)]
    assert list(supported_tags(target)) == list(dict.fromkeys(str(tag) for tag in expected))


def test_forced_platforms_are_pips() -> None:
    for given in (
        ["manylinux2014_x86_64"],
        ["manylinux2010_i686", "linux_i686"],
        ["musllinux_1_2_aarch64"],
        ["manylinux2014_aarch64"],
    ):
        assert platforms(Target("3.11", forced_platforms=tuple(given))) == _expand_allowed_platforms(given)


def test_expand_is_packagings_parse() -> None:
    for tag in (
        "py2.py3-none-any",
        "cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "CP39-cp39-musllinux_1_1_i686",
    ):
        assert set(expand_tag(tag)) == {str(one) for one in tags.parse_tag(tag)}
    assert list(expand_tag("nonsense")) == []


def test_a_pip_before_21_2_knows_no_musllinux() -> None:
    assert [knows_musllinux(version) for version in ("20.3.4", "21.1.3", "21.2", "26.3", None, "odd")] == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]
    old = Target("3.9", musl=(1, 2), pip_version="20.3.4")
    assert "cp39-cp39-musllinux_1_1_x86_64" not in supported_tags(old)
    assert "py3-none-any" in supported_tags(old)


def test_libc_and_names() -> None:
    assert libc_of_tag("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64") == "glibc"
    assert libc_of_tag("cp311-abi3-musllinux_1_2_x86_64") == "musl"
    assert libc_of_tag("py3-none-any") is None
    assert tag_of_wheel("lz4-4.3.3-cp311-cp311-musllinux_1_1_x86_64.whl") == "cp311-cp311-musllinux_1_1_x86_64"
    assert tag_of_wheel("foo-1.0-1build-py3-none-any.whl") == "py3-none-any"
    assert tag_of_wheel("foo-1.0.tar.gz") is None
    assert tag_of_wheel("foo.whl") is None


def test_musl_releases() -> None:
    assert musl_of_alpine("3.12") == (1, 1)
    assert musl_of_alpine("v3.19.1") == (1, 2)
    assert musl_of_alpine("edge") == (1, 2)
    assert musl_of_alpine("9.9") is None


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(PythonError, match="not a Python version"):
        supported_tags(Target("three", musl=(1, 2)))


@pytest.mark.parametrize(
    ("release", "version"),
    [("3.9", "1.1.20"), ("3.12", "1.1.24"), ("3.14", "1.2.2"), ("3.16", "1.2.3"), ("3.19", "1.2.4"), ("3.22", "1.2.5")],
)
def test_the_table_follows_the_musl_package_of_the_indexes(release: str, version: str) -> None:
    assert MUSL_OF_ALPINE[release] == tuple(int(part) for part in version.split(".")[:2])
