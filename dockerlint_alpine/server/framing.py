"""Validates what an editor sends before the protocol library sees it: lengths and message structure.

LSP frames each message with its length. Where that can't be read nobody knows where the next one starts: the editor is told
so by the protocol's own error, and the session ends with one line. A message that is none is answered by an error, and the
session goes on (JSON-RPC 2.0, "Error object"; LSP 3.17, "Base protocol").
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from dockerlint_alpine.system.patterns import lazy_pattern

MAX_MESSAGE = 128 * 1024 * 1024
"""Bytes of one message; a text of 20 MB makes one of twice that at most."""
_MAX_HEADER = 4096
_MAX_HEADERS = 16
_LENGTH = lazy_pattern(rb"Content-Length:[ \t]*([0-9]{1,12})[ \t]*\r\n", re.IGNORECASE)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602


class _LostError(Exception):
    """Nobody knows where the next message starts; the text says what came instead."""


class Outgoing:
    """The stream to the editor, for more than one writer: each message is written whole."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, data: bytes) -> int:
        """Write and send ``data``, whole messages."""
        with self._lock:
            written = self._stream.write(data)
            self._stream.flush()
        return written

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def refuse(self, message_id: object, code: int, reason: str) -> None:
        """Answer a message by an error of the protocol."""
        known = message_id if isinstance(message_id, (int, str)) else None
        answer = {"jsonrpc": "2.0", "id": known, "error": {"code": code, "message": reason}}
        body = json.dumps(answer).encode()
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


class Incoming:
    """The stream from the editor: gives only whole messages, and ends at the first that can't be told from the next.

    ``knows`` tells the methods of the protocol; ``say`` gets the one line about why it ended.
    """

    def __init__(
        self, stream: BinaryIO, out: Outgoing, knows: Callable[[str], bool], say: Callable[[str], None]
    ) -> None:
        self._stream = stream
        self._out = out
        self._knows = knows
        self._say = say
        self._lines: list[bytes] = []
        self._body = b""
        self.last_id: object = None
        """The id of the request that was given last; ``None`` for a message without."""

    def readline(self) -> bytes:
        """The next line of a header; empty at the end."""
        while not self._lines:
            try:
                body = self._next()
            except _LostError as error:
                self._out.refuse(None, PARSE_ERROR, f"{error}: the session ends")
                self._say(f"the editor sent {error}: the session ends")
                return b""
            if body is None:
                return b""
            if self._is_message(body):
                self._body = body
                self._lines = [b"Content-Length: %d\r\n" % len(body), b"\r\n"]
        return self._lines.pop(0)

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes of a message."""
        data, self._body = self._body[:size], self._body[size:]
        return data

    def _next(self) -> bytes | None:
        """The body of the next message; ``None`` at the end, whatever it is."""
        length: int | None = None
        for number in range(_MAX_HEADERS):
            line = self._stream.readline(_MAX_HEADER)
            if not line and number == 0:
                return None
            if line == b"\r\n":
                break
            if not line.endswith(b"\r\n"):
                raise _LostError("a header that is too long, cut short or ends without CR LF")
            match = _LENGTH.fullmatch(line)
            if match is not None and length is not None:
                raise _LostError("two lengths")
            if match is not None:
                length = int(match[1])
            elif line.lower().startswith(b"content-length"):
                raise _LostError("a length that is not a number")
        if not length or length > MAX_MESSAGE:
            raise _LostError("no length" if not length else f"a message of more than {MAX_MESSAGE} bytes")
        body = self._stream.read(length)
        if len(body) < length:
            raise _LostError("a message that is cut short")
        return body

    def _is_message(self, body: bytes) -> bool:
        """Whether the library may have it; if not, it is answered here."""
        self.last_id = None
        try:
            message: Any = json.loads(body)
        except (ValueError, RecursionError):
            self._out.refuse(None, PARSE_ERROR, "no JSON")
            return False
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            self._out.refuse(None, INVALID_REQUEST, "not a JSON-RPC 2.0 message")
            return False
        has_id = "id" in message
        if "method" not in message:
            if has_id and ("result" in message or "error" in message):
                return True
            self._out.refuse(message.get("id"), INVALID_REQUEST, "neither a request nor an answer")
            return False
        method, params = message["method"], message.get("params", {})
        if not isinstance(method, str):
            self._refuse(message, INVALID_REQUEST, "the method is not a string")
        elif params is not None and not isinstance(params, (dict, list)):
            self._refuse(message, INVALID_PARAMS, "the parameters are neither a table nor a list")
        elif not self._knows(method) and not method.startswith("$/"):
            self._refuse(message, METHOD_NOT_FOUND, "an unknown method")
        else:
            self.last_id = message["id"] if has_id else None
            return True
        return False

    def _refuse(self, message: dict[str, Any], code: int, reason: str) -> None:
        if "id" in message:  # nobody answers a notification
            self._out.refuse(message["id"], code, reason)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
