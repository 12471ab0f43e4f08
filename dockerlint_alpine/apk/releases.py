"""Names of Alpine releases: ``3.19``, ``edge``."""

from __future__ import annotations


def is_release(text: str) -> bool:
    """True for ``edge`` and for ``3.N``."""
    minor = text.removeprefix("3.")
    return text == "edge" or (minor != text and len(minor) < 4 and minor.isascii() and minor.isdecimal())


def release_key(release: str) -> tuple[int, ...]:
    """Sorts releases: ``3.9`` before ``3.10``; ``edge`` comes last."""
    return (1 << 30,) if release == "edge" else tuple(int(part) for part in release.split("."))
