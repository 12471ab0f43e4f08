"""Fetching the index that Alpine publishes today into a cache folder.

What is fetched is verified before anything is made of it, and what is there stays until the new database is complete:
a run that fails, is killed, or races another one leaves the old data or the new, never others. The network, the clock
and the waiting between attempts are handed in or replaced by the caller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.apk.apkindex import MAX_PACKED, ApkIndex, read_index, split_streams
from dockerlint_alpine.apk.build import write_database
from dockerlint_alpine.apk.database import Database, Fetched
from dockerlint_alpine.apk.errors import DownloadError, IndexFormatError
from dockerlint_alpine.apk.signature import verify
from dockerlint_alpine.apk.snapshot import Snapshot
from dockerlint_alpine.system.web import MAY_PASS, Web, WebError, basic, plain_reason, split_login

if TYPE_CHECKING:
    from pathlib import Path

    import urllib3

MIRROR = "https://dl-cdn.alpinelinux.org/alpine"
"""Alpine's own mirror, as in /etc/apk/repositories of its images."""
Status: TypeAlias = Literal["updated", "unchanged", "older"]
Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes received so far and the bytes expected, if the server said."""

_CHUNK = 64 * 1024


class Policy(Struct, frozen=True):
    """How patient a download is; all in seconds but ``attempts``.

    ``wait`` bounds each wait for the server, ``total`` one whole attempt (a server that trickles), and ``pause`` is waited
    before the second attempt, twice that before the third.
    """

    attempts: int = 3
    wait: float = 20.0
    total: float = 120.0
    pause: float = 0.5
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Update(Struct, frozen=True):
    """What became of one index: ``older`` means that the mirror's was older than the one at hand, which was kept."""

    status: Status
    release: str
    repository: str
    arch: str
    date: str
    packages: int
    path: Path


class _Answer(Struct, frozen=True):
    """A complete answer: its body (``None``: not modified) and how to ask for changes only."""

    body: bytes | None
    fetched: Fetched


def index_url(mirror: str, release: str, repository: str, arch: str) -> str:
    """Where ``mirror`` keeps an index.

    Raises:
        DownloadError: when ``mirror`` is not an http(s) address.

    """
    if not mirror.startswith(("http://", "https://")):
        raise DownloadError(f"'{mirror}' is not an http or https address")
    branch = release if release == "edge" else f"v{release}"
    return f"{mirror.rstrip('/')}/{branch}/{repository}/{arch}/APKINDEX.tar.gz"


def update(
    cache: Path,
    release: str,
    repository: str,
    arch: str,
    *,
    keys: Mapping[str, bytes],
    mirror: str = MIRROR,
    newest: str = "",
    progress: Progress | None = None,
    policy: Policy | None = None,
) -> Update:
    """Bring one index in ``cache`` up to date.

    Args:
        cache: the folder of an :class:`IndexStore`'s cache; made if it is not there.
        release: ``3.19`` or ``edge``.
        repository: ``main`` or ``community``.
        arch: apk's name of the architecture.
        keys: trusted public keys in PEM by name, see :func:`.signature.read_keys`.
        mirror: address of the folder that holds ``v3.19/`` and so on.
        newest: the day (``YYYY-MM-DD``) of the newest index at hand besides the cached one; an older one is not taken.
        progress: told about the bytes as they come.
        policy: timeouts and attempts.

    Raises:
        DownloadError: when the mirror cannot be reached, has no such index, or sends another one's.
        SignatureError: when no trusted key vouches for what it sends.
        IndexFormatError: when that is malformed or larger than any index.
        OSError: when the cache cannot be written.

    """
    where = index_url(mirror, release, repository, arch)
    url = split_login(where)[0]
    path = cache / f"v{release}-{repository}-{arch}.sqlite"
    known = _known(path)
    policy = policy or Policy()
    answer = _fetch(where, known.fetched if known else None, progress, policy)
    if answer.body is None and known is not None:
        path.touch()  # its age begins anew
        return Update("unchanged", release, repository, arch, known.date, known.packages, path)
    if answer.body is None:
        raise DownloadError(f"{url}: says that nothing has changed, but nothing was fetched before")
    streams = split_streams(answer.body)
    verify(streams, keys)
    index = read_index(streams)
    _check_identity(index, url, release, repository, arch)
    if index.newest < max(newest, known.date if known else ""):
        return Update("older", release, repository, arch, index.newest, len(index.records), path)
    cache.mkdir(parents=True, exist_ok=True)
    write_database(path, [Snapshot(release, repository, arch, index)], fetched=answer.fetched)
    return Update("updated", release, repository, arch, index.newest, len(index.records), path)


