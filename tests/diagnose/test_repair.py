"""A log and a Dockerfile: the step is found, and both what is proven and what is foreseen is written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.diagnose import diagnose_scan, read_log
from dockerlint_alpine.diagnose.repair import DockerfileRepair, Repair
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
        dockerfile_repair = DockerfileRepair(doctor, dockerfile.encode(), path, found, "Dockerfile")
        release, said_by = dockerfile_repair.release()
        diagnosis = diagnose_scan(found, knowledge, store, alpine=release, said_by=said_by)
        return dockerfile_repair.repair(diagnosis)

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
    assert "is already in the stage" in repair.notes[0]


def test_repairing_twice_changes_nothing_more(operate) -> None:
    once = operate(TWO_STAGES, LOGS["BuildKit"]).new
    assert operate(once.decode(), LOGS["BuildKit"]).new == once


GCC_LOG = """
#6 [3/3] RUN pip install psutil
#6 0.9 Collecting psutil
#6 1.2   Downloading psutil-5.9.0.tar.gz (478 kB)
#6 2.0     error: command 'gcc' failed: No such file or directory
#6 ERROR: process "/bin/sh -c pip install psutil" did not complete successfully: exit code: 1
"""
FETCH = "#5 0.3 fetch https://dl-cdn.alpinelinux.org/alpine/v3.19/main/x86_64/APKINDEX.tar.gz\n"
ONE_STAGE = "FROM {base}\nRUN apk add curl\nRUN pip install psutil\n"


@pytest.mark.parametrize("base", ["example.org/team/base:1", "${BASE}"])
def test_a_base_that_does_not_tell_its_release_is_that_of_the_log(base: str, operate) -> None:
    dockerfile = ONE_STAGE.format(base=base)
    repair = operate(f"ARG BASE\n{dockerfile}", FETCH + GCC_LOG)
    assert repair.diagnosis.packages == ("gcc",)
    assert repair.diagnosis.release == "3.19"
    added = set(repair.new.decode().splitlines()[2].split()[3:])
    assert added == {"curl", "gcc", "linux-headers", "musl-dev"}
    assert set(repair.diagnosis.causes[0].foreseen) == {"linux-headers", "musl-dev"}
    assert repair.complete


def test_a_log_of_alpine_and_a_dockerfile_of_debian(operate) -> None:
    repair = operate(ONE_STAGE.format(base="python:3.11-slim"), FETCH + GCC_LOG)
    assert repair.diagnosis.packages == ("gcc",)
    assert not repair.changed
    assert not repair.complete
    assert repair.notes == ("gcc: the base of stage 0 (python:3.11-slim) is not Alpine",)


def test_a_dockerfile_of_debian_and_a_log_that_does_not_say(operate) -> None:
    repair = operate(ONE_STAGE.format(base="python:3.11-slim"), GCC_LOG)
    assert repair.diagnosis.verdict == "no-package-helps"
    assert not repair.changed


def test_what_brings_another_is_enough(operate) -> None:
    log = "Collecting cryptography==3.4.8\nerror: can't find Rust compiler\nERROR: Failed building wheel for cryptography\n"
    repair = operate(f"FROM {BASE}\nRUN pip install foo\n", log)
    assert repair.diagnosis.packages == ("cargo", "rust")
    written = [item.package for item in repair.applied]
    assert {"cargo", "gcc", "musl-dev", "openssl-dev"} <= set(written)
    assert len(written) == len(set(written))
    assert not repair.notes


def test_a_pin_is_loosened_to_what_apk_has(operate) -> None:
    log = "ERROR: unable to select packages:\n  curl-8.9.1-r2:\n    breaks: world[curl=8.4.0-r0]\n"
    dockerfile = f"FROM {BASE}\nRUN apk add --no-cache curl=8.4.0-r0 tini\n"
    repair = operate(dockerfile, log, requirements="")
    assert repair.diagnosis.verdict == "no-package-helps"
    assert repair.new.decode() == dockerfile.replace("curl=8.4.0-r0", "curl=~8.9.1")
    assert repair.complete


@pytest.mark.parametrize(
    "log",
    [
        "ERROR: Failed building wheel for cryptography\n",
        "error: the configured Python interpreter version (3.14) is newer than PyO3's maximum supported version (3.13)\n",
        "ERROR: lib/apk/exec/busybox-1.37.0-r29.trigger: exited with error 127\n",
    ],
)
def test_a_cause_that_no_package_mends_or_that_is_unknown_writes_nothing(log: str, operate) -> None:
    repair = operate(f"FROM {BASE}\nRUN pip install cryptography==3.4.8\n", log)
    assert not repair.changed
    assert not repair.complete


def test_the_exact_step_goes_before_the_same_text_in_another_stage(operate) -> None:
    dockerfile = f"FROM {BASE} AS a\nRUN pip install lz4\nFROM {BASE} AS b\nRUN pip install lz4\n"
    log = (
        f"Step 1/4 : FROM {BASE} AS a\nStep 2/4 : RUN pip install lz4\nSuccessfully installed lz4-4.4.5\n"
        f"Step 3/4 : FROM {BASE} AS b\nStep 4/4 : RUN pip install lz4\n"
        "error: command 'gcc' failed: No such file or directory\n"
        "The command '/bin/sh -c pip install lz4' returned a non-zero code: 1\n"
    )
    repair = operate(dockerfile, log, requirements="")
    assert repair.diagnosis.causes[0].stage == "b"


def test_a_library_that_a_step_of_the_build_loads_is_one_of_what_runs(operate) -> None:
    dockerfile = f"FROM {BASE}\nRUN apk add --no-cache curl\nRUN python -c 'import lz4'\n"
    log = (
        "#7 [3/3] RUN python -c 'import lz4'\n#7 0.2 ImportError: Error loading shared library liblz4.so.1: No such file or "
        "directory (needed by /usr/local/lib/python3.11/site-packages/lz4/_version.so)\n"
        "#7 ERROR: process \"/bin/sh -c python -c 'import lz4'\" did not complete successfully: exit code: 1\n"
    )
    repair = operate(dockerfile, log, requirements="")
    cause = repair.diagnosis.causes[0]
    assert (cause.moment, cause.lasting, cause.packages) == ("build", True, ("lz4-libs",))
    assert repair.new.decode() == dockerfile.replace("curl", "curl lz4-libs")
