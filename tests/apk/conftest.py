"""The embedded indexes, opened once."""

from __future__ import annotations

import pytest

from dockerlint_alpine.apk import Index, IndexStore


@pytest.fixture(scope="session")
def alpine319(store: IndexStore) -> Index:
    return store.open("3.19")
