from __future__ import annotations

from pathlib import Path

import pytest

from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.knowledge.compile import build

RULES = Path(__file__).resolve().parents[2] / "rules"


@pytest.fixture(scope="session")
def shipped() -> Path:
    return RULES


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    build(RULES, folder / "rules.sqlite")
    return folder


@pytest.fixture(scope="session")
def knowledge(data: Path) -> Knowledge:
    return Knowledge.open(data)
