"""A package index on loopback that serves recorded facts by PEP 691 and PEP 658, each answer after a wait.

``python benchmarks/loopback_index.py FACTS.jsonl.gz [--wait 0.05] [--port N]``: one JSON object a line with ``name``,
``version``, ``wheels`` (tags), ``requires``, ``sdist``, ``python`` and ``uploaded``, as it was collected from lock files.
Distributions that the project's embedded facts know and the file does not are served from there; with ``--made-up N`` there
are ``made-up-0`` to ``made-up-N`` besides, each with wheels, an sdist and two requirements. Point ``PIP_INDEX_URL`` to it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import sys
import tarfile
import threading
import time
from collections import defaultdict
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

Records = dict[str, dict[str, dict[str, Any]]]
"""Distribution -> version -> record."""
_GLIBC = ("cp312-cp312-manylinux_2_17_x86_64",)


def read_records(path: Path | None, made_up: int = 0) -> Records:
    """The records of a file, and ``made_up`` distributions besides."""
    found: Records = defaultdict(dict)
    for line in gzip.decompress(path.read_bytes()).splitlines() if path is not None else ():
        one = json.loads(line)
        found[one["name"]][one["version"]] = one
    for number in range(made_up):
        wheels = ["py3-none-any"] if number % 3 else list(_GLIBC)
        requires = [f"made-up-{(number * 7 + 3) % made_up}", "requests>=2"] if number % 2 else []
        for version in ("1.0", "1.1"):
            found[f"made-up-{number}"][version] = {"wheels": wheels, "requires": requires, "sdist": True}
    return found


def files_of(name: str, records: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """File name -> its entry on the page."""
    stem, listed = name.replace("-", "_"), {}
    for version, one in records.items():
        about = {
            "requires-python": one.get("python"),
            "upload-time": f"{one.get('uploaded') or '2020-01-01'}T00:00:00Z",
        }
        for tag in one.get("wheels") or ():
            listed[f"{stem}-{version}-{tag}.whl"] = {**about, "core-metadata": True}
        if one.get("sdist") is not False:
            listed[f"{stem}-{version}.tar.gz"] = about
    return listed


def metadata_of(name: str, version: str, requires: list[str]) -> bytes:
    """METADATA, or PKG-INFO."""
    lines = ["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires), "", ""]).encode()


def sdist_of(name: str, version: str, requires: list[str]) -> bytes:
    """A source archive that states its requirements."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, data in (
            ("PKG-INFO", metadata_of(name, version, requires)),
            ("setup.py", b"from setuptools import setup\nsetup()\n"),
        ):
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def make_server(records: Records, wait: float, port: int = 0) -> ThreadingHTTPServer:
    """The server, not yet serving; ``asked`` collects the paths."""
    from dockerlint_alpine.knowledge import Knowledge

    own = threading.local()  # a connection to the rules serves one thread

    @cache
    def known(name: str) -> dict[str, dict[str, Any]]:
        if name in records:
            return records[name]
        if not hasattr(own, "facts"):
            own.facts = Knowledge.open().facts
        embedded = own.facts
        return {
            one.version: {
                "wheels": one.wheels,
                "sdist": one.sdist,
                "python": one.requires_python,
                "uploaded": one.upload_date,
                "requires": list(embedded.requires(name, one.version) or ()),
            }
            for one in embedded.releases(name)
        }

    for name in records:
        known(name)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        asked: ClassVar[list[str]] = []

        def do_GET(self) -> None:
            time.sleep(wait)
            self.asked.append(self.path)
            kind, _, rest = self.path.strip("/").partition("/")
            body = self.page(rest) if kind == "simple" else self.file(rest)
            etag = f'"{hashlib.sha256(body or b"").hexdigest()}"'
            status = 404 if body is None else 304 if self.headers.get("If-None-Match") == etag else 200
            sent = body or b"" if status == 200 else b""
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            self.send_header("Content-Length", str(len(sent)))
            self.send_header("ETag", etag)
            self.end_headers()
            self.wfile.write(sent)

        def page(self, name: str) -> bytes | None:
            found = known(name)
            if not found:
                return None
            listed = [
                {"filename": file, "url": f"/files/{name}/{file}", **about}
                for file, about in files_of(name, found).items()
            ]
            return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": listed}).encode()

        def file(self, rest: str) -> bytes | None:
            name, _, file = rest.partition("/")
            version = file.removeprefix(f"{name.replace('-', '_')}-").removesuffix(".tar.gz").partition("-")[0]
            one = known(name).get(version)
            if one is None:
                return None
            make = metadata_of if file.endswith(".metadata") else sdist_of
            return make(name, version, one.get("requires") or [])

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


def main() -> None:
    """Serve until interrupted; the address goes to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("facts", type=Path, nargs="?")
    parser.add_argument("--wait", type=float, default=0.05, help="seconds before each answer")
    parser.add_argument("--made-up", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    server = make_server(read_records(given.facts, given.made_up), given.wait, given.port)
    print(f"http://127.0.0.1:{server.server_address[1]}/simple/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
