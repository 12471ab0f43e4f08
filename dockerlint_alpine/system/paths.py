"""Paths inside a stage: absolute POSIX paths as text."""

from __future__ import annotations

import posixpath

PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH where an image names none (moby: DefaultPathEnv)."""


def absolute(path: str, folder: str) -> str:
    """Return ``path`` made absolute against ``folder`` and normalised."""
    return posixpath.normpath(posixpath.join(folder, path)).replace("//", "/")
