"""Docker's platforms and apk's architectures."""

from __future__ import annotations

USUAL = "linux/amd64"
"""The platform that is judged where nothing is said of any."""

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

_ARCHITECTURES = {
    "amd64": "amd64",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "amd64/v1": "amd64",
    "386": "386",
    "i386": "386",
    "arm64": "arm64",
    "aarch64": "arm64",
    "arm64/v8": "arm64",
    "arm64/8": "arm64",
    "arm": "arm/v7",
    "armhf": "arm/v7",
    "arm/7": "arm/v7",
    "arm/6": "arm/v6",
    "armel": "arm/v6",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
"""Names of an architecture, and of its variants, and the one that stands for them."""


def platform_of(written: str) -> str:
    """The platform that ``--platform=aarch64`` means, ``linux/arm64``; empty for the builder's own (``linux``). What is not
    known stays as it is written (containerd: ``platforms.Parse``, ``normalizeArch``)."""
    system, _, architecture = written.lower().partition("/")
    if not architecture:
        system, architecture = ("linux", system) if system in _ARCHITECTURES else (system, "")
    if system != "linux":
        return written
    return f"linux/{_ARCHITECTURES.get(architecture, architecture)}" if architecture else ""
