"""Where a failure happened: on Alpine or elsewhere, and on which release; what of another release is no help here."""

from __future__ import annotations

import io
import tomllib
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.diagnose.errors import PatternError
from dockerlint_alpine.diagnose.patterns import PatternSet
from dockerlint_alpine.diagnose.reading import MOST_PARTS, SAMPLES, interesting_lines
from tests.diagnose.samples import validate

from .conftest import RULES

if TYPE_CHECKING:
    from .conftest import Ask

GCC = "error: command 'gcc' failed: No such file or directory"
FFI = "c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory"
DEBIAN = "x86_64-linux-gnu-gcc -pthread -c c/_cffi_backend.c -o c/_cffi_backend.o"


def two_stages(builder: str, failing: str) -> str:
    return f"""
#5 [builder 1/3] FROM docker.io/library/{builder}@sha256:0a1b
#6 [stage-1 1/2] FROM docker.io/library/python:3.11-alpine3.19@sha256:2c3d
#7 [stage-1 2/2] RUN apk add libpq
#7 0.3 fetch https://dl-cdn.alpinelinux.org/alpine/v3.19/main/x86_64/APKINDEX.tar.gz
#8 [builder 3/3] RUN pip install -r requirements.txt
#8 9.2 {failing}
#8 ERROR: process "/bin/sh -c pip install -r requirements.txt" did not complete successfully: exit code: 1
"""


def test_a_stage_that_is_not_alpine(ask: Ask) -> None:
    diagnosis = ask(two_stages("python:3.11-slim", GCC))
    assert diagnosis.verdict == "no-package-helps"
    assert not diagnosis.packages
    assert not diagnosis.foreseen
    assert "python:3.11-slim" in diagnosis.causes[0].advice
    assert "On Alpine it is in gcc" in diagnosis.causes[0].advice


def test_the_release_is_the_failed_stages(ask: Ask) -> None:
    diagnosis = ask(two_stages("python:3.11-alpine3.18", GCC))
    assert diagnosis.packages == ("gcc",)
    assert diagnosis.release == "3.18"


def test_stages_of_classic_docker(ask: Ask) -> None:
    log = f"""
Step 1/5 : FROM python:3.11-slim AS build
Step 2/5 : FROM alpine:3.19
Step 3/5 : RUN apk add git
Step 4/5 : FROM build
Step 5/5 : RUN pip install cffi
{GCC}
The command '/bin/sh -c pip install cffi' returned a non-zero code: 1
"""
    assert ask(log).verdict == "no-package-helps"
    assert ask(log.replace("FROM build", "FROM python:3.11-alpine3.19")).packages == ("gcc",)


def test_a_sign_beside_the_failure(ask: Ask) -> None:
    assert ask(f"{DEBIAN}\n{FFI}").verdict == "no-package-helps"
    assert ask(FFI).packages == ("libffi-dev",)


@pytest.mark.parametrize(
    "alpine",
    [
        "fetch https://dl-cdn.alpinelinux.org/alpine/v3.19/main/x86_64/APKINDEX.tar.gz",
        "Step 1/3 : FROM python:3.11-alpine3.19",
        "Downloading foo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl (1 kB)",
    ],
)
def test_what_speaks_of_alpine_outweighs_a_sign(alpine: str, ask: Ask) -> None:
    assert ask(f"{alpine}\n{DEBIAN}\n{FFI}").packages == ("libffi-dev",)


def test_who_names_the_release_is_believed(ask: Ask) -> None:
    assert ask(f"{DEBIAN}\n{FFI}", "3.19").packages == ("libffi-dev",)


def test_an_image_that_is_run(ask: Ask) -> None:
    failure = 'exec: "gcc": executable file not found in $PATH: unknown.'
    assert ask(f"docker run -it --rm python:3.10-slim gcc -v\n{failure}").verdict == "no-package-helps"
    assert ask(f"docker run -p 8000:8000 --rm python:3.10-alpine gcc -v\n{failure}").packages == ("gcc",)


def test_glibcs_words_are_doubted(ask: Ask) -> None:
    cause = ask("ImportError: libGL.so.1: cannot open shared object file: No such file or directory").causes[0]
    assert cause.packages
    assert cause.confidence == "possible"
    assert "another system" in cause.advice


def test_two_stages_of_one_name_tell_nothing(ask: Ask) -> None:
    log = f"""
#3 [web base 1/2] FROM docker.io/library/python:3.11-slim
#4 [job base 1/2] FROM docker.io/library/python:3.11-alpine3.19
#5 [job base 2/2] RUN pip install cffi
#5 1.0 {GCC}
"""
    assert ask(log).packages == ("gcc",)


SONAME = "ImportError: Error loading shared library libffi.so.7: No such file or directory (needed by /app/_cffi.so)"


def test_a_soname_that_this_release_has_no_more(ask: Ask) -> None:
    known = ask(SONAME, "3.19")
    assert known.verdict == "no-package-helps"
    assert "libffi.so.8" in known.causes[0].advice
    unknown = ask(SONAME)
    assert unknown.packages == ("libffi",)
    assert unknown.causes[0].confidence == "likely"
    assert "3.14" in unknown.causes[0].advice
    assert ask(SONAME, "3.14").causes[0].confidence == "certain"


