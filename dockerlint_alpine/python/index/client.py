"""A client of Python package indexes: PEP 503 pages and PEP 691 JSON (with PEP 700 upload times), over HTTP.

Used online only. Requests are bounded in size and time; credentials (``index_settings``) go only to the host they are for
and never into a message.
"""

from __future__ import annotations

import base64
import html.parser
import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from dockerlint_alpine.python.index.settings import Credentials, split_login
from dockerlint_alpine.python.model import PythonError, Release, redact
from dockerlint_alpine.python.requirement import archive_version
from dockerlint_alpine.python.tags import tag_of_wheel
from dockerlint_alpine.system.deadline import within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dockerlint_alpine.python.index.settings import Login

MAX_PAGE = 32 * 1024 * 1024
"""Bytes of an index page that are read at most."""
MAX_ARCHIVE = 64 * 1024 * 1024
"""Bytes of an sdist that are read at most."""
MAX_METADATA = 4 * 1024 * 1024
"""Bytes of the METADATA of one wheel."""

TOTAL = 120.0
"""Seconds for one whole request: a server may send a byte a second."""

_CHUNK = 1024 * 1024
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"


Fetch: TypeAlias = "Callable[[str, str, int], tuple[str, bytes]]"


class IndexAnswerError(PythonError):
    """An index could not answer; the text names the URL without credentials."""


class _RefusedError(IndexAnswerError):
    """The index wants to know who asks, or does not like who does."""


class AbsentError(IndexAnswerError):
    """The index answers, and has no such page or file."""


class SilentError(IndexAnswerError):
    """Nobody answers there, or not in time: there is no use in asking that host again in this run."""


class IndexFile(Struct, frozen=True):
    """One file of an index page: ``url`` is absolute; ``upload_date`` is ``YYYY-MM-DD`` where the index tells it.

    ``metadata``: the METADATA of the wheel is to be had by itself (PEP 658).
    """

    name: str
    url: str
    requires_python: str | None = None
    yanked: bool = False
    upload_date: str | None = None
    metadata: bool = False


class SimpleIndex:
    """Asks one or more indexes for the files of a distribution; the answers are kept for the life of the object.

    ``silent`` has one line for each host that did not answer; it is not asked again. Several threads may ask at once.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        timeout: float = 10.0,
        fetch: Fetch | None = None,
        credentials: Credentials | None = None,
        total: float = TOTAL,
        links: Sequence[str] = (),
    ) -> None:
        """Take the ``/simple`` URLs in order; ``total`` are seconds for one request with its answer.

        ``links`` are pages that list files of any distribution, as pip's ``--find-links`` takes them.

        ``fetch(url, accept, limit)`` returns (content type, bytes); default HTTP.

        ``timeout`` are seconds for each wait; ``credentials`` by default are those of the URLs and of netrc.
        """
        self.urls = [url if url.endswith("/") else f"{url}/" for url in urls]
        self.timeout = timeout
        self.total = total
        self._fetch = fetch or self._http
        self._credentials = credentials or Credentials({}, urls)
        self._files: dict[str, list[IndexFile]] = {}
        self._links = dict.fromkeys(links)
        self._linked: dict[str, list[IndexFile]] = {}
        self.silent: dict[str, str] = {}

    def files(self, name: str) -> list[IndexFile]:
        """Return the files of a distribution (normalised name) on all indexes; ``IndexAnswerError`` if none answers."""
        if name not in self._files:
            found = [one for link in self.answering_links() for one in self._linked[link] if _is_of(one, name)]
            failures: list[IndexAnswerError] = []
            for base in self.urls:
                try:
                    found.extend(self._page(urllib.parse.urljoin(base, f"{name}/")))
                except IndexAnswerError as error:
                    failures.append(error)
            if not found and failures:
                raise next((one for one in failures if not isinstance(one, AbsentError)), failures[0])
            self._files[name] = found
        return self._files[name]

    def answering_links(self) -> list[str]:
        """Return those of the link pages that can be read; the others are in ``silent``."""
        for link in self._links:
            if link not in self._linked and link not in self.silent:
                try:
                    self._linked[link] = self._page(link)
                except IndexAnswerError as error:
                    self.silent.setdefault(link, str(error))
        return [link for link in self._links if link in self._linked]

    def _page(self, url: str) -> list[IndexFile]:
        host = urllib.parse.urlsplit(split_login(url)[0]).netloc
        if host in self.silent:
            raise SilentError(self.silent[host])
        try:
            kind, data = self._fetch(url, _ACCEPT, MAX_PAGE)
        except SilentError as error:
            self.silent[host] = f"{host} did not answer: {str(error).partition(': ')[2]}"
            raise
        return _parse(kind, data, url)

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel that the index has by itself; raises ``IndexAnswerError``."""
        return self._fetch(f"{file.url.partition('#')[0]}.metadata", "*/*", MAX_METADATA)[1]

    def releases(self, name: str) -> list[Release]:
        """Return the releases of a distribution (normalised name); raises ``IndexAnswerError``."""
        return releases_of(self.files(name), name)

    def download(self, file: IndexFile) -> bytes:
        """Return the bytes of a file of the index; raises ``IndexAnswerError`` if it is larger than ``MAX_ARCHIVE``."""
        return self._fetch(file.url, "*/*", MAX_ARCHIVE)[1]

    def _http(self, url: str, accept: str, limit: int) -> tuple[str, bytes]:
        login = self._credentials.known(url)
        try:
            return self._get(url, accept, limit, login)
        except _RefusedError:
            other = self._credentials.from_keyring(url)
            if other is None or other == login:
                raise
            return self._get(url, accept, limit, other)

    def _get(self, url: str, accept: str, limit: int, login: Login | None) -> tuple[str, bytes]:
        try:
            bare = split_login(url)[0]
            scheme = urllib.parse.urlsplit(bare).scheme
        except ValueError as error:
            raise IndexAnswerError(f"{redact(url)}: {error}") from None
        if scheme not in {"http", "https"}:
            raise IndexAnswerError(f"{redact(url)}: only http and https indexes are asked")
        # The scheme is checked above.
        request = urllib.request.Request(bare, headers={"Accept": accept, "User-Agent": "alpine-doctor"})  # noqa: S310
        if login is not None:
            token = base64.b64encode(":".join(login).encode()).decode("ascii")
            request.add_unredirected_header("Authorization", f"Basic {token}")
        try:
            kind, data = within(self.total, lambda: _answer(request, self.timeout, limit, self.total))
        except urllib.error.HTTPError as error:
            if error.code in {401, 403}:
                said = (
                    "refused"
                    if login is not None
                    else "asks for credentials: netrc, its URL, uv's variables or a keyring"
                )
                raise _RefusedError(f"{redact(url)}: HTTP {error.code}, the index {said}") from None
            kind_of = AbsentError if error.code in {404, 410} else IndexAnswerError
            raise kind_of(f"{redact(url)}: HTTP {error.code}") from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise SilentError(f"{redact(url)}: {redact(str(reason)) or type(error).__name__}") from None
        except (ValueError, http.client.HTTPException) as error:
            raise IndexAnswerError(f"{redact(url)}: {redact(str(error)) or type(error).__name__}") from None
        if len(data) > limit:
            raise IndexAnswerError(f"{redact(url)}: more than {limit} bytes")
        return kind, data


