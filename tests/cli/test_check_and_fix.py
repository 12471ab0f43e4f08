"""The two commands as a user types them: output, exit codes, and every kind of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests import program

ADDED = ["+    lz4-dev \\", "+    lz4-libs \\"]
BROKEN = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache curl\nRUN pip install lz4==4.4.5\n"


def run(*args: str, cwd: Path, stdin: bytes | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Start the program as a process of its own."""
    return program.run(*args, cwd=cwd, stdin=stdin, variables=env)


DOCKERFILE = "docker/backend.alpine.Dockerfile"


def test_check_finds_the_two_packages(backend: Path) -> None:
    done = run("check", "--offline", "--output-format", "json", DOCKERFILE, cwd=backend)
    assert done.returncode == 1, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    found = {f["code"]: f for f in file["findings"]}
    assert set(found) == {"AD103", "AD201"}
    assert found["AD201"]["packages"] == ["lz4-libs"]
    assert found["AD201"]["distribution"]["origin"] == ["requirements.txt:11", "clickhouse-connect", "lz4"]
    assert json.loads(done.stdout)["summary"] == {"files": 1, "errors": 1, "warnings": 1, "fixable": 2, "unknown": 0}


def test_fix_adds_exactly_two_lines_and_a_second_run_nothing(backend: Path) -> None:
    place = backend / DOCKERFILE
    place.chmod(0o640)
    before = place.read_text().splitlines()
    done = run("fix", "--offline", DOCKERFILE, cwd=backend)
    assert done.returncode == 0, done.stderr
    after = place.read_text().splitlines()
    assert [line for line in after if line not in before] == [line[1:] for line in ADDED]
    assert len(after) == len(before) + 2
    assert place.stat().st_mode & 0o777 == 0o640
    fixed = place.read_bytes()
    assert run("fix", "--offline", DOCKERFILE, cwd=backend).returncode == 0
    assert place.read_bytes() == fixed
    assert run("check", "--offline", DOCKERFILE, cwd=backend).returncode == 0


def test_the_diff_applies_with_git_and_writes_nothing(backend: Path) -> None:
    before = (backend / DOCKERFILE).read_bytes()
    done = run("fix", "--offline", "--diff", DOCKERFILE, cwd=backend)
    assert done.returncode == 1
    assert (backend / DOCKERFILE).read_bytes() == before
    lines = done.stdout.decode().splitlines()
    assert [line for line in lines if line.startswith("+") and not line.startswith("+++")] == ADDED
    assert not [line for line in lines if line.startswith("-") and not line.startswith("---")]
    subprocess.run(["git", "init", "-q"], cwd=backend, check=True)
    subprocess.run(["git", "apply", "--check", "-"], cwd=backend, input=done.stdout, check=True)


def test_the_same_findings_from_the_compose_file_the_folder_and_stdin(backend: Path) -> None:
    def codes(*args: str, stdin: bytes | None = None) -> list[tuple[str, str]]:
        done = run("check", "--offline", "--output-format", "json", *args, cwd=backend, stdin=stdin)
        files = json.loads(done.stdout)["files"]
        return [(file["path"], finding["code"]) for file in files for finding in file["findings"]]

    expected = [(DOCKERFILE, "AD103"), (DOCKERFILE, "AD201")]
    assert codes("docker-compose.alpine-test.yml") == expected
    assert codes() == expected
    assert codes(".") == expected
    data = (backend / DOCKERFILE).read_bytes()
    assert codes("-", "--stdin-filename", DOCKERFILE, stdin=data) == expected


def test_fix_reads_stdin_and_prints_the_fixed_text(backend: Path) -> None:
    data = (backend / DOCKERFILE).read_bytes()
    done = run("fix", "-", "--offline", "--stdin-filename", DOCKERFILE, cwd=backend, stdin=data)
    assert done.returncode == 0
    assert done.stdout.count(b"lz4-") == data.count(b"lz4-") + 2
    assert (backend / DOCKERFILE).read_bytes() == data


def test_strict_fails_what_could_not_be_judged(project: Callable[[Mapping[str, str]], Path]) -> None:
    text = "FROM python:3.11-alpine3.19\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    root = project({"Dockerfile": text})
    assert run("check", "--offline", cwd=root).returncode == 0
    done = run("check", "--offline", "--strict", cwd=root)
    assert done.returncode == 2
    assert b"AD901" in done.stdout


