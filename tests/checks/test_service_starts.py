"""AD204: what the services of a compose file start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.run.analysis import Doctor, configure, fix_bytes
from dockerlint_alpine.run.compose import _words
from dockerlint_alpine.run.discovery import find_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockerlint_alpine.model.findings import Finding

Project = Callable[[Mapping[str, str]], Path] if TYPE_CHECKING else object
PY = "FROM python:3.12-alpine3.20\n"


@pytest.fixture
def composed(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Finding]]:
    """The findings of AD204 where a service ``web`` says so."""

    def run(service: str, dockerfile: str = PY, files: Mapping[str, str] | None = None) -> list[Finding]:
        compose = f"services:\n  web:\n    build: .\n{service}"
        root = project({"Dockerfile": dockerfile, "compose.yml": compose, **(files or {})})
        monkeypatch.chdir(root)
        (job,), errors = find_jobs(["compose.yml"])
        assert not errors
        report = Doctor(configure()).for_job(job).check_file(job.path)
        return [finding for finding in report.findings if finding.code == "AD204"]

    return run


@pytest.mark.parametrize(
    ("service", "needs"),
    [
        ("    healthcheck:\n      test: curl -f http://localhost || exit 1\n", ["curl"]),
        ('    healthcheck:\n      test: ["CMD", "curl", "-f", "http://localhost"]\n', ["curl"]),
        ('    healthcheck:\n      test: ["CMD-SHELL", "curl -f http://localhost || exit 1"]\n', ["curl"]),
        ("    healthcheck:\n      test: [CMD-SHELL, 'wget -q http://localhost && nc -z a 1']\n", []),
        ("    healthcheck:\n      test: [NONE]\n", []),
        ("    healthcheck:\n      disable: true\n      test: curl x\n", []),
        ("    healthcheck:\n      test: curl x || wget x\n", []),
        ("    command: bash -c 'echo hello'\n", ["bash"]),
        ("    command: [bash, run]\n", ["bash"]),
        ("    command: sh -c 'psql -h $$HOST'\n", ["psql"]),
        ("    command: ${SHELL_OF_MINE} run\n", []),
        ("    command: ${SHELL_OF_MINE:-bash} run\n", ["bash"]),
        ("    command: python app.py --shell bash\n", []),
        ("    command: '\"open'\n", []),
        ("    entrypoint: [/sbin/tini, --]\n    command: bash run\n", ["bash", "tini"]),
        ("    entrypoint: python app.py\n    command: bash\n", []),
        ("    command: curl x\n    environment: [PATH=/mine]\n", []),
        ("    command: curl x\n    environment: {PATH: /mine}\n", []),
        ("    command: curl x\n    volumes: ['./bin:/usr/local/bin:ro']\n", []),
        ("    command: curl x\n    volumes: [{type: bind, source: ./bin, target: /usr/bin}]\n", []),
        ("    command: curl x\n    volumes: ['./data:/data']\n", ["curl"]),
        ("    command: [[a], {b: c}]\n    healthcheck: [x]\n    entrypoint: {a: b}\n", []),
    ],
)
def test_what_a_service_starts(composed: Callable[..., list[Finding]], service: str, needs: list[str]) -> None:
    assert sorted(str(one.need).removeprefix("cmd:") for one in composed(service)) == needs


CODE = {
    "src/main.py": "import os\nos.system('pdfinfo x')\n",
    "src/run.sh": "#!/bin/sh\npsql\n",
    "../other/x.sh": "git x\n",
}


@pytest.mark.parametrize(
    ("service", "dockerfile", "needs"),
    [
        ("    volumes: ['.:/code']\n    working_dir: /code\n    command: python src/main.py\n", "", ["pdfinfo"]),
        ("    volumes: [./src:/code:ro]\n    command: sh /code/run.sh\n", "", ["psql"]),
        ("    volumes: [{type: bind, source: ./src, target: /code}]\n    command: sh /code/run.sh\n", "", ["psql"]),
        ("    volumes: [{type: volume, source: ./src, target: /code}]\n    command: sh /code/run.sh\n", "", []),
        ("    volumes: ['src:/code', '~/x:/y', '${X}:/z', ./none:/n, [a]]\n    command: sh /code/run.sh\n", "", []),
        ("    volumes: ['../other:/code']\n    command: sh /code/x.sh\n", "", []),
        ("    volumes: ['./src:/code']\n", "WORKDIR /code\nCMD python main.py\n", ["pdfinfo"]),
        ("    volumes: ['./src:/code']\n", 'WORKDIR /code\nENTRYPOINT ["python"]\nCMD ["main.py"]\n', ["pdfinfo"]),
        ("    volumes: ['./src:/code']\n", 'WORKDIR /code\nENTRYPOINT ["python", "main.py"]\n', ["pdfinfo"]),
        ("    volumes: ['./src:/code']\n    entrypoint: x\n", "WORKDIR /code\nCMD python main.py\n", []),
        ("    command: main.py\n", 'WORKDIR /code\nCOPY src .\nENTRYPOINT ["python"]\n', ["pdfinfo"]),
        ("    volumes: ['./src:/code']\n", "", []),
    ],
)
def test_folders_that_a_service_mounts(
    composed: Callable[..., list[Finding]], service: str, dockerfile: str, needs: list[str]
) -> None:
    assert [str(one.need).removeprefix("cmd:") for one in composed(service, PY + dockerfile, CODE)] == needs


def test_services_of_an_image_that_another_one_builds(composed: Callable[..., list[Finding]]) -> None:
    more = (
        "    image: ${NAME:-mine}:1\n  worker:\n    image: mine:1\n    command: curl x\n  other:\n    image: mine:2\n"
        "    command: psql\n  none:\n    command: jq\n"
    )
    (said,) = composed(more)
    assert said.message.startswith("command of service worker (compose.yml:7) starts curl, ")


def test_services_that_mount_other_folders_at_one_place(composed: Callable[..., list[Finding]]) -> None:
    services = (
        "    image: mine:1\n    volumes: ['./a:/code']\n    command: python /code/main.py\n"
        "  b:\n    image: mine:1\n    volumes: ['./b:/code']\n    command: python /code/main.py\n"
    )
    files = {f"{name}/main.py": f"import os\nos.system('{starts} x')\n" for name, starts in (("a", "git"), ("b", "jq"))}
    assert [one.need for one in composed(services, PY, files)] == ["cmd:git", "cmd:jq"]


def test_where_code_lies_that_is_mounted(composed: Callable[..., list[Finding]]) -> None:
    (said,) = composed("    volumes: ['./src:/code']\n", f"{PY}WORKDIR /code\nCMD python main.py\n", CODE)
    assert said.message == (
        "CMD of service web (compose.yml:4) starts pdfinfo in src/main.py:2, which is not in this stage: add poppler-utils"
    )


CLOSED = (
    "FROM python:3.11-alpine3.19 AS b\nRUN apk add gcc musl-dev lz4-dev && pip install --target /t lz4==4.4.5\n"
    "FROM python:3.11-alpine3.19\nCOPY --from=b /t /t\nCOPY --from=b --chmod=600 /usr/lib/liblz4.so.1 /usr/lib/\nUSER app\n"
)


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ("", True),
        ("    user: app\n", True),
        ('    user: "0:0"\n', False),
        ("    user: root\n    volumes: [./x:/usr]\n", False),
    ],
)
def test_who_a_service_runs_the_image_as(
    project: Project, monkeypatch: pytest.MonkeyPatch, service: str, told: bool
) -> None:
    monkeypatch.chdir(project({"Dockerfile": CLOSED, "compose.yml": f"services:\n  web:\n    build: .\n{service}"}))
    (job,), _ = find_jobs(["compose.yml"])
    report = Doctor(configure()).for_job(job).check_file(job.path)
    assert any("can't read it" in one.message for one in report.findings) is told


def test_the_line_of_the_compose_file_is_named(composed: Callable[..., list[Finding]]) -> None:
    (finding,) = composed("    healthcheck:\n      interval: 5s\n      test: curl x\n", f"{PY}HEALTHCHECK CMD wget x\n")
    assert finding.message == (
        "healthcheck of service web (compose.yml:6) starts curl, which is not in this stage: add curl"
    )
    assert finding.location.line == 2  # what it takes the place of
    assert finding.evidence[0].kind == "compose"
    assert finding.fix is not None
    assert finding.fix.applicability == "safe"


def test_an_entrypoint_of_the_image_hands_over_what_a_service_says(composed: Callable[..., list[Finding]]) -> None:
    files = {"run.sh": '#!/bin/sh\nexec "$@"\n', "own.sh": "#!/bin/sh\npython app.py\n"}
    dockerfile = 'COPY *.sh /\nENTRYPOINT ["/{}"]\n'
    assert composed("    command: bash\n", PY + dockerfile.format("run.sh"), files)
    assert not composed("    command: bash\n", PY + dockerfile.format("own.sh"), files)


def test_what_a_service_brings_is_there(composed: Callable[..., list[Finding]]) -> None:
    command = '    command: ["sh", "-c", "wget -O {} http://h.example/x && jq ."]\n'
    assert [one.need for one in composed(command.format("/tmp/x"))] == ["cmd:jq"]
    assert not composed(command.format("/usr/local/bin/jq"))


def test_it_is_the_last_stage_that_is_started(composed: Callable[..., list[Finding]]) -> None:
    text = f"{PY.strip()} AS one\n{PY.strip()} AS two\nRUN apk add bash\n"
    assert not composed("    command: bash\n", text)


def test_two_services_of_one_build_are_both_heard(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    services = "services:\n  a: {build: ., command: bash}\n  b: {build: ., command: curl x}\n"
    monkeypatch.chdir(project({"Dockerfile": PY, "compose.yml": services}))
    (job,), _ = find_jobs(["."])
    assert [(one.service, one.words) for one in job.starts] == [("a", ("bash",)), ("b", ("curl", "x"))]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="$"), max_size=8), max_size=4))
def test_a_list_is_taken_as_it_stands(words: list[str]) -> None:
    assert _words(yaml.safe_load(yaml.safe_dump(words))) == tuple(words)


def test_the_fix_is_written_and_settles_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    services = "services:\n  web:\n    build: .\n    healthcheck: {test: curl -f http://localhost}\n"
    monkeypatch.chdir(project({"Dockerfile": PY, "compose.yml": services}))
    (job,), _ = find_jobs(["compose.yml"])
    doctor = Doctor(configure()).for_job(job)
    result = fix_bytes(doctor, job.path.read_bytes(), job.path)
    assert result.new == PY.encode() + b"RUN apk add --no-cache curl\n"
    assert not [one for one in result.left.findings if one.code == "AD204"]


@pytest.mark.parametrize("command", ["sh /srv/start.sh", "[./start.sh]", "python main.py"])
def test_what_the_code_starts_that_a_service_runs(
    project: Project, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    files = {
        "Dockerfile": "FROM python:3.12-alpine3.20\nWORKDIR /srv\nCOPY . .\n",
        "compose.yml": f"services: {{w: {{build: ., command: {command}}}}}\n",
        "start.sh": "#!/bin/sh\nexec python3 main.py\n",
        "main.py": "import subprocess\nsubprocess.run(['jq', '.'])\n",
    }
    monkeypatch.chdir(project(files))
    (job,) = find_jobs(["compose.yml"])[0]
    report = Doctor(configure()).for_job(job).check_file(job.path)
    (found,) = (one for one in report.findings if one.code == "AD204")
    assert (
        found.message
        == "command of service w (compose.yml:1) starts jq in main.py:2, which is not in this stage: add jq"
    )
