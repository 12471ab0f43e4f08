from __future__ import annotations

import pytest

from dockerlint_alpine.diagnose.steps import (
    FailedCommand,
    Step,
    read_failure,
    read_marked_line,
    read_step,
    same_command,
)
from dockerlint_alpine.diagnose.wrappers import unwrap


def step(line: str) -> Step | None:
    return read_step(unwrap(line), 7)


@pytest.mark.parametrize(
    ("line", "engine", "number", "stage", "text"),
    [
        ("#12 [builder 4/6] RUN pip install -r r.txt", "buildkit", 4, "builder", "RUN pip install -r r.txt"),
        ("#12 [4/6] RUN make", "buildkit", 4, None, "RUN make"),
        ("#12 [linux/arm64 builder 4/6] RUN make", "buildkit", 4, "builder", "RUN make"),
        ("#12 [web builder  4/16] RUN make", "buildkit", 4, "builder", "RUN make"),
        (" > [stage-1 2/3] RUN make:", "buildkit", 2, "stage-1", "RUN make"),
        (" => ERROR [stage-1 2/3] RUN make           12.3s", "buildkit", 2, "stage-1", "RUN make"),
        ("Step 4/9 : RUN make", "docker", 4, None, "RUN make"),
        ("Step 4 : RUN make", "docker", 4, None, "RUN make"),
        ("STEP 4/5: RUN make", "podman", 4, None, "RUN make"),
        ("[2/2] STEP 4/5: RUN make", "podman", 4, "1", "RUN make"),
        ("INFO[0020] RUN make", "kaniko", None, None, "RUN make"),
    ],
)
def test_steps(line: str, engine: str, number: int | None, stage: str | None, text: str) -> None:
    found = step(line)
    assert found is not None
    assert (found.engine, found.number, found.stage, found.text, found.line) == (engine, number, stage, text, 7)


@pytest.mark.parametrize("line", ["RUN make", "[1/200] Compiling C object x.o", "Step by step: RUN", "[ 4/6] cc x"])
def test_what_is_no_step(line: str) -> None:
    assert step(line) is None


@pytest.mark.parametrize(
    "line",
    [
        '#9 ERROR: process "/bin/sh -c pip install x" did not complete successfully: exit code: 1',
        'failed to solve: process "/bin/sh -c pip install x" did not complete successfully: exit code: 1',
        "executor failed running [/bin/sh -c pip install x]: exit code: 1",
        "The command '/bin/sh -c pip install x' returned a non-zero code: 1",
        'Error: building at STEP "RUN pip install x": while running runtime: exit status 1',
    ],
)
def test_the_failed_command(line: str) -> None:
    assert read_failure(unwrap(line), 3) == FailedCommand("pip install x", 3)


def test_a_step_is_known_by_its_command_whatever_the_white_space() -> None:
    found = step("#9 [1/2] RUN --mount=type=cache,target=/c pip  install \\    x")
    assert found is not None
    assert same_command(found, FailedCommand("pip install x", 1))
    assert not same_command(found, FailedCommand("pip install y", 1))


def test_the_marked_line() -> None:
    assert read_marked_line(unwrap("  12 | >>> RUN pip install x")) == 12
    assert read_marked_line(unwrap("  12 |     RUN pip install x")) is None
