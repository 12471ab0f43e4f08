"""Probes a running service by TCP, HTTP, WebSocket or a command in its container, until it succeeds or time runs out."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from dockerlint_alpine.proof.verify.errors import PlanError
from dockerlint_alpine.proof.verify.expectations import Expected, Probe, filled, matches, pointed

if TYPE_CHECKING:
    from dockerlint_alpine.proof.verify.clock import Deadline

MAX_BODY = 1024 * 1024
_PAUSE = 0.5
_YES, _NO = True, False
_CALL = 5.0
_CLOSED_AT_ONCE = 0.3
"""Seconds in which a proxy before the container closes the connection, if nobody listens behind it."""

Execute = Callable[[Sequence[str]], tuple[int, str]]


class Answer(Struct, frozen=True):
    """How a probe ended: ``ok``, what was seen in one line, the captures, the seconds and tries that it took."""

    ok: bool
    detail: str
    captured: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    tries: int = 1


class _WrongError(Exception):
    """An answer that is not the expected one, or none; ``final`` where another try can't change it."""


def ask(
    probe: Probe, place: tuple[str, int] | None, execute: Execute, values: Mapping[str, str], deadline: Deadline
) -> Answer:
    """Ask until the answer is the expected one, or the probe's time is over. ``place`` is where its port is published.

    Raises KeyError for a ``${NAME}`` that has no value.
    """
    begun, tries = time.monotonic(), 0
    limit = deadline.sooner(probe.within)
    ready = {
        "path": filled(probe.path, values),
        "headers": filled(dict(probe.headers), values),
        "body": filled(probe.body, values),
        "send": filled(list(probe.send), values),
        "command": filled(list(probe.command), values),
    }
    while True:
        tries += 1
        try:
            detail, captured = _once(probe, place, execute, ready, min(_CALL, max(0.2, limit.left)))
        except _WrongError as error:
            if limit.left <= _PAUSE:
                return Answer(_NO, str(error), {}, time.monotonic() - begun, tries)
            time.sleep(_PAUSE)
        else:
            return Answer(_YES, detail, captured, time.monotonic() - begun, tries)


def _once(
    probe: Probe, place: tuple[str, int] | None, execute: Execute, ready: Mapping[str, Any], timeout: float
) -> tuple[str, dict[str, str]]:
    if probe.kind == "exec":
        code, output = execute(ready["command"])
        return _exec(probe, code, output), {}
    if place is None:
        raise _WrongError(f"port {probe.port} is not published")
    if probe.kind == "tcp":
        return _tcp(place, timeout), {}
    return (_http if probe.kind == "http" else _websocket)(probe, place, ready, timeout)


def _exec(probe: Probe, code: int, output: str) -> str:
    if code not in (probe.expect.status or (0,)):
        raise _WrongError(f"exit code {code}: {_short(output)}")
    if probe.expect.text is not None and probe.expect.text not in output:
        raise _WrongError(f"its output has no {probe.expect.text!r}: {_short(output)}")
    return f"exit code {code}"


def _tcp(place: tuple[str, int], timeout: float) -> str:
    try:
        with socket.create_connection(place, timeout=timeout) as connection:
            connection.settimeout(_CLOSED_AT_ONCE)
            try:
                closed = connection.recv(1) == b""
            except TimeoutError:
                closed = False
    except OSError as error:
        raise _WrongError(error.strerror or str(error)) from None
    if closed:
        raise _WrongError("the connection is closed at once: nothing listens on the port")
    return "accepts connections"


def _http(probe: Probe, place: tuple[str, int], ready: Mapping[str, Any], timeout: float) -> tuple[str, dict[str, str]]:
    import urllib3

    host, port = place
    body, headers = (
        ready["body"],
        {"Host": f"localhost:{probe.port}", "User-Agent": "alpine-doctor", **ready["headers"]},
    )
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    kind = urllib3.HTTPSConnectionPool if probe.scheme == "https" else urllib3.HTTPConnectionPool
    options: dict[str, Any] = {"cert_reqs": "CERT_NONE"} if probe.scheme == "https" else {}
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    try:
        with kind(host, port, timeout=timeout, retries=False, **options) as pool:
            answer = pool.request(
                probe.method, ready["path"], body=body, headers=headers, redirect=False, preload_content=False
            )
            data = answer.read(MAX_BODY)
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise _WrongError(_reason(error)) from None
    text = data.decode("utf-8", "replace")
    told = f"{answer.status} {_short(text)}".strip()
    _check_status(probe.expect, answer.status, told)
    _check_content(probe.expect, text, told)
    return told, _captured(probe, text, told)


