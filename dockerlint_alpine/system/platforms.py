"""Docker's platforms and apk's architectures."""

from __future__ import annotations

APK_ARCH = {
    "linux/amd64": "x86_64",
    "linux/arm64": "aarch64",
    "linux/arm64/v8": "aarch64",
    "linux/arm/v7": "armv7",
    "linux/arm/v6": "armhf",
    "linux/386": "x86",
    "linux/ppc64le": "ppc64le",
    "linux/s390x": "s390x",
    "linux/riscv64": "riscv64",
}
"""Platform -> architecture (apk-tools: APK_DEFAULT_ARCH; Docker: platforms of the official images)."""
