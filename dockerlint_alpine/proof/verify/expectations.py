"""What a project says of its services for a verification: ``x-alpine-doctor`` of a compose file, which compose passes over.

    x-alpine-doctor:
      one-shot: true
      expect: fail              # with reason: and, if it is to end, until: 2027-01-31
      probes:
        - http: http://:8000/health
          expect: {status: 200, json: {status: healthy}}
        - ws: ws://:8000/ws
          headers: {Authorization: "Bearer ${token}"}
          send: ["not json"]
          expect: [{json: {type: connected}}, {json: {type: error}}]
        - tcp: 5432
        - exec: [redis-cli, ping]
          expect: {text: PONG}

A URL names a port of the service and no host: a project can't have anybody else asked. ``${NAME}`` is a capture of another
probe, or a variable of the environment whose name begins with ``ADV_``; nothing else of the environment is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct, field

from dockerlint_alpine.proof.verify.clock import seconds_of
from dockerlint_alpine.proof.verify.errors import PlanError
from dockerlint_alpine.system.patterns import lazy_pattern

EXTENSION = "x-alpine-doctor"
ProbeKind: TypeAlias = Literal["tcp", "http", "ws", "exec"]

_KEYS = {"probes", "one-shot", "expect", "reason", "until"}
_PROBE_KEYS = {
    "tcp", "http", "ws", "exec", "name", "method", "headers", "json", "body", "send", "expect", "within", "capture",
    "reason", "until",
}  # fmt: skip
_EXPECT_KEYS = {"status", "json", "text", "exit"}
_NAME = lazy_pattern(r"\$\{(\w+)\}")
_WITHIN = 10.0


class Failing(Struct, frozen=True):
    """A known failure: the reason, and the last day on which it is accepted."""

    reason: str
    until: date | None = None

    def over(self, today: date) -> bool:
        """Whether the day is past."""
        return self.until is not None and today > self.until


class Expected(Struct, frozen=True):
    """What an answer must be: one of the statuses (or exit codes), JSON that has at least this, text that holds this."""

    status: tuple[int, ...] = ()
    json: Any = None
    text: str | None = None


class Probe(Struct, frozen=True):
    """One question to a service. ``port`` and ``path`` are of tcp, http and ws; ``command`` of exec.

    ``expect`` is one expectation, or for a WebSocket those of messages in order. ``captures`` name JSON pointers of the
    answer (RFC 6901). ``within``: seconds after which it has failed.
    """

    kind: ProbeKind
    name: str
    port: int = 0
    path: str = "/"
    scheme: str = ""
    command: tuple[str, ...] = ()
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    send: tuple[Any, ...] = ()
    expect: Expected = Expected()
    messages: tuple[Expected, ...] = ()
    within: float = _WITHIN
    captures: Mapping[str, str] = field(default_factory=dict)
    failing: Failing | None = None

    @property
    def wants(self) -> tuple[str, ...]:
        """The names in ``${...}`` that it is made of."""
        return tuple(
            dict.fromkeys(_names([self.path, dict(self.headers), self.body, list(self.send), list(self.command)]))
        )


class Expectations(Struct, frozen=True):
    """What the compose file expects of one service."""

    probes: tuple[Probe, ...] = ()
    one_shot: bool | None = None
    failing: Failing | None = None

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that probes ask."""
        return tuple(dict.fromkeys(probe.port for probe in self.probes if probe.port))


def read_expectations(given: Any, where: str) -> Expectations:
    """Read the table of one service. Raises :class:`PlanError` with the place of what is wrong."""
    if given is None:
        return Expectations()
    table = _table(given, where, _KEYS)
    probes = table.get("probes") or []
    if not isinstance(probes, list):
        raise PlanError(f"{where}.probes: a list of probes is expected")
    one_shot = table.get("one-shot")
    if one_shot is not None and not isinstance(one_shot, bool):
        raise PlanError(f"{where}.one-shot: true or false is expected")
    return Expectations(
        tuple(_probe(one, f"{where}.probes[{number}]") for number, one in enumerate(probes)),
        one_shot,
        _failing(table, where),
    )


