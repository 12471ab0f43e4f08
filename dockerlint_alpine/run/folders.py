"""The folders for cached data."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """``ALPINE_DOCTOR_CACHE_DIR``, else the platform's folder for caches (on Linux ``XDG_CACHE_HOME``)."""
    own = os.environ.get("ALPINE_DOCTOR_CACHE_DIR")
    if own:
        return Path(own)
    if os.name == "posix" and sys.platform.startswith("linux"):
        # platformdirs says the same there and costs a tenth of a warm run.
        base = os.environ.get("XDG_CACHE_HOME", "").strip()
        return (Path(base) if base.startswith("/") else Path("~/.cache").expanduser()) / "alpine-doctor"
    from platformdirs import user_cache_path

    return user_cache_path("alpine-doctor")