def test_exit_zero_and_select(project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({"Dockerfile": BROKEN})
    assert run("check", "--offline", cwd=root).returncode == 1
    assert run("check", "--offline", "--exit-zero", cwd=root).returncode == 0
    assert run("check", "--offline", "--select", "AD2", cwd=root).returncode == 0
    assert run("check", "--offline", "--ignore", "missing-build-tool", cwd=root).returncode == 0
    assert b"AD502" in run("check", "--offline", "--select", "ALL", cwd=root).stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--select", "XYZ"], "unknown code or prefix: XYZ"),
        (["--platform", "windows/amd64"], "--platform: 'windows/amd64': choose from linux/amd64"),
        (["--alpine", "twelve"], "alpine"),
        (["--output-format", "xml"], "output-format"),
        (["--build-arg", "=x"], "expected NAME=VALUE"),
        (["--target", "nowhere"], "no stage is called 'nowhere'"),
        (["gone.Dockerfile"], "gone.Dockerfile"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(
    args: list[str], says: str, project: Callable[[Mapping[str, str]], Path]
) -> None:
    done = run("check", "--offline", *args, cwd=project({"Dockerfile": BROKEN}))
    assert done.returncode == 2
    assert says in (done.stdout + done.stderr).decode()
    assert b"Traceback" not in done.stderr


def _binary(path: Path) -> None:
    path.write_bytes(b"\x7fELF\0\0\0" + os.urandom(4000))


def _huge(path: Path) -> None:
    path.write_bytes(b"FROM alpine\n" + b"RUN true\n" * 1_200_000)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _prose(path: Path) -> None:
    path.write_text("This is no Dockerfile.\n")


def _cyclic_stages(path: Path) -> None:
    path.write_text("FROM alpine AS a\nCOPY --from=b /x /x\nFROM a AS b\n")


def _cyclic_requirements(path: Path) -> None:
    (path.parent / "a.txt").write_text("-r b.txt\n")
    (path.parent / "b.txt").write_text("-r a.txt\n")
    path.write_text("FROM python:3.11-alpine3.19\nCOPY *.txt ./\nRUN pip install -r a.txt\n")


def _self_link(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("command", ["check", "fix"])
def test_an_empty_folder_and_a_fragment_that_nobody_named_are_notes(command: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "x.dockerfile").write_bytes(b"RUN true\n")
    done = run(command, "--offline", "empty", "tests", cwd=tmp_path)
    assert done.returncode == 0
    assert b"empty: a folder without any Dockerfile" in done.stdout
    assert b"tests/x.dockerfile: no FROM instruction: not a Dockerfile" in done.stdout
    assert b"Nothing to check." in done.stdout
    named = run(command, "--offline", "tests/x.dockerfile", cwd=tmp_path)
    assert (named.returncode, b"no FROM instruction" in named.stdout) == (2, True)


@pytest.mark.parametrize("command", ["check", "fix"])
@pytest.mark.parametrize(
    "make",
    [_binary, _huge, _fifo, _empty, _prose, _cyclic_stages, _cyclic_requirements, _self_link],
    ids=lambda make: make.__name__,
)
def test_bad_input_is_one_clear_line_and_changes_nothing(
    make: Callable[[Path], None], command: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.Dockerfile"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    done = run(command, "--offline", "bad.Dockerfile", cwd=tmp_path)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 2, said
    assert "Traceback" not in said
    assert sum("bad.Dockerfile" in line for line in said.splitlines()) == 1, said
    if before is not None:
        assert path.read_bytes() == before


def test_a_broken_compose_file_is_one_clear_line(project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({"docker-compose.yml": "services: [\n"})
    done = run("check", "--offline", "docker-compose.yml", cwd=root)
    assert done.returncode == 2
    assert b"not a readable YAML file" in done.stdout + done.stderr


def test_version_and_help_import_nothing_heavy() -> None:
    code = (
        "import sys, dockerlint_alpine.cli as c\n"
        "try:\n    c.app(['--help'], prog_name='x')\nexcept SystemExit:\n    pass\n"
        "heavy = {'libcst', 'elftools', 'docker', 'requests', 'urllib3', 'cryptography', 'packaging', 'sqlite3', 'yaml'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_the_cache_answers_imports_nothing_that_judges(netra: Path, tmp_path: Path) -> None:
    others = {"packaging", "tempfile", "json", "tomllib", "_hashlib", "logging", "subprocess"}
    code = (
        "import sys, dockerlint_alpine.cli as c\n"
        "try:\n    c.app(['check', '--offline', 'docker/backend.alpine.Dockerfile'], prog_name='x')\n"
        "except SystemExit as end:\n    assert end.code == 1, end.code\n"
        "ours = {f'dockerlint_alpine.{name}' for name in 'apk checks fixer installers knowledge stages syntax'.split()}\n"
        f"print(sorted((ours | {others}) & set(sys.modules)), file=sys.stderr)\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=False, cwd=netra, env=environment)
        for _ in range(2)
    )
    assert "dockerlint_alpine.checks" in first.stderr
    assert second.stdout == first.stdout
    assert second.stderr.strip() == "[]"


def test_a_plain_check_imports_nothing_heavy(netra: Path) -> None:
    code = (
        "import sys\nfrom dockerlint_alpine import analyze\n"
        "report = analyze('docker/backend.alpine.Dockerfile')\nassert report.fixable == 2\n"
        "heavy = {'libcst', 'elftools', 'docker', 'requests', 'urllib3', 'cryptography', 'yaml', 'asyncio', 'http'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=netra)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_goes_away_and_a_full_disk_are_no_traceback(project: Callable[[Mapping[str, str]], Path]) -> None:
    root = project({f"s{n}/Dockerfile": BROKEN for n in range(40)})
    command = f"{sys.executable} -m dockerlint_alpine check"
    done = subprocess.run(["sh", "-c", f"{command} | head -n 1"], cwd=root, capture_output=True, check=False)
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""
    done = subprocess.run(["sh", "-c", f"{command} > /dev/full"], cwd=root, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr == b"alpine-doctor: standard output: No space left on device\n"
