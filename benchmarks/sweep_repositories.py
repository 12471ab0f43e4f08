"""Times ``alpine-doctor sweep`` on generated repositories: here with one and two processes, and on a local Dask cluster.

    python benchmarks/sweep_repositories.py [--counts 200,2000] [--bare 0.0] [--ways jobs=1,jobs=2,cluster=local:2]
        [--lines FILE]

Prints for each: repositories a second of wall time and of processor time (the second is what a busy machine leaves to
compare), the memory of the largest process, the share of a worker's time outside the check (finding and reading files), and
what the first and the last quarter of the repositories cost, as what they share is found out once. ``--lines`` adds each
line to a file as soon as it is there, with the day: a long run that is ended keeps what it has measured.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generate_repositories import write


def measure(folder: Path, count: int, way: str, results: Path) -> str:
    """One sweep, in processes of its own, and its figures in one line."""
    option, _, value = way.partition("=")
    command = [sys.executable, "-m", "dockerlint_alpine", "sweep", str(folder), f"--{option}", value]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--results", str(results), "--exit-zero"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)  # of this sweep alone, with all processes that it waited for
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{shlex.join(command)} ended with {process.returncode}")
    cpu = used.ru_utime + used.ru_stime
    with sqlite3.connect(results) as database:
        seconds, judging = database.execute("SELECT sum(seconds), sum(judging) FROM repository").fetchone()
        average = "SELECT avg(seconds) FROM repository WHERE number >= ? AND number < ?"
        quarters = [
            database.execute(average, (count * part // 4, count * (part + 1) // 4)).fetchone()[0] for part in (0, 3)
        ]
    return (
        f"{count:>6} repositories, {way:<16} {count / wall:7.1f}/s  {count / cpu:6.1f}/s of processor time"
        f"  {used.ru_maxrss / 1024:5.0f} MB  {100 * (1 - judging / seconds):3.0f} % outside the check"
        f"  {quarters[0] * 1000:5.1f} -> {quarters[1] * 1000:5.1f} ms a repository, first and last quarter"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="200,2000")
    parser.add_argument("--ways", default="jobs=1,jobs=2,cluster=local:2")
    parser.add_argument("--bare", type=float, default=0.0)
    parser.add_argument("--lines", type=Path)
    options = parser.parse_args()
    for count in map(int, options.counts.split(",")):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "repositories"
            for number in range(count):
                write(folder, number, 7, bare=number < options.bare * count)
            for way in options.ways.split(","):
                line = measure(folder, count, way, Path(place) / f"{way.replace(':', '-')}.sqlite")
                print(line, flush=True)
                if options.lines is not None:
                    with options.lines.open("a", encoding="utf-8") as file:
                        file.write(f"{time.strftime('%Y-%m-%d %H:%M')} {line}\n")


if __name__ == "__main__":
    main()
