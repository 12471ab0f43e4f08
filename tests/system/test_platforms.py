"""Platforms as Docker's users write them."""

from __future__ import annotations

import pytest

from dockerlint_alpine.system.platforms import APK_ARCH, platform_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("linux/amd64", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("x86_64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/ARM64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("armel", "linux/arm/v6"),
        ("linux", ""),
        ("", ""),
        ("linux/mips64le", "linux/mips64le"),
        ("windows/amd64", "windows/amd64"),
        ("nonsense", "nonsense"),
    ],
)
def test_what_is_written_for_a_platform(written: str, meant: str) -> None:
    assert platform_of(written) == meant


def test_what_apk_knows_is_what_it_means() -> None:
    assert {platform_of(one) for one in APK_ARCH} <= set(APK_ARCH)
