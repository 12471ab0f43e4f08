"""45 real threads: what was judged of each by hand, and the decisive line as the tool must read it.

``expectations.json`` holds for each thread its address, the verdict and packages that its log proves, and the shortest
excerpt that proves them. ``benchmarks/diagnose_log.py`` measures the same on the longer logs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Ask

EXPECTED: list[dict[str, Any]] = json.loads(Path(__file__).with_name("expectations.json").read_text("utf-8"))


@pytest.mark.parametrize("expected", EXPECTED, ids=[f"{item['index']}-{item['source'][19:]}" for item in EXPECTED])
def test_real_log(expected: dict[str, Any], ask: Ask) -> None:
    diagnosis = ask(expected["excerpt"])
    assert diagnosis.verdict == expected["verdict"]
    assert set(diagnosis.packages) == set(expected["packages"])


def test_all_are_there() -> None:
    assert [item["index"] for item in EXPECTED] == list(range(45))
    assert {item["verdict"] for item in EXPECTED} == {"packages", "no-package-helps", "not-enough-information"}
