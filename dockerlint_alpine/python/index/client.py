"""A client of Python package indexes: PEP 503 pages and PEP 691 JSON (with PEP 700 upload times), over HTTP.

One pool of connections serves a run. Requests are bounded in size and time; credentials (``index.settings``) go only to the
host they are for and never into a message. Pages are kept with their ETag, so that an unchanged one costs no body.
"""

from __future__ import annotations

import hashlib
import html.parser
import json
import re
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from dockerlint_alpine.python.index.settings import Credentials
from dockerlint_alpine.python.model import PythonError, Release, Releases
from dockerlint_alpine.python.requirement import archive_version
from dockerlint_alpine.python.tags import tag_of_wheel
from dockerlint_alpine.python.versions import latest_first
from dockerlint_alpine.system.addresses import redact
from dockerlint_alpine.system.deadline import within
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.web import Web, WebError, basic, plain_reason, split_login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import urllib3

    from dockerlint_alpine.python.index.kept import KeptAnswers
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


class IndexAnswerError(PythonError):
    """An index could not answer; the text names the URL without credentials."""


class _RefusedError(IndexAnswerError):
    """The index wants to know who asks, or does not like who does."""


class AbsentError(IndexAnswerError):
    """The index answers, and has no such page or file."""


class SilentError(IndexAnswerError):
    """Nobody answers there, or not in time: there is no use in asking that host again in this run."""


class NotKeptError(IndexAnswerError):
    """It is not kept, and nobody is asked."""


class Answered(Struct, frozen=True):
    """What a server sent: ``body`` is ``None`` where nothing has changed since ``etag``."""

    kind: str
    body: bytes | None
    etag: str = ""


Fetch: TypeAlias = "Callable[[str, str, int, str], Answered]"


class IndexFile(Struct, frozen=True, array_like=True):
    """One file of an index page: ``url`` is absolute; ``upload_date`` is ``YYYY-MM-DD`` where the index tells it.

    ``metadata``: the METADATA of the wheel is to be had by itself (PEP 658). ``sha256`` is empty, and ``size`` (bytes, PEP
    700) 0, where the page has none.
    """

    name: str
    url: str
    requires_python: str | None = None
    yanked: bool = False
    upload_date: str | None = None
    metadata: bool = False
    sha256: str = ""
    size: int = 0


Files: TypeAlias = "Mapping[str, tuple[IndexFile, ...]]"
"""Version, newest first, -> the files of that release."""


