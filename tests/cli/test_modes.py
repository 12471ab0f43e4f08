"""``check`` in its other modes, ``config`` and ``cache``, as a user types them."""

from __future__ import annotations

import json
import os
import sqlite3
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cli.test_check_and_fix import run

Project = Callable[[Mapping[str, str]], Path]
BROKEN = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache curl\nRUN pip install lz4==4.4.5\n"


DOCKERFILE = "docker/backend.alpine.Dockerfile"


# what uses a file

USERS = {
    "a/Dockerfile": "FROM python:3.11-alpine3.19\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n",
    "a/requirements.txt": "-r base.txt\n",
    "a/base.txt": "lz4==4.4.5\n",
    "b/Dockerfile": BROKEN,
    "b/requirements.txt": "lz4==4.4.5\n",
    "c/compose.yml": "services: {c: {build: {context: ., dockerfile: Dockerfile}}}\n",
    "c/Dockerfile": BROKEN,
}


@pytest.mark.parametrize(
    ("named", "judged"),
    [
        (["a/requirements.txt"], ["a/Dockerfile"]),
        (["a/base.txt"], ["a/Dockerfile"]),
        (["b/requirements.txt"], []),
        (["a/base.txt", "b/Dockerfile"], ["b/Dockerfile", "a/Dockerfile"]),
        (["c/compose.yml"], ["c/Dockerfile"]),
        (["alpine-doctor.toml"], ["c/Dockerfile", "a/Dockerfile", "b/Dockerfile"]),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_the_dockerfiles_that_use_a_file(project: Project, named: list[str], judged: list[str], again: bool) -> None:
    """From the cache as well as anew."""
    root = project(
        {**USERS, "a/Dockerfile": USERS["a/Dockerfile"].replace("COPY", "COPY base.txt"), "alpine-doctor.toml": ""}
    )
    for _ in range(1 + again):
        done = run("check", "--using", *named, "--output-format", "json", cwd=root)
    assert [file["path"] for file in json.loads(done.stdout)["files"]] == judged
    assert done.returncode == (1 if judged else 0)


def test_a_dockerfile_that_cannot_be_read_may_use_anything(project: Project) -> None:
    root = project({"a/Dockerfile": "\0", "b/Dockerfile": BROKEN, "requirements.txt": "lz4\n"})
    done = run("check", "--using", "requirements.txt", "--output-format", "json", cwd=root)
    said = json.loads(done.stdout)
    assert ([file["path"] for file in said["files"]], [one["path"] for one in said["errors"]]) == ([], ["a/Dockerfile"])
    assert done.returncode == 2


def test_a_dockerfile_is_judged_once_however_it_is_spelled(project: Project) -> None:
    root = project(USERS)
    done = run("check", "--using", "./a/Dockerfile", "a/requirements.txt", "--output-format", "json", cwd=root)
    assert [file["path"] for file in json.loads(done.stdout)["files"]] == ["./a/Dockerfile"]


def test_using_needs_files_and_no_dockerfile(project: Project) -> None:
    root = project({"requirements.txt": "lz4\n"})
    assert run("check", "--using", "requirements.txt", cwd=root).returncode == 0
    done = run("check", "--using", cwd=root)
    assert done.returncode == 2
    assert b"--using needs files" in done.stderr


# statistics


def test_statistics_count_codes_and_say_what_can_be_fixed(backend: Path) -> None:
    done = run("check", "--statistics", cwd=backend)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines() == [
        "1  AD103  [*]  implicit-build-library",
        "1  AD201  [*]  missing-runtime-library",
        "[*] fixable with `alpine-doctor fix`",
    ]
    counted = json.loads(run("check", "--statistics", "--output-format", "json", cwd=backend).stdout)
    assert counted["statistics"][1] == {"code": "AD201", "name": "missing-runtime-library", "count": 1, "fixable": 1}
    assert run("check", "--statistics", "--ignore", "AD1,AD2", cwd=backend).stdout == b"Nothing was found.\n"
    done = run("check", "--statistics", "--output-file", "counts.txt", "--exit-zero", cwd=backend)
    assert (done.returncode, done.stdout) == (0, b"")
    assert (backend / "counts.txt").read_text().startswith("1  AD103")
    done = run("check", "--statistics", "--output-format", "sarif", cwd=backend)
    assert done.returncode == 2
    assert b"has the formats text and json" in done.stderr


def test_the_most_frequent_code_comes_first(project: Project) -> None:
    root = project({"a/Dockerfile": BROKEN, "b/Dockerfile": BROKEN.replace("curl", "curl gcc musl-dev nosuchpackage")})
    lines = run("check", "--statistics", cwd=root).stdout.decode().splitlines()
    numbers = [int(line.split()[0]) for line in lines if line[0].isdigit()]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) > 1


# what would be judged


def test_show_files_tells_the_builds(backend: Path) -> None:
    done = run("check", "--show-files", cwd=backend)
    assert done.returncode == 0
    assert done.stdout.decode() == f"{DOCKERFILE}  (service alpine-test-auth, context .)\n"
    args = ("--show-files", "--output-format", "json", "--target", "builder", "--build-arg", "A=1", DOCKERFILE)
    (file,) = json.loads(run("check", *args, cwd=backend).stdout)["files"]
    assert file == {
        "path": DOCKERFILE,
        "services": [],
        "context": None,
        "target": "builder",
        "build-args": {"A": "1"},
        "platforms": ["linux/amd64"],
    }
    done = run("check", "--show-files", "gone", cwd=backend)
    assert done.returncode == 2
    assert b"gone: no such file" in done.stderr


# comments that silence


def test_add_ignore_makes_the_next_check_clean_and_does_nothing_twice(backend: Path) -> None:
    place = backend / DOCKERFILE
    place.write_bytes(place.read_bytes().replace(b"\n", b"\r\n"))
    place.chmod(0o640)
    done = run("check", "--add-ignore", "--reason", "known since May", cwd=backend)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines()[-1] == "Added 2 comments to 1 file."
    text = place.read_bytes()
    assert text.count(b"# alpine-doctor: ignore[AD103] known since May\r\n") == 1
    assert text.count(b"# alpine-doctor: ignore[AD201] known since May\r\n") == 1
    assert text.count(b"\n") == text.count(b"\r\n")
    assert place.stat().st_mode & 0o777 == 0o640
    assert run("check", cwd=backend).returncode == 0
    again = run("check", "--add-ignore", cwd=backend)
    assert again.stdout == b"Added 0 comments to 0 files.\n"
    assert place.read_bytes() == text


def test_add_ignore_obeys_require_reason(project: Project) -> None:
    root = project({"Dockerfile": BROKEN, "alpine-doctor.toml": "require-reason = true\n"})
    done = run("check", "--add-ignore", cwd=root)
    assert done.returncode == 2
    assert b"--reason" in done.stderr
    assert (root / "Dockerfile").read_text() == BROKEN
    assert run("check", "--add-ignore", "--reason", "so be it", cwd=root).returncode == 0
    assert run("check", cwd=root).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_can_not_be_written_is_said(project: Project) -> None:
    root = project({"Dockerfile": BROKEN})
    (root / "Dockerfile").chmod(0o444)
    done = run("check", "--add-ignore", cwd=root)
    assert done.returncode == 2
    assert b"read-only" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--statistics", "--watch"], "can't be combined"),
        (["--reason", "x"], "--reason requires --add-ignore"),
        (["--add-ignore", "-"], "standard input"),
        (["--watch", "-"], "standard input"),
        (["--add-ignore", "--reason", "a\nb"], "one line"),
        (["--jobs", "0"], "--jobs"),
        (["--selct", "AD1"], "--select"),
        (["--select", "AD21"], "did you mean AD201?"),
        (["--select", "missing-runtime-libary"], "did you mean missing-runtime-library?"),
    ],
)
def test_mistakes_are_one_clear_line(args: list[str], says: str, project: Project) -> None:
    done = run("check", *args, cwd=project({"Dockerfile": BROKEN}))
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_mistyped_command_is_answered_with_the_right_one(tmp_path: Path) -> None:
    done = run("chekc", cwd=tmp_path)
    assert done.returncode == 2
    assert b"No such command 'chekc'; did you mean check?" in done.stderr


