"""A log and a Dockerfile: the step is found, and both what is proven and what is foreseen is written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.diagnose import diagnose_scan, read_log
from dockerlint_alpine.diagnose.repair import Repair, Surgery
from dockerlint_alpine.run.analysis import Doctor, configure

if TYPE_CHECKING:
    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge

BASE = "python:3.11-alpine3.19"
TWO_STAGES = f"""\
FROM {BASE} AS builder
RUN apk add --no-cache musl-dev
COPY requirements.txt .
RUN pip install --prefix=/install -r requirements.txt
FROM {BASE}
RUN apk add --no-cache curl tini
COPY --from=builder /install /usr/local
"""
COMMAND = "pip install --prefix=/install -r requirements.txt"
PG_CONFIG = "    Error: pg_config executable not found.\n"


@pytest.fixture
def operate(tmp_path: Path, knowledge: Knowledge, store: IndexStore):
    def run(dockerfile: str, log: str, requirements: str = "psycopg2==2.9.9\n") -> Repair:
        (tmp_path / "requirements.txt").write_text(requirements)
        path = tmp_path / "Dockerfile"
        path.write_text(dockerfile)
        doctor = Doctor(configure(context=tmp_path), store=store, knowledge=knowledge)
        found = read_log(io.BytesIO(log.encode()), knowledge)
        surgery = Surgery(doctor, dockerfile.encode(), path, found, "Dockerfile")
        release, said_by = surgery.release()
        diagnosis = diagnose_scan(found, knowledge, store, alpine=release, said_by=said_by)
        return surgery.repair(diagnosis)

    return run


LOGS = {
    "BuildKit": f"#9 [builder 4/4] RUN {COMMAND}\n#9 2.1 {PG_CONFIG}"
    f'#9 ERROR: process "/bin/sh -c {COMMAND}" did not complete successfully: exit code: 1\n',
    "BuildKit, only the summary": f" > [builder 4/4] RUN {COMMAND}:\n2.113 {PG_CONFIG}",
    "the line that BuildKit marks": f"{PG_CONFIG}------\nDockerfile:4\n   4 | >>> RUN {COMMAND}\n",
    "classic": f"Step 4/7 : RUN {COMMAND}\n{PG_CONFIG}The command '/bin/sh -c {COMMAND}' returned a non-zero code: 1\n",
    "podman": f"[1/2] STEP 4/4: RUN {COMMAND}\n{PG_CONFIG}"
    f'Error: building at STEP "RUN {COMMAND}": while running runtime: exit status 1\n',
    "Kaniko": f"INFO[0020] RUN {COMMAND}\n{PG_CONFIG}",
    "no step at all": PG_CONFIG,
}


@pytest.mark.parametrize("log", LOGS)
def test_the_step_is_found_and_all_is_written(log: str, operate) -> None:
    repair = operate(TWO_STAGES, LOGS[log])
    assert repair.diagnosis.causes[0].stage == "builder"
    assert repair.diagnosis.release == "3.19"
    assert repair.diagnosis.packages == ("libpq-dev",)
    assert [(item.package, item.foreseen) for item in repair.applied] == [
        ("libpq-dev", False), ("gcc", True), ("libpq", True),
    ]  # fmt: skip
    lines = repair.new.decode().splitlines()
    assert set(lines[1].split()[4:]) == {"musl-dev", "libpq-dev", "gcc"}
    assert lines[5] == "RUN apk add --no-cache curl libpq tini"
    assert [*lines[:1], *lines[2:5], *lines[6:]] == [
        line for n, line in enumerate(TWO_STAGES.splitlines()) if n not in {1, 5}
    ]


def test_a_failure_at_run_time_goes_into_the_stage_that_runs(operate) -> None:
    log = (
        "ImportError: Error loading shared library libpq.so.5: No such file or directory (needed by "
        "/usr/local/lib/python3.11/site-packages/psycopg2/_psycopg.cpython-311-x86_64-linux-musl.so)\n"
    )
    dockerfile = TWO_STAGES.replace("musl-dev", "musl-dev gcc libpq-dev")
    repair = operate(dockerfile, log)
    assert repair.new.decode() == dockerfile.replace("curl tini", "curl libpq tini")
    assert repair.diagnosis.causes[0].stage == "1"
    assert [item.foreseen for item in repair.applied] == [False]


def test_variables_in_the_command(operate) -> None:
    dockerfile = TWO_STAGES.replace("COPY req", "ARG FILE=requirements.txt\nCOPY req").replace(
        "-r requirements.txt", "-r ${FILE}"
    )
    assert operate(dockerfile, LOGS["BuildKit"]).diagnosis.causes[0].stage == "builder"


def test_a_name_that_is_gone_is_replaced(operate) -> None:
    dockerfile = f"FROM {BASE}\nRUN apk add --no-cache \\\n    curl \\\n    py-pip \\\n    tini\n"
    log = "ERROR: unable to select packages:\n  py-pip (no such package):\n    required by: world[py-pip]\n"
    repair = operate(dockerfile, log, requirements="")
    assert repair.new.decode() == dockerfile.replace("py-pip", "py3-pip")


def test_where_no_package_helps_nothing_is_written(operate) -> None:
    repair = operate(TWO_STAGES, "c++: fatal error: Killed signal terminated program cc1plus\n")
    assert not repair.changed
    assert repair.diagnosis.verdict == "no-package-helps"


def test_a_package_that_is_there_already_is_not_added_again(operate) -> None:
    dockerfile = TWO_STAGES.replace("musl-dev", "musl-dev gcc libpq-dev").replace("curl", "curl libpq")
    repair = operate(dockerfile, LOGS["BuildKit"])
    assert not repair.changed
    assert "is in the stage already" in repair.notes[0]


def test_repairing_twice_changes_nothing_more(operate) -> None:
    once = operate(TWO_STAGES, LOGS["BuildKit"]).new
    assert operate(once.decode(), LOGS["BuildKit"]).new == once
