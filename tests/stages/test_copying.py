from __future__ import annotations

import pytest

from dockerlint_alpine.stages import ContextFileError
from dockerlint_alpine.stages.model import GlibcMade
from tests.stages.support import end, installed, last, places, said

PY = "python:3.11-alpine3.19"
SITE = "/usr/local/lib/python3.11/site-packages"
BUILDER = f"FROM {PY} AS builder\nRUN apk add gcc musl-dev lz4-dev\n"


@pytest.mark.parametrize(
    ("copy", "path"),
    [
        ("COPY requirements.txt .", "/requirements.txt"),
        ("WORKDIR /app\nCOPY requirements.txt .", "/app/requirements.txt"),
        ("WORKDIR /app\nWORKDIR sub\nCOPY ./requirements.txt ./r.txt", "/app/sub/r.txt"),
        ("COPY requirements.txt /app/", "/app/requirements.txt"),
        ("COPY req* other.txt /app/", "/app/requirements.txt"),
        ('COPY ["requirements.txt", "/with space/"]', "/with space/requirements.txt"),
        ("ENV D=/srv\nCOPY requirements.txt ${D}/x/", "/srv/x/requirements.txt"),
        ("ARG F=requirements.txt\nCOPY $F /a.txt", "/a.txt"),
        ("COPY . /app", "/app/requirements.txt"),
        ("COPY / /app", "/app/requirements.txt"),
        ("ADD --chown=1:1 requirements.txt /tmp", "/tmp/requirements.txt"),
        ("RUN mkdir -p /made\nCOPY requirements.txt /made", "/made/requirements.txt"),
        ("COPY --parents ./requirements.txt /app", "/app/requirements.txt"),
        ("COPY --exclude=*.md . /app", "/app/requirements.txt"),
    ],
)
def test_where_files_of_the_context_go(run, copy: str, path: str) -> None:
    timeline = run(f"FROM {PY}\n{copy}\n", {"requirements.txt": "lz4\n", "other.txt": "", "x.md": ""})
    assert end(timeline).files.read(path) == b"lz4\n"
    assert end(timeline).files.display(path).endswith("requirements.txt")


def test_parents_keep_the_folders_behind_the_pivot(run) -> None:
    files = {"a/b/r.txt": "lz4\n"}
    seen = end(run(f"FROM {PY}\nCOPY --parents a/b/r.txt a/./b/r.txt /x/\nCOPY --parents a/*/r.txt /y/\n", files)).files
    assert [seen.exists(path) for path in ("/x/a/b/r.txt", "/x/b/r.txt", "/y/a/b/r.txt")] == [True, True, True]


def test_exclude_and_dockerignore_leave_files_out(run) -> None:
    files = {"a.txt": "1", "b.txt": "2", "c.txt": "3", ".dockerignore": "c.txt\n"}
    seen = end(run(f"FROM {PY}\nCOPY --exclude=b.txt . /x\n", files)).files
    assert [seen.exists(f"/x/{name}.txt") for name in "abc"] == [True, False, False]


def test_heredocs_are_files(run) -> None:
    text = f'FROM {PY}\nENV V=4.4.5\nCOPY <<EOF <<"RAW" /x/\nlz4==$V "quoted"\nEOF\nlz4==$V\nRAW\n'
    seen = end(run(text)).files
    assert seen.read("/x/EOF") == b'lz4==4.4.5 "quoted"\n'
    assert seen.read("/x/RAW") == b"lz4==$V\n"
    assert end(run(f"FROM {PY}\nCOPY <<EOF /one.txt\nlz4\nEOF\n")).files.read("/one.txt") == b"lz4\n"


