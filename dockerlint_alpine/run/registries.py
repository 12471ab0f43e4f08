"""Base images of other projects, as their registries have them: read once, and what matters of them is kept.

The registries are the user's choice, or a few that serve what is public: there nobody is logged in.
"""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING

from msgspec import Struct, field

from dockerlint_alpine.elf.errors import RegistryError
from dockerlint_alpine.knowledge.bases import Reference
from dockerlint_alpine.knowledge.image_contents import ImageContents
from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.system.unreadable import ArchiveError
from dockerlint_alpine.system.web import Web

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.python.index.kept import KeptAnswers

HUB = "docker.io"
_WAIT, _TOTAL = 20.0, 300.0
"""Seconds for one wait of a request, and for all of an image, at most."""
_AT_ONCE = 2
"""Images that are read at the same time: each takes memory for all of its files."""


class _Named(Struct, frozen=True):
    """What a reference stood for on ``day``."""

    day: str
    digest: str


class Registries(Struct):
    """Reads base images and knows those that were read.

    ``hosts`` may be asked; ``own``: with the logins of the user's own configuration of docker, else as anybody. ``day``
    (``YYYY-MM-DD``) is today, and a tag is asked about again that was looked up before ``oldest``. Without ``asks`` only
    what is kept counts.
    """

    kept: KeptAnswers
    hosts: Sequence[str]
    own: bool
    day: str
    oldest: str
    asks: bool
    _turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_AT_ONCE))
    _web: Web = field(default_factory=lambda: Web(_WAIT, attempts=3))

    def contents(self, reference: str, platform: str) -> ImageContents:
        """What an image holds on a platform, as Docker names it. Raises ``ResolverError`` with the reason for none."""
        parsed = Reference.parse(reference)
        if parsed is None:
            raise ResolverError("it is no reference of an image")
        host = parsed.host or HUB
        if host not in self.hosts:
            raise ResolverError(f"{host} is not among the image-hosts that --online may query")
        if parsed.platform is not None:  # arm64v8/python
            platform = parsed.platform
        wanted = parsed.digest or parsed.tag or "latest"
        asked = ("image", f"{host}/{parsed.repository}", wanted, platform, str(self.own))
        named = self.kept.get(_Named, *asked)
        fresh = named is not None and (named.day >= self.oldest or bool(parsed.digest))
        found = self.kept.get(ImageContents, "contents", named.digest) if named is not None and fresh else None
        if found is not None:
            return found
        if not self.asks:
            raise ResolverError(NOBODY_ASKED)
        # Most runs only look what is kept: they do without these.
        from dockerlint_alpine.elf.registry import Registry
        from dockerlint_alpine.run.image_contents import contents_of

        try:
            with self._turn:
                registry = Registry(host, parsed.repository, self._web, login=self._login(host), seconds=_TOTAL)
                digest, alone = registry.find(wanted, platform)
                found = self.kept.get(ImageContents, "contents", digest)
                if found is None:
                    found = contents_of(digest, registry.read(digest, reference), alone=alone)
                    self.kept.put(found, "contents", digest)
        except RegistryError as error:
            raise ResolverError(f"{host} {error}") from None
        except ArchiveError as error:
            raise ResolverError(f"of its layers: {error}") from None
        self.kept.put(_Named(self.day, digest), *asked)
        return found

    def _login(self, host: str) -> tuple[str, str] | None:
        """The login that docker would use there; of its identity tokens, none is. Raises ``RegistryError`` where the user's
        program for them fails."""
        if not self.own:
            return None
        from docker.auth import load_config
        from docker.errors import DockerException

        try:
            with warnings.catch_warnings(action="ignore"):  # that its program is missing is the error below
                found = load_config().resolve_authconfig(None if host == HUB else host) or {}
        except DockerException as error:
            raise RegistryError(f"can't be logged in to: {error}") from None
        said = {key.lower(): value for key, value in found.items()}
        user, password = said.get("username"), said.get("password")
        return (user, password) if user and password else None
