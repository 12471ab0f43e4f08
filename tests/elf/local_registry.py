"""A registry on this machine that serves images from memory, and asks for tokens if a test wants it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Handler, serving

from .test_images import Entry, config, oci_files

USER, PASSWORD = "ann", "s3cret:with colon"


class LocalRegistry:
    """``host`` is its address in references. ``blobs`` and ``manifests`` are what it has, by digest and by tag or digest;
    ``asked`` has the path and the ``Authorization`` of each request."""

    def __init__(self) -> None:
        self.host = ""
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.auth = ""
        """``""``, ``Basic`` or ``Bearer``."""
        self.challenge = ""
        """What it says in place of its own challenge."""
        self.status: dict[str, int] = {}
        """The end of a path -> how it is answered."""
        self.elsewhere = ""
        """Where blobs are to be had."""
        self.uses = 100
        """How often a token holds."""

    def add(
        self, tag: str, layers: list[list[Entry]], *more: tuple[dict[str, Any], list[list[Entry]]], **given: Any
    ) -> str:
        """Put an image under a tag, with ``more`` for other platforms; returns the digest of the first."""
        files = oci_files([(config(**given), layers), *more])
        for name, content in files.items():
            if name.startswith("blobs/"):
                self.blobs["sha256:" + name.rpartition("/")[2]] = content
        index = json.loads(files["index.json"])
        while len(index["manifests"]) == 1:
            index = json.loads(self.blobs[index["manifests"][0]["digest"]])
        for one in index["manifests"]:
            self.manifests[one["digest"]] = self.blobs[one["digest"]]
        first: str = index["manifests"][0]["digest"]
        self.manifests[tag] = json.dumps(index).encode() if more else self.manifests[first]
        return first

    def paths(self, kind: str) -> list[str]:
        """The last parts of the paths of one kind that were asked for and let in."""
        return [path.rpartition("/")[2] for path, _ in self.asked if f"/{kind}/" in path]


@contextmanager
def local_registry() -> Iterator[LocalRegistry]:
    served = LocalRegistry()

    class Answers(Handler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            served.asked.append((self.path, given))
            parts = urlsplit(self.path)
            name = parts.path.rpartition("/")[2]
            if parts.path == "/token":
                ok = not given or base64.b64decode(given.partition(" ")[2]).decode() == f"{USER}:{PASSWORD}"
                token = json.dumps({"token": f"t{served.uses}-{parse_qs(parts.query)['scope'][0]}"}).encode()
                self.reply(token if ok else b"", 200 if ok else 401)
            elif not self.lets_in(given):
                bearer = f'Bearer realm="http://{served.host}/token",service="r",scope="repository:o/app:pull"'
                self.reply(
                    b"{}", 401, WWW_Authenticate=served.challenge or (bearer if served.auth == "Bearer" else "Basic")
                )
            elif name in served.status:
                self.reply(b"{}", served.status[name])
            elif "/blobs/" in parts.path and served.elsewhere:
                self.reply(b"", 307, Location=f"{served.elsewhere}/{name}")
            else:
                found = (served.blobs if "/blobs/" in parts.path else served.manifests).get(name)
                self.reply(found or b"{}", 404 if found is None else 200)

        def lets_in(self, given: str) -> bool:
            if served.auth == "Basic":
                return given.startswith("Basic") and base64.b64decode(given[6:]).decode() == f"{USER}:{PASSWORD}"
            if served.auth != "Bearer":
                return True
            served.uses -= 1
            return given.startswith("Bearer t") and served.uses % 4 != 0

    with serving(Answers) as address:
        served.host = address.partition("://")[2]
        yield served


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
