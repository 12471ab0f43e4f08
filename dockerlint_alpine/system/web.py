"""Requests over HTTP: redirects, proxies and pools of connections as every client here wants them.

Proxies are those of the environment. A redirect is followed to what is http or https and never out of the encryption, and a
login goes to the host that it was given for and to no other.
"""

from __future__ import annotations

import threading
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from dockerlint_alpine.system.addresses import redact
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    import urllib3

AT_ONCE = 16
"""Connections to one host that are kept, and requests that are worth sending at the same time."""

_MAX_REDIRECTS = 5
MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes of a server that may answer otherwise a moment later."""
_PAUSE = 0.5
"""Seconds before the second attempt."""
_SHORT = 6
"""Digits of the length of an answer that is too long to be read only for its connection."""
_OF_LIBRARY = lazy_pattern(
    r"^<?[\w.]*(?:Connection|Pool)[^:]*: |\(?<[^>]*>[,:] ?|Failed to establish a new connection: |\[Errno -?\d+\] "
)
"""What the library says around the cause: its own object, and that it was a connection."""


class WebError(Exception):
    """An address that is not asked; the text says why, without the address."""


def split_login(url: str) -> tuple[str, str | None, str | None]:
    """Return ``url`` without user information, the user and the password that were in it."""
    parts = urllib.parse.urlsplit(url)
    bare = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    user = urllib.parse.unquote(parts.username) if parts.username is not None else None
    return bare, user, urllib.parse.unquote(parts.password) if parts.password is not None else None


def basic(user: str, password: str) -> str:
    """Return the value of ``Authorization`` for a login (RFC 7617, in UTF-8)."""
    import base64

    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"


def plain_reason(error: Exception) -> str:
    """The cause of an error of the HTTP library in a few words, without addresses of objects and without credentials."""
    import urllib3

    reason = getattr(error, "reason", None) or next((one for one in error.args if isinstance(one, Exception)), None)
    if isinstance(reason or error, urllib3.exceptions.IncompleteRead):
        return "the connection ended early"
    text = _OF_LIBRARY.sub("", str(reason if isinstance(reason, Exception) else error))
    text = redact(text).strip("'\" ")
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip("'\" ")
    return text or type(error).__name__


class Web:
    """The way to servers. ``timeout`` are seconds for each wait; a busy server is asked ``attempts`` times at most. Several
    threads may ask at once."""

    def __init__(self, timeout: float, attempts: int = 1) -> None:
        self._timeout = timeout
        self._attempts = attempts
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._proxies: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    @contextmanager
    def open(
        self, url: str, headers: Mapping[str, str], *, authorization: str = "", end: float
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Give the response to a GET, whose body is still to be read. ``end`` (monotonic seconds) is when no second attempt
        is worth it any more.

        Raises ``WebError`` for addresses that are not asked, urllib3's ``HTTPError``, ``OSError`` and ``ValueError``.
        """
        where = split_login(url)[0]
        first = urllib.parse.urlsplit(where)
        for _ in range(_MAX_REDIRECTS + 1):
            parts = urllib.parse.urlsplit(where)
            if parts.scheme not in {"http", "https"}:
                raise WebError("only http and https are spoken")
            own = {"User-Agent": "alpine-doctor", **headers}
            if authorization and (parts.scheme, parts.netloc) == (first.scheme, first.netloc):
                own["Authorization"] = authorization
            response = self._request(where, own, end)
            try:
                target = response.get_redirect_location()
                if not target:
                    yield response
                    return
            finally:
                length = response.headers.get("Content-Length", "")
                if response.status in {304, 404} and length.isdecimal() and len(length) < _SHORT:
                    response.drain_conn()  # what is said of a file that is not there costs less than a connection
                response.close()  # a connection whose response was read to its end is in the pool already
            there = urllib.parse.urljoin(where, target)
            scheme = urllib.parse.urlsplit(there).scheme
            if scheme not in {"http", "https"} or (parts.scheme == "https" and scheme != "https"):
                raise WebError(f"redirects to {redact(there)}, which is not followed")
            where = split_login(there)[0]
        raise WebError(f"more than {_MAX_REDIRECTS} redirects")

    def _request(self, url: str, headers: Mapping[str, str], end: float) -> urllib3.BaseHTTPResponse:
        import urllib3

        timeout = urllib3.Timeout(connect=self._timeout, read=self._timeout)
        for attempt in range(self._attempts):
            response = self._pool(url).request(
                "GET", url, headers=headers, preload_content=False, redirect=False, retries=False, timeout=timeout
            )
            last = attempt + 1 == self._attempts or time.monotonic() + _PAUSE > end
            if response.status not in MAY_PASS or last:
                break
            response.close()
            time.sleep(_PAUSE)
        return response

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What urllib3 makes for each connection, made once: to read the system's certificates takes 20 ms."""
        from urllib3.util.ssl_ import create_urllib3_context

        context = create_urllib3_context()
        context.load_default_certs()
        return context

    def _pool(self, url: str) -> urllib3.PoolManager:
        """The pool that leads there: through the proxy of the environment, or directly."""
        import urllib3

        parts = urllib.parse.urlsplit(url)
        there = parts.scheme, parts.hostname or ""
        with self._lock:
            if there not in self._proxies:  # to look for it reads the whole environment
                bypassed = urllib.request.proxy_bypass(there[1])
                self._proxies[there] = "" if bypassed else urllib.request.getproxies().get(there[0], "")
            proxy = self._proxies[there]
            if proxy not in self._pools:
                bare, user, password = split_login(proxy)
                own = urllib3.make_headers(proxy_basic_auth=f"{user}:{password or ''}") if user else None
                self._pools[proxy] = (
                    urllib3.ProxyManager(bare, maxsize=AT_ONCE, proxy_headers=own, ssl_context=self._tls)
                    if proxy
                    else urllib3.PoolManager(maxsize=AT_ONCE, ssl_context=self._tls)
                )
            return self._pools[proxy]
