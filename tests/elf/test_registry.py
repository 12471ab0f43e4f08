"""Images of a registry: the same as from a file, whoever they are asked of and however they are answered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerlint_alpine.elf import registry as module
from dockerlint_alpine.elf.errors import RegistryError
from dockerlint_alpine.elf.images import open_image_folder
from dockerlint_alpine.elf.registry import Registry
from dockerlint_alpine.elf.targets import Reading
from dockerlint_alpine.system.unreadable import ArchiveError
from dockerlint_alpine.system.web import Web
from tests.loopback import Handler, serving

from .local_registry import PASSWORD, USER, LocalRegistry, digest, local_registry
from .test_images import APP, BASE, LAYERS, as_folder, config, oci_files

AMD64 = "linux/amd64"


@pytest.fixture
def server() -> Iterator[LocalRegistry]:
    with local_registry() as served:
        yield served


def asking(server: LocalRegistry, *, seconds: float = 30, login: tuple[str, str] | None = None) -> Registry:
    return Registry(server.host, "o/app", Web(5), login=login, seconds=seconds)


def test_an_image_is_the_same_as_from_a_file(server: LocalRegistry, tmp_path: Path) -> None:
    server.add("1", LAYERS, created="2024-05-06T07:08:09Z")
    read = asking(server)
    found = read.read(read.find("1", AMD64)[0], "o/app:1")
    theirs = open_image_folder(as_folder(oci_files([(config(), LAYERS)]), tmp_path), Reading(sources=False))
    assert dict(found.subject.tree.nodes()) == dict(theirs.tree.nodes())
    assert (found.subject.environment, found.subject.arch) == (theirs.environment, "x86_64")
    assert found.created == "2024-05-06"


@pytest.mark.parametrize(
    ("platform", "arch"),
    [("linux/amd64", "x86_64"), ("linux/arm64", "aarch64"), ("linux/arm64/v8", "aarch64")],
)
def test_the_image_of_the_platform_is_read_and_no_other(server: LocalRegistry, platform: str, arch: str) -> None:
    server.add("1", [BASE], (config("arm64"), [BASE, APP]))
    read = asking(server)
    chosen, alone = read.find("1", platform)
    assert (read.read(chosen, "x").subject.arch, alone) == (arch, False)
    assert len(server.paths("manifests")) == 2


def test_a_platform_that_is_not_there_is_told_with_those_that_are(server: LocalRegistry) -> None:
    server.add("1", [BASE], (config("arm64"), [BASE]))
    with pytest.raises(RegistryError, match=r"1 has no image for linux/s390x \(available: linux/amd64, linux/arm64\)"):
        asking(server).find("1", "linux/s390x")


def test_a_single_image_is_found_on_every_platform(server: LocalRegistry) -> None:
    first = server.add("1", [BASE])
    assert asking(server).find("1", "linux/arm64") == (first, True)
    assert asking(server).find(first, AMD64) == (first, True)


def test_tokens_are_fetched_as_often_as_they_are_asked_for(server: LocalRegistry) -> None:
    server.auth = "Bearer"  # each holds for three requests
    server.add("1", LAYERS)
    read = asking(server)
    assert read.read(read.find("1", AMD64)[0], "x").subject.objects
    tokens = [(path, given) for path, given in server.asked if path.startswith("/token")]
    assert len(tokens) >= 2
    assert tokens[0] == ("/token?service=r&scope=repository%3Ao%2Fapp%3Apull", "")


@pytest.mark.parametrize("auth", ["Basic", "Bearer"])
def test_a_login_goes_to_the_registry_and_for_tokens_and_nowhere_else(server: LocalRegistry, auth: str) -> None:
    server.auth = auth
    server.add("1", [BASE])
    with local_registry() as store:
        store.blobs = server.blobs
        server.elsewhere = f"http://{store.host}/v2/o/app/blobs"
        read = asking(server, login=(USER, PASSWORD))
        assert read.read(read.find("1", AMD64)[0], "x").subject.alpine == "3.19"
        assert {given for _, given in store.asked} == {""}


@pytest.mark.parametrize(
    ("challenge", "said"),
    [
        ("", "asks for a login"),
        ("Basic realm=x", "asks for a login"),
        ("Negotiate", "asks for a login"),
        ('Bearer realm="ftp://h/token"', "it has no https"),
        ('Bearer realm="file:///etc/passwd"', "it has no https"),
        ("Bearer realm", "asks for a login"),
        ('Bearer realm="http://[x"', "can't be reached"),
    ],
)
def test_odd_challenges(server: LocalRegistry, challenge: str, said: str) -> None:
    server.auth, server.challenge = "Bearer", challenge or "-"
    server.add("1", [BASE])
    with pytest.raises(RegistryError, match=said):
        asking(server).find("1", AMD64)


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "has no such image"), (429, "too many requests"), (403, "refuses access"), (500, "HTTP 500")],
)
def test_what_a_status_means(server: LocalRegistry, status: int, said: str) -> None:
    server.status["1"] = status
    with pytest.raises(RegistryError, match=said):
        asking(server).find("1", AMD64)


def manifest(server: LocalRegistry) -> dict[str, object]:
    document: dict[str, object] = json.loads(server.manifests["1"])
    return document


def swapped(server: LocalRegistry, **changes: object) -> str:
    """The digest of the image with another manifest."""
    content = json.dumps({**manifest(server), **changes}).encode()
    server.manifests[digest(content)] = content
    return digest(content)


def other_bytes(server: LocalRegistry) -> str:
    layer = manifest(server)["layers"][0]["digest"]  # type: ignore[index]
    server.blobs[layer] = bytes(len(server.blobs[layer]))
    return digest(server.manifests["1"])


def longer(server: LocalRegistry) -> str:
    layer = manifest(server)["layers"][0]["digest"]  # type: ignore[index]
    server.blobs[layer] += b"x"
    return digest(server.manifests["1"])


def lying(server: LocalRegistry) -> str:
    chosen = digest(server.manifests["1"])
    server.manifests[chosen] += b" "
    return chosen


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (other_bytes, "do not match its digest"),
        (longer, "more than it says"),
        (lying, "does not match the digest"),
        (lambda server: swapped(server, config=None), "of a kind that is not read"),
        (lambda server: swapped(server, layers=5), "no manifest"),
        (
            lambda server: swapped(server, layers=[{"digest": "sha256:../../x", "size": 1}]),
            "neither a tag nor a digest",
        ),
        (lambda server: swapped(server, layers=[{"digest": "x", "size": 2**40}]), "are not read"),
        (lambda server: swapped(server, layers=[{"digest": "x", "size": -1}]), "no manifest"),
        (lambda server: swapped(server, manifests=[]), "not one of an image"),
    ],
)
def test_damaged_and_lying_images(server: LocalRegistry, break_it: Callable[[LocalRegistry], str], said: str) -> None:
    server.add("1", [BASE])
    with pytest.raises((RegistryError, ArchiveError), match=said):
        asking(server).read(break_it(server), "x")


def test_what_is_larger_than_allowed_is_not_asked_for(server: LocalRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add("1", LAYERS)
    monkeypatch.setattr(module, "MAX_IMAGE", 100)
    read = asking(server)
    with pytest.raises(RegistryError, match="more than 100 are not read"):
        read.read(read.find("1", AMD64)[0], "x")
    assert server.paths("blobs") == []


def test_a_server_that_trickles_is_left_alone() -> None:
    class Slow(Handler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)

    with serving(Slow) as address:
        start = time.monotonic()
        with pytest.raises(RegistryError, match="takes too long"):
            Registry(address.partition("://")[2], "o/app", Web(5), seconds=0.4).find("1", AMD64)
        assert time.monotonic() - start < 5


def test_nobody_there() -> None:
    with pytest.raises(RegistryError, match="can't be reached"):
        Registry("127.0.0.1:1", "o/app", Web(5), seconds=5).find("1", AMD64)
