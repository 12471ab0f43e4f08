"""Whether a run may query the Python package index: by the user's choice, otherwise by the environment.

Light, because it is part of every key of the report cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from dockerlint_alpine.python.index.uv_program import find_uv

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Access: TypeAlias = Literal["offline", "online", "kept", "quick"]
"""``offline``: embedded facts alone; ``online``: the index; ``kept``: answers of the index that are kept, nothing is asked;
``quick``: those, and the index for what nothing else tells, if it answers quickly."""

PATIENCE = 3.0
"""Seconds that a run without ``--online`` waits for the index at most, all questions together."""
SILENCE = 60.0
"""Seconds for which such runs leave an index alone that did not answer quickly."""

_NO = frozenset({"", "0", "false", "no", "off", "n", "f"})


def access_for(online: bool | None, variables: Mapping[str, str], folder: Path, now: float) -> Access:
    """Decide for the setting ``online``, the environment, the folder of kept answers and the time in seconds.

    Nothing is asked in CI (``CI`` is set), so that a run depends on the repository alone, nor where uv or pip are told to
    stay offline (``UV_OFFLINE``, ``PIP_NO_INDEX``).
    """
    if online is not None:
        return "online" if online else "offline"
    if any(variables.get(name, "").lower() not in _NO for name in ("CI", "UV_OFFLINE", "PIP_NO_INDEX")):
        return "kept"
    if is_silent(folder, now):
        return "kept"
    return "quick" if find_uv() is not None else "kept"


def is_silent(folder: Path, now: float) -> bool:
    """Tell whether the index did not answer a short while ago."""
    try:
        since = (folder / "silent").stat().st_mtime
    except OSError:
        return False
    return 0 <= now - since < SILENCE


def remember_silence(folder: Path) -> None:
    """Leave the index alone for a while; where that can't be written down, the next run finds out anew."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "silent").touch()
    except OSError:
        return
