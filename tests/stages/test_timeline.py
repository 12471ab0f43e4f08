from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.stages import BuildContext, Installer, StageGraphError, StagesError, build_timeline
from dockerlint_alpine.syntax import parse
from tests.stages.support import end, installed, last, places, said, steps

if TYPE_CHECKING:
    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge
    from tests.conftest import Judge

PY = "python:3.11-alpine3.19"


def test_what_the_official_image_holds(run) -> None:
    stage = last(run(f"FROM {PY}\n"))
    assert (stage.kind, stage.alpine) == ("alpine", "3.19")
    assert stage.home is not None
    assert (stage.home.prefix, stage.home.version, stage.home.from_apk) == ("/usr/local", "3.11", False)
    assert stage.start is not None
    for need in (
        "musl",
        "busybox",
        "ca-certificates",
        "tzdata",
        "so:libffi.so.8",
        "so:libsqlite3.so.0",
        "so:liblzma.so.5",
    ):
        assert stage.start.world.has(need), need
    assert not stage.start.world.has("so:liblz4.so.1")


@pytest.mark.parametrize(
    ("base", "kind", "alpine"),
    [
        ("registry.example/x/python:3.11-alpine3.19", "alpine", "3.19"),
        (f"{PY}@sha256:{'0' * 64}", "alpine", "3.19"),
        ("alpine:3.19.1", "alpine", "3.19"),
        ("python:3.11-slim", "other", None),
        ("debian:12", "other", None),
        ("scratch", "other", None),
        ("who/knows", "unknown", None),
    ],
)
def test_bases(run, base: str, kind: str, alpine: str | None) -> None:
    stage = last(run(f"FROM {base}\n"))
    assert (stage.kind, stage.alpine) == (kind, alpine)
    assert (stage.end is None) is (kind != "alpine")


def test_the_root_file_system_of_a_release_is_that_release(run) -> None:
    text = "FROM scratch\nARG R=3.19.1\nADD alpine-minirootfs-${R}-x86_64.tar.gz /\nRUN apk add gcc\n"
    assert last(run(text)).alpine == "3.19"
    assert end(run(text)).world.has("cmd:gcc")
    assert last(run(text, build_args={"R": "3.18.4"})).alpine == "3.18"
    for other in ("https://x.example/alpine-minirootfs-3.19.1.tar.gz /", "rootfs.tar /"):  # the first is not unpacked
        assert last(run(f"FROM scratch\nADD {other}\nRUN apk add gcc\n")).kind == "unknown"


def test_unknown_bases_are_said_where_it_matters(run) -> None:
    assert not said(run("FROM who/knows\nRUN make\n"))
    assert said(run("FROM who/knows\nRUN pip install lz4\n")) == [
        ("unknown-base-image", "base image who/knows is not known: give its Alpine release with --alpine X.Y")
    ]
    assert said(run("ARG BASE\nFROM $BASE\nRUN apk add gcc\n")) == [
        (
            "unknown-base-image",
            "the base image depends on $BASE, which has no value here: give it with --build-arg BASE=...",
        )
    ]
    assert last(run("FROM who/knows\nRUN apk add gcc\n", alpine="3.19")).kind == "alpine"
    assert last(run("ARG BASE\nFROM $BASE\n", build_args={"BASE": PY})).alpine == "3.19"
    assert [code for code, _ in said(run("FROM scratch\nADD rootfs.tar /\nRUN apk add gcc\n"))] == [
        "unknown-base-image"
    ]
    assert [code for code, _ in said(run(f"FROM {PY}\nRUN apk add gcc\n", platform="linux/mips"))] == [
        "unknown-base-image"
    ]


def test_a_companys_python_that_runs_apk_is_no_mirror_of_the_official_one(run) -> None:
    """``company/python:7`` may be built on anything: where it runs apk, Debian is refuted, and nothing else is known."""
    text = "FROM registry.example/company/python:7\nRUN apk add gcc\nRUN pip install lz4==4.4.5\n"
    assert said(run(text)) == [
        (
            "unknown-base-image",
            "base image registry.example/company/python:7 is not known: give its Alpine release with --alpine X.Y",
        )
    ]
    assert last(run(text.replace("RUN apk add gcc\n", ""))).kind == "other"
    stage = last(run(text, alpine="3.19", python="3.11"))
    assert (stage.kind, stage.alpine) == ("alpine", "3.19")
    assert [step.home.prefix for step in steps(run(text, alpine="3.19", python="3.11"))] == ["/usr/local"]


