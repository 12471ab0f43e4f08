"""index update against a real HTTP server on loopback: Alpine's own signed indexes and ones signed here."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from dockerlint_alpine.apk import DownloadError, IndexFormatError, IndexStore, SignatureError, World
from dockerlint_alpine.apk.apkindex import split_streams
from dockerlint_alpine.apk.signature import read_keys, verify
from dockerlint_alpine.apk.update import Policy, index_url, update
from tests.archives import packed
from tests.loopback import Handler, serving

SNAPSHOTS = Path(__file__).resolve().parents[2] / "rules" / "alpine"
KEYS = read_keys(SNAPSHOTS / "keys")
PATH = "/v3.12/main/x86_64/APKINDEX.tar.gz"
QUICK = Policy(attempts=3, wait=0.3, total=5, sleep=lambda _: None)
KEY = rsa.generate_private_key(65537, 2048)
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

RECORDS = (
    b"P:musl\nV:1.2.5-r0\nA:x86_64\np:so:libc.musl-x86_64.so.1=1\nt:1700000000\n\nP:foo\nV:2\nA:x86_64\nD:musl\nt:1\n\n"
)


def signed(
    records: bytes = RECORDS,
    *,
    description: bytes = b"v3.12.99-1-gabc",
    member: str = ".SIGN.RSA256.test.rsa.pub",
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    body = packed({"DESCRIPTION": description, "APKINDEX": records})
    signature = KEY.sign(body, padding.PKCS1v15(), algorithm or hashes.SHA256())
    return packed({member: signature}) + body


@dataclass
class Mirror:
    """A mirror whose answers are set by the test; ``asked`` are the headers of each request."""

    address: str = ""
    body: bytes = b""
    status: list[int] = field(default_factory=list)
    etag: str = ""
    cut: bool = False
    stall: bool = False
    trickle: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


class Answers(Handler):
    told: Mirror

    def do_GET(self) -> None:
        told = self.told
        told.asked.append(dict(self.headers))
        status = self.chosen_status()
        body = told.body if status == 200 else b""
        self.send_response(status)
        if status == 302:
            self.send_header("Location", PATH)
        if told.etag:
            self.send_header("ETag", told.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.send_body(body)

    def chosen_status(self) -> int:
        told = self.told
        status = told.status.pop(0) if told.status else 200
        if status == 200 and not self.path.endswith(PATH):
            return 404
        return 304 if told.etag and self.headers.get("If-None-Match") == told.etag else status

    def send_body(self, body: bytes) -> None:
        told = self.told
        if told.stall:
            told.release.wait(5)
        elif told.trickle:
            while not told.release.wait(0.02):
                self.wfile.write(body[:1])
        else:
            self.wfile.write(body[: len(body) // 2] if told.cut else body)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    told = Mirror()
    with serving(type("Told", (Answers,), {"told": told})) as told.address:
        yield told
        told.release.set()


@pytest.fixture
def fetch(mirror: Mirror, tmp_path: Path) -> Callable[..., object]:
    def call(**changed: object) -> object:
        arguments: dict[str, object] = {
            "keys": {**KEYS, "test.rsa.pub": PUBLIC},
            "mirror": mirror.address,
            "policy": QUICK,
        }
        return update(tmp_path, "3.12", "main", "x86_64", **(arguments | changed))  # type: ignore[arg-type]

    return call


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_alpines_own_index(mirror: Mirror, fetch: Callable[..., object], tmp_path: Path) -> None:
    mirror.body = (SNAPSHOTS / "v3.12-main-x86_64.APKINDEX.tar.gz").read_bytes()
    seen: list[tuple[int, int | None]] = []
    done = fetch(progress=lambda received, expected: seen.append((received, expected)))
    assert (done.status, done.packages, done.date) == ("updated", 4836, "2021-08-19")  # type: ignore[attr-defined]
    assert seen[-1] == (len(mirror.body), len(mirror.body))
    assert files(tmp_path) == ["v3.12-main-x86_64.sqlite"]
    store = IndexStore(cache=tmp_path)
    assert store.open("3.12").sources[0].kind == "cached"
    assert World.of(store.open("3.12"), ["curl"]).has("so:libcurl.so.4")


@pytest.mark.parametrize(
    ("member", "algorithm"),
    [
        (".SIGN.RSA.test.rsa.pub", hashes.SHA1()),
        (".SIGN.RSA256.test.rsa.pub", hashes.SHA256()),
        (".SIGN.RSA512.test.rsa.pub", hashes.SHA512()),
    ],
)
def test_forms_of_signatures(member: str, algorithm: hashes.HashAlgorithm) -> None:
    assert verify(split_streams(signed(member=member, algorithm=algorithm)), {"test.rsa.pub": PUBLIC}) == "test.rsa.pub"


def test_unchanged_is_asked_for_and_kept(mirror: Mirror, fetch: Callable[..., object], tmp_path: Path) -> None:
    mirror.body, mirror.etag = signed(), '"abc"'
    assert fetch().status == "updated"  # type: ignore[attr-defined]
    place = tmp_path / "v3.12-main-x86_64.sqlite"
    before = place.read_bytes()
    os.utime(place, (1_000_000, 1_000_000))
    again = fetch()
    assert (again.status, again.packages) == ("unchanged", 2)  # type: ignore[attr-defined]
    assert mirror.asked[-1]["If-None-Match"] == '"abc"'
    assert place.read_bytes() == before
    assert place.stat().st_mtime > 1_000_000  # its age begins anew


def test_an_older_index_is_not_taken(mirror: Mirror, fetch: Callable[..., object], tmp_path: Path) -> None:
    mirror.body = signed()
    assert fetch(newest="2025-01-01").status == "older"  # type: ignore[attr-defined]
    assert files(tmp_path) == []


def tampered(data: bytes) -> bytes:
    streams = split_streams(data)
    return streams[0].packed + packed(
        {"DESCRIPTION": b"v3.12.99-1-gabc", "APKINDEX": RECORDS.replace(b"musl", b"evil")}
    )


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (tampered(signed()), SignatureError, "does not match"),
        (split_streams(signed())[1].packed, SignatureError, "not signed"),
        (packed({"nothing": b""}) + split_streams(signed())[1].packed, SignatureError, "not signed"),
        (signed(member=".SIGN.RSA256.../../key.rsa.pub"), SignatureError, "not trusted"),
        (signed(member=".SIGN.RSA.test.rsa.pub"), SignatureError, "does not match"),
        (signed() + gzip.compress(b"more"), SignatureError, "data after the index"),
        (signed()[:-20], IndexFormatError, "cut short"),
        (b"<html>captive portal</html>", IndexFormatError, "not a valid gzip"),
        (b"", IndexFormatError, "empty"),
        (signed(description=b"v3.13.1-0-g1"), DownloadError, "not Alpine 3.12"),
        (signed(RECORDS.replace(b"x86_64\n", b"aarch64\n")), DownloadError, "not for x86_64"),
        (signed(b""), DownloadError, "empty"),
        (signed(b"P:../x\nV:1\n\n"), IndexFormatError, "no usable name"),
    ],
    ids=[
        "tampered",
        "unsigned",
        "without a signature",
        "a stranger's key",
        "another hash",
        "data after the end",
        "truncated",
        "a web page",
        "nothing",
        "another release",
        "another architecture",
        "no packages",
        "an odd name",
    ],
)
def test_what_is_refused(
    mirror: Mirror, fetch: Callable[..., object], tmp_path: Path, body: bytes, error: type[Exception], message: str
) -> None:
    mirror.body = signed()
    fetch()
    before = (tmp_path / "v3.12-main-x86_64.sqlite").read_bytes()
    mirror.body = body
    with pytest.raises(error, match=message):
        fetch()
    assert (tmp_path / "v3.12-main-x86_64.sqlite").read_bytes() == before
    assert files(tmp_path) == ["v3.12-main-x86_64.sqlite"]


def test_trouble_that_passes_is_tried_again(mirror: Mirror, fetch: Callable[..., object]) -> None:
    mirror.body, mirror.status = signed(), [503, 429, 200]
    assert fetch().status == "updated"  # type: ignore[attr-defined]
    assert len(mirror.asked) == 3


def test_a_redirect_is_followed(mirror: Mirror, fetch: Callable[..., object]) -> None:
    mirror.body, mirror.status = signed(), [302]
    assert fetch().status == "updated"  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [404, 403])
def test_absent(mirror: Mirror, fetch: Callable[..., object], status: int) -> None:
    mirror.status = [status]
    with pytest.raises(DownloadError, match=f"answered {status}"):
        fetch()
    assert len(mirror.asked) == 1


def test_broken_off(mirror: Mirror, fetch: Callable[..., object], tmp_path: Path) -> None:
    mirror.body, mirror.cut = signed(), True
    with pytest.raises(DownloadError):
        fetch()
    assert len(mirror.asked) == 3
    assert files(tmp_path) == []


def test_slow(mirror: Mirror, fetch: Callable[..., object]) -> None:
    mirror.body, mirror.stall = signed(), True
    with pytest.raises(DownloadError, match="timed out"):
        fetch(policy=Policy(attempts=1, wait=0.1, sleep=lambda _: None))


def test_a_server_that_trickles(mirror: Mirror, fetch: Callable[..., object]) -> None:
    mirror.body, mirror.trickle = signed() * 100, True
    moments = iter(range(0, 1000, 3))
    policy = Policy(attempts=1, wait=2, total=5, clock=lambda: float(next(moments)), sleep=lambda _: None)
    with pytest.raises(DownloadError, match="within 5 seconds"):
        fetch(policy=policy)


def test_nobody_there(fetch: Callable[..., object]) -> None:
    with pytest.raises(DownloadError):
        fetch(mirror="http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="is not an http"):
        fetch(mirror="file:///etc")


def test_too_large(mirror: Mirror, fetch: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.body = signed()
    monkeypatch.setattr("dockerlint_alpine.apk.update.MAX_PACKED", 100)
    with pytest.raises(IndexFormatError, match="larger than 100"):
        fetch()


def test_parallel_runs(mirror: Mirror, fetch: Callable[..., object], tmp_path: Path) -> None:
    mirror.body = signed()
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: fetch().status, range(12)))  # type: ignore[attr-defined]
    assert set(done) == {"updated"}
    assert files(tmp_path) == ["v3.12-main-x86_64.sqlite"]
    assert IndexStore(cache=tmp_path).open("3.12", "x86_64", ("main",)).package("foo") is not None


def test_a_damaged_cache_is_fetched_anew(mirror: Mirror, fetch: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "v3.12-main-x86_64.sqlite").write_bytes(b"rubbish")
    mirror.body = signed()
    assert fetch().status == "updated"  # type: ignore[attr-defined]


def test_addresses() -> None:
    assert (
        index_url("https://m/alpine/", "3.19", "main", "x86_64") == "https://m/alpine/v3.19/main/x86_64/APKINDEX.tar.gz"
    )
    assert index_url("https://m", "edge", "community", "aarch64") == "https://m/edge/community/aarch64/APKINDEX.tar.gz"


def test_a_proxy_and_a_login_are_used(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.body = signed()
    monkeypatch.setenv("http_proxy", mirror.address)
    monkeypatch.setenv("no_proxy", "")
    keys = {"test.rsa.pub": PUBLIC}
    found = update(
        tmp_path, "3.12", "main", "x86_64", keys=keys, mirror="http://ann:s3cret@m.example/alpine", policy=QUICK
    )
    assert found.status == "updated"
    (headers,) = mirror.asked
    assert headers["Authorization"] == "Basic YW5uOnMzY3JldA=="
    assert b"s3cret" not in found.path.read_bytes()
    mirror.status = [404]
    with pytest.raises(DownloadError, match=r"^http://m\.example/alpine/v3"):
        update(tmp_path, "3.12", "main", "x86_64", keys=keys, mirror="http://ann:s3cret@m.example/alpine", policy=QUICK)
