"""Paths inside a stage: absolute POSIX paths as text."""

from __future__ import annotations

import posixpath


def absolute(path: str, folder: str) -> str:
    """Return ``path`` made absolute against ``folder`` and normalised."""
    return posixpath.normpath(posixpath.join(folder, path)).replace("//", "/")
