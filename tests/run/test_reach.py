"""The command line on a loopback index and a loopback mirror of Alpine's own signed indexes, as a run meets them."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.apk.renewal import Renewal
from dockerlint_alpine.cli import app, online
from tests.loopback import Handler, serving
from tests.python.index.local_index import LocalIndex, serve
from tests.python.support import variables

SNAPSHOTS = Path(__file__).resolve().parents[2] / "rules" / "alpine"
MAIN = (SNAPSHOTS / "v3.22-main-aarch64.APKINDEX.tar.gz").read_bytes()
COMMUNITY = (SNAPSHOTS / "v3.22-community-aarch64.APKINDEX.tar.gz").read_bytes()
SETUP = "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('a', ['a.c'], libraries=['xml2'])])\n"


@dataclass
class Mirror:
    """Serves ``bodies`` by path; ``wait`` seconds before each answer."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    wait: float = 0.0
    address: str = ""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    told = Mirror()

    class Answers(Handler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            time.sleep(told.wait)
            body = told.bodies.get(self.path)
            self.reply(body or b"", 200 if body is not None else 404)

    with serving(Answers) as told.address:
        yield told


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    found = LocalIndex()
    found.add_sdist("nobody-s", "1.0", [], {"setup.py": SETUP, "a.c": ""})
    found.add_wheel("plain-thing", "1.0", "py3-none-any")
    with serve(found):
        yield found


Check = Callable[..., Result]


@pytest.fixture
def check(
    project: Callable[[Mapping[str, str]], Path],
    tmp_path: Path,
    index: LocalIndex,
    mirror: Mirror,
    monkeypatch: pytest.MonkeyPatch,
) -> Check:
    for name in [*os.environ]:
        if name.startswith(("UV_", "PIP_")) or name == "CI":
            monkeypatch.delenv(name)
    for name, value in variables(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALPINE_DOCTOR_CACHE_DIR", str(tmp_path / "own-cache"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    monkeypatch.setenv("ALPINE_DOCTOR_ALPINE_MIRROR", mirror.address)
    monkeypatch.setitem(online._SECONDS, "quick", 60.0)
    monkeypatch.setattr(online, "today", lambda: __import__("datetime").date(2026, 11, 28))
    monkeypatch.chdir(project({}))

    def run(*arguments: str, **files: str) -> Result:
        for name, text in files.items():
            Path(name).write_text(text)
        return CliRunner().invoke(app, ["check", "--output-format", "concise", *arguments])

    return run


def cached() -> list[str]:
    return sorted(one.name for one in online.indexes_folder().glob("*.sqlite"))


DOCKERFILE = "FROM python:3.13-alpine3.22\nRUN apk add --no-cache lz4-devel\n"
ARM = ("--platform", "linux/arm64")


def test_an_old_index_of_a_supported_release_is_fetched_and_kept(check: Check, mirror: Mirror) -> None:
    mirror.bodies = {
        "/v3.22/main/aarch64/APKINDEX.tar.gz": MAIN,
        "/v3.22/community/aarch64/APKINDEX.tar.gz": COMMUNITY,
    }
    first = check(*ARM, Dockerfile=DOCKERFILE)
    assert "AD301" in first.stdout
    assert sorted(mirror.asked) == sorted(mirror.bodies)
    assert cached() == ["v3.22-community-aarch64.sqlite", "v3.22-main-aarch64.sqlite"]
    assert check(*ARM).stdout == first.stdout
    assert check(*ARM, "--no-cache").stdout == first.stdout
    assert len(mirror.asked) == 2


def test_offline_fetches_nothing_and_reads_what_is_built_in_alone(check: Check, mirror: Mirror) -> None:
    assert "AD301" in check(*ARM, "--offline", Dockerfile=DOCKERFILE).stdout
    assert mirror.asked == []
    online.indexes_folder().mkdir(parents=True)
    (online.indexes_folder() / "v3.22-main-aarch64.sqlite").write_bytes(b"damaged")
    assert "AD301" in check(*ARM, "--offline", "--no-cache").stdout


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (MAIN[:600] + bytes([MAIN[600] ^ 1]) + MAIN[601:], "could not be fetched"),
        (None, "the server answered 404"),
    ],
    ids=["tampered", "not-there"],  # what else may be wrong with it: tests/apk/test_update.py
)
def test_what_can_not_be_trusted_is_said_and_what_is_at_hand_is_used(
    check: Check, mirror: Mirror, body: bytes | None, said: str
) -> None:
    repository, told = ("main", body) if body is not None else ("community", COMMUNITY)
    mirror.bodies = {f"/v3.22/{repository}/aarch64/APKINDEX.tar.gz": told}
    result = check(*ARM, Dockerfile=DOCKERFILE)
    assert "AD301" in result.stdout
    assert said in result.stderr
    assert result.stderr.count("the index of Alpine 3.22 main aarch64") == 1
    assert "v3.22-main-aarch64.sqlite" not in cached()
    asked = len(mirror.asked)
    check(*ARM, "--no-cache")
    assert len(mirror.asked) == asked  # left alone for a minute