def test_packages_that_come_from_an_image_which_is_not_known_are_said(run) -> None:
    site = "/usr/local/lib/python3.11/site-packages"
    assert said(run(f"FROM {PY}\nCOPY --from=who/knows:1 {site} {site}\n")) == [
        (
            "unknown-base-image",
            f"the content of {site} in who/knows:1 is not known: check it together with that image's Dockerfile",
        )
    ]
    assert not said(run(f"FROM {PY}\nCOPY --from=who/knows:1 /uv /bin/uv\nCOPY --from={PY} {site} {site}\n"))


def test_the_python_that_was_told_serves_where_the_name_tells_none(run) -> None:
    timeline = run("FROM company/python-alpine:7\nRUN pip install lz4==4.4.5\n", alpine="3.19", python="3.11")
    assert not said(timeline)
    assert steps(timeline)[0].target.python == "3.11"
    own = run("FROM alpine:3.19\nRUN apk add python3 py3-pip\nRUN pip install lz4\n", python="3.9")
    assert steps(own)[0].home.prefix == "/usr"


def test_the_options_have_the_last_word(run) -> None:
    stage = last(run("FROM who/knows\nRUN pip install lz4==4.4.5\n", alpine="3.19", python="3.12"))
    assert stage.home is not None
    assert stage.home.version == "3.12"
    assert last(run(f"FROM {PY}\n", python="3.12")).home.version == "3.12"
    assert last(run(f"FROM {PY}\n", alpine="3.18")).alpine == "3.18"


def test_a_stage_goes_on_where_its_parent_ends(run) -> None:
    text = (
        f"FROM {PY} AS base\nARG A=1\nENV E=$A\nWORKDIR /app\nCOPY r.txt .\nRUN apk add lz4-libs && python -m venv /v\n"
        "FROM base\nRUN pip install -r r.txt && /v/bin/pip install six==1.16.0\n"
    )
    timeline = run(text, {"r.txt": "lz4==4.4.5\n"})
    stage = last(timeline)
    assert stage.start is not None
    assert stage.start.world.has("so:liblz4.so.1")
    assert places(timeline) == {
        "lz4": "/usr/local/lib/python3.11/site-packages",
        "six": "/v/lib/python3.11/site-packages",
    }
    assert [one.index for one in timeline.lineage(stage)] == [1, 0]


def test_targets_and_what_runs(run) -> None:
    text = f"FROM {PY} AS a\nFROM {PY} AS b\nCOPY --from=a /x /x\nFROM {PY} AS c\n"
    assert {index: stage.runs for index, stage in run(text).stages.items()} == {0: False, 1: True, 2: True}
    assert {index: stage.runs for index, stage in run(text, target="B").stages.items()} == {0: False, 1: True}
    assert set(run(text, target="0").stages) == {0}
    with pytest.raises(StageGraphError, match=r"no stage is called 'z' \(stages: a, b, c\)"):
        run(text, target="z")


def test_circles_are_errors_of_the_whole_file(run) -> None:
    with pytest.raises(StagesError, match="in a circle: a -> b -> a"):
        run("FROM x AS a\nCOPY --from=b / /\nFROM y AS b\nCOPY --from=a / /\n")


def test_triggers_run_in_the_child_only(run) -> None:
    text = f"FROM {PY} AS base\nONBUILD RUN apk add lz4-libs\nONBUILD RUN pip install lz4==4.4.5\n"
    assert not end(run(text)).world.has("so:liblz4.so.1")
    child = run(f"{text}FROM base\nRUN true\n")
    assert end(child).world.has("so:liblz4.so.1")
    assert "lz4" in places(child)


def test_a_stage_has_the_platform_that_its_from_says(run, store: IndexStore) -> None:
    text = "FROM --platform=linux/amd64 python:3.11-alpine3.17 AS b\nFROM b\nRUN pip install lz4==4.4.5\n"
    timeline = run(text, platform="linux/arm64")
    assert last(timeline).platform == "linux/amd64"
    assert last(timeline).packages.arch == "x86_64"
    assert steps(timeline)[0].target.platform == "linux/amd64"