class _Known(Struct, frozen=True):
    date: str
    packages: int
    fetched: Fetched | None


def _known(path: Path) -> _Known | None:
    """What the cached database says of itself; nothing where it is missing, damaged or of another version."""
    if not path.exists():
        return None
    try:
        database = Database(path)
        try:
            info = database.snapshots()[0]
            return _Known(info.date, info.packages, database.fetched())
        finally:
            database.close()
    except (IndexFormatError, IndexError):
        return None


def _check_identity(index: ApkIndex, url: str, release: str, repository: str, arch: str) -> None:
    """A signature vouches for an index, not for its place: refuse another release's, architecture's or repository's.

    The signed text names the release alone. A package is in one repository, and the C library is in ``main``.
    """
    if not index.records:
        raise DownloadError(f"{url}: the index is empty")
    found = {record.arch for record in index.records} - {arch, "noarch", ""}
    if found:
        raise DownloadError(f"{url}: is an index for {', '.join(sorted(found))[:80]}, not for {arch}")
    if release != "edge" and not index.description.startswith((f"v{release}.", f"v{release}-")):
        raise DownloadError(f"{url}: calls itself '{index.description[:80]}', not Alpine {release}")
    has_libc = any(record.name == "musl" for record in index.records)
    if has_libc != (repository == "main"):
        raise DownloadError(
            f"{url}: {'has' if has_libc else 'lacks'} the package musl, so it is not the index of {repository}"
        )


def _fetch(url: str, known: Fetched | None, progress: Progress | None, policy: Policy) -> _Answer:
    """The answer of a mirror, whose login may stand in its URL."""
    import urllib3

    bare, user, password = split_login(url)
    authorization = basic(user, password or "") if user else ""
    headers = {"Accept-Encoding": "identity", **_conditions(known, bare)}
    web = Web(policy.wait)
    failure = ""
    for attempt in range(policy.attempts):
        if attempt:
            policy.sleep(policy.pause * 2 ** (attempt - 1))
        try:
            with web.open(url, headers, authorization=authorization, end=0) as response:
                fetched = Fetched(bare, response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
                if response.status == 304:
                    return _Answer(None, fetched)
                if response.status == 200:
                    return _Answer(_body(response, bare, progress, policy), fetched)
                failure = f"{bare}: the server answered {response.status}"
                if response.status not in MAY_PASS:
                    break
        except (WebError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            failure = f"{bare}: {plain_reason(error)}"
    raise DownloadError(failure)


def _conditions(known: Fetched | None, url: str) -> dict[str, str]:
    if known is None or known.url != url:
        return {}
    found = {"If-None-Match": known.etag, "If-Modified-Since": known.modified}
    return {name: value for name, value in found.items() if value}


def _body(response: urllib3.BaseHTTPResponse, url: str, progress: Progress | None, policy: Policy) -> bytes:
    import urllib3

    length = response.headers.get("Content-Length", "")
    expected = int(length) if length.isascii() and length.isdecimal() else None
    if expected is not None and expected > MAX_PACKED:
        raise IndexFormatError(f"{url}: the index is larger than {MAX_PACKED} bytes")
    deadline = policy.clock() + policy.total
    received = bytearray()
    while chunk := response.read1(_CHUNK, decode_content=False):  # what is there: read() would wait for all of it
        received += chunk
        if len(received) > MAX_PACKED:
            raise IndexFormatError(f"{url}: the index is larger than {MAX_PACKED} bytes")
        if policy.clock() > deadline:
            raise DownloadError(f"{url}: not received within {policy.total:g} seconds")
        if progress is not None:
            progress(len(received), expected)
    if expected is not None and len(received) < expected:
        raise urllib3.exceptions.IncompleteRead(len(received), expected - len(received))
    return bytes(received)
