"""Names of Alpine releases: ``3.19``, ``edge``."""

from __future__ import annotations


def is_release(text: str) -> bool:
    """True for ``edge`` and for ``3.N``."""
    minor = text.removeprefix("3.")
    return text == "edge" or (minor != text and len(minor) < 4 and minor.isascii() and minor.isdecimal())


def release_key(release: str) -> tuple[int, ...]:
    """Sorts releases: ``3.9`` before ``3.10``; ``edge`` comes last."""
    return (1 << 30,) if release == "edge" else tuple(int(part) for part in release.split("."))


def supported_until(release: str) -> str | None:
    """The month (``YYYY-MM``) with which a release ends: two years after it came out in May (even) or November (odd), see
    alpinelinux.org/releases. ``None`` for edge, and for what is older than that rule."""
    if release == "edge" or release_key(release) < (3, 10):
        return None
    half, odd = divmod(release_key(release)[1], 2)
    return f"{2016 + half}-{'11' if odd else '05'}"
