from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.diagnose import Diagnosis, diagnose
from dockerlint_alpine.knowledge import Knowledge

RULES = Path(__file__).resolve().parents[2] / "rules"

Ask = Callable[..., Diagnosis]


@pytest.fixture(scope="session")
def ask(knowledge: Knowledge, store: IndexStore) -> Ask:
    """Diagnose a log given as text or bytes."""

    @cache
    def run(log: str | bytes, alpine: str | None = None) -> Diagnosis:
        data = log if isinstance(log, bytes) else log.encode("utf-8", "surrogateescape")
        return diagnose(io.BytesIO(data), knowledge, store, alpine=alpine)

    return run
