"""An editor that sends anything: frames that are none, messages that are none, texts that take long."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def message(method: str, params: object = None, **more: object) -> bytes:
    return frame(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode())


HELLO = message("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, id=1)
BYE = message("shutdown", id=99) + message("exit")


def talk(cwd: Path, sent: bytes, seconds: float = 30) -> tuple[int, list[dict[str, Any]], str]:
    """The exit code, what was answered, and what was said on standard error."""
    child = subprocess.Popen(
        [sys.executable, "-m", "dockerlint_alpine", "server"],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = child.communicate(sent, timeout=seconds)
    finally:
        child.kill()
    answers = []
    while out:
        head, _, rest = out.partition(b"\r\n\r\n")
        length = int(head.split(b"Content-Length:")[1].split(b"\r\n")[0])
        answers.append(json.loads(rest[:length]))
        out = rest[length:]
    return child.returncode, answers, err.decode("utf-8", "replace")


FRAMES = {
    "a length of 99999999999": b"Content-Length: 99999999999\r\n\r\n{}",
    "a length of 5,000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "a negative length": b"Content-Length: -5\r\n\r\n{}",
    "no length": b"X: y\r\n\r\n{}",
    "a word": b"Content-Length: abc\r\n\r\n{}",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "line feeds alone": b"Content-Length: 2\n\n{}",
    "a header without end": b"X: " + b"y" * 200_000 + b"\r\n",
    "headers without end": b"X: y\r\n" * 10_000,
    "a length of nothing": b"Content-Length: 0\r\n\r\n",
    "too short": b"Content-Length: 1\r\n\r\n{}",
}


def test_frames_that_are_none(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """The protocol's own error, one line, and the end: nobody knows where the next message starts."""
    for name, sent in FRAMES.items():
        code, answers, err = talk(tmp_path, HELLO + sent + BYE)
        assert code == 1, name
        assert [one["error"]["code"] for one in answers if "error" in one][:1] == [-32700], (name, answers)
        assert err.count("\n") == 1, (name, err)
        assert "the session ends" in err
    tried(len(FRAMES))


MESSAGES: list[tuple[bytes, object, int]] = [
    (b"{nonsense", None, -32700),
    (b"\xff\xfe", None, -32700),
    (b"[" * 100_000, None, -32700),
    (b"[]", None, -32600),
    (b"5", None, -32600),
    (b'{"id": 2}', None, -32600),
    (b'{"jsonrpc": "2.0", "id": 3}', 3, -32600),
    (b'{"jsonrpc": "2.0", "id": 4, "method": 5}', 4, -32600),
    (b'{"jsonrpc": "2.0", "id": 5, "method": "nope/nope"}', 5, -32601),
    (b'{"jsonrpc": "2.0", "id": 6, "method": "textDocument/hover", "params": 5}', 6, -32602),
    (b'{"jsonrpc": "2.0", "id": 7, "method": "textDocument/hover", "params": {"textDocument": 5}}', 7, -32602),
    (b'{"jsonrpc": "2.0", "id": 8, "method": "textDocument/hover", "params": null}', 8, -32602),
]


def test_messages_that_are_none(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """All in one session: each is answered by the protocol's error, and the session ends in peace."""
    code, answers, err = talk(tmp_path, HELLO + b"".join(frame(body) for body, *_ in MESSAGES) + BYE)
    assert code == 0, err
    refused = [(one["id"], one["error"]["code"]) for one in answers if "error" in one]
    assert sorted(refused, key=str) == sorted([(known, code) for _, known, code in MESSAGES], key=str)
    assert any(one.get("id") == 99 for one in answers)
    assert "Traceback" not in err
    tried(len(MESSAGES))


def test_addresses_that_are_none(tmp_path: Path, tried: Callable[[int], None]) -> None:
    uris = [
        "file:///" + "x" * 100_000,
        "file://[bad",
        "file:///%00",
        "x" * 1000,
        "untitled:\ud800",
        "",
        "http://h/x",
        "file:///%ff",
    ]
    sent = HELLO + message("initialized", {})
    for number, uri in enumerate(uris):
        text = {
            "uri": uri,
            "languageId": "dockerfile",
            "version": 1,
            "text": "FROM alpine:3.19\nRUN apk add lz4-devv\n",
        }
        sent += message("textDocument/didOpen", {"textDocument": text})
        place = {"textDocument": {"uri": uri}, "position": {"line": 10**6, "character": 10**6}}
        sent += message("textDocument/hover", place, id=100 + number)
    code, answers, err = talk(tmp_path, sent + BYE)
    assert code == 0, err
    assert {one.get("id") for one in answers} >= {99, *range(100, 100 + len(uris))}
    assert "Traceback" not in err
    tried(len(uris))


def test_what_is_outdated_is_given_up(tmp_path: Path) -> None:
    """A text of 4,000 instructions is left as soon as it is a small one, whose diagnostics come at once."""
    child = subprocess.Popen(
        [sys.executable, "-m", "dockerlint_alpine", "server"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "CI": "true"},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    uri = (tmp_path / "Dockerfile").as_uri()
    large = "FROM python:3.11-alpine3.19\n" + "RUN apk add curl && pip install lz4==4.4.5 psycopg2\n" * 4000
    small = "FROM alpine:3.19\nRUN apk add lz4-devv\n"
    text = {"uri": uri, "languageId": "dockerfile", "version": 1, "text": large}
    changed = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": small}]}
    try:
        child.stdin.write(HELLO + message("initialized", {}) + message("textDocument/didOpen", {"textDocument": text}))
        child.stdin.flush()
        time.sleep(4)
        start = time.monotonic()
        child.stdin.write(message("textDocument/didChange", changed))
        child.stdin.flush()
        version = None
        while version != 2:
            head = child.stdout.readline()
            while child.stdout.readline() != b"\r\n":
                pass
            answer = json.loads(child.stdout.read(int(head.split(b":")[1])))
            if answer.get("method") == "textDocument/publishDiagnostics":
                version = answer["params"]["version"]
        assert time.monotonic() - start < 8
        assert [found["code"] for found in answer["params"]["diagnostics"]] == ["AD301"]
    finally:
        child.kill()
        with contextlib.suppress(OSError):
            child.stdin.close()
        child.wait()
