"""Whether a run may ask the package index."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockerlint_alpine.python.index import policy as access
from dockerlint_alpine.python.index.policy import SILENCE, access_for, remember_silence


@pytest.mark.parametrize(
    ("online", "variables", "expected"),
    [
        (True, {"CI": "true", "UV_OFFLINE": "1"}, "online"),
        (False, {}, "offline"),
        (None, {}, "quick"),
        (None, {"CI": "false"}, "quick"),
        (None, {"CI": "true"}, "kept"),
        (None, {"CI": "woodpecker"}, "kept"),
        (None, {"UV_OFFLINE": "1"}, "kept"),
        (None, {"PIP_NO_INDEX": "yes"}, "kept"),
        (None, {"PIP_NO_INDEX": "0"}, "quick"),
    ],
)
def test_what_the_user_and_the_machine_say(
    tmp_path: Path, online: bool | None, variables: dict[str, str], expected: str
) -> None:
    assert access_for(online, variables, tmp_path, 1_000.0) == expected


def test_without_uv_only_kept_answers_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    online = True
    monkeypatch.setattr(access, "find_uv", lambda: None)
    assert access_for(None, {}, tmp_path, 1_000.0) == "kept"
    assert access_for(online, {}, tmp_path, 1_000.0) == "online"  # which then says what is missing


def test_a_silent_index_is_left_alone_for_a_while(tmp_path: Path) -> None:
    online, folder = True, tmp_path / "not" / "there"
    remember_silence(folder)
    os.utime(folder / "silent", (1_000.0, 1_000.0))
    assert access_for(None, {}, folder, 1_000.0 + SILENCE - 1) == "kept"
    assert access_for(None, {}, folder, 1_000.0 + SILENCE + 1) == "quick"
    assert access_for(None, {}, folder, 1.0) == "quick"  # a clock that was put back
    assert access_for(online, {}, folder, 1_001.0) == "online"
