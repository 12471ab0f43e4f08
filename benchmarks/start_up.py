"""What a library would add to a cold check: CPU time of its import beside that of the whole command.

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
    nothing = cpu("-c", "pass")
    whole = cpu("-m", "dockerlint_alpine", "check", "--no-cache", str(FIXTURE))
    print(f"{'cold check':24} {whole:6.0f} ms")
    for name in sys.argv[1:] or ["pathspec", "packaging.requirements", "packaging.tags", "msgspec"]:
        cost = cpu("-c", f"import {name}") - nothing
        print(f"{'import ' + name:24} {cost:6.0f} ms {100 * cost / whole:5.1f} %")


if __name__ == "__main__":
    main()
