"""The package index configured on this machine: which queries are allowed, and with which credentials.

Nothing is built, so no code of any distribution is run: the index's pages and metadata answer, and sdists are read.
"""

from __future__ import annotations

import socket
import urllib.parse
import urllib.request
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from dockerlint_alpine.python.index.client import SimpleIndex
from dockerlint_alpine.python.index.facts import IndexPages
from dockerlint_alpine.python.index.kept import KeptAnswers
from dockerlint_alpine.python.index.settings import (
    Credentials,
    foreign_address,
    index_urls,
    known_alone,
    without_mirrors,
)
from dockerlint_alpine.python.index.uv_program import find_uv
from dockerlint_alpine.python.model import IndexOptions
from dockerlint_alpine.python.resolve import NOBODY_ASKED, NoAnswerError, ResolverError
from dockerlint_alpine.system.addresses import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dockerlint_alpine.python.index.repositories import Repositories
    from dockerlint_alpine.python.model import Facts

NO_INDEX = (
    "no package index is configured that http or https reaches: install uv, which comes with alpine-doctor and knows one, or"
    " set PIP_INDEX_URL"
)
_WAIT = 20.0
"""Seconds for one wait of a request at most."""
_KNOCK = 1.0
"""Seconds in which a connection to the index must stand when it is to be quick."""


class Images(Protocol):
    """Reads base images, in a form of its own."""

    def contents(self, reference: str, platform: str) -> Any:
        """What an image holds on a platform. Raises ``ResolverError``."""


class PythonIndex:
    """Opens the index for sets of requirements, each under the options that are said for it.

    ``cache`` is a folder for answers (made when needed; ``None``: they are not kept). ``variables`` is the process
    environment. ``facts`` makes the facts that the index's answers are laid over. ``day`` (``YYYY-MM-DD``, handed in) is
    today: a page of a day before ``oldest`` is asked for again. ``timeout`` are seconds for one request. ``as_of`` leaves
    out later uploads. ``images`` makes what reads base images, of what is kept, the days, and whether to ask.
    ``source_hosts`` are those that repositories may be fetched from, with the user's own configuration of git where
    ``logged_in``. ``quick``: an index that can't be reached at once is not waited for. Without ``asks`` only kept answers
    count.
    """

    def __init__(
        self,
        *,
        cache: Path | None,
        variables: Mapping[str, str],
        facts: Callable[[], Facts],
        uv: str | None = None,
        timeout: float = 60.0,
        day: str = "",
        oldest: str | None = None,
        as_of: str | None = None,
        images: Callable[..., Images] | None = None,
        source_hosts: Sequence[str] = (),
        logged_in: bool = False,
        quick: bool = False,
        asks: bool = True,
    ) -> None:
        self.kept = KeptAnswers(cache)
        self.variables = variables
        self.as_of = as_of
        self._facts = facts
        self._uv = uv or find_uv() or ""
        self._timeout = timeout
        self._day = day
        self._oldest = oldest if oldest is not None else day
        self._quick = quick
        self._asks = asks
        self._cache = cache
        self._images = images
        self._source_hosts, self._logged_in = source_hosts, logged_in
        self._by_options: dict[IndexOptions, tuple[IndexPages, tuple[str, ...]]] = {}
        self._opened: dict[tuple[tuple[str, ...], tuple[str, ...]], IndexPages] = {}

    @property
    def answered(self) -> bool:
        """Whether anything came from any index."""
        return any(pages.answered for pages in self._opened.values())

    @cached_property
    def facts(self) -> Facts:
        """The facts that the index's answers are laid over."""
        return self._facts()

    @cached_property
    def repositories(self) -> Repositories:
        """The repositories of other projects that a build fetches."""
        from dockerlint_alpine.python.index.repositories import Repositories

        return Repositories(
            self._cache / "repositories" if self._cache is not None else None,
            self.kept,
            hosts=self._source_hosts,
            own=self._logged_in,
            day=self._day,
            oldest=self._oldest,
            as_of=self.as_of,
            timeout=self._timeout,
            asks=self._asks,
        )

    @cached_property
    def images(self) -> Images:
        """The base images of other projects. Raises ``ResolverError`` where nobody reads them."""
        if self._images is None:
            raise ResolverError(NOBODY_ASKED)
        return self._images(self.kept, day=self._day, oldest=self._oldest, asks=self._asks)

    def may_follow(self, url: str) -> bool:
        """Whether a requirement's URL is that of a wheel on a host that the user's own configuration knows."""
        wheel = url.partition("#")[0].endswith(".whl")
        return wheel and foreign_address(IndexOptions(), [url], self.variables, self._uv) is None

    def pages(self, options: IndexOptions) -> IndexPages:
        """What the index says under ``options``; the answers are shared by all who ask. Raises ``ResolverError`` where the
        project chose whom to ask and the user's own configuration did not."""
        return self._known(options)[0]

    def left_out(self, options: IndexOptions) -> tuple[str, ...]:
        """The extra indexes and link pages that the project names and the user's own configuration does not: pip would look
        there, too, and nobody asks them here."""
        return self._known(options)[1]

    def _known(self, options: IndexOptions) -> tuple[IndexPages, tuple[str, ...]]:
        found = self._by_options.get(options)
        if found is None:
            known, left_out = known_alone(without_mirrors(options), self.variables, self._uv)
            found = self._by_options[options] = self._open(known), left_out
        return found

    def _open(self, options: IndexOptions) -> IndexPages:
        address = foreign_address(options, (), self.variables, self._uv)
        if address is not None:
            raise ResolverError(
                f"the project names {redact(address)}, which your own configuration of pip or uv does not name:"
                " it is not queried (PIP_EXTRA_INDEX_URL or UV_INDEX allows it)"
            )
        indexes = index_urls(options, self.variables, self._uv)
        links = options.link_pages
        if options.locked_at is not None and not options.no_index:
            known = [url for url in indexes if url.rstrip("/") == options.locked_at.rstrip("/")]
            indexes = known or [options.locked_at]
        for url in (*indexes, *links):
            try:
                urllib.parse.urlsplit(url)
            except ValueError:
                raise ResolverError(f"{redact(url)} is not the address of an index") from None
        if not indexes and not links and not options.no_index:
            raise ResolverError(NO_INDEX)
        key = (tuple(indexes), links)
        if key not in self._opened:
            if self._asks and self._quick and indexes:
                _knock(indexes[0], min(self._timeout, _KNOCK))
            only_once = self._day if self._quick else ""
            self._opened[key] = IndexPages(self._index(*key), self.kept, asks=self._asks, only_once=only_once)
        return self._opened[key]

    def _index(self, urls: Sequence[str], links: Sequence[str]) -> SimpleIndex:
        return SimpleIndex(
            urls,
            timeout=min(self._timeout, _WAIT),
            credentials=Credentials(self.variables, [*urls, *links]),
            total=self._timeout,
            attempts=1 if self._quick else 3,
            links=links,
            kept=self.kept,
            day=self._day,
            oldest=self._oldest,
            asks=self._asks,
            as_of=self.as_of,
        )


def _knock(url: str, seconds: float) -> None:
    """Raise ``NoAnswerError`` where nobody listens at the index: nothing needs to be asked one by one."""
    parts = urllib.parse.urlsplit(url)
    if urllib.request.getproxies().get(parts.scheme) and not urllib.request.proxy_bypass(parts.hostname or ""):
        return
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
        socket.create_connection((parts.hostname or "", port), timeout=seconds).close()
    except (OSError, ValueError) as error:
        raise NoAnswerError(f"{parts.hostname} can't be reached: {error}") from None
