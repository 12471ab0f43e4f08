"""Libraries that a Dockerfile builds itself: of them nothing is missing."""

from __future__ import annotations

import pytest

from tests.conftest import Judge

PY = "FROM python:3.12-alpine3.20"
KAFKA = f"{PY} AS b\nRUN apk add build-base git\nRUN {{}}\nRUN pip install --no-binary :all: confluent-kafka==2.6.1\n"
MADE = "git clone https://example.org/librdkafka && cd librdkafka && ./configure && make && make install"
CMAKE = "wget -O- https://example.org/librdkafka.tgz | tar xz && cmake -B b && cmake --build b --target install"
GEOS = (
    "FROM alpine:3.20 AS geos\nRUN apk add build-base cmake && wget https://h.example/geos.tbz && make -C b install\n"
    f"{PY}\nCOPY --from=geos {{}} /usr/local/\nRUN apk add build-base && pip install --no-binary :all: shapely==2.0.4\n"
)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (KAFKA.format(MADE), set()),
        (KAFKA.format(CMAKE), set()),
        (f"{KAFKA.format(MADE)}{PY}\nCOPY --from=b /usr/local /usr/local\n", set()),
        (f"{KAFKA.format(MADE)}FROM b\nRUN pip install --no-binary :all: confluent-kafka==2.6.0\n", set()),
        (KAFKA.format("git clone https://example.org/librdkafka"), {"AD101"}),
        (KAFKA.format("git clone https://example.org/other && make -C other install"), {"AD101"}),
        (GEOS.format("/usr/local/"), set()),
        (GEOS.format("/usr/local/bin/geos-config"), {"AD101"}),
    ],
)  # fmt: skip
def test_what_is_made_from_sources_is_there(judge: Judge, text: str, codes: set[str]) -> None:
    assert {one.code for one in judge(text).findings if one.severity == "error"} == codes


@pytest.mark.parametrize(("package", "codes"), [("librdkafka-next-dev", set()), ("other-next-dev", {"AD101"})])
def test_headers_of_another_repository_are_there(judge: Judge, package: str, codes: set[str]) -> None:
    report = judge(KAFKA.format(f"apk add --repository https://h.example/edge/testing {package}"))
    assert {one.code for one in report.findings if one.code == "AD101"} == codes
