# ruff: noqa: E501 - the lines are test data
"""A PEP 503/691/658 index on loopback, filled with wheels and sdists that are built here."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.archives import packed
from tests.loopback import Handler, serving


def metadata(
    name: str, version: str, requires: Sequence[str] = (), *, extras: Sequence[str] = (), dynamic: bool = False
) -> str:
    lines = ["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {text}" for text in requires]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += ["Dynamic: Requires-Dist"] if dynamic else []
    return "\n".join(lines) + "\n\n"


def wheel(name: str, version: str, text: str, tag: str) -> bytes:
    stem = f"{name.replace('-', '_')}-{version}.dist-info"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{stem}/METADATA", text)
        archive.writestr(f"{stem}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{stem}/RECORD", "")
    return out.getvalue()


def sdist(name: str, version: str, files: Mapping[str, str | bytes]) -> bytes:
    return packed({f"{name}-{version}/{path}": content for path, content in files.items()})


@dataclass
class LocalIndex:
    """What the server offers: file name -> (bytes, PEP 658 metadata or None, extra JSON fields)."""

    files: dict[str, dict[str, tuple[bytes, str | None, dict[str, object]]]] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    password: str | None = None
    html: bool = False
    delay: threading.Event | None = None
    held: str = "/"
    """What ``delay`` holds up: the beginning of a path."""
    broken: int = 0
    """The status of every answer, if any."""
    answered: dict[str, int] = field(default_factory=dict)
    url: str = ""

    def lets_in(self, authorization: str | None) -> bool:
        kind, _, token = (authorization or "").partition(" ")
        return kind == "Basic" and base64.b64decode(token).decode().partition(":")[2] == self.password

    def add_wheel(
        self,
        name: str,
        version: str,
        tag: str,
        requires: Sequence[str] = (),
        *,
        extras: Sequence[str] = (),
        **extra: object,
    ) -> None:
        text = metadata(name, version, requires, extras=extras)
        file = f"{name.replace('-', '_')}-{version}-{tag}.whl"
        self.files.setdefault(name, {})[file] = (wheel(name, version, text, tag), text, extra)

    def add_sdist(
        self,
        name: str,
        version: str,
        requires: Sequence[str] = (),
        files: Mapping[str, str | bytes] | None = None,
        *,
        dynamic: bool = False,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        own = {"PKG-INFO": metadata(name, version, requires, dynamic=dynamic), **(files or {})}
        file = f"{name.replace('-', '_')}-{version}.tar.gz"
        self.files.setdefault(name, {})[file] = (sdist(name.replace("-", "_"), version, own), None, dict(extra or {}))


@contextmanager
def serve(index: LocalIndex) -> Iterator[LocalIndex]:
    class Answers(Handler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index.requests.append((self.path, self.headers.get("Authorization")))
            if index.delay is not None and self.path.startswith(index.held):
                index.delay.wait(10)
            if index.broken:
                self.answer(index.broken, "text/plain", b"")
                return
            if index.password is not None and not index.lets_in(self.headers.get("Authorization")):
                self.answer(401, "text/plain", b"", {"WWW-Authenticate": "Basic realm=x"})
                return
            parts = self.path.strip("/").split("/")
            if parts[0] == "simple" and len(parts) == 2 and parts[1] in index.files:
                self.page(parts[1])
            elif parts[0] == "files" and len(parts) == 3:
                self.file(parts[1], parts[2])
            elif parts[0] == "moved":
                self.answer(
                    302,
                    "text/plain",
                    b"",
                    {"Location": index.url.replace("127.0.0.1", "localhost").replace("/simple/", "/seen/")},
                )
            else:
                self.answer(404, "text/plain", b"")

        def page(self, name: str) -> None:
            listed = []
            for file, (data, text, extra) in index.files[name].items():
                entry: dict[str, object] = {
                    "filename": file,
                    "url": f"../../files/{name}/{file}",
                    "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
                    **extra,
                }
                if text is not None:
                    entry["core-metadata"] = {"sha256": hashlib.sha256(text.encode()).hexdigest()}
                listed.append(entry)
            if index.html:
                anchors = "".join(
                    f'<a href="{one["url"]}" {"data-yanked" if one.get("yanked") else ""} '
                    f'data-requires-python="{str(one.get("requires-python", "")).replace(">", "&gt;")}">{one["filename"]}</a>'
                    for one in listed
                )
                self.answer(200, "text/html", f"<html><body>{anchors}</body></html>".encode())
                return
            body = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": listed}
            self.answer(200, "application/vnd.pypi.simple.v1+json", json.dumps(body).encode())

        def file(self, name: str, file: str) -> None:
            plain = file.removesuffix(".metadata")
            data, text, _ = index.files.get(name, {}).get(plain, (b"", None, {}))
            self.answer(
                200 if data else 404, "application/octet-stream", (text or "").encode() if plain != file else data
            )

        def answer(self, code: int, kind: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
            etag = f'"{hashlib.sha256(data).hexdigest()}"'
            if code == 200 and self.headers.get("If-None-Match") == etag:
                code, data = 304, b""
            index.answered[self.path] = code
            self.send_response(code)
            own = {"Content-Type": kind, "Content-Length": str(len(data)), "ETag": etag, **(headers or {})}
            for key, value in own.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data)

    with serving(Answers) as address:
        index.url = f"{address}/simple/"
        try:
            yield index
        finally:
            if index.delay is not None:
                index.delay.set()