@pytest.mark.parametrize(
    ("copy", "path", "reason"),
    [
        ("ADD https://example.org/r.txt /x/", "/x/r.txt", "it is fetched from the network in line 2"),
        ("ADD https://example.org/r.git /src", "/src/setup.py", "it is fetched from the network in line 2"),
        ("ADD app.tar.gz /x", "/x/r.txt", "line 2 unpacks app.tar.gz, which is not read"),
        ("COPY --from=nginx:alpine /x /x", "/x/r.txt", "it comes from the image nginx:alpine"),
    ],
)
def test_what_can_not_be_looked_into_is_said(run, copy: str, path: str, reason: str) -> None:
    files = end(run(f"FROM {PY}\n{copy}\n", {"app.tar.gz": "x"})).files
    with pytest.raises(ContextFileError) as raised:
        files.read(path)
    assert raised.value.strerror == reason


def test_files_travel_between_stages(run) -> None:
    text = (
        f"FROM {PY} AS a\nWORKDIR /app\nCOPY r.txt .\nFROM {PY}\nCOPY --from=a /app /b\nCOPY --from=0 /app/*.txt /c/\n"
    )
    files = end(run(text, {"r.txt": "lz4\n"})).files
    assert files.read("/b/r.txt") == files.read("/c/r.txt") == b"lz4\n"


@pytest.mark.parametrize(
    ("install", "copy", "location"),
    [
        ("pip install --prefix=/install lz4==4.4.5", "/install /usr/local", SITE),
        ("pip install --prefix /install lz4==4.4.5", "/install/ /usr/local/", SITE),
        ("pip install lz4==4.4.5", f"{SITE} {SITE}", SITE),
        ("pip install lz4==4.4.5", f"{SITE}/ {SITE}/", SITE),
        ("pip install lz4==4.4.5", f"{SITE}/lz4 {SITE}/lz4", SITE),
        ("pip install lz4==4.4.5", "/usr/local /usr/local", SITE),
        ("pip install lz4==4.4.5", "/usr/local/lib /usr/local/lib", SITE),
        ("pip install lz4==4.4.5", "/ /", SITE),
        (
            "pip install --user lz4==4.4.5",
            "/root/.local /home/app/.local",
            "/home/app/.local/lib/python3.11/site-packages",
        ),
        ("pip install --target=/deps lz4==4.4.5", "/deps /app/deps", "/app/deps"),
        ("pip install --root=/out lz4==4.4.5", "/out /", SITE),
        (
            "python -m venv /venv && /venv/bin/pip install lz4==4.4.5",
            "/venv /venv",
            "/venv/lib/python3.11/site-packages",
        ),
        ("pip wheel -w /wheels lz4==4.4.5", "/wheels/*.whl /w/", "/w"),
        ("pip wheel -w /wheels lz4==4.4.5", "/wheels /w", "/w"),
        ("pip install --prefix=/install lz4==4.4.5 && cp -r /install /moved", "/moved /usr/local", SITE),
        ("pip install --prefix=/install lz4==4.4.5 && mv /install /moved", "/moved /usr/local", SITE),
    ],
)
def test_distributions_travel_with_what_they_link(run, install: str, copy: str, location: str) -> None:
    timeline = run(f"{BUILDER}RUN {install}\nFROM {PY}\nCOPY --from=builder {copy}\n")
    item = installed(timeline, "lz4")
    assert (item.location.rstrip("/"), item.copied_from) == (location, 0)
    assert item.built is not None
    assert [need for need, _ in item.built.objects] == ["so:liblz4.so.1"]
    assert item.as_wheel is ("wheel" in install)


@pytest.mark.parametrize(
    "copy", ["/app /app", "/install/bin /usr/local/bin", f"{SITE}/other {SITE}/other", "/wheels/x*.whl /w/"]
)
def test_other_copies_bring_nothing(run, copy: str) -> None:
    text = f"{BUILDER}RUN pip install --prefix=/install lz4==4.4.5 && pip wheel -w /wheels lz4==4.4.5\n"
    assert not places(run(f"{text}FROM {PY}\nCOPY --from=builder {copy}\n"))


