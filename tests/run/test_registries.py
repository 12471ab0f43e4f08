"""Base images as their registries have them: what is told of one, what is kept, and who is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerlint_alpine.knowledge.image_contents import ImagePython
from dockerlint_alpine.python.index.kept import KeptAnswers
from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.run.registries import Registries
from tests.elf.local_registry import PASSWORD, USER, LocalRegistry, local_registry
from tests.elf.test_images import APP, BASE, Entry

AMD64 = "linux/amd64"
DATABASE = b"""P:python3
V:3.11.8-r0
A:x86_64
o:python3
p:so:libpython3.11.so.1.0=1.0 cmd:python3=3.11.8-r0 py3.11:setuptools=1

P:py3-requests
V:2.31.0-r0
A:noarch
o:py3-requests

P:.deps
V:20240101.000000
A:noarch
D:gcc so:libz.so.1
"""
PLACES = ("usr/lib/python3.11/site-packages", "opt/venv/lib/python3.11/site-packages")
METADATA = [
    (f"{PLACES[0]}/requests-2.31.0.dist-info", b"Name: requests\nVersion: 2.31.0\n\n"),
    (f"{PLACES[0]}/setuptools-1.dist-info", b"Name: setuptools\nVersion: 1\n\n"),
    (f"{PLACES[0]}/lxml-5.1.0.dist-info", b"Name: lxml\nVersion: 5.1.0\n\n"),
    (f"{PLACES[1]}/pip-24.0.dist-info", b"Name: pip\nVersion: 24.0\n\n"),
    ("usr/share/vendored-1.dist-info", b"Name: vendored\nVersion: 1\n\n"),
]
OWN: list[Entry] = [
    ("file", "lib/apk/db/installed", DATABASE),
    ("file", "etc/apk/world", b"python3>3.11\npy3-requests@edge\n.deps=20240101.000000\n!nano\n"),
    ("file", "usr/bin/python3.11", b"x"),
    ("link", "usr/bin/python3", "python3.11"),
    ("link", "opt/venv/bin/python3.11", "/usr/bin/python3.11"),
    ("file", "opt/venv/pyvenv.cfg", b"home = /usr/bin\ninclude-system-site-packages = true\nversion = 3.11.8\n"),
    ("file", "usr/local/bin/git", b"x"),
    ("link", "usr/bin/awk", "/bin/busybox"),
    ("file", "opt/tool/bin/jq", b"x"),
    ("file", "opt/tool/share/bash", b"x"),
    ("file", "usr/local/lib/libodbc.so.2", b"x"),
    *(("file", f"{folder}/METADATA", text) for folder, text in METADATA),
]


@pytest.fixture
def server() -> Iterator[LocalRegistry]:
    with local_registry() as served:
        yield served


def registries(server: LocalRegistry, folder: Path, **given: object) -> Registries:
    how = {"hosts": [server.host], "own": False, "day": "2024-05-10", "oldest": "2024-05-03", "asks": True}
    return Registries(KeptAnswers(folder), **{**how, **given})  # type: ignore[arg-type]


def test_what_an_image_holds(server: LocalRegistry, tmp_path: Path) -> None:
    settings = {"Env": ["PATH=/opt/venv/bin:/usr/local/bin:/usr/bin"], "User": "app:app", "WorkingDir": "/srv"}
    settings |= {"OnBuild": ["COPY . ."], "Shell": ["/bin/ash", "-c"]}  # type: ignore[dict-item]
    server.add("1", [BASE, OWN], config=settings)
    found = registries(server, tmp_path).contents(f"{server.host}/o/app:1", "linux/arm64")
    assert (found.alpine, found.platform) == ("3.19", AMD64)
    assert found.world == ("python3", "py3-requests")
    assert found.virtual == ((".deps", ("gcc", "so:libz.so.1")),)
    assert found.packages == ("python3", "py3-requests")
    assert found.pythons == (
        ImagePython("/opt/venv", "3.11", pip="24.0", home="/usr", sees_system=True),
        ImagePython("/usr", "3.11"),
    )
    assert {name for name, *_ in found.distributions} == {"lxml", "pip"}
    assert found.programs == {"git", "jq", "python3.11"}
    assert "libodbc.so.2" in found.libraries
    assert dict(found.environment)["PIP_BREAK_SYSTEM_PACKAGES"] == "1"
    assert (found.user, found.workdir, found.shell, found.onbuild) == (
        "app:app",
        "/srv",
        ("/bin/ash", "-c"),
        ("COPY . .",),
    )


def test_alpines_own_mark_is_heeded(server: LocalRegistry, tmp_path: Path) -> None:
    server.add("1", [BASE, OWN, [("file", "usr/lib/python3.11/EXTERNALLY-MANAGED", b"x")]])
    found = registries(server, tmp_path).contents(f"{server.host}/o/app:1", AMD64)
    assert "PIP_BREAK_SYSTEM_PACKAGES" not in dict(found.environment)


def test_another_system(server: LocalRegistry, tmp_path: Path) -> None:
    server.add("1", [[("file", "etc/os-release", b"ID=debian\nVERSION_ID=12\n")]])
    contents = registries(server, tmp_path).contents(f"{server.host}/o/app:1", AMD64)
    assert contents.base_image("x").not_alpine


def test_it_is_read_once_and_asked_about_again_after_days(server: LocalRegistry, tmp_path: Path) -> None:
    reference = f"{server.host}/o/app:1"
    server.add("1", [BASE])
    first = registries(server, tmp_path).contents(reference, AMD64)
    read = len(server.asked)
    assert registries(server, tmp_path, asks=False).contents(reference, AMD64) == first
    assert len(server.asked) == read
    later = {"day": "2024-06-10", "oldest": "2024-06-03"}
    with pytest.raises(ResolverError, match=NOBODY_ASKED):
        registries(server, tmp_path, asks=False, **later).contents(reference, AMD64)
    assert registries(server, tmp_path, **later).contents(reference, AMD64) == first
    assert len(server.asked) == read + 1  # the same digest: no layer is read again
    server.add("1", [BASE, APP])
    assert registries(server, tmp_path, day="2024-07-10", oldest="2024-07-03").contents(reference, AMD64) != first


def test_a_digest_does_not_age(server: LocalRegistry, tmp_path: Path) -> None:
    reference = f"{server.host}/o/app:1@{server.add('1', [BASE])}"
    first = registries(server, tmp_path).contents(reference, AMD64)
    assert registries(server, tmp_path, asks=False, oldest="2030-01-01").contents(reference, AMD64) == first


def test_only_hosts_of_the_user_are_asked(server: LocalRegistry, tmp_path: Path) -> None:
    for reference in (f"{server.host}/o/app:1", "o/app:1", "python:3"):
        with pytest.raises(ResolverError, match="not among the image-hosts"):
            registries(server, tmp_path, hosts=["other.example"]).contents(reference, AMD64)
    assert server.asked == []


def test_the_login_of_docker_is_used_for_hosts_of_the_user_alone(
    server: LocalRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64

    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": login}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    server.auth = "Basic"
    server.add("1", [BASE])
    with pytest.raises(ResolverError, match="asks for a login"):
        registries(server, tmp_path / "a").contents(f"{server.host}/o/app:1", AMD64)
    assert registries(server, tmp_path / "b", own=True).contents(f"{server.host}/o/app:1", AMD64).alpine == "3.19"
    assert not any(
        PASSWORD.encode() in one.read_bytes() or login.encode() in one.read_bytes()
        for one in (tmp_path / "b").iterdir()
    )


def test_a_program_for_logins_that_fails_is_told(
    server: LocalRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {server.host: "nonsense"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(ResolverError, match="can't be logged in to"):
        registries(server, tmp_path / "a", own=True).contents(f"{server.host}/o/app:1", AMD64)
