from __future__ import annotations

import pytest

from dockerlint_alpine.report.wording import place_in


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ((), None),
        (("requirements.txt:7",), ("requirements.txt", 7)),
        (("requirements.txt:7", "clickhouse-connect", "lz4"), ("requirements.txt", 7)),
        (("requirements.txt:1", "base.txt:3", "lz4"), ("base.txt", 3)),
        (("C:/a/requirements.txt:7",), ("C:/a/requirements.txt", 7)),
        (("requirements.txt", "lz4"), None),
        (("requirements.txt:0",), None),
    ],
)
def test_the_place_is_the_last_line_before_names(origin: tuple[str, ...], place: tuple[str, int] | None) -> None:
    assert place_in(origin) == place
