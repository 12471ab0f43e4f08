"""Whole outputs kept beside the tests: ``UPDATE_SNAPSHOTS=1 pytest tests/report`` writes them anew, to be reviewed."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"


def assert_snapshot(name: str, text: str) -> None:
    path = FOLDER / name
    written = text.encode("utf-8")
    if os.environ.get("UPDATE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        path.write_bytes(written)
    assert path.read_bytes().decode("utf-8") == text
