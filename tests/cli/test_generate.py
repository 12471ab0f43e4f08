"""``generate``: what it prints installs the requirements with exactly the packages they need, and says why."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

import pytest

from dockerlint_alpine.answers.generate import Generated, generate, newest_release
from dockerlint_alpine.run.analysis import Doctor, UnreadableError, configure
from dockerlint_alpine.syntax import parse
from tests.cli.test_fix import run

Project = Callable[[Mapping[str, str]], Path]


def made(root: Path, name: str = "requirements.txt", *, python: str = "3.11", alpine: str = "3.19") -> Generated:
    return generate(Doctor(configure()), root / name, python=python, alpine=alpine)


def packages(text: str) -> list[list[str]]:
    """The packages of every ``apk add``, in order."""
    runs = [instruction.value for instruction in parse(text.encode()).instructions if "apk add" in instruction.value]
    return [value.split()[3:] for value in runs]


def bases(text: str) -> int:
    return sum(instruction.keyword == "FROM" for instruction in parse(text.encode()).instructions)


def test_two_stages_where_something_is_compiled(project: Project) -> None:
    done = made(project({"requirements.txt": "lz4==4.4.5\npsycopg2==2.9.11\nredis==7.0.1\n"}))
    assert packages(done.text) == [["gcc", "musl-dev", "libpq-dev"], ["libpq"]]
    assert "# to compile lz4 and psycopg2\n    gcc" in done.text
    assert "# psycopg2 links libpq.so.5\n    libpq\n" in done.text
    assert bases(done.text) == 2
    assert not done.report.findings
    assert done.report.unknown == 0


def test_what_a_package_of_any_version_meets_is_called_by_its_name(project: Project) -> None:
    text = made(project({"requirements.txt": "python-ldap==3.4.5\n"}), python="3.12", alpine="3.20").text
    assert "# python-ldap links libldap\n    libldap\n" in text


def test_one_stage_where_everything_has_a_wheel(project: Project) -> None:
    done = made(project({"requirements.txt": "cryptography==46.0.3\n"}))
    assert bases(done.text) == 1
    assert packages(done.text) == []
    assert not done.report.findings


def test_one_stage_with_what_python_code_opens(project: Project) -> None:
    done = made(project({"requirements.txt": "python-magic==0.4.27\n"}))
    assert bases(done.text) == 1
    assert packages(done.text) == [["libmagic"]]
    assert "# python-magic opens libmagic" in done.text
    assert not done.report.findings


def test_included_files_are_copied_to_where_pip_finds_them(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(
        {
            "requirements/prod.txt": "-r base.txt\n-c limits.txt\nlz4\n",
            "requirements/base.txt": "psycopg2==2.9.11\n",
            "requirements/limits.txt": "lz4==4.4.5\n",
            "main.py": "",
        }
    )
    monkeypatch.chdir(root)
    done = made(root, "requirements/prod.txt")
    assert "COPY requirements/base.txt requirements/limits.txt requirements/prod.txt requirements/\n" in done.text
    assert "-r requirements/prod.txt" in done.text
    assert 'CMD ["python", "main.py"]' in done.text
    assert not done.report.findings


def test_a_project(project: Project) -> None:
    text = '[project]\nname = "x"\nversion = "1"\ndependencies = ["lz4==4.4.5"]\n[build-system]\nrequires = ["setuptools"]\n'
    done = made(project({"pyproject.toml": text}), "pyproject.toml")
    assert "pip install --no-cache-dir --prefix=/install .\n" in done.text
    assert packages(done.text)[0] == ["gcc", "musl-dev"]
    assert not [finding for finding in done.report.findings if finding.severity != "info"]


@pytest.mark.parametrize(("python", "alpine"), [("3.10", "3.17"), ("3.12", "3.21"), ("3.13", "3.22")])
def test_check_of_the_output_is_clean_for_every_release(project: Project, python: str, alpine: str) -> None:
    wanted = "lz4==4.4.5\npsycopg2==2.9.11\nmysqlclient==2.2.7\npython-magic==0.4.27\n"
    done = made(project({"requirements.txt": wanted}), python=python, alpine=alpine)
    assert not done.report.findings
    assert all(
        re.search(rf"^    {re.escape(name)}( \\)?$", done.text, re.MULTILINE)
        for name in chain.from_iterable(packages(done.text))
    )


def test_nothing_in_it_is_superfluous(project: Project) -> None:
    """Take any one package out, and something is missing."""
    root = project({"requirements.txt": "lz4==4.4.5\npsycopg2==2.9.11\npython-magic==0.4.27\n"})
    text = made(root).text
    doctor = Doctor(configure(context=root))
    for name in chain.from_iterable(packages(text)):
        less = re.sub(rf"^    {re.escape(name)} \\\n", "", text, count=1, flags=re.MULTILINE)
        if less == text:
            less = re.sub(rf" \\\n(    #[^\n]*\n)*    {re.escape(name)}\n", "\n", text, count=1)
        if less == text:
            less = re.sub(rf"RUN apk add --no-cache \\\n(    #[^\n]*\n)*    {re.escape(name)}\n", "", text, count=1)
        assert less != text
        assert doctor.check_bytes(less.encode(), root / "Dockerfile").findings, name


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such file"):
        made(tmp_path)


def test_the_newest_release_has_an_index() -> None:
    doctor = Doctor(configure())
    assert doctor.store.open(newest_release(doctor.store)).release == newest_release(doctor.store)


def test_the_command_prints_a_dockerfile_that_check_finds_clean(project: Project) -> None:
    root = project({"requirements.txt": "lz4==4.4.5\n"})
    done = run("generate", "--offline", cwd=root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"# syntax=docker/dockerfile:1\n")
    assert b"FROM python:3.13-alpine3." in done.stdout
    (root / "Dockerfile").write_bytes(done.stdout)
    assert run("check", "--offline", "--strict", cwd=root).returncode == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["gone.txt"], "gone.txt: no such file"),
        (["--alpine", "9.9"], "9.9"),
        (["--alpine", "latest"], "expected X.Y"),
        (["--python", "3"], "expected X.Y"),
        (["."], "is a folder"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(project: Project, args: list[str], says: str) -> None:
    done: subprocess.CompletedProcess[bytes] = run("generate", *args, cwd=project({"requirements.txt": "lz4==4.4.5\n"}))
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_what_is_not_known_is_said(project: Project) -> None:
    root = project({"requirements.txt": "nobody-knows-this-one==1.0\n"})
    done = run("generate", "--offline", cwd=root)
    assert done.returncode == 0
    assert b"AD903" in done.stderr
    assert run("generate", "--offline", "--strict", cwd=root).returncode == 2
