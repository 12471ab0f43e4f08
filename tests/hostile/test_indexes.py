"""Alpine's indexes from a mirror of a stranger: bytes of another repository, dates of no calendar, a pipe in the cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from dockerlint_alpine.apk import ApkError, DownloadError, IndexStore
from dockerlint_alpine.apk.update import Policy, update
from tests.apk.test_update import KEYS, PUBLIC, SNAPSHOTS, signed
from tests.hostile import arena
from tests.hostile.loopback import loopback, send

QUICK = Policy(attempts=2, wait=2, total=5, sleep=lambda _: None)


def fetched(tmp_path: Path, body: bytes, repository: str, keys: dict[str, bytes]) -> None:
    with loopback(lambda handler: send(handler, body)) as mirror:
        update(tmp_path / "cache", "3.12", repository, "x86_64", keys=keys, mirror=mirror.address, policy=QUICK)


def test_an_index_is_bound_to_its_repository(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """Alpine's own signature vouches for both; each is refused in the place of the other, and taken in its own."""
    folder = SNAPSHOTS
    found = {one: next(iter(sorted(folder.rglob(f"*3.12*{one}*x86_64*.gz"))), None) for one in ("main", "community")}
    if None in found.values():
        pytest.skip("no signed indexes of both repositories here")
    for named, other in (("main", "community"), ("community", "main")):
        body = found[other].read_bytes()  # type: ignore[union-attr]
        with pytest.raises(DownloadError, match=f"not the index of {named}"):
            fetched(tmp_path, body, named, KEYS)
        assert not list((tmp_path / "cache").glob("*.sqlite"))
    for name, place in found.items():
        fetched(tmp_path, place.read_bytes(), name, KEYS)  # type: ignore[union-attr]
    tried(4)


def test_records_that_no_index_has(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """Signed all the same: a date beyond the year 9999, and main without its C library."""
    keys = {"test.rsa.pub": PUBLIC}
    for far in (b"999999999999", b"253402300800", b"9" * 5000, b"-1", b"x"):
        fetched(tmp_path, signed(b"P:musl\nV:1.2.5-r0\nA:x86_64\nt:" + far + b"\n\n"), "main", keys)
        (tmp_path / "cache" / "v3.12-main-x86_64.sqlite").unlink()
    with pytest.raises(DownloadError, match="lacks the package musl"):
        fetched(tmp_path, signed(b"P:foo\nV:1\nA:x86_64\n\n"), "main", keys)
    with pytest.raises(DownloadError, match="has the package musl"):
        fetched(tmp_path, signed(), "community", keys)
    tried(7)


@pytest.mark.parametrize("target", ["http://[bad", "ftp://x/y", "file:///etc/passwd", "//", "/loop", "\\"])
def test_redirects(tmp_path: Path, target: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()

    with loopback(answer) as mirror, pytest.raises(DownloadError):
        update(tmp_path, "3.12", "main", "x86_64", keys={}, mirror=mirror.address, policy=QUICK)


def test_a_pipe_as_a_cached_index(tmp_path: Path) -> None:
    """It is passed over with a line; nobody waits for its other end."""
    os.mkfifo(tmp_path / "v3.19-main-x86_64.sqlite")
    code = """
import sys
from pathlib import Path
from dockerlint_alpine.apk import IndexStore
store = IndexStore(cache=Path(sys.argv[1]))
store.open("3.19")
print(*store.unreadable)
"""
    arena.python(code, tmp_path, cwd=tmp_path).sound(0).says("not a regular file")


def test_archives_that_are_none(tmp_path: Path, tried: Callable[[int], None]) -> None:
    import gzip

    bombs = [gzip.compress(bytes(200 * 2**20), 1), gzip.compress(b"") * 20_000, b"", b"\x1f\x8b", os.urandom(4096)]
    for body in bombs:
        with pytest.raises(ApkError):
            fetched(tmp_path, body, "main", {"test.rsa.pub": PUBLIC})
    assert not IndexStore(cache=tmp_path / "cache").unreadable
    tried(len(bombs))