def test_what_moved_is_no_longer_where_it_was(run) -> None:
    timeline = run(f"{BUILDER}RUN pip install --prefix=/install lz4==4.4.5 && mv /install /moved\n")
    assert places(timeline) == {"lz4": "/moved/lib/python3.11/site-packages"}


def test_venvs_and_interpreters_travel(run) -> None:
    text = f"FROM {PY} AS b\nRUN python -m venv /opt/venv\nFROM alpine:3.19\nCOPY --from=b /usr/local /usr/local\n"
    timeline = run(text + "COPY --from=b /opt/venv /venv\nRUN pip install lz4==4.4.5 && /venv/bin/pip install six\n")
    assert places(timeline)["lz4"] == SITE
    text = f"FROM alpine:3.19\nCOPY --from={PY} /usr/local/ /usr/local/\nRUN pip3 install lz4==4.4.5\n"
    assert places(run(text))["lz4"] == SITE


def test_a_root_file_system_makes_an_alpine_stage(run) -> None:
    text = (
        "FROM alpine:3.19 AS b\nRUN apk add --root /out --initdb python3 lz4-libs\nFROM scratch\nCOPY --from=b /out /\n"
    )
    stage = last(run(text))
    assert stage.kind == "alpine"
    assert stage.end is not None
    assert stage.end.world.has("so:liblz4.so.1")
    squashed = last(run("FROM alpine:3.19 AS b\nRUN apk add lz4-libs\nFROM scratch\nCOPY --from=b / /\n"))
    assert squashed.end is not None
    assert squashed.end.world.has("so:liblz4.so.1")
    assert last(run("FROM alpine:3.19 AS b\nFROM scratch\nCOPY --from=b /x /\n")).kind == "other"


def test_packages_made_for_glibc_do_not_travel_as_if_for_musl(run) -> None:
    text = (
        f"FROM python:slim AS b\nRUN pip install --prefix=/install lz4\nFROM {PY}\nCOPY --from=b /install /usr/local\n"
    )
    timeline = run(text)
    assert not places(timeline)
    assert said(timeline) == [
        (
            "unknown-base-image",
            "what stage 'b' installs is made for python:slim, not for Alpine: install it in an Alpine stage",
        )
    ]
    known = installed(run(text.replace("python:slim", "python:3.11-slim")), "lz4")
    assert known.glibc == GlibcMade("python:3.11-slim", 0, "wheel")
    assert known.built is None
    assert not said(run(text.replace("/install /usr/local", "/app/static /static")))
    assert not said(run(text.replace("pip install --prefix=/install lz4", "make")))


def test_who_takes_nothing_from_a_stage_with_glibc_does_not_ask_what_it_installs(run) -> None:
    """A project of Debian images asks the index nothing."""
    for text in (
        "FROM python:3.11-slim\nRUN pip install nobody-knows-this\n",
        "FROM python:3.11-slim AS b\nRUN pip install nobody-knows-this\nFROM b\nRUN pip install nor-this\n",
        f"FROM python:3.11-slim AS b\nRUN pip install nobody-knows-this\nFROM {PY}\nRUN pip install lz4==4.4.5\n",
    ):
        timeline = run(text)
        assert not any("nobody-knows-this" in one.message for one in timeline.unjudged)
        assert not timeline.stages[0].installed


def test_a_stage_with_glibc_is_walked_with_those_that_it_is_built_from(run) -> None:
    text = "FROM python:3.11-slim AS a\nRUN pip install --prefix=/install lz4==4.4.5\nFROM a AS b\n"
    timeline = run(f"{text}RUN pip install --prefix=/install six\nFROM {PY}\nCOPY --from=b /install /usr/local\n")
    assert installed(timeline, "lz4").glibc == GlibcMade("python:3.11-slim", 0, "wheel")
    assert {one.resolved.name for one in timeline.stages[1].installed} >= {"lz4", "six"}
