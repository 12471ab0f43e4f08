r"""Strips what CI systems, engines and installers wrap around the lines of a log.

Colours, timestamps, BuildKit's ``#12 34.56 ``, compose's ``web-1  | ``, Kaniko's ``INFO[0012] ``, pip's and uv's
frames, ``[pipenv.exceptions.InstallError]:``, quoted and escaped JSON of Ansible and of Docker's own log files.
"""

from __future__ import annotations

import re

from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern

_ESCAPE = lazy_pattern(
    r"(?:\x1b|\\u001b|\\x1b|\\033|\^\[|␛)"
    r"(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*(?:\x07|\x1b\\)?|[()][A-B0-2])",
    re.I,
)
_BARE_COLOR = lazy_pattern(r"^\[(?:0|0?1|9[0-7]|3[0-7]|0;\d+)m|\[0m$")
_JSON_END = lazy_pattern(r"\"[}\]]+,?\s*$")
"""What closes a log that was quoted as a value of JSON."""

_CONTROL = lazy_pattern("[\x00-\x08\x0b-\x1f\x7f]")

_VERTEX = lazy_pattern(r"#(?P<vertex>\d+) (?:(?P<seconds>\d+\.\d+) |(?=\S))")
_KANIKO = lazy_pattern(r"(?:INFO|ERRO|WARN|FATA|DEBU)\[\d+\] ")
_RUNNING = tuple(
    lazy_pattern(pattern)
    for pattern in (
        # compose, and `docker compose logs`
        r"[A-Za-z<][\w.>-]*\s+\|(?:\s|$)",
        # Kubernetes: the container runtime's own files, and `kubectl logs --prefix`
        r"\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP]\s",
        r"\[pod/\S+\]\s",
        # systemd's journal
        r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w.@-]+(?:\[\d+\])?:\s",
    )
)
"""What stands before the lines of a container or service that runs."""

_HEALTH = lazy_pattern(r"\"(?:Output|ExitCode)\": ?|\b(?:Liveness|Readiness|Startup) probe failed")
"""What Docker and Kubernetes tell of the checks of a container that runs."""

_PREFIXES = tuple(
    lazy_pattern(pattern)
    for pattern in (
        # GitHub Actions, GitLab, Azure, Jenkins, `docker logs -t`: an ISO time, GitLab with its stream mark behind.
        (
            r"\ufeff?\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d| UTC)?\]?"
            r"(?: \d\d[OE]\+?)?\s"
        ),
        r"\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?\s",
        r"##\[\w+\]",
        r"::(?:error|warning|notice|debug|group)(?: [^:]*)?::",
        r"(?:INFO|ERRO|WARN|FATA|DEBU)\[\d+\] ",
        r"time=\"[^\"]*\" level=\w+ msg=\"",
        r"Step #\d+(?: - \"[^\"]*\")?: (?!\d)",
        r"(?:remote|stderr|stdout|out|err|failed): ",
        r"\[[\w.]*(?:Error|Exception)\]:?\s?",
        r"\[(?:stderr|stdout|ERROR|INFO|WARN|WARNING)\]:?\s",
        r"[A-Za-z][\w.-]*\|\s",
        r"=> (?:=> )?# ?",
        r"=> (?=(?:ERROR |CACHED )?\[)",
        r"[│┃║|>] ",
        r"[│┃║]$",
        r"[╰├└][─>▶]*[>▶]? ",
        r"[\u00d7❌✖✗⚠•] ",
        r"\d+\.\d{1,3} (?=\s*\S)",
        r"\{\"(?:log|stream|message|msg|text)\": ?\"",
        r"(?:error|Error): (?=(?:Error (?:loading|relocating)|ImportError))",
    )
)
_ROUNDS = 8


class Unwrapped(Struct, frozen=True):
    """A line without wrappers.

    ``vertex`` is BuildKit's ``#12`` of it, ``kaniko`` whether Kaniko itself speaks; ``running`` is true where a wrapper
    is one of a container or service that runs.
    """

    text: str
    vertex: str | None = None
    kaniko: bool = False
    running: bool = False


def unwrap(line: str) -> Unwrapped:
    """Return what the program inside said; indentation is kept, trailing space is not."""
    text = plain(line)
    vertex = None
    kaniko = False
    running = '"' in line and _HEALTH.search(line) is not None
    for _ in range(_ROUNDS):
        stripped = text.lstrip(" \t")
        match = _VERTEX.match(stripped)
        if match is not None and vertex is None:
            vertex, text = f"#{match['vertex']}", stripped[match.end() :]
            continue
        kaniko = kaniko or _KANIKO.match(stripped) is not None
        match = next((found for prefix in _RUNNING if (found := prefix.match(stripped)) is not None), None)
        if match is not None:
            running, text = True, stripped[match.end() :]
            continue
        for prefix in _PREFIXES:
            match = prefix.match(stripped)
            if match is not None:
                text = stripped[match.end() :]
                break
        else:
            break
    return Unwrapped(text.rstrip(), vertex, kaniko, running)


def plain(line: str) -> str:
    r"""Return a line without colours and control characters, with ``\"`` and ``\t`` of quoted logs undone."""
    text = line
    if "\x1b" in text or "[" in text or "\\" in text or "␛" in text:
        text = _ESCAPE.sub("", text)
        text = _BARE_COLOR.sub("", text)
    if "\\" in text:
        text = text.replace('\\"', '"').replace("\\'", "'").replace("\\t", " ").replace("\\u001b", "").rstrip("\\")
    return _CONTROL.sub("", _JSON_END.sub("", text))
