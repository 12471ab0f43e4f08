"""Finds the program uv. Must stay cheap to import: it is needed at every start."""

from __future__ import annotations

import os
import sys


def find_uv() -> str | None:
    """Return the path of the uv program: beside this Python, else on ``PATH``, else that of the installed package."""
    beside = os.path.join(os.path.dirname(sys.executable), "uv")  # noqa: PTH118, PTH120 - at every start
    if os.access(beside, os.X_OK):
        return beside
    import shutil

    found = shutil.which("uv")
    if found is not None:
        return found
    try:
        from uv import find_uv_bin

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return None