def _reason(error: Exception) -> str:
    text = str(error)
    if "refused" in text:
        return "connection refused"
    return "no answer in time" if "timed out" in text else text.rpartition(": ")[2][:200]


def _check_status(expect: Expected, status: int, told: str) -> None:
    if expect.status and status not in expect.status:
        raise _WrongError(f"{told}: expected {' or '.join(map(str, expect.status))}")
    if not expect.status and status >= 400:
        raise _WrongError(told)


def _check_content(expect: Expected, text: str, told: str) -> None:
    if expect.text is not None and expect.text not in text:
        raise _WrongError(f"{told}: expected the text {expect.text!r}")
    if expect.json is not None:
        try:
            found = json.loads(text)
        except ValueError:
            raise _WrongError(f"{told}: expected JSON") from None
        if not matches(expect.json, found):
            raise _WrongError(f"{told}: expected {json.dumps(expect.json)}")


def _captured(probe: Probe, text: str, told: str) -> dict[str, str]:
    if not probe.captures:
        return {}
    try:
        document = json.loads(text)
        return {name: str(pointed(document, pointer)) for name, pointer in probe.captures.items()}
    except (ValueError, KeyError) as error:
        raise _WrongError(f"{told}: nothing to capture at {error}") from None


def _websocket(
    probe: Probe, place: tuple[str, int], ready: Mapping[str, Any], timeout: float
) -> tuple[str, dict[str, str]]:
    try:
        from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
        from websockets.sync.client import connect
    except ImportError:
        raise PlanError("a ws probe needs websockets: pip install 'alpine-doctor[verify]'") from None
    host, port = place
    begun = time.monotonic()
    url = f"{probe.scheme}://{host}:{port}{ready['path']}"
    try:
        with connect(
            url,
            additional_headers=ready["headers"],
            proxy=None,
            open_timeout=timeout,
            close_timeout=1,
            max_size=MAX_BODY,
        ) as socket_:
            opened = time.monotonic() - begun
            if probe.expect.status and 101 not in probe.expect.status:
                raise _WrongError(f"connected: expected {' or '.join(map(str, probe.expect.status))}")
            for message in ready["send"]:
                socket_.send(message if isinstance(message, str) else json.dumps(message))
            seen = _messages(probe, socket_, timeout)
            return f"connected in {opened * 1000:.0f} ms{''.join(f', {one}' for one in seen)}", {}
    except InvalidStatus as error:
        status = error.response.status_code
        if status in probe.expect.status:
            return f"refused with {status}, as expected", {}
        raise _WrongError(f"refused with {status}") from None
    except (InvalidHandshake, WebSocketException) as error:
        raise _WrongError(_short(str(error)) or "closed") from None
    except (OSError, EOFError) as error:
        raise _WrongError(_short(getattr(error, "strerror", None) or str(error)) or "no connection") from None


def _messages(probe: Probe, connection: Any, timeout: float) -> list[str]:
    """The expected messages, each found behind the one before; others between are passed over."""
    seen: list[str] = []
    end = time.monotonic() + timeout
    for expected in probe.messages:
        last = "no message"
        while True:
            try:
                text = connection.recv(timeout=max(0.05, end - time.monotonic()))
            except TimeoutError:
                raise _WrongError(f"{last}: expected {_said(expected)}") from None
            last = _short(text if isinstance(text, str) else text.decode("utf-8", "replace"), 200)
            try:
                _check_content(expected, last, last)
            except _WrongError:
                continue
            seen.append(last)
            break
    return seen


def _said(expected: Expected) -> str:
    return json.dumps(expected.json) if expected.json is not None else repr(expected.text)


def _short(text: str, limit: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[:limit]}…"
