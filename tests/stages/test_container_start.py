"""What a container installs when it starts, as far as that is certain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.discovery import find_jobs
from dockerlint_alpine.stages.container_start import image_start, seen_by
from dockerlint_alpine.stages.context import BuildContext
from dockerlint_alpine.stages.files import FromStage, StageFiles
from dockerlint_alpine.syntax import parse
from dockerlint_alpine.system.services import ServiceStart
from tests.conftest import Judge

PY = "FROM python:3.12-alpine3.20\n"
ALL = PY + "WORKDIR /srv\nCOPY . .\n"
BUILD = {"gcc", "libpq-dev", "musl-dev"}


def _lacks(judge: Judge, text: str, files: dict[str, str]) -> dict[str, Finding]:
    report = judge(text, {"requirements.txt": "psycopg2==2.9.9\n", **files})
    return {package: one for one in report.findings if one.code in {"AD101", "AD102"} for package in one.packages}


@pytest.mark.parametrize(
    ("starts", "files"),
    [
        ("CMD pip install -r requirements.txt && python app.py", {}),
        ('CMD ["sh", "-c", "pip install -r requirements.txt; exec python app.py"]', {}),
        ('ENTRYPOINT ["./run.sh"]\nCMD ["python", "app.py"]', {"run.sh": 'pip install -r requirements.txt\nexec "$@"\n'}),
        ("CMD ./run.sh", {"run.sh": "#!/bin/bash\nif ! pip install -r requirements.txt; then exit 1; fi\n"}),
        ("CMD sh run.sh", {"run.sh": ". ./more.sh\n", "more.sh": "cd /srv\npython3 -m pip install psycopg2==2.9.9\n"}),
        ("COPY x /etc/services.d/", {"x/a/run": "#!/usr/bin/with-contenv bash\npip install -r /srv/requirements.txt\n"}),
        ("ENV R=requirements.txt\nCMD pip install -r $R", {}),
    ],
)  # fmt: skip
def test_what_is_installed_at_start(judge: Judge, starts: str, files: dict[str, str]) -> None:
    found = _lacks(judge, f"{ALL}{starts}\n", files)
    assert set(found) == BUILD
    assert {one.severity for one in found.values()} == {"warning"}
    assert {one.confidence for one in found.values()} == {"certain"}
    for one in found.values():
        assert any(each.detail.startswith("the container installs it when it starts") for each in one.evidence)
        assert one.fix is not None
        assert one.fix.applicability == "safe"


@pytest.mark.parametrize(
    ("starts", "files"),
    [
        ("CMD [ -z $DEV ] || pip install -r requirements.txt", {}),
        ("CMD ./run.sh", {"run.sh": '#!/bin/sh\nif [ "$DEV" ]; then pip install -r requirements.txt; fi\n'}),
        ("CMD ./run.sh", {"run.sh": "#!/bin/sh\nup() {\n  pip install -r requirements.txt\n}\n[ $DEV ] && up\n"}),
        ("CMD python app.py", {"app.py": "import os\nos.system('pip install psycopg2')\n"}),
        ("CMD pip install -r /data/requirements.txt", {}),
        ("CMD pip install $MORE", {}),
        ("CMD pip install -r more.txt", {"more.txt": "-r more.txt\npsycopg2==2.9.9\n"}),
        ("ARG R=requirements.txt\nCMD pip install -r $R", {}),
        ('CMD ["pip", "install", "-r", "requirements.txt"]\nCMD python app.py', {}),
        ('ENTRYPOINT ["./run.sh"]\nCMD pip install -r requirements.txt', {"run.sh": "#!/bin/sh\nsleep 1\n"}),
    ],
)
def test_what_may_be_installed_is_left_alone(judge: Judge, starts: str, files: dict[str, str]) -> None:
    report = judge(f"{ALL}{starts}\n", {"requirements.txt": "psycopg2==2.9.9\n", **files})
    assert [one for one in report.findings if one.code in {"AD101", "AD102", "AD901", "AD905"}] == []


def test_a_stage_that_no_container_is_made_of_installs_nothing(judge: Judge) -> None:
    text = f"{ALL.replace('3.20', '3.20 AS a')}CMD pip install -r requirements.txt\n{PY}COPY --from=a /srv /srv\n"
    assert not _lacks(judge, text, {})


def test_the_instructions_of_the_stages_before_count(judge: Judge) -> None:
    text = f"{ALL.replace('3.20', '3.20 AS a')}CMD pip install -r requirements.txt\n"
    text += "FROM a\nRUN apk add --no-cache libpq-dev\n"
    assert set(_lacks(judge, text, {})) == BUILD - {"libpq-dev"}


@pytest.mark.parametrize("starts", ["pip install -r requirements.txt", "[ -z $DEV ] || pip install -r more.txt"])
def test_what_it_compiles_with_is_neither_superfluous_nor_to_be_moved(judge: Judge, starts: str) -> None:
    text = f"{PY}RUN apk add --no-cache gcc libpq-dev musl-dev\nRUN pip install certifi==2024.2.2\nCOPY . .\nCMD {starts}\n"
    report = judge(text, {"requirements.txt": "psycopg2==2.9.9\n"})
    assert [one.code for one in report.findings if one.code.startswith(("AD1", "AD4"))] == []


def test_what_the_image_has_is_not_installed_again(judge: Judge) -> None:
    text = f"{ALL}RUN apk add --no-cache gcc libpq-dev musl-dev\nRUN pip install -r requirements.txt\nRUN apk del gcc\n"
    assert not _lacks(judge, f"{text}CMD pip install -r requirements.txt\n", {})


def _instructions(text: str) -> tuple[str | None, str | None]:
    start = image_start([parse(one.encode()).instructions for one in text.split("\n--\n")])
    entrypoint, command = start.entrypoint, start.command
    return entrypoint.value if entrypoint is not None else None, command.value if command is not None else None


@pytest.mark.parametrize(
    ("text", "entrypoint", "command"),
    [
        ("CMD a\nCMD b", None, "b"),
        ("CMD a\n--\nENTRYPOINT b", "b", None),
        ("CMD a\n--\nENTRYPOINT b\nCMD c", "b", "c"),
        ("ENTRYPOINT a\n--\nCMD b", "a", "b"),
        ("ENTRYPOINT a\n--\nENTRYPOINT []\nCMD b", None, "b"),
    ],
)
def test_what_the_stages_come_to(text: str, entrypoint: str | None, command: str | None) -> None:
    assert _instructions(text) == (entrypoint, command)


SERVICES = {
    "command": ("    command: sh -c 'pip install -r requirements.txt && python app.py'\n", ALL, BUILD),
    "mounted": (
        "    command: pip install -r requirements.txt\n    volumes: ['.:/src']\n    working_dir: /src\n",
        PY,
        BUILD,
    ),
    "mounted for CMD": (
        "    volumes: ['.:/src']\n",
        f"{PY}WORKDIR /src\nCMD pip install -r requirements.txt\n",
        BUILD,
    ),
    "entrypoint": ("    entrypoint: pip install\n    command: -r requirements.txt\n", ALL, BUILD),
    "arguments": ("    command: install -r requirements.txt\n", f'{ALL}ENTRYPOINT ["pip"]\n', BUILD),
    "nothing there": ("    command: pip install -r requirements.txt\n", PY, set()),
    "another one's": ("    command: python app.py\n", f"{ALL}CMD true\n", set()),
    "not certain": ("    command: sh -c '[ $$DEV ] && pip install -r requirements.txt'\n", ALL, set()),
}


@pytest.mark.parametrize(("service", "dockerfile", "lacks"), SERVICES.values(), ids=SERVICES)
def test_what_a_service_installs(
    project: Callable[[Mapping[str, str]], Path],
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    dockerfile: str,
    lacks: set[str],
) -> None:
    compose = f"services:\n  web:\n    build: .\n{service}  again:\n    build: .\n{service}"
    files = {"Dockerfile": dockerfile, "compose.yml": compose, "requirements.txt": "psycopg2==2.9.9\n"}
    monkeypatch.chdir(project(files))
    (job,), _ = find_jobs(["compose.yml"])
    report = Doctor(configure()).for_job(job).check_file(job.path)
    found = [one for one in report.findings if one.code in {"AD101", "AD102"}]
    assert sorted(package for one in found for package in one.packages) == sorted(lacks)
    for one in found:
        said = [each.detail for each in one.evidence if "when it starts" in each.detail]
        assert said[0].startswith(("web (compose.yml:", "the container installs"))


def test_nothing_is_said_of_what_comes_before_a_circle_of_requirements(judge: Judge) -> None:
    """What a container can't read may be there when it starts."""
    files = {"more.txt": "-r more.txt\n", "requirements.txt": "psycopg2==2.9.9\n"}
    starts = "CMD pip install $MORE; pip install -r requirements.txt; pip install -r more.txt"
    report = judge(f"{ALL}{starts}\n", files)
    assert {one.code for one in report.findings} == {"AD101", "AD102"}


def test_however_many_folders_are_mounted_the_limits_are_those_of_the_build(tmp_path: Path) -> None:
    files = StageFiles(BuildContext(tmp_path))
    tolds = [ServiceStart("web", "volumes", (str(tmp_path), f"/v{one}", "."), "compose.yml", 1) for one in range(3)]
    seen, _ = seen_by(tolds, files, "/")
    contexts = [one.files.context for one in seen.placements if isinstance(one, FromStage) and one.files is not None]
    assert len(contexts) == 3
    assert all(one.scripts is files.context.scripts and one.steps is files.context.steps for one in contexts)


def test_what_it_loads_is_a_warning_too(judge: Judge) -> None:
    report = judge(f"{ALL}CMD pip install python-magic==0.4.27\n", {})
    (found,) = [one for one in report.findings if one.code == "AD203"]
    assert (found.severity, found.packages) == ("warning", ("libmagic",))