class Page(Struct, frozen=True):
    """A page as it was on ``day``: the files of each distribution (normalised name); ``absent``: there was none."""

    day: str
    files: dict[str, dict[str, tuple[IndexFile, ...]]] = {}
    etag: str = ""
    absent: bool = False


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
        attempts: int = 1,
        links: Sequence[str] = (),
        kept: KeptAnswers | None = None,
        day: str = "",
        oldest: str = "",
        asks: bool = True,
        as_of: str | None = None,
    ) -> None:
        """Take the ``/simple`` URLs in order; ``total`` are seconds for one request with its answer.

        ``links`` are pages that list files of any distribution, as pip's ``--find-links`` takes them. Pages that are
        ``kept`` are believed from the day ``oldest`` on, older ones where nobody answers; ``day`` is today. Without ``asks``
        what is not kept is a ``NotKeptError``. Files that a release got later than ``as_of`` are not there.

        ``fetch(url, accept, limit, etag)`` asks; default HTTP.

        ``timeout`` are seconds for each wait; ``credentials`` by default are those of the URLs and of netrc.
        """
        self.urls = [url if url.endswith("/") else f"{url}/" for url in urls]
        self.timeout = timeout
        self.total = total
        self._web = Web(timeout, attempts)
        self._fetch = fetch or self._http
        self._credentials = credentials or Credentials({}, urls)
        self._kept = kept
        self._day = day
        self._oldest = oldest
        self._asks = asks
        self._as_of = as_of
        self._pages: dict[str, Page] = {}
        self._links = dict.fromkeys(links)
        self._heard: set[str] = set()
        self.silent: dict[str, str] = {}

    @property
    def answered(self) -> bool:
        """Whether any host sent a page, or said that there is none."""
        return bool(self._heard)

    def files(self, name: str) -> Files:
        """Return the files of a distribution (normalised name) on all indexes; ``IndexAnswerError`` if none answers."""
        found = [self._page(link).files.get(name) or {} for link in self.answering_links()]
        failures: list[IndexAnswerError] = []
        for base in self.urls:
            try:
                found.append(self._page(urllib.parse.urljoin(base, f"{name}/")).files.get(name) or {})
            except IndexAnswerError as error:
                failures.append(error)
        if any(isinstance(one, NotKeptError) for one in failures) or (failures and not any(found)):
            raise next((one for one in failures if not isinstance(one, AbsentError)), failures[0])
        files = found[0] if len(found) == 1 else _together(found)
        return files if self._as_of is None else _until(self._as_of, files)

    def day_of(self, name: str) -> str:
        """The day of what :meth:`files` returned: that of the oldest page."""
        pages = (self._pages.get(urllib.parse.urljoin(base, f"{name}/")) for base in self.urls)
        return min((page.day for page in pages if page is not None), default=self._day)

    def answering_links(self) -> list[str]:
        """Return those of the link pages that can be read; the others are in ``silent``."""
        found = []
        for link in self._links:
            if link not in self.silent:
                try:
                    self._page(link)
                    found.append(link)
                except NotKeptError:
                    raise
                except IndexAnswerError as error:
                    self.silent.setdefault(link, str(error))
        return found

    def _page(self, url: str) -> Page:
        page = self._pages.get(url)
        if page is None:
            page = self._pages[url] = self._read_page(url)
        if page.absent:
            raise AbsentError(f"{redact(url)}: HTTP 404")
        return page

    def _read_page(self, url: str) -> Page:
        """The page as it is kept, if that is young enough, else as the index sends it."""
        bare = split_login(url)[0]
        old = self._kept.get(Page, "page", bare) if self._kept is not None else None
        if old is not None and (old.day >= self._oldest or old.day == self._day):
            return old
        if not self._asks:
            raise NotKeptError(f"{redact(url)}: it is not cached, and the index is not queried")
        host = urllib.parse.urlsplit(bare).netloc
        try:
            if host in self.silent:
                raise SilentError(self.silent[host])
            page = self._asked(url, bare, old)
        except IndexAnswerError as error:
            silent = isinstance(error, SilentError)
            if silent and host not in self._heard:  # one page that takes too long is not the whole index
                self.silent.setdefault(host, f"{host} did not answer: {str(error).partition(': ')[2] or error}")
            if old is not None:
                return old
            raise SilentError(self.silent.get(host, str(error))) if silent else error from None
        self._heard.add(host)
        if self._kept is not None:
            self._kept.put(page, "page", bare)
        return page

    def _asked(self, url: str, bare: str, old: Page | None) -> Page:
        try:
            answer = self._fetch(url, _ACCEPT, MAX_PAGE, old.etag if old is not None else "")
        except AbsentError:
            return Page(self._day, absent=True)
        if answer.body is None:
            return Page(self._day, old.files if old is not None else {}, answer.etag)
        return Page(self._day, by_release(_parse(answer.kind, answer.body, bare)), answer.etag)

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel that the index has by itself; raises ``IndexAnswerError``."""
        return self._bytes(f"{file.url.partition('#')[0]}.metadata", MAX_METADATA)

    def releases(self, name: str) -> Releases:
        """Return the releases of a distribution (normalised name); raises ``IndexAnswerError``."""
        files = self.files(name)
        versions = list(files)
        return Releases(versions, lambda at: _release(versions[at], files[versions[at]]))

    def download(self, file: IndexFile) -> bytes:
        """Return the bytes of a file of the index; raises ``IndexAnswerError`` if it is larger than ``MAX_ARCHIVE``, or not
        what the page says."""
        data = self._bytes(file.url, MAX_ARCHIVE)
        if file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256:
            raise IndexAnswerError(f"{redact(file.url)}: its hash is not the one that the index states")
        return data

    def _bytes(self, url: str, limit: int) -> bytes:
        if not self._asks:
            raise NotKeptError(f"{redact(url)}: it is not cached, and the index is not queried")
        return self._fetch(url, "*/*", limit, "").body or b""

    # -- HTTP -------------------------------------------------------------------------------------------------------

    def _http(self, url: str, accept: str, limit: int, etag: str) -> Answered:
        login = self._credentials.known(url)
        try:
            return self._get(url, accept, limit, etag, login)
        except _RefusedError:
            other = self._credentials.from_keyring(url)
            if other is None or other == login:
                raise
            return self._get(url, accept, limit, etag, other)

    def _get(self, url: str, accept: str, limit: int, etag: str, login: Login | None) -> Answered:
        import urllib3

        headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        headers |= {"If-None-Match": etag} if etag else {}
        try:
            return within(self.total, lambda: self._answer(url, headers, limit, login))
        except WebError as error:
            raise IndexAnswerError(f"{redact(url)}: {error}") from None
        except (urllib3.exceptions.ProtocolError, urllib3.exceptions.DecodeError) as error:
            raise IndexAnswerError(f"{redact(url)}: {plain_reason(error)}") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise SilentError(f"{redact(url)}: {plain_reason(error)}") from None
        except (ValueError, UnicodeError) as error:
            raise IndexAnswerError(f"{redact(url)}: {redact(str(error)) or type(error).__name__}") from None

    def _answer(self, url: str, headers: dict[str, str], limit: int, login: Login | None) -> Answered:
        end = time.monotonic() + self.total
        with self._web.open(
            url, headers, authorization=basic(*login) if login is not None else "", end=end
        ) as response:
            return _taken(response, url, limit, end, login)


def _taken(response: urllib3.BaseHTTPResponse, url: str, limit: int, end: float, login: Login | None) -> Answered:
    """What a response says; ends by itself soon after ``end``."""
    status, etag = response.status, response.headers.get("ETag", "")
    if status == 304:
        return Answered("", None, etag)
    if status in {401, 403}:
        said = "refused" if login is not None else "asks for credentials: netrc, its URL, uv's variables or a keyring"
        raise _RefusedError(f"{redact(url)}: HTTP {status}, the index {said}")
    if status != 200:
        kind = AbsentError if status in {404, 410} else IndexAnswerError
        raise kind(f"{redact(url)}: HTTP {status}")
    data = bytearray()
    while len(data) <= limit and time.monotonic() < end:
        chunk = response.read1(min(_CHUNK, limit + 1 - len(data)), decode_content=True)
        if not chunk:
            break
        data += chunk
    if len(data) > limit:
        raise IndexAnswerError(f"{redact(url)}: more than {limit} bytes")
    return Answered(response.headers.get("Content-Type", ""), bytes(data), etag)


def by_release(files: Iterable[IndexFile]) -> dict[str, dict[str, tuple[IndexFile, ...]]]:
    """Group files by distribution and version, newest first; those that tell neither are left out."""
    grouped: dict[str, dict[str, list[IndexFile]]] = {}
    for one in files:
        known = archive_version(one.name)
        if known is not None:
            grouped.setdefault(known[0], {}).setdefault(known[1], []).append(one)
    return {name: {version: tuple(own[version]) for version in latest_first(own)} for name, own in grouped.items()}


def _together(found: Iterable[Files]) -> Files:
    files: dict[str, tuple[IndexFile, ...]] = {}
    for own in found:
        for version, more in own.items():
            files[version] = (*files.get(version, ()), *more)
    return {version: files[version] for version in latest_first(files)}


def _until(day: str, files: Files) -> Files:
    """The files that were there on ``day``: a release may get wheels much later. One of a later day stays as it is, for who
    chooses among releases."""

    def there(own: tuple[IndexFile, ...]) -> tuple[IndexFile, ...]:
        return tuple(one for one in own if one.upload_date is None or one.upload_date <= day) or own

    return {version: there(own) for version, own in files.items()}


def _release(version: str, group: Sequence[IndexFile]) -> Release:
    """The release that is made of some files. It is yanked if all of them are."""
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


_ORIGIN = r"https?://[A-Za-z0-9._-]+(?::[0-9]+)?"
_PLAIN_ORIGIN = lazy_pattern(f"{_ORIGIN}(?=/)")
_PLAIN_URL = lazy_pattern(f"({_ORIGIN})?/(?!/)[A-Za-z0-9._~%+!/:@=,()-]*(?:#[a-z0-9]+=[A-Za-z0-9]+)?")
"""What most indexes list; the parser of the standard library takes two thirds of the time of a long page for it."""


def _absolute(base: str, url: str) -> str | None:
    """The absolute address, ``None`` for what is none (``http://[bad``)."""
    plain = _PLAIN_URL.fullmatch(url)
    if plain is not None and plain[1]:
        return url
    if plain is not None and "/." not in url and (origin := _PLAIN_ORIGIN.match(base)) is not None:
        return f"{origin[0]}{url}"
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
                _sha256(one.get("hashes")),
                size if isinstance(size := one.get("size"), int) and size > 0 else 0,
            )
        )
    return found


def _sha256(hashes: object) -> str:
    """What PEP 691 has under ``hashes``, or PEP 503 in the fragment of a URL."""
    value = hashes.get("sha256") if isinstance(hashes, dict) else None
    if isinstance(hashes, str):
        value = next((part[7:] for part in hashes.split("&") if part.startswith("sha256=")), None)
    return value.lower() if isinstance(value, str) else ""


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
        digest = _sha256(urllib.parse.urlsplit(url).fragment)
        self.found.append(IndexFile(name, url, python, "data-yanked" in values, None, has_metadata, digest))
