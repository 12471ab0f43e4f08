"""Where the program uv is. Light: asked for at every start of the command line."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def find_uv() -> str | None:
    """Return the path of the uv program: beside this Python, else on ``PATH``, else that of the installed package."""
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return os.fspath(beside)
    found = shutil.which("uv")
    if found is not None:
        return found
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - an optional extra

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return None