# settings


def test_config_says_where_each_setting_comes_from(project: Project) -> None:
    text = 'select = ["AD2"]\nbuild-args = { "A" = "q\\"x\\u007f", "B_c" = "" }\nper-file-ignores = { "a b/**" = ["AD4"] }\n'
    root = project({"pyproject.toml": "[tool.alpine-doctor]\n" + text, "sub/x": ""})
    done = run("config", "--strict", cwd=root / "sub", ALPINE_DOCTOR_IGNORE="AD103,AD402")
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode()
    document = tomllib.loads(shown)
    assert document["select"] == ["AD2"]
    assert document["ignore"] == ["AD103", "AD402"]
    assert document["strict"] is True
    assert document["build-args"] == {"A": 'q"x\x7f', "B_c": ""}
    origins = {line.split()[0]: line.rpartition("# ")[2] for line in shown.splitlines()[1:] if not line.startswith("#")}
    assert origins["select"] == str(root / "pyproject.toml")
    assert origins["ignore"] == "ALPINE_DOCTOR_IGNORE"
    assert origins["strict"] == "command line"
    assert origins["color"] == "default"
    assert "# online is not set" in shown
    (root / "again.toml").write_text(shown)  # what is shown is a configuration
    again = run("config", "--config", "again.toml", "--output-format", "json", cwd=root)
    settings = json.loads(again.stdout)["settings"]
    assert {name: one["value"] for name, one in settings.items() if one["value"] is not None} == document
    assert settings["target"] == {"value": None, "origin": "default", "project": "yes"}


