"""How fast a large log is read, and how many real logs are answered as expected.

python benchmarks/diagnose_log.py [--megabytes 200] [--noisy]
python benchmarks/diagnose_log.py --errors errors.jsonl --expectations tests/diagnose/expectations.json
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import time
from pathlib import Path

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.diagnose import diagnose, diagnose_scan, read_log
from dockerlint_alpine.knowledge import Knowledge

ORDINARY = (
    "#12 {n}.3 gcc -fno-strict-overflow -Wsign-compare -DNDEBUG -g -O3 -Wall -fPIC -I/usr/local/include/python3.11 "
    "-c src/part_{n}.c -o build/temp.linux-x86_64-cpython-311/src/part_{n}.o\n"
    "#12 {n}.4 adding 'pandas/core/arrays/part_{n}.py'\n"
    "#12 {n}.5 copying lib/foo/part_{n}.py -> build/lib/foo\n"
    "#12 {n}.6 [ 37%] Building CXX object src/CMakeFiles/foo.dir/part_{n}.cc.o\n"
)
NOISY = (
    "2026-05-01T10:11:12.1234567Z #12 {n}.3 Collecting part{n}==1.{n}\n"
    "2026-05-01T10:11:12.1234567Z #12 {n}.4   Downloading part{n}-1.{n}-py3-none-any.whl (12 kB)\n"
    "2026-05-01T10:11:12.1234567Z src/x{n}.c:{n}:3: warning: unused variable 'a{n}' [-Wunused-variable]\n"
    "2026-05-01T10:11:12.1234567Z test_{n} ... error: expected not found: /x/{n}\n"
)
"""Every line has a text that some pattern asks for."""

FAILURE = "#12 99.1 c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory\n"


class Generated(io.RawIOBase):
    """A log of so many bytes, made while it is read; the failure is its last line."""

    def __init__(self, size: int, lines: str) -> None:
        self._left = size
        self._lines = lines
        self._number = 0

    def read(self, size: int = -1, /) -> bytes:
        if self._left <= 0:
            return b""
        parts: list[str] = []
        held = 0
        while held < size:
            self._number += 1
            parts.append(self._lines.format(n=self._number))
            held += len(parts[-1])
        self._left -= held
        return ("".join(parts) + (FAILURE if self._left <= 0 else "")).encode()


def measure_speed(megabytes: int, lines: str, knowledge: Knowledge, store: IndexStore) -> None:
    size = megabytes * 2**20
    began = time.perf_counter()
    source = Generated(size, lines)
    while source.read(2**20):
        pass
    making = time.perf_counter() - began
    began = time.perf_counter()
    found = read_log(Generated(size, lines), knowledge)
    reading = time.perf_counter() - began - making
    began = time.perf_counter()
    answer = diagnose_scan(found, knowledge, store)
    thinking = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{megabytes} MiB read in {reading:.1f} s ({megabytes / reading:.0f} MiB/s), answer in {thinking:.2f} s more")
    print(f"answer: {answer.verdict} {' '.join(answer.packages)}; peak memory {peak} MiB")


def measure_answers(errors: Path, expectations: Path, knowledge: Knowledge, store: IndexStore) -> None:
    expected = {item["index"]: item for item in json.loads(expectations.read_text("utf-8"))}
    logs = [json.loads(line)["excerpt"] for line in errors.read_text("utf-8").splitlines()]
    verdicts = packages = 0
    for index, log in enumerate(logs):
        answer = diagnose(io.BytesIO(log.encode()), knowledge, store)
        same = answer.verdict == expected[index]["verdict"], set(answer.packages) == set(expected[index]["packages"])
        verdicts += same[0]
        packages += same[1]
        if not all(same):
            print(f"{index}: {answer.verdict} {answer.packages}, expected {expected[index]}")
    print(f"of {len(logs)}: {verdicts} right verdicts, {packages} right sets of packages")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--noisy", action="store_true", help="lines that all look as if they mattered")
    parser.add_argument("--errors", type=Path)
    parser.add_argument("--expectations", type=Path)
    given = parser.parse_args()
    knowledge, store = Knowledge.open(), IndexStore()
    if given.errors and given.expectations:
        measure_answers(given.errors, given.expectations, knowledge, store)
    else:
        measure_speed(given.megabytes, NOISY if given.noisy else ORDINARY, knowledge, store)


if __name__ == "__main__":
    main()