class _OnlyHttp(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to ftp, and none that leaves the encryption."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme not in {"http", "https"} or (req.type == "https" and scheme != "https"):
            raise IndexAnswerError(f"{redact(req.full_url)}: redirects to {redact(newurl)}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_of(file: IndexFile, name: str) -> bool:
    known = archive_version(file.name)
    return known is not None and known[0] == name


def _answer(request: urllib.request.Request, timeout: float, limit: int, total: float) -> tuple[str, bytes]:
    """The content type and at most ``limit`` and one bytes; ends by itself soon after ``total`` seconds."""
    end = time.monotonic() + total
    with urllib.request.build_opener(_OnlyHttp).open(request, timeout=timeout) as answer:
        data = bytearray()
        while len(data) <= limit and time.monotonic() < end:
            chunk = answer.read1(min(_CHUNK, limit + 1 - len(data)))
            if not chunk:
                break
            data += chunk
        return answer.headers.get("Content-Type", ""), bytes(data)


def releases_of(files: Iterable[IndexFile], name: str) -> list[Release]:
    """Group the files of one distribution into releases. A release is yanked if all its files are."""
    grouped: dict[str, list[IndexFile]] = {}
    for one in files:
        known = archive_version(one.name)
        if known is not None and known[0] == name:
            grouped.setdefault(known[1], []).append(one)
    return [_release(version, group) for version, group in grouped.items()]


def _release(version: str, group: Sequence[IndexFile]) -> Release:
    dates = [one.upload_date for one in group if one.upload_date]
    tags = [tag for one in group if (tag := tag_of_wheel(one.name)) is not None]
    return Release(
        version=version,
        upload_date=min(dates) if dates else None,
        yanked=all(one.yanked for one in group),
        requires_python=next((one.requires_python for one in group if one.requires_python), None),
        wheels=tuple(dict.fromkeys(tags)),
        sdist=any(tag_of_wheel(one.name) is None for one in group),
    )


def _parse(kind: str, data: bytes, url: str) -> list[IndexFile]:
    if "json" in kind:
        return _parse_json(data, url)
    page = _Page(url)
    try:
        page.feed(data.decode("utf-8", "replace"))
    except AssertionError:  # html.parser's word for "<![nonsense"
        raise IndexAnswerError(f"{redact(url)}: not a PEP 503 page") from None
    return page.found


def _absolute(base: str, url: str) -> str | None:
    """The absolute address, ``None`` for what is none (``http://[bad``)."""
    try:
        found = urllib.parse.urljoin(base, url)
        urllib.parse.urlsplit(found)
    except ValueError:
        return None
    return found


def _parse_json(data: bytes, url: str) -> list[IndexFile]:
    try:
        listed = json.loads(data)["files"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IndexAnswerError(f"{redact(url)}: not a PEP 691 answer") from None
    found = []
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or not isinstance(one.get("filename"), str) or not isinstance(one.get("url"), str):
            continue
        address = _absolute(url, one["url"])
        if address is None:
            continue
        when = one.get("upload-time")
        python = one.get("requires-python")
        found.append(
            IndexFile(
                one["filename"],
                address,
                python if isinstance(python, str) and python else None,
                bool(one.get("yanked")),
                when[:10] if isinstance(when, str) and re.match(r"\d{4}-\d\d-\d\d", when) else None,
                bool(one.get("core-metadata") or one.get("dist-info-metadata")),
            )
        )
    return found


class _Page(html.parser.HTMLParser):
    """A PEP 503 page: one anchor per file."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.found: list[IndexFile] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        """Take an anchor (or the base) of the page."""
        values = dict(attrs)
        href = values.get("href")
        if tag == "base" and href:
            self.base = _absolute(self.base, href) or self.base
        if tag != "a" or not href:
            return
        url = _absolute(self.base, href)
        if url is None:
            return
        name = urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])
        has_metadata = bool({"data-core-metadata", "data-dist-info-metadata"} & values.keys())
        python = values.get("data-requires-python") or None
        self.found.append(IndexFile(name, url, python, "data-yanked" in values, metadata=has_metadata))
