from __future__ import annotations

import pytest

from dockerlint_alpine.model.reports import Report
from dockerlint_alpine.report import RenderOptions

from . import scenes


@pytest.fixture
def options() -> RenderOptions:
    return RenderOptions(version="1.2.3")


@pytest.fixture
def netra() -> Report:
    """The case of design section 1."""
    return Report((scenes.netra(),))


@pytest.fixture
def everything() -> Report:
    """A finding of every kind, odd bytes, a clean file and one that could not be read."""
    return scenes.everything()


@pytest.fixture
def nothing() -> Report:
    return Report(())
