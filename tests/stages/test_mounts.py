from __future__ import annotations

from tests.stages.support import end, last, places, said, steps

PY = "python:3.11-alpine3.19"


def test_a_requirements_file_is_there_for_one_run(run) -> None:
    text = (
        f"FROM {PY}\nRUN --mount=type=bind,source=requirements.txt,target=/tmp/r.txt pip install -r /tmp/r.txt\n"
        "RUN pip install -r /tmp/r.txt\n"
    )
    timeline = run(text, {"requirements.txt": "lz4==4.4.5\n"})
    first, second = steps(timeline)
    assert [item.resolved.chain for item in first.installed] == [("requirements.txt:1",)]
    assert not second.installed
    assert [code for code, _ in said(timeline)] == ["unreadable-requirements"]


def test_relative_targets_variables_and_the_whole_context(run) -> None:
    text = (
        f"FROM {PY}\nARG F=requirements.txt\nWORKDIR /app\n"
        "RUN --mount=type=bind,source=$F,target=r.txt pip install -r r.txt\n"
        "RUN --mount=target=/src pip install -r /src/more.txt\n"
    )
    timeline = run(text, {"requirements.txt": "lz4==4.4.5\n", "more.txt": "six==1.16.0\n"})
    assert set(places(timeline)) == {"lz4", "six"}
    assert not end(timeline).files.exists("/app/r.txt")


def test_wheels_of_another_stage(run) -> None:
    text = (
        f"FROM {PY} AS b\nRUN apk add gcc musl-dev lz4-dev && pip wheel -w /wheels lz4==4.4.5\nFROM {PY}\n"
        "RUN --mount=type=bind,from=b,source=/wheels,target=/w pip install --no-index -f /w lz4\n"
    )
    (item,) = last(run(text)).installed
    assert (item.as_wheel, item.ready, item.resolved.version) == (False, True, "4.4.5")
    assert item.built is not None
    assert item.built.stage == 0


def test_a_mounted_venv_is_gone_behind_the_run(run) -> None:
    text = (
        f"FROM {PY} AS b\nRUN python -m venv /venv && /venv/bin/pip install lz4==4.4.5\nFROM {PY}\n"
        "RUN --mount=from=b,source=/venv,target=/venv /venv/bin/python -c 'import lz4'\n"
    )
    stage = last(run(text))
    assert not stage.installed
    (step,) = stage.steps
    assert [item.resolved.name for item in step.installed] == ["lz4"]


def test_caches_and_secrets_bring_nothing(run) -> None:
    text = f"FROM {PY}\nRUN --mount=type=cache,target=/x --mount=type=secret,id=s --mount=type=tmpfs,target=/y true\n"
    assert not end(run(text)).files.placements