def test_symbols_of_a_missing_library_are_no_cause_of_their_own(ask: Ask) -> None:
    causes = ask(
        "Error loading shared library libsqlite3.so.0: No such file or directory (needed by /usr/lib/libgdal.so)\n"
        "Error relocating /usr/lib/libgdal.so: sqlite3_bind_int: symbol not found\n"
        "Error relocating /usr/lib/libproj.so: curl_easy_init: symbol not found"
    ).causes
    assert [cause.pattern for cause in causes] == ["loader", "symbol"]
    assert "libproj" in causes[1].cause


def test_a_neighbours_index_proves_no_version(ask: Ask) -> None:
    pin = "ERROR: unsatisfiable constraints:\n  krb5-libs-1.15.3-r0:\n    breaks: world[krb5-libs=1.15.2-r2]"
    fetch = "fetch http://dl-cdn.alpinelinux.org/alpine/v{}/main/x86_64/APKINDEX.tar.gz\n"
    old = ask(fetch.format("3.8") + pin)
    assert "stands in" in old.release_note
    assert "now has" not in old.causes[0].advice
    assert "now has" in ask(fetch.format("3.19") + pin).causes[0].advice
    missing = ask(fetch.format("3.8") + "  mandoc (missing):\n    required by: world[mandoc]")
    assert "The name is right" not in missing.causes[0].advice


def test_pips_option_is_not_pep_668(ask: Ask) -> None:
    log = (
        "    Complete output from command /usr/local/bin/python -u -c \"import setuptools;f.read().replace('\\r\\n', '\\n')"
        '" install --record /tmp/pip-record/install-record.txt --single-version-externally-managed --compile:\n'
        "    ERROR: The 'make' utility is missing from PATH"
    )
    diagnosis = ask(log)
    assert diagnosis.packages == ("make",)
    assert len(diagnosis.causes) == 1


def test_apks_own_lines_name_no_distribution(ask: Ask) -> None:
    cause = ask("(2/3) Installing libressl2.6-libssl (2.6.3-r0)\nERROR: unsatisfiable constraints:").causes[0]
    assert cause.distribution is None


SYSTEM = {"name": "x", "find": ["here"], "regex": "here", "sample": "it is here"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "missing required field `name`"),
        ({"regex": "("}, "regex"),
        ({"find": []}, r"length >= 1 - at `\$.system\[0\].find`"),
        ({"colour": "red"}, "unknown field `colour`"),
    ],
)
def test_a_broken_system_is_named(change: dict[str, object], message: str) -> None:
    entry = {key: value for key, value in {**SYSTEM, **change}.items() if value is not None}
    with pytest.raises(PatternError, match=message):
        PatternSet.parse({"system": [entry]})


def test_a_system_that_misses_its_sample_is_told() -> None:
    problems = validate({"system": [{**SYSTEM, "sample": "not in it"}]})
    assert problems == ("rules/errors.toml: system x: its regex does not fit its sample",)


def test_every_sign_is_found_by_its_texts() -> None:
    patterns = PatternSet.parse(tomllib.loads((RULES / "errors.toml").read_text("utf-8")))
    assert {system.name for system in patterns.systems} >= {"Alpine", "Debian or Ubuntu", "macOS", "Windows"}
    assert all(any(text in s.sample.encode() for text in patterns.signs) for s in patterns.systems)


def test_what_is_said_over_and_over_is_sampled() -> None:
    found = list(interesting_lines(io.BytesIO(b"gcc -c a.c\n" * 1000 + b"error\n"), [b"error"], [b"gcc"]))
    assert [line.number for line in found] == [*range(1, SAMPLES + 1), 1001]


def test_parts_of_an_endless_line_are_counted() -> None:
    found = list(interesting_lines(io.BytesIO(b"error: " * 300_000 + b"\nerror: last\n"), [b"error"]))
    assert len(found) <= MOST_PARTS + 2
    assert found[0].number == 1


def test_what_an_endless_line_says_last_is_read(ask: Ask) -> None:
    assert ask(b"x" * 2_200_000 + b" fatal error: ffi.h: No such file or directory").packages == ("libffi-dev",)


def test_what_python_says_came_of_another_exception_only_follows(ask: Ask) -> None:
    log = """
Traceback (most recent call last):
  File "/usr/local/lib/python3.12/site-packages/psycopg2/__init__.py", line 51, in <module>
    from psycopg2._psycopg import (
ImportError: Error loading shared library libpq.so.5: No such file or directory (needed by /usr/lib/_psycopg.so)

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/db.py", line 7, in connect
ModuleNotFoundError: No module named 'psycopg'
"""
    first, *others = ask(log).causes
    assert first.packages == ("libpq",)
    assert first.follows is None
    assert all(cause.follows == first.line for cause in others)
    alone = ask("Traceback (most recent call last):\nModuleNotFoundError: No module named 'psycopg'")
    assert alone.causes[0].follows is None


def test_two_exceptions_in_turn_are_two_causes(ask: Ask) -> None:
    loader = "ImportError: Error loading shared library {}: No such file or directory (needed by /a.so)"
    log = "\n".join(
        f"Traceback (most recent call last):\n{loader.format(name)}" for name in ("libpq.so.5", "liblz4.so.1")
    )
    causes = ask(log).causes
    assert [cause.packages for cause in causes] == [("libpq",), ("lz4-libs",)]
    assert all(cause.follows is None for cause in causes)
