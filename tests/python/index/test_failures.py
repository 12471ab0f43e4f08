"""An index that fails in one of many ways: one clear line about what it has, the rest is told, and nobody waits for long."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from dockerlint_alpine.python.formats.requirements_file import read_requirements
from dockerlint_alpine.python.model import Resolution, Target
from dockerlint_alpine.python.resolve import ResolverError
from tests.hostile.loopback import loopback, send
from tests.python.conftest import MemoryFiles
from tests.python.support import resolver

JSON = "application/vnd.pypi.simple.v1+json"
Answer = Callable[[BaseHTTPRequestHandler], None]


def page(name: str, *versions: str) -> bytes:
    files = [
        {"filename": f"{name}-{one}-py3-none-any.whl", "url": f"/{name}-{one}", "core-metadata": True}
        for one in versions
    ]
    return json.dumps({"files": files}).encode()


def well(handler: BaseHTTPRequestHandler) -> None:
    """What works: any page has one release, whose metadata asks for nothing."""
    name = handler.path.strip("/").rpartition("/")[2]
    send(handler, page(name, "1.0") if "simple" in handler.path else b"Metadata-Version: 2.1\n", JSON)


def asked(tmp_path: Path, broken: Answer, **options: object) -> Resolution:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        (broken if "broken" in handler.path else well)(handler)

    with loopback(answer) as index:
        way = resolver(tmp_path, {"PIP_INDEX_URL": index.url}, **options)
        start = time.monotonic()
        found = way.ask(
            read_requirements("/r.txt", MemoryFiles({"/r.txt": "broken\nsound\n"})), Target("3.11", musl=(1, 2))
        )
        assert time.monotonic() - start < 6
    assert next(one.artefact.kind for one in found.distributions if one.name == "sound") == "wheel"
    return found


def slowly(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.3)  # what works comes first
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(b" ")
        time.sleep(0.2)


def truncated(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(page("broken", "1.0")[:30])


def elsewhere(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "ftp://elsewhere.example/broken/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (slowly, "no answer within 1.5 seconds"),
        (lambda handler: send(handler, b"oops", status=500), "/simple/broken/: HTTP 500"),
        (lambda handler: send(handler, b"oops", status=503), "/simple/broken/: HTTP 503"),
        (truncated, "/simple/broken/: "),
        (lambda handler: send(handler, page("broken", "1.0")[:40], JSON), "not a PEP 691 answer"),
        (elsewhere, "redirects to ftp://elsewhere.example/broken/, which is not followed"),
    ],
    ids=["slow", "500", "503", "truncated", "cut", "redirect"],
)
def test_each_failure_costs_its_own_answer(tmp_path: Path, broken: Answer, said: str) -> None:
    (one,) = asked(tmp_path, broken, timeout=1.5).unresolved
    assert said in one.reason
    assert "\n" not in one.reason
    assert len(one.reason) < 200


def test_ten_thousand_versions(tmp_path: Path) -> None:
    body = page("broken", *(f"1.{number}" for number in range(10_000)))

    def many(handler: BaseHTTPRequestHandler) -> None:
        send(handler, body if "simple" in handler.path else b"", JSON)

    found = asked(tmp_path, many)
    assert {one.name: one.version for one in found.distributions} == {"broken": "1.9999", "sound": "1.0"}
    assert found.unresolved == ()


def test_a_page_that_moved_to_another_host_is_read_there(tmp_path: Path) -> None:
    with loopback(well) as other:

        def moved(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", other.address.replace("127.0.0.1", "localhost") + handler.path)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        assert asked(tmp_path, moved).unresolved == ()
        assert other.asked


@pytest.mark.parametrize("address", ["http://[bad/simple", "nonsense", "file:///tmp/x"])
def test_an_address_that_is_none_is_one_line(tmp_path: Path, address: str) -> None:
    way = resolver(tmp_path, {"PIP_INDEX_URL": address})
    with pytest.raises(ResolverError, match=r"is not the address of an index|no package index is configured"):
        way.ask(read_requirements("/r.txt", MemoryFiles({"/r.txt": "sound\n"})), Target("3.11", musl=(1, 2)))


def test_a_connection_that_is_closed_without_a_word(tmp_path: Path) -> None:
    (one,) = asked(tmp_path, lambda handler: handler.connection.close()).unresolved
    assert one.reason.endswith("/simple/broken/: Remote end closed connection without response")