def _table(given: Any, where: str, keys: set[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise PlanError(f"{where}: a table is expected")
    for key in given:
        if key not in keys:
            raise PlanError(f"{where}: unknown key {key!r} (available: {', '.join(sorted(keys))})")
    return given


def _failing(table: Mapping[str, Any], where: str) -> Failing | None:
    if table.get("expect") != "fail":
        if isinstance(table.get("expect"), str):
            raise PlanError(f"{where}.expect: only `fail` can be expected by a word")
        return None
    reason = table.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise PlanError(f"{where}: `expect: fail` needs a reason")
    return Failing(reason.strip(), _day(table.get("until"), f"{where}.until"))


def _day(given: Any, where: str) -> date | None:
    if given is None:
        return None
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise PlanError(f"{where}: {given!r} is not a date such as 2027-01-31") from None


def _probe(given: Any, where: str) -> Probe:
    table = _table(given, where, _PROBE_KEYS)
    kinds: list[ProbeKind] = [kind for kind in ("tcp", "http", "ws", "exec") if kind in table]
    if len(kinds) != 1:
        raise PlanError(f"{where}: a probe is one of tcp, http, ws and exec")
    kind = kinds[0]
    common: dict[str, Any] = {
        "within": seconds_of(table["within"], f"{where}.within") if "within" in table else _WITHIN,
        "failing": _failing(table, where),
        "headers": {str(key): str(value) for key, value in _mapping(table, "headers", where).items()},
        "captures": {str(key): str(value) for key, value in _mapping(table, "capture", where).items()},
    }
    if kind == "exec":
        return _exec_probe(table, where, common)
    port, path, scheme = _address(kind, table[kind], where)
    name = str(table.get("name") or f"{kind} :{port}{path if kind != 'tcp' else ''}")
    if kind == "tcp":
        return Probe(kind, name, port, **common)
    expect = table.get("expect")
    if kind == "ws":
        sent = table.get("send") or []
        if not isinstance(sent, list):
            raise PlanError(f"{where}.send: a list of messages is expected")
        messages = (
            tuple(_expected(one, f"{where}.expect[{n}]") for n, one in enumerate(expect))
            if isinstance(expect, list)
            else ()
        )
        single = _expected(expect, f"{where}.expect") if isinstance(expect, dict) else Expected()
        return Probe(kind, name, port, path, scheme, send=tuple(sent), expect=single, messages=messages, **common)
    body = table["json"] if "json" in table else table.get("body")
    method = str(table.get("method") or ("POST" if body is not None else "GET")).upper()
    wanted = _expected(expect, f"{where}.expect") if isinstance(expect, dict) else Expected()
    return Probe(kind, name, port, path, scheme, method=method, body=body, expect=wanted, **common)


def _exec_probe(table: Mapping[str, Any], where: str, common: Mapping[str, Any]) -> Probe:
    given = table["exec"]
    words = (
        ("/bin/sh", "-c", given)
        if isinstance(given, str)
        else tuple(map(str, given if isinstance(given, list) else ()))
    )
    if not words:
        raise PlanError(f"{where}.exec: a command is expected")
    expect = table.get("expect")
    wanted = _expected(expect, f"{where}.expect") if isinstance(expect, dict) else Expected()
    name = str(table.get("name") or f"exec {given if isinstance(given, str) else ' '.join(words)}")
    return Probe("exec", name, command=words, expect=wanted, **common)


def _mapping(table: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    given = table.get(key) or {}
    if not isinstance(given, dict):
        raise PlanError(f"{where}.{key}: a table is expected")
    return given


def _address(kind: ProbeKind, given: Any, where: str) -> tuple[int, str, str]:
    if kind == "tcp":
        text = str(given).removeprefix("tcp://").lstrip(":")
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise PlanError(f"{where}.tcp: {given!r} is not a port")
        return int(text), "", "tcp"
    try:
        parts = urlsplit(str(given))
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise PlanError(f"{where}.{kind}: {given!r}: {error}") from None
    schemes = ("http", "https") if kind == "http" else ("ws", "wss")
    if parts.scheme not in schemes or host or port is None:
        raise PlanError(
            f"{where}.{kind}: {given!r}: expected {schemes[0]}://:PORT/PATH; the host is the service itself"
        )
    return port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), parts.scheme


def _expected(given: Any, where: str) -> Expected:
    table = _table(given, where, _EXPECT_KEYS)
    status = table.get("status", table.get("exit"))
    codes = status if isinstance(status, list) else [] if status is None else [status]
    if not all(isinstance(code, int) and not isinstance(code, bool) for code in codes):
        raise PlanError(f"{where}: a status is a number, or a list of numbers")
    text = table.get("text")
    return Expected(tuple(codes), table.get("json"), None if text is None else str(text))


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return _NAME.findall(value)
    if isinstance(value, dict):
        return [name for pair in value.items() for one in pair for name in _names(one)]
    return [name for one in value for name in _names(one)] if isinstance(value, (list, tuple)) else []


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """The same with every ``${NAME}`` replaced; ``$$`` is one ``$``, as compose writes it.

    Raises KeyError for an unknown name.
    """
    if isinstance(value, str):
        return _NAME.sub(lambda match: values[match[1]], value).replace("$$", "$")
    if isinstance(value, dict):
        return {filled(key, values): filled(one, values) for key, one in value.items()}
    return [filled(one, values) for one in value] if isinstance(value, (list, tuple)) else value


def matches(wanted: Any, found: Any) -> bool:
    """Whether JSON has at least what is wanted: keys of tables at any depth; everything else is equal."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and matches(one, found[key]) for key, one in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(matches, wanted, found))
    return type(wanted) is type(found) and bool(wanted == found)


def pointed(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to. Raises KeyError where it leads nowhere."""
    for part in pointer.split("/")[1:] if pointer.startswith("/") else [pointer]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(key)] if isinstance(document, list) else document[key]
        except (KeyError, IndexError, ValueError, TypeError):
            raise KeyError(pointer) from None
    return document
