"""What is under the pointer, asked without an editor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from lsprotocol.types import PositionEncodingKind

from dockerlint_alpine.run.openers import Openers
from dockerlint_alpine.server import hover
from dockerlint_alpine.server.documents import Document, Snapshot
from dockerlint_alpine.server.judging import Judge, Judgement

DOCKERFILE = """\
FROM python:3.11-alpine3.22 AS base
ARG LIBS="jpeg-dev zlib-dev"
RUN apk add --no-cache --virtual .build gcc musl-dev $LIBS nosuchpkg \\
    && pip install "pillow==9.0.0" python-magic==0.4.27 pyzmq==27.1.0 \\
    && apk del .build
# alpine-doctor: ignore[AD2] known
FROM base
RUN apk add --no-cache libpq
"""


@pytest.fixture
def judged(project: Callable[[Mapping[str, str]], Path]) -> Judgement:
    root = project({"Dockerfile": DOCKERFILE})
    judge = Judge(Openers(lambda _: None), {})  # type: ignore[arg-type, return-value]
    judge.configure({"platforms": ["linux/amd64", "linux/arm64"]})
    document = Document((root / "Dockerfile").as_uri(), root / "Dockerfile", "dockerfile", 1, DOCKERFILE.encode())
    return judge.judgement(document, Snapshot({document.uri: document}, (root,), PositionEncodingKind.Utf16))


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("jpeg-dev", ["**pillow 9.0.0** to be compiled (`libjpeg-turbo-dev`, through jpeg-dev → libjpeg-turbo-dev)"]),
        ("gcc", ["from main of Alpine 3.22, stage 'base'", "(`cmd:gcc`)", "Depends on binutils, ", "Pulls in "]),
        ("nosuchpkg", ["**nosuchpkg**: no package of this name in Alpine 3.22 (…)"]),
        ("del .build", ["`apk del` of **.build**, stage 'base'", "Removes ", "libjpeg-turbo-dev"]),
        ("libpq", ["No distribution here is known to need it.", "stage 1"]),
        (
            "pillow",
            [
                "compiled: no wheel of pillow 9.0.0 fits Python 3.11 on musl 1.2 ",
                "links `libjpeg.so.8` of libjpeg-turbo-dev, there through jpeg-dev → libjpeg-turbo-dev",
                "off, because a package is missing: tiff (tiff-dev), ",
            ],
        ),
        ("python-magic", ["opens ", "libmagic"]),
        ("pyzmq", ["wheel `cp311-cp311-musllinux_1_2_…`"]),
        ("AD2", ["- **AD201 missing-runtime-library**: ", "- **AD203 "]),
    ],
)
def test_the_facts_of_both_platforms_are_one_text(judged: Judgement, word: str, parts: list[str]) -> None:
    text = hover.in_dockerfile(judged, DOCKERFILE.index(word) + len(word) - 1)
    assert text is not None
    for part in parts:
        assert part in text
    if word not in {"AD2", "pillow"}:  # the nearest version with a wheel differs
        assert text.endswith("\n\nlinux/amd64, linux/arm64")
        assert "---" not in text


@pytest.mark.parametrize("word", ["FROM", "--no-cache", ".build gcc", "&& pip", "# alpine", "known"])
def test_elsewhere_there_is_nothing_to_tell(judged: Judgement, word: str) -> None:
    assert hover.in_dockerfile(judged, DOCKERFILE.index(word) + 1) is None
