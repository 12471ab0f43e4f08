"""Requests over HTTP, to servers on this machine."""

from __future__ import annotations

import pytest

from dockerlint_alpine.system.web import Web, split_login
from tests.loopback import Handler, serving


@pytest.mark.parametrize("length", ["", "100000000", "x"])
def test_nothing_long_is_read_of_what_is_not_there(length: str) -> None:
    sent: list[int] = []

    class Long(Handler):
        def do_GET(self) -> None:
            self.send_response(404)
            if length:
                self.send_header("Content-Length", length)
            self.end_headers()
            while sum(sent) < 100_000_000:
                sent.append(self.wfile.write(bytes(1 << 20)))

    with serving(Long) as address, Web(5).open(f"{address}/x", {}, end=0) as response:
        assert response.status == 404
    assert sum(sent) < 50_000_000


def test_urls_are_taken_apart() -> None:
    assert split_login("https://u:p@h:8/x?y#z") == ("https://h:8/x?y#z", "u", "p")
    assert split_login("https://h/x") == ("https://h/x", None, None)
