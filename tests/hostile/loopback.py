"""An index on this machine that answers as a test wants, and tells what it was asked for."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from tests.loopback import Handler, serving

Answer = Callable[[BaseHTTPRequestHandler], None]


class Loopback:
    """Where the index is, and the paths that it was asked for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.url = f"{address}/simple/"
        self.asked: list[str] = []


@contextmanager
def loopback(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Serve until the context ends; ``answer`` is called for each request."""

    class Answers(Handler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            with contextlib.suppress(OSError):
                answer(self)

        do_HEAD = do_GET

    with serving(Answers, tls) as address:
        served = Loopback(address)
        yield served


def send(handler: BaseHTTPRequestHandler, body: bytes, kind: str = "text/html", status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(body)


def send_without_end(handler: BaseHTTPRequestHandler, kind: str = "text/html", piece: bytes = b" " * 2**20) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.end_headers()
    while True:
        handler.wfile.write(piece)
