"""Extensions that a build does without: what falls back to Python is no error, built or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Judge

BUILD = "apk add --no-cache gcc g++ musl-dev yaml-dev cargo && "
GONE = " && apk del gcc g++ musl-dev yaml-dev cargo"


@pytest.mark.parametrize(
    ("before", "version", "behind", "expected"),
    [
        ("", "pyyaml==6.0.2", "", []),
        (BUILD, "pyyaml==6.0.2", "", []),
        (BUILD, "pyyaml==6.0.2", GONE, [("AD202", "warning")]),
        ("", "rapidfuzz==3.9.0", "", []),
        (BUILD, "rapidfuzz==3.9.0", GONE, [("AD202", "warning")]),
        ("", "dulwich==0.22.1", "", []),
        ("", "aiohttp==3.7.4", "", []),
        ("", "ruamel.yaml.clib==0.2.2", "", []),
        ("", "msgpack==1.0.6", "", []),
        ("", "protobuf==3.20.3", "", []),
        ("", "aiohttp==3.8.6", "", [("AD102", "error")]),
        ("AIOHTTP_NO_EXTENSIONS=1 ", "aiohttp==3.8.6", "", []),
        ("", "msgpack==1.0.8", "", [("AD102", "error")]),
        ("", "ruamel.yaml.clib==0.2.7", "", [("AD102", "error")]),
        ("", "ruamel.yaml.clib==0.2.8", "", [("AD102", "error")]),
        ("", "rapidfuzz==1.0.2", "", [("AD102", "error")]),
        ("", "cython==3.0.12", "", [("AD102", "error")]),
        ("apk add gcc && ", "lz4==4.4.5", " && apk del gcc", [("AD102", "error")]),
    ],
)
def test_what_does_without_its_extension(
    judge: Judge, before: str, version: str, behind: str, expected: list[tuple[str, str]]
) -> None:
    report = judge(
        f"FROM python:3.11-alpine3.19\nRUN {before}pip install --no-binary :all: --no-deps {version}{behind}\n"
    )
    found = [(one.code, one.severity) for one in report.findings if one.severity != "info"]
    assert list(dict.fromkeys(found)) == expected


def test_a_copied_extension_that_is_not_loaded_is_a_warning(judge: Judge) -> None:
    text = (
        f"FROM python:3.11-alpine3.19\nRUN {BUILD}pip install --no-binary :all: --target /t pyyaml==6.0.2\n"
        "FROM python:3.11-alpine3.19\nCOPY --from=0 /t /t\n"
    )
    found = [(one.code, one.severity) for one in judge(text).findings if one.severity != "info"]
    assert found == [("AD201", "warning")]


@pytest.mark.parametrize(("add", "codes"), [("libaio", {"AD501"}), ("gcompat libaio", set()), ("libc6-compat", set())])
def test_a_client_for_glibc_with_a_layer_for_it(judge: Judge, add: str, codes: set[str]) -> None:
    report = judge(f"FROM python:3.11-alpine3.19\nRUN apk add --no-cache {add} && pip install cx-oracle==8.3.0\n")
    assert {one.code for one in report.findings if one.code == "AD501"} == codes
