"""What a library would add to a cold check, and the floor that no check gets below: Python with what every run imports.

    python benchmarks/start_up.py pathspec packaging.requirements msgspec

CPU time of child processes, the least of several runs: what other programs do at the time matters little.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "netra-backend" / "docker" / "backend.alpine.Dockerfile"
RUNS = 8


def cpu(*command: str) -> float:
    """Milliseconds of CPU that a command takes, user and system."""
    found = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], capture_output=True, check=False, env={**os.environ, "CI": "1"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found) * 1000


def main() -> None:
    check = ("-m", "dockerlint_alpine", "check", "--offline", str(FIXTURE))
    whole = cpu(*check, "--no-cache")
    print(f"{'cold check':36} {whole:6.0f} ms")
    print(f"{'warm check':36} {cpu(*check):6.0f} ms")
    print(f"{'python -S':36} {cpu('-S', '-c', 'pass'):6.0f} ms")
    nothing = cpu("-c", "pass")
    print(f"{'python':36} {nothing:6.0f} ms")
    for names in ("click", "click,msgspec", "click,msgspec,sqlite3,hashlib"):
        print(f"{'python, ' + names:36} {cpu('-c', f'import {names}'):6.0f} ms")
    for name in sys.argv[1:] or ["pathspec", "packaging.requirements", "packaging.tags", "msgspec"]:
        cost = cpu("-c", f"import {name}") - nothing
        print(f"{'import ' + name:36} {cost:6.0f} ms {100 * cost / whole:5.1f} %")


if __name__ == "__main__":
    main()
