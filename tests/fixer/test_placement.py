"""Which of several lists a package goes into."""

from __future__ import annotations

import pytest

from tests.conftest import Mend

STAGE = """\
FROM python:3.11-alpine3.19 AS b
RUN apk add --no-cache gcc musl-dev lz4-dev
RUN pip install --prefix=/i lz4==4.4.5
FROM python:3.11-alpine3.19
{}COPY --from=b /i /usr/local
"""


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        # the longest list is the one where its author keeps what the image needs
        ("RUN apk add --no-cache tini\nRUN apk add --no-cache curl libpq\n", "curl libpq lz4-libs"),
        ("RUN apk add --no-cache curl libpq\nRUN apk add --no-cache tini\n", "curl libpq lz4-libs"),
        # of equally long ones the earliest
        ("RUN apk add --no-cache tini\nRUN apk add --no-cache curl\n", "tini lz4-libs"),
        # a list with a name is there to be deleted, however long it is
        ("RUN apk add --no-cache -t .tools curl jq git\nRUN apk add --no-cache tini\n", "tini lz4-libs"),
        # build packages do not belong to what runs
        ("RUN apk add --no-cache gcc musl-dev make\nRUN apk add --no-cache tini\n", "tini lz4-libs"),
    ],
)
def test_a_runtime_package_goes_where_the_image_keeps_its_own(mend: Mend, lists: str, expected: str) -> None:
    new = mend(STAGE.format(lists), select=["AD201"]).new.decode()
    assert f"apk add --no-cache {expected}\n" in new


def test_a_build_package_goes_to_the_list_that_is_deleted(mend: Mend) -> None:
    text = (
        "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev make cmake \\\n"
        " && apk add --no-cache --virtual .b linux-headers \\\n && pip install psycopg2==2.9.9 && apk del .b\n"
    )
    new = mend(text, select=["AD101"]).new.decode()
    assert "--virtual .b linux-headers libpq-dev" in new.replace(" postgresql-dev", " libpq-dev")