def test_config_reports_a_mistake(project: Project) -> None:
    root = project({"alpine-doctor.toml": "selct = []\n"})
    done = run("config", cwd=root)
    assert done.returncode == 2
    assert b"did you mean select?" in done.stderr
    done = run("config", "--isolated", cwd=root, ALPINE_DOCTOR_ONLINE="perhaps")
    assert b"ALPINE_DOCTOR_ONLINE: must be true or false" in done.stderr


# the cache


def test_cache_dir_and_clean(project: Project, tmp_path: Path) -> None:
    root, cache = project({"Dockerfile": BROKEN}), tmp_path / "kept"
    where = {"ALPINE_DOCTOR_CACHE_DIR": str(cache)}
    assert run("cache", "dir", cwd=root, **where).stdout.decode() == f"{cache}\n"
    run("check", cwd=root, **where)
    (cache / "somebody's").write_text("own")
    assert (cache / "reports.sqlite").exists()
    done = run("cache", "clean", cwd=root, **where)
    assert done.returncode == 0
    assert b"Removed" in done.stdout
    assert os.listdir(cache) == ["somebody's"]  # noqa: PTH208
    assert run("cache", "clean", cwd=root, **where).stdout.startswith(b"Removed 0 kB")


def test_the_platforms_folder_is_used(project: Project, tmp_path: Path) -> None:
    root = project({"Dockerfile": BROKEN})
    xdg = {"ALPINE_DOCTOR_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}
    run("check", cwd=root, **xdg)
    assert (tmp_path / "xdg/alpine-doctor/reports.sqlite").exists()
    run("check", cwd=root, **{**xdg, "XDG_CACHE_HOME": "relative"})  # the standard says: ignored
    assert (tmp_path / ".cache/alpine-doctor/reports.sqlite").exists()


def test_a_home_that_takes_no_files_costs_one_line(project: Project) -> None:
    root = project({"Dockerfile": BROKEN})
    expected = run("check", "--no-cache", cwd=root).stdout
    done = run("check", cwd=root, ALPINE_DOCTOR_CACHE_DIR="/proc/alpine-doctor")
    assert done.stdout == expected
    assert done.returncode == 1
    assert done.stderr.decode().count("continuing without it") == 1


def test_a_cache_that_another_run_holds_is_waited_for(project: Project, tmp_path: Path) -> None:
    root = project({"Dockerfile": BROKEN})
    where = {"ALPINE_DOCTOR_CACHE_DIR": str(tmp_path / "held")}
    first = run("check", cwd=root, **where)
    with sqlite3.connect(tmp_path / "held/reports.sqlite") as other:
        other.execute("BEGIN IMMEDIATE")
        assert run("check", cwd=root, **where).stdout == first.stdout  # readers do not wait
