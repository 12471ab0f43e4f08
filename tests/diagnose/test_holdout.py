"""Threads that the patterns were not written from: what they say helped is what the decisive lines must be read as.

``holdout.json`` names for each thread (``owner/repository#number``) its shortest proving lines, the verdict, and of the
packages what helped: one of each group of ``needs``, and perhaps of ``may``. ``why`` says what the thread found where no
package helped. ``known`` marks what is not told yet, and why.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Ask

THREADS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("holdout.json").read_text("utf-8"))


def parameters() -> list[Any]:
    marks = [[pytest.mark.xfail(reason=item["known"], strict=True)] if "known" in item else [] for item in THREADS]
    names = [f"{number}-{item['source']}" for number, item in enumerate(THREADS)]
    return [pytest.param(item, id=name, marks=mark) for item, name, mark in zip(THREADS, names, marks, strict=True)]


@pytest.mark.parametrize("thread", parameters())
def test_thread(thread: dict[str, Any], ask: Ask) -> None:
    diagnosis = ask(thread["excerpt"])
    assert diagnosis.verdict == thread["verdict"]
    groups = [set(group) for group in thread.get("needs", ())]
    named = set(diagnosis.packages)
    assert all(group & named for group in groups)
    assert named <= set().union(*groups, thread.get("may", ()))


def test_few_are_not_told_yet() -> None:
    assert sum("known" in item for item in THREADS) <= 4
    assert len(THREADS) > 100
