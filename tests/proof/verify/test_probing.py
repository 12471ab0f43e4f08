"""Probes against real servers on the loopback interface: right, wrong, late, and nobody there."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from websockets.sync.server import ServerConnection, serve

from dockerlint_alpine.proof.verify.clock import Deadline
from dockerlint_alpine.proof.verify.expectations import read_expectations
from dockerlint_alpine.proof.verify.probing import Answer, ask
from tests.loopback import Handler, serving


def nothing(_: object) -> tuple[int, str]:
    raise AssertionError


def probed(text: str, port: int, values: dict[str, str] | None = None, execute: Any = nothing) -> Answer:
    (probe,) = read_expectations({"probes": [{"within": 0.3, **yaml.safe_load(text)}]}, "x").probes
    return ask(probe, ("127.0.0.1", port), execute, values or {}, Deadline.after(20))


class Answers(Handler):
    calls = 0

    def do_GET(self) -> None:
        type(self).calls += 1
        status = 503 if self.path == "/late" and self.calls < 3 else 404 if self.path == "/gone" else 200
        document = {"status": "healthy", "auth": self.headers.get("Authorization")}
        self.reply(json.dumps(document).encode(), status)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(json.dumps({"access_token": f"t-{json.loads(body)['user']}"}).encode())


@pytest.fixture
def http() -> Iterator[int]:
    Answers.calls = 0
    with serving(Answers) as address:
        yield int(address.rpartition(":")[2])


def test_http(http: int) -> None:
    assert probed("{http: 'http://:80/', expect: {status: 200, json: {status: healthy}}}", http).ok
    answer = probed("{http: 'http://:80/', expect: {json: {status: sick}}}", http)
    assert not answer.ok
    assert answer.detail.endswith('expected {"status": "sick"}')
    assert probed("{http: 'http://:80/gone'}", http).detail.startswith("404")
    assert probed("{http: 'http://:80/gone', expect: {status: [404, 410]}}", http).ok
    asks = "{http: 'http://:80/', headers: {Authorization: 'Bearer ${t}'}, expect: {json: {auth: Bearer x1}}}"
    answer = probed(asks, http, {"t": "x1"})
    assert answer.ok, answer.detail
    asks = "{http: 'http://:80/in', json: {user: '${ADV_U}'}, capture: {token: /access_token}}"
    answer = probed(asks, http, {"ADV_U": "me"})
    assert answer.captured == {"token": "t-me"}
    assert not probed("{http: 'http://:80/in', json: {user: a}, capture: {token: /nothing}}", http).ok


def test_it_is_asked_again_until_its_time_is_over(http: int) -> None:
    answer = probed("{http: 'http://:80/late', within: 5}", http)
    assert (answer.ok, answer.tries) == (True, 3)


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert probed("{tcp: 1}", port).detail == "Connection refused"
    assert probed("{http: 'http://:1/'}", port).detail == "connection refused"
    assert probed("{ws: 'ws://:1/'}", port).detail == "Connection refused"


@contextmanager
def listener(*, close: bool) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                if close:
                    connection.close()
                else:
                    kept.append(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]


def test_tcp_through_a_proxy_that_accepts_for_nobody() -> None:
    with listener(close=True) as port:
        assert "nothing listens" in probed("{tcp: 1}", port).detail
    with listener(close=False) as port:
        assert probed("{tcp: 1}", port).ok


def speak(connection: ServerConnection) -> None:
    connection.send('{"type": "connected"}')
    for message in connection:
        connection.send('{"type": "noise"}')
        connection.send('{"type": "echo"}' if str(message).startswith("{") else '{"type": "error"}')


def guard(connection: ServerConnection, request: Any) -> Any:
    return None if request.headers.get("Authorization") == "Bearer good" else connection.respond(401, "no")


def test_websocket() -> None:
    with serve(speak, "127.0.0.1", 0, process_request=guard) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        assert (
            probed("{ws: 'ws://:1/ws', expect: {status: [401, 403]}}", port).detail == "refused with 401, as expected"
        )
        assert probed("{ws: 'ws://:1/ws'}", port).detail == "refused with 401"
        head = "ws: 'ws://:1/ws', headers: {Authorization: Bearer good}, send: [no json, {a: 1}]"
        wanted = "[{json: {type: connected}}, {json: {type: error}}, {text: echo}]"
        answer = probed(f"{{{head}, expect: {wanted}}}", port)
        assert answer.ok, answer.detail
        answer = probed(
            f"{{{head}, expect: [{{json: {{type: echo}}}}, {{json: {{type: connected}}}}], within: 1}}", port
        )
        assert not answer.ok
        answer = probed("{ws: 'ws://:1/ws', headers: {Authorization: Bearer good}, expect: {status: 401}}", port)
        assert answer.detail == "connected: expected 401"
        server.shutdown()


def test_exec() -> None:
    assert probed("{exec: [a, b], expect: {text: PONG}}", 0, execute=lambda words: (0, f"PONG {words}")).ok
    assert probed("{exec: 'exit 3', expect: {exit: 3}}", 0, execute=lambda words: (3, str(words))).ok
    assert probed("{exec: [a]}", 0, execute=lambda _: (1, "no such thing")).detail == "exit code 1: no such thing"


def test_a_name_without_a_value_is_no_answer() -> None:
    with pytest.raises(KeyError):
        probed("{http: 'http://:1/${nothing}'}", 1)
