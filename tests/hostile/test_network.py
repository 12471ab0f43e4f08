"""Indexes of a stranger, on a loopback address: answers without end, that trickle, that lie; and who hears which name."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.archives import packed
from tests.hostile import arena
from tests.hostile.loopback import Answer, loopback, send, send_without_end

JSON = "application/vnd.pypi.simple.v1+json"


def project(folder: Path, requirement: str = "foo==1.0") -> None:
    (folder / "requirements.txt").write_text(f"{requirement}\n")
    (folder / "Dockerfile").write_text(
        "FROM python:3.12-alpine3.20\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    )


def environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "UV_DEFAULT_INDEX": url,
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "ALPINE_DOCTOR_CACHE_DIR": str(folder / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_HTTP_RETRIES": "0",
    }


def check(folder: Path, answer: Answer, *options: str, seconds: float = 60, memory: int = arena.MEMORY) -> arena.Ended:
    with loopback(answer) as index:
        return arena.doctor(
            "check",
            *options,
            "Dockerfile",
            cwd=folder,
            env=environment(index.url, folder),
            seconds=seconds,
            memory=memory,
        ).sound()


def page(*names: str) -> bytes:
    return "".join(f'<a href="{name}">{name}</a>' for name in names).encode()


def sdist(members: dict[str, bytes]) -> bytes:
    return packed({f"foo-1.0/{name}": content for name, content in members.items()}, level=1)


ADDRESSES = ["http://[bad", "http://h:99999999/x", "//[", "ftp://x/y", "file:///etc/passwd", "\0", "x" * 100_000]


def test_an_answer_without_end(tmp_path: Path) -> None:
    """It is read to a limit and no further, and the run says so."""
    project(tmp_path)
    done = check(tmp_path, lambda handler: send_without_end(handler, piece=b"<a href='x'>y</a>" * 4096), "--online")
    done.says("foo")


def test_a_byte_a_second(tmp_path: Path) -> None:
    """The client's own requests have a total, whether the head or the body trickles."""
    code = """
import sys, time
from dockerlint_alpine.python.index.client import IndexAnswerError, SimpleIndex
start = time.monotonic()
try:
    SimpleIndex([sys.argv[1]], timeout=5, total=1.5).files("foo")
    sys.exit("believed")
except IndexAnswerError as error:
    print(error)
assert time.monotonic() - start < 6
"""

    def body(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(60):
            handler.wfile.write(b" ")
            time.sleep(0.3)

    def head(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(60):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.3)

    for answer in (body, head):
        with loopback(answer) as index:
            arena.python(code, index.url, cwd=tmp_path).sound(0).says("127.0.0.1")


def test_pages_that_lie(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """In one child: the client gives files or one error for each page, and asks nothing but http."""
    code = """
import json, sys
from pathlib import Path
from dockerlint_alpine.python.index.client import Answered, IndexAnswerError, SimpleIndex
for number, (kind, text) in enumerate(json.loads(Path(sys.argv[1]).read_text())):
    page = Answered(kind, text.encode("utf-8", "surrogatepass"))
    index = SimpleIndex(["http://x/simple/"], fetch=lambda *_, page=page: page)
    try:
        for release in index.releases("foo"):
            assert release.version
        for file in (one for files in index.files("foo").values() for one in files):
            try:
                SimpleIndex(["http://127.0.0.1:9/"], timeout=0.2).download(file)
                sys.exit(f"{number}: read")
            except IndexAnswerError as error:
                assert "\\n" not in str(error)
    except IndexAnswerError:
        pass
"""
    pages = [(JSON, json.dumps({"files": [{"filename": "foo-1.0.tar.gz", "url": url}]})) for url in ADDRESSES]
    pages += [("text/html", f'<a href="{url}#x">foo-1.0.tar.gz</a>') for url in ADDRESSES]
    pages += [("text/html", f'<base href="{url}"><a href="foo-1.0.tar.gz">x</a>') for url in ADDRESSES]
    shapes = ["", "null", "[]", "{}", '{"files": 5}', '{"files": [null, 5, {"filename": 5}]}', "[" * 100_000, "\ud800"]
    pages += [(JSON, shape) for shape in shapes]
    odd = {"filename": "foo-1.0.tar.gz", "url": "x", "upload-time": "99999-01-01", "requires-python": ">=" * 9000}
    pages += [(JSON, json.dumps({"files": [{**odd, "filename": f"foo-{'1.' * 4000}0.tar.gz"}, odd] * 50}))]
    units = ["<![a", "<!", "<!--", "<a ", "<a href='", "&#", "<?", "</", "<script>", "<a a=b,", "<a/", "<"]
    pages += [("text/html", unit * 20_000) for unit in units]
    place = tmp_path / "pages.json"
    place.write_text(json.dumps(pages))
    arena.python(code, place, cwd=tmp_path, seconds=60).sound(0)
    tried(len(pages))


def test_redirects(tmp_path: Path, tried: Callable[[int], None]) -> None:
    code = """
import sys
from dockerlint_alpine.python.index.client import IndexAnswerError, SimpleIndex
for name in sys.argv[2:]:
    try:
        SimpleIndex([sys.argv[1]], timeout=3).files(name)
        sys.exit(f"{name}: believed")
    except IndexAnswerError as error:
        print(error)
"""
    targets = ["http://[bad", "file:///etc/passwd", "ftp://127.0.0.1/x", "/simple/loop/", "gopher://x", "//"]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        number = handler.path.strip("/").rpartition("/")[2]
        handler.send_response(302)
        handler.send_header("Location", targets[int(number)] if number.isdecimal() else handler.path)
        handler.end_headers()

    with loopback(answer) as index:
        arena.python(code, index.url, *map(str, range(len(targets))), cwd=tmp_path).sound(0)
        project(tmp_path)
        arena.doctor("check", "--online", "Dockerfile", cwd=tmp_path, env=environment(index.url, tmp_path)).sound()
    tried(len(targets) + 1)


_METADATA = b"Metadata-Version: 2.1\nName: foo\nVersion: 1.0\nRequires-Dist: x"
SDISTS = {
    "parentheses": {"setup.py": b"x=" + b"(" * 1281},
    "attributes": {"setup.py": b"x=a" + b".b" * 20_000},
    "bomb": {"setup.py": b"#" * 2**20, **{f"a{number}.c": bytes(60 * 2**20) for number in range(5)}},
    "names": {"../../../../tmp/alpine-doctor-was-run": b"", "/etc/passwd": b"", "a\nb.py": b"", "setup.py": b""},
    "members": {f"m{number}.c": b"" for number in range(21_000)},
    "toml": {"pyproject.toml": b"x=" + b"[" * 100_000},
    "metadata": {"PKG-INFO": _METADATA + b"\nRequires-Dist: x" * 10_000},
    "marker": {"PKG-INFO": _METADATA + b"; " + b"(" * 500},
}


def test_sdists(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """Releases without wheels: their sdists are read in memory, never run, and each costs its own answer."""
    packed = {name: sdist(members) for name, members in SDISTS.items()} | {"nothing": b"\x1f\x8bnonsense"}
    for name in packed:
        (tmp_path / name).mkdir()
        project(tmp_path / name, f"{name}==1.0")

    def answer(handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.strip("/").rpartition("/")[2]
        if name.endswith("-1.0.tar.gz"):
            send(handler, packed[name.partition("-")[0]], "application/gzip")
        else:
            send(handler, page(f"{name}-1.0.tar.gz"))

    with loopback(answer) as index:
        variables = environment(index.url, tmp_path)
        done = arena.doctor("check", "--online", ".", cwd=tmp_path, env=variables, seconds=120).sound()
    done.says("parentheses", "bomb", f"{len(packed)} Dockerfiles")
    assert not Path("/tmp/alpine-doctor-was-run").exists()
    tried(len(packed))


def test_a_wheel_with_another_hash_than_the_page_says(tmp_path: Path) -> None:
    """What an index sends is not believed against its own digest, and the run says so."""
    project(tmp_path)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.endswith(".metadata"):
            send(handler, b"Metadata-Version: 2.1\nName: foo\nVersion: 1.0\nRequires-Dist: lz4==4.4.5\n")
        elif handler.path.endswith(".whl"):
            send(handler, b"PK nonsense")
        else:
            wheel = "foo-1.0-py3-none-any.whl"
            send(handler, f'<a href="{wheel}#sha256={hashlib.sha256(b"x").hexdigest()}">{wheel}</a>'.encode())

    check(tmp_path, answer, "--online").says("foo")


def test_a_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    """TLS that can't be verified is an error of one line; nothing of what it sends is used."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    _certificate(key, certificate)
    project(tmp_path)
    code = """
import sys
from dockerlint_alpine.python.index.client import IndexAnswerError, SimpleIndex
from dockerlint_alpine.apk.update import update
from dockerlint_alpine.apk.errors import DownloadError
from pathlib import Path
try:
    SimpleIndex([sys.argv[1]], timeout=5).files("foo")
    sys.exit("believed")
except IndexAnswerError as error:
    print(error)
try:
    update(Path("c"), "3.20", "main", "x86_64", keys={}, mirror=sys.argv[1])
    sys.exit("believed")
except DownloadError as error:
    print(error)
"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with loopback(lambda handler: send(handler, page("foo-1.0-py3-none-any.whl")), tls=context) as index:
        arena.python(code, index.url, cwd=tmp_path).sound(0).says("certificate")
        done = arena.doctor("check", "--online", "Dockerfile", cwd=tmp_path, env=environment(index.url, tmp_path))
        done.sound().says("foo")


def _certificate(key_file: Path, file: Path) -> None:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    kind = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))


@pytest.mark.parametrize("lock", ["uv.lock", "pylock.toml", "Pipfile.lock"])
def test_private_names_are_asked_there_or_nowhere(tmp_path: Path, lock: str) -> None:
    """The user's own index never hears the name of a distribution that a lock has from another one."""
    name = "secretproject"
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "p"\nversion = "1"\ndependencies = ["{name}==1.0"]\n')
    install = {
        "uv.lock": "uv sync --frozen",
        "pylock.toml": "uv pip sync --system pylock.toml",
        "Pipfile.lock": "pip install pipenv && pipenv sync --system",
    }[lock]
    (tmp_path / "Dockerfile").write_text(f"FROM python:3.12-alpine3.20\nRUN pip install uv\nCOPY . .\nRUN {install}\n")
    with (
        loopback(lambda handler: send(handler, b"", status=404)) as public,
        loopback(lambda handler: send(handler, b"", status=404)) as private,
    ):
        sdist_url = f"{private.address}/{name}-1.0.tar.gz"
        if lock == "uv.lock":
            text = f"""version = 1
requires-python = ">=3.12"
[[package]]
name = "p"
version = "1"
source = {{ editable = "." }}
dependencies = [{{ name = "{name}" }}]
[[package]]
name = "{name}"
version = "1.0"
source = {{ registry = "{private.url}" }}
sdist = {{ url = "{sdist_url}", hash = "sha256:{"0" * 64}" }}
"""
        elif lock == "Pipfile.lock":
            sources = [{"name": "own", "url": private.url, "verify_ssl": True}]
            entry = {"hashes": [f"sha256:{'0' * 64}"], "index": "own", "version": "==1.0"}
            text = json.dumps({"_meta": {"sources": sources}, "default": {name: entry}, "develop": {}}, indent=4)
            (tmp_path / "Pipfile").write_text(f'[[source]]\nname = "own"\nurl = "{private.url}"\n')
        else:
            text = f"""lock-version = "1.0"
created-by = "x"
[[packages]]
name = "{name}"
version = "1.0"
index = "{private.url}"
sdist = {{ url = "{sdist_url}", hashes = {{ sha256 = "{"0" * 64}" }} }}
"""
        (tmp_path / lock).write_text(text)
        variables = environment(public.url, tmp_path) | {"CI": ""}
        arena.doctor("check", "Dockerfile", cwd=tmp_path, env=variables).sound().says(name)
        assert not any(name in path for path in public.asked + private.asked)
        arena.doctor("check", "--online", "Dockerfile", cwd=tmp_path, env=variables).sound().says(name)
        assert not any(name in path for path in public.asked + private.asked)  # the lock does not choose whom we call
        variables["UV_INDEX"] = f"private={private.url}"
        arena.doctor("check", "--online", "Dockerfile", cwd=tmp_path, env=variables).sound().says(name)
        assert not any(name in path for path in public.asked)
        assert any(name in path for path in private.asked)  # the user knows it