def test_indexes_that_can_not_be_had_for_one_reason_are_counted_by_release(check: Check, mirror: Mirror) -> None:
    releases = ("3.10", "3.8", "3.9")
    text = "".join(f"FROM alpine:{one}\nRUN apk add lz4\n" for one in releases)
    said = check(*ARM, "--online", Dockerfile=text).stderr
    assert "6 indexes of Alpine 3.8, 3.9 and 3.10 could not be fetched: the server answered 404" in said


def test_a_slow_mirror_costs_the_budget_once(check: Check, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(online._SECONDS, "quick", 0.5)
    mirror.wait = 3.0
    start = time.monotonic()
    result = check(*ARM, Dockerfile=DOCKERFILE)
    assert "AD301" in result.stdout
    assert "did not answer" in result.stderr
    assert "not retrying for one minute" in result.stderr
    assert time.monotonic() - start < 10
    asked = len(mirror.asked)
    assert check(*ARM, "--no-cache").stderr == ""
    assert len(mirror.asked) == asked


def test_a_mirror_that_a_dockerfile_names_is_not_asked(check: Check, mirror: Mirror, index: LocalIndex) -> None:
    host = index.url.removesuffix("/simple/")
    check(
        *ARM,
        Dockerfile=f"FROM python:3.13-alpine3.22\nRUN echo {host}/v3.22/main > /etc/apk/repositories\nRUN apk add lz4\n",
    )
    assert not any("APKINDEX" in path for path, _ in index.requests)


def test_in_ci_nothing_is_fetched(check: Check, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    check(*ARM, Dockerfile=DOCKERFILE)
    assert mirror.asked == []


@pytest.mark.parametrize(
    ("today", "days", "release", "due"),
    [
        ("2025-11-28", 30, "3.22", []),
        ("2026-01-15", 30, "3.22", ["main", "community"]),
        ("2026-01-15", 100, "3.22", []),
        ("2026-11-28", 30, "3.12", ["main", "community"]),  # embedded from before its last day
        ("2026-11-28", 0, "3.99", ["main", "community"]),
    ],
)
def test_what_is_due(today: str, days: int, release: str, due: list[str]) -> None:
    arch = "aarch64" if release == "3.22" else "x86_64"
    sources = IndexStore().sources()
    found = Renewal(today, days).due(sources, release, arch, ("main", "community"))
    assert [repository for _, repository, _ in found] == due


def test_many_files_are_answered_together(check: Check, mirror: Mirror, index: LocalIndex) -> None:
    """What many leave open is asked once, and judged again with the answers; the second run asks nobody."""
    for number in range(6):
        folder = Path(f"app{number}")
        folder.mkdir()
        pins = "nobody-s==1.0\n" if number % 2 else "plain-thing==1.0\nmissing-thing==1.0\n"
        (folder / "r.txt").write_text(pins)
        text = "FROM python:3.12-alpine3.21\nCOPY r.txt .\nRUN pip install -r r.txt\n"
        (folder / "Dockerfile").write_text(text)
    first = check("--jobs", "2")
    assert first.stdout.count("nobody-s 1.0 is compiled here and needs libxml2") == 3
    assert first.stdout.count("missing-thing: the index has no missing-thing") == 3
    assert "plain-thing" not in first.stdout
    pages = [path for path, _ in index.requests if path == "/simple/nobody-s/"]
    assert len(pages) == 1
    asked = len(index.requests)
    assert check("--jobs", "2").stdout == first.stdout
    assert len(index.requests) == asked


def test_online_reports_are_kept_for_the_day(check: Check, index: LocalIndex) -> None:
    files = {"Dockerfile": "FROM python:3.12-alpine3.21\nCOPY r.txt .\nRUN pip install -r r.txt\n"}
    first = check("--online", **files, **{"r.txt": "nobody-s==1.0\n"})
    asked = len(index.requests)
    assert "needs libxml2" in first.stdout
    assert check("--online").stdout == first.stdout
    assert len(index.requests) == asked
    shutil.rmtree(online.answers_folder())
    assert check("--online", "--no-cache").stdout == first.stdout
    assert len(index.requests) > asked


def test_another_index_is_another_answer(check: Check, index: LocalIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"Dockerfile": "FROM python:3.12-alpine3.21\nCOPY r.txt .\nRUN pip install -r r.txt\n"}
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")
    assert "needs libxml2" not in check("--online", **files, **{"r.txt": "nobody-s==1.0\n"}).stdout
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    assert "needs libxml2" in check("--online").stdout


SETS = 4
"""Sets of requirements that can only be answered where all are asked about at once."""


@dataclass
class AllAtOnce:
    """Lets nobody through before ``SETS`` have come, and after a time nobody at all."""

    barrier: threading.Barrier = field(default_factory=lambda: threading.Barrier(SETS, timeout=3))

    def wait(self, _: float) -> None:
        with suppress(threading.BrokenBarrierError):
            self.barrier.wait()

    def set(self) -> None:
        self.barrier.abort()


def generated(run: Callable[..., Result]) -> str:
    Path("r.txt").write_text("".join(f"native-{number}\n" for number in range(SETS)))
    return run("generate", "r.txt", "--python", "3.12", "--alpine", "3.21").stdout


def in_one_file() -> str:
    installs = "".join(f"RUN pip install native-{number}\n" for number in range(SETS))
    Path("Dockerfile").write_text(f"FROM python:3.12-alpine3.21\n{installs}")
    return "Dockerfile"


def diagnosed(run: Callable[..., Result]) -> str:
    Path("build.log").write_text(
        "Building wheel for native-0\nerror: command 'gcc' failed: No such file or directory\n"
    )
    return run("diagnose", "build.log", "--dockerfile", in_one_file(), "--diff").stdout


def planned(run: Callable[..., Result]) -> str:
    return run("verify", in_one_file(), "--plan").stdout


@pytest.mark.parametrize(
    ("command", "told"), [(generated, "libxml2-dev"), (diagnosed, "+RUN apk add"), (planned, "import every extension")]
)
def test_every_command_asks_about_all_at_once(
    check: Check, index: LocalIndex, command: Callable[[Callable[..., Result]], str], told: str
) -> None:
    for number in range(SETS):
        built_with = f'[build-system]\nrequires = ["tool-{number}"]\n'
        index.add_sdist(f"native-{number}", "1.0", [], {"setup.py": SETUP, "a.c": "", "pyproject.toml": built_with})
        index.add_sdist(f"tool-{number}", "1.0", [], {"setup.py": SETUP, "a.c": ""})
    gate = AllAtOnce()
    index.delay, index.held = gate, "/files/"  # type: ignore[assignment]
    assert told in command(lambda *arguments: CliRunner().invoke(app, [*arguments]))
    assert not gate.barrier.broken
    assert sum(path.startswith("/files/") for path, _ in index.requests) == 2 * SETS  # and of what builds them