def test_shells_heredocs_and_exec_form(run) -> None:
    text = (
        f'FROM {PY}\nSHELL ["/bin/ash", "-eo", "pipefail", "-c"]\nRUN <<EOF\napk add gcc\npip install lz4==4.4.5\nEOF\n'
        'RUN ["apk", "add", "lz4-libs"]\nRUN <<EOF\n#!/usr/bin/env python3\nimport os\nEOF\n'
    )
    timeline = run(text)
    assert end(timeline).world.has("cmd:gcc")
    assert end(timeline).world.has("so:liblz4.so.1")
    assert installed(timeline, "lz4").arrived.line == 3
    assert not said(timeline)


def test_the_same_file_twice_gives_the_same_answer_from_memory(run, world_cache) -> None:
    text = (
        f"FROM {PY} AS b\nRUN apk add gcc musl-dev lz4-dev && pip install --prefix=/i lz4==4.4.5\n"
        f"FROM {PY}\nCOPY --from=b /i /usr/local\n"
    )
    first = run(text)
    known = len(world_cache)
    second = run(text)
    assert len(world_cache) == known
    assert [item.resolved for item in last(first).installed] == [item.resolved for item in last(second).installed]
    assert end(first).world is end(second).world


LINES = st.sampled_from(
    [
        "FROM python:3.11-alpine3.19 AS a",
        "FROM a AS b",
        "FROM alpine:3.19",
        "FROM scratch",
        "FROM $X",
        "FROM",
        "RUN apk add gcc $X lz4-dev=1 !zlib",
        "RUN apk del gcc",
        "RUN apk add -t .d lz4-dev && apk del .d",
        "RUN pip install -r r.txt $X",
        "RUN pip install",
        "RUN pip wheel -w /w lz4",
        "RUN pip install /w/*.whl",
        "COPY --from=a / /",
        "COPY --from=b /w /w",
        "COPY --from=0 /x/* /y/",
        "COPY . .",
        "COPY",
        "COPY a",
        "ADD http://x /y",
        "RUN --mount=from=a,target=/m cp -r /m /n",
        "RUN cp -r / /x && mv /x /",
        "RUN ln -s /a /b",
        "WORKDIR $X/../y",
        "ENV A=$B B=${A:-x}",
        "ARG X",
        "USER $X",
        'SHELL ["sh"]',
        "ONBUILD RUN apk add curl",
        "RUN python -m venv v && . v/bin/activate",
        "RUN cd /a && (cd b; pip install .)",
        "RUN cat r.txt | xargs apk add",
        "RUN echo a > r.txt",
        "RUN poetry install",
        "RUN uv sync",
        "RUN pipenv install --system",
        "RUN pdm sync",
        "RUN apk add --root /r python3",
        "COPY <<E /r.txt\nlz4\nE",
    ]
)


@given(lines=st.lists(LINES, max_size=14))
def test_no_file_breaks_the_walk(
    lines: list[str], knowledge: Knowledge, store: IndexStore, world_cache, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dockerfile = parse("\n".join(["FROM python:3.11-alpine3.19 AS a", *lines]).encode())
    context = BuildContext(tmp_path_factory.getbasetemp())
    try:
        timeline = build_timeline(
            dockerfile,
            "linux/amd64",
            context=context,
            knowledge=knowledge,
            store=store,
            installer=Installer(knowledge, knowledge.facts),
            world_cache=world_cache,
        )
    except StagesError:
        return
    for notice in timeline.unjudged:
        assert "\n" not in notice.message
        assert 0 <= notice.span[0] <= notice.span[1] <= len(dockerfile.data)
    for stage in timeline.stages.values():
        assert all(item.location.startswith("/") and "//" not in item.location for item in stage.installed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM alpine:3.20\nARG X\nRUN apk del $X\n", 0),  # nothing there misses it
        ("FROM alpine:3.20\nARG X\nRUN apk add $X\n", 1),
        ("FROM alpine:3.20\nARG X\nRUN apk add python3 && apk del $X\n", 1),
        ("FROM alpine:3.20 AS a\nARG X\nRUN apk del $X\nFROM a\nRUN apk add python3\n", 1),
    ],
)
def test_what_apk_del_takes_away_matters_to_python(judge: Judge, text: str, said: int) -> None:
    report = judge(text)
    assert report.unknown == len(report.findings) == said
