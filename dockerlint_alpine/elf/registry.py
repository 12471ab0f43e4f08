"""An image of a registry, read layer by layer as it comes: nothing of it is stored, unpacked or run.

Sources: the OCI distribution specification ("Pulling manifests", "Pulling blobs"), the image index and manifest of the OCI
image specification, which Docker's schema 2 has, too, and distribution's "Token Authentication Specification".
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Struct

from dockerlint_alpine.elf.errors import RegistryError
from dockerlint_alpine.elf.images import MAX_JSON, MAX_LAYERS, MAX_MANIFESTS, settings_of, subject_of
from dockerlint_alpine.elf.layers import merge
from dockerlint_alpine.elf.streams import Decompressed, Hashed
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.web import WebError, basic, plain_reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    import urllib3

    from dockerlint_alpine.elf.targets import Subject
    from dockerlint_alpine.system.web import Web

MAX_IMAGE = 512 * 1024**2
"""Bytes of all layers together, packed as they are sent."""
_HUB = "registry-1.docker.io"
"""Where Docker Hub, which references call docker.io, answers."""
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_LOOPBACK = lazy_pattern(r"(?:localhost|127(?:\.\d+){3})(?::\d+)?")
_DIGEST = lazy_pattern(r"sha256:[0-9a-f]{64}")
_TAG = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_NAME = lazy_pattern(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_CHUNK = 64 * 1024
_Document = TypeVar("_Document")


class _Platform(Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


class _Descriptor(Struct, frozen=True):
    digest: str
    size: Annotated[int, msgspec.Meta(ge=0)] = 0
    platform: _Platform | None = None


class _Manifest(Struct, frozen=True):
    """An index (``manifests``) or the manifest of one image."""

    manifests: tuple[_Descriptor, ...] | None = None
    config: _Descriptor | None = None
    layers: tuple[_Descriptor, ...] = ()


class _Inner(Struct, frozen=True, rename="pascal"):
    on_build: tuple[str, ...] | None = None
    shell: tuple[str, ...] | None = None


class _Config(Struct, frozen=True):
    created: str | None = None
    config: _Inner | None = None


class RegistryImage(Struct, frozen=True):
    """An image as it was read: its files and environment, and what else its configuration says.

    ``created`` is ``YYYY-MM-DD``, empty where it does not tell; ``onbuild`` are instructions as text.
    """

    subject: Subject
    created: str
    onbuild: tuple[str, ...]
    shell: tuple[str, ...]


class Registry:
    """One registry, for reading the images of one ``repository`` (``library/python``) on ``host`` (as references name it).

    Everything but this machine is spoken to by HTTPS. ``login`` is user and password, for the registry and the server that
    it sends for tokens; without one it is asked as anybody. All that is asked together may take ``seconds``. Raises
    :class:`RegistryError` for what is no name of a repository.
    """

    def __init__(
        self, host: str, repository: str, web: Web, *, login: tuple[str, str] | None = None, seconds: float
    ) -> None:
        if not _NAME.fullmatch(repository):
            raise RegistryError("has no image of such a name")
        self._scheme = "http" if _LOOPBACK.fullmatch(host) else "https"
        self._place = f"{self._scheme}://{_HUB if host == 'docker.io' else host}/v2/{repository}"
        self._web = web
        self._login = login
        self._end = time.monotonic() + seconds
        self._authorization = ""

    def find(self, reference: str, platform: str) -> tuple[str, bool]:
        """Return the digest of the image that a tag or digest stands for on ``platform`` (``linux/arm/v7``), and whether
        it is the only one there, whatever its platform. Raises :class:`RegistryError`."""
        digest, found = self._manifest(reference)
        if found.manifests is None:
            return digest, True
        if len(found.manifests) > MAX_MANIFESTS:
            raise RegistryError(f"{reference} names more than {MAX_MANIFESTS} images")
        platforms = [(one, one.platform) for one in found.manifests if one.platform and one.platform.os != "unknown"]
        chosen = [one for one, its in platforms if _fits(its, platform)]
        if not chosen:
            known = ", ".join(sorted({str(its) for _, its in platforms})) or "none"
            raise RegistryError(f"{reference} has no image for {platform} (available: {known})")
        return chosen[0].digest, False

    def read(self, digest: str, name: str) -> RegistryImage:
        """Return the image of a digest that :meth:`find` told; ``name`` is what its subject is called.

        Raises :class:`RegistryError`, and :class:`ArchiveError` for layers that are damaged or more than can be read.
        """
        _, manifest = self._manifest(digest)
        if manifest.config is None or manifest.manifests is not None:
            raise RegistryError("its manifest is not one of an image")
        size = sum(one.size for one in manifest.layers)
        if len(manifest.layers) > MAX_LAYERS or size > MAX_IMAGE:
            raise RegistryError(
                f"its {len(manifest.layers)} layers have {size} bytes, more than {MAX_IMAGE} are not read"
            )
        _, raw = self._bytes("blobs", manifest.config.digest)
        config = _decoded(raw, _Config)
        entries, notes = merge(self._layers(manifest.layers), sources=False)
        inner = config.config or _Inner()
        return RegistryImage(
            subject_of(name, entries, notes, settings_of(json.loads(raw)), "image"),
            created=_day(config.created or ""),
            onbuild=inner.on_build or (),
            shell=inner.shell or (),
        )

    def _manifest(self, reference: str) -> tuple[str, _Manifest]:
        """The digest and the document of a manifest."""
        digest, raw = self._bytes("manifests", reference)
        found = _decoded(raw, _Manifest)
        if found.manifests is None and found.config is None:
            raise RegistryError("its manifest is of a kind that is not read (schema 1)")
        return digest, found

    def _bytes(self, kind: str, reference: str) -> tuple[str, bytes]:
        """The digest of a document, which has to be ``reference`` unless that is a tag, and the document."""
        with self._open(kind, reference) as response:
            raw = _Body(response, MAX_JSON, self._end).read(MAX_JSON + 1)
        found = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        if _DIGEST.fullmatch(reference) and reference != found:
            raise RegistryError("what it sends does not match the digest")
        return found, raw

    def _layers(self, layers: tuple[_Descriptor, ...]) -> Iterator[Decompressed]:
        for layer in layers:
            with self._open("blobs", layer.digest) as response:
                body = _Body(response, layer.size, self._end)
                yield Decompressed(Hashed(body, "sha256", layer.digest.partition(":")[2]))

    @contextmanager
    def _open(self, kind: str, reference: str) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer of the registry, which may ask for a token first."""
        import urllib3

        if not _DIGEST.fullmatch(reference) and (kind == "blobs" or not _TAG.fullmatch(reference)):
            raise RegistryError("is not asked for what is neither a tag nor a digest")
        headers = {"Accept": _MANIFESTS if kind == "manifests" else "*/*", "Accept-Encoding": "identity"}
        try:
            for refused in (False, True):
                with self._web.open(
                    f"{self._place}/{kind}/{reference}", headers, authorization=self._authorization, end=self._end
                ) as response:
                    if response.status == 200:
                        yield response
                        return
                    if response.status != 401 or refused:
                        raise RegistryError(_said(response.status))
                    challenge = response.headers.get("WWW-Authenticate", "")
                self._authorization = self._answer_to(challenge)
        except WebError as error:
            raise RegistryError(str(error)) from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise RegistryError(f"can't be reached: {plain_reason(error)}") from None

    def _answer_to(self, challenge: str) -> str:
        """What ``Authorization`` has to say (RFC 9110, "WWW-Authenticate"; a token is fetched where it is one)."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and self._login is not None:
            return basic(*self._login)
        said = urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest)) if "=" in rest else {}
        realm = said.get("realm", "")
        if scheme.lower() != "bearer" or not realm:
            raise RegistryError(_said(401))
        if not realm.startswith(("https://", f"{self._scheme}://")):
            raise RegistryError("names a server for tokens that is not asked: it has no https")
        query = urllib.parse.urlencode([(name, said[name]) for name in ("service", "scope") if name in said])
        login = basic(*self._login) if self._login is not None else ""
        with self._web.open(
            f"{realm}{'&' if '?' in realm else '?'}{query}", {}, authorization=login, end=self._end
        ) as response:
            if response.status != 200:
                raise RegistryError(_said(response.status))
            raw = _Body(response, MAX_JSON, self._end).read(MAX_JSON)
        found = _decoded(raw, dict[str, object])
        token = found.get("token") or found.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise RegistryError("gives no token")
        return f"Bearer {token}"


class _Body:
    """The bytes of an answer, at most ``size`` of them and until ``end``."""

    def __init__(self, response: urllib3.BaseHTTPResponse, size: int, end: float) -> None:
        self._response = response
        self._left = size
        self._end = end

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end."""
        found = bytearray()
        while len(found) < size:
            if time.monotonic() > self._end:
                raise RegistryError("takes too long to answer")
            chunk = self._response.read1(min(_CHUNK, size - len(found)), decode_content=False)
            if not chunk:
                break
            found += chunk
            self._left -= len(chunk)
            if self._left < 0:
                raise RegistryError("sends more than it says")
        return bytes(found)


def _day(written: str) -> str:
    """The day of a time (RFC 3339); builds that can be repeated say that they are of the year 1 or 1970."""
    return written[:10] if re.match(r"20\d\d-\d\d-\d\dT", written) else ""


def _said(status: int) -> str:
    """What a status means for who reads images."""
    known = {
        401: "asks for a login",
        403: "refuses access",
        404: "has no such image",
        429: "got too many requests from here: it is to be asked later",
    }
    return known.get(status, f"answers with HTTP {status}")


def _decoded(raw: bytes, kind: type[_Document]) -> _Document:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise RegistryError("sends what is no manifest, configuration or token") from None


def _fits(found: _Platform, wanted: str) -> bool:
    """Whether an image runs on a platform as Docker names it; ``linux/arm`` is its v7 and ``linux/arm64`` its v8
    (containerd: ``platforms.Normalize``)."""
    usual = {"arm": "v7", "arm64": "v8"}
    system, _, rest = wanted.partition("/")
    architecture, _, variant = rest.partition("/")
    its = found.variant or usual.get(found.architecture, "")
    return (found.os, found.architecture, its) == (system, architecture, variant or usual.get(architecture, ""))
