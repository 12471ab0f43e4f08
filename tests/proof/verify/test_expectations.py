"""``x-alpine-doctor``: read, refused where it is wrong, and what an answer is held against."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import yaml

from dockerlint_alpine.proof.verify.errors import PlanError
from dockerlint_alpine.proof.verify.expectations import filled, matches, pointed, read_expectations


def read(text: str) -> Any:
    return read_expectations(yaml.safe_load(text), "services.x")


def test_the_example_of_the_documentation() -> None:
    found = read("""
        one-shot: true
        expect: fail
        reason: still on the old broker
        until: 2027-01-31
        probes:
          - http: http://:8000/health
            expect: {status: 200, json: {status: healthy}}
          - ws: ws://:8000/ws
            headers: {Authorization: "Bearer ${token}"}
            send: ["not json", {a: 1}]
            expect: [{json: {type: connected}}, {text: error}]
            within: 5s
          - http: http://:8083/login
            json: {user: "${ADV_USER}"}
            capture: {token: /access_token}
          - tcp: 5432
          - exec: [redis-cli, ping]
            expect: {text: PONG, exit: 0}
    """)
    assert found.one_shot is True
    assert (found.failing.reason, found.failing.until) == ("still on the old broker", date(2027, 1, 31))
    assert found.failing.over(date(2027, 2, 1))
    assert not found.failing.over(date(2027, 1, 31))
    http, ws, login, tcp, command = found.probes
    assert (http.port, http.path, http.method, http.expect.status) == (8000, "/health", "GET", (200,))
    assert (ws.wants, ws.within, [one.json or one.text for one in ws.messages]) == (
        ("token",),
        5.0,
        [{"type": "connected"}, "error"],
    )
    assert (login.method, login.wants, login.captures) == ("POST", ("ADV_USER",), {"token": "/access_token"})
    assert (tcp.port, tcp.name) == (5432, "tcp :5432")
    assert (command.command, command.expect.status, command.expect.text) == (("redis-cli", "ping"), (0,), "PONG")
    assert found.ports == (8000, 8083, 5432)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{probes: [{http: 'http://example.org:80/x'}]}", "the host is the service itself"),
        ("{probes: [{http: 'http://:80/x', tcp: 1}]}", "one of tcp, http, ws and exec"),
        ("{probes: [{http: ':80/x'}]}", "expected http://:PORT/PATH"),
        ("{probes: [{ws: 'http://:80/x'}]}", "expected ws://:PORT/PATH"),
        ("{probes: [{tcp: 99999}]}", "is not a port"),
        ("{probes: {}}", ""),
        ("{probes: [{tcp: 1, wihtin: 5s}]}", "unknown key 'wihtin'"),
        ("{probes: [{tcp: 1, within: soon}]}", "not a duration"),
        ("{probes: [{http: 'http://:80/', expect: {status: ok}}]}", "a status is a number"),
        ("{probes: [{http: 'http://:80/', expect: {colour: red}}]}", "unknown key 'colour'"),
        ("{expect: fail}", "needs a reason"),
        ("{expect: success}", "only `fail`"),
        ("{expect: fail, reason: x, until: someday}", "is not a date"),
        ("{one-shot: maybe}", "true or false"),
        ("[1]", "a table is expected"),
        ("{prods: []}", "unknown key 'prods'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, said: str) -> None:
    if not said:
        assert read(text).probes == ()
        return
    with pytest.raises(PlanError, match=r"services\.x") as caught:
        read(text)
    assert said in str(caught.value)


def test_names_are_filled_in_and_unknown_ones_are_not() -> None:
    assert filled({"a": ["${x}-${y}", 1], "$$b": None}, {"x": "1", "y": "2"}) == {"a": ["1-2", 1], "$b": None}
    with pytest.raises(KeyError):
        filled("${z}", {})


@pytest.mark.parametrize(
    ("wanted", "found", "good"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {}, False),
        ([1], [1, 2], False),
        ("x", "x", True),
    ],
)
def test_json_has_at_least_what_is_wanted(wanted: Any, found: Any, good: bool) -> None:
    assert matches(wanted, found) is good


def test_pointers() -> None:
    document = {"a": [{"b/c": 1}], "~": 2}
    assert pointed(document, "/a/0/b~1c") == 1
    assert pointed(document, "/~0") == 2
    for pointer in ("/x", "/a/7", "/a/0/b~1c/d"):
        with pytest.raises(KeyError):
            pointed(document, pointer)
