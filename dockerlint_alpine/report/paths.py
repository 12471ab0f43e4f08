"""Paths as reports name them."""

from __future__ import annotations

import os


def portable(path: str) -> str:
    """Return the path with ``/`` between its parts and no ``./`` in front, as code hosts name files."""
    path = path.replace(os.sep, "/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path
