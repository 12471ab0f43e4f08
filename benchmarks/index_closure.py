"""How long the index takes to answer, in one process: python benchmarks/index_closure.py [release].

Prints milliseconds: the import, the first closure (which opens the database and fetches what it needs), the same again,
another closure, a look-up by need. Best of several runs, for a machine that does other things as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).resolve().parent.parent
BUILDER = ("gcc", "musl-dev", "libffi-dev", "postgresql-dev")
RUNTIME = ("libpq", "curl", "tini")


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def once(release: str) -> dict[str, float]:
    """The numbers of one fresh process."""
    result: dict[str, float] = {}
    result["import"] = timed(lambda: __import__("dockerlint_alpine.apk"))
    from dockerlint_alpine.apk import IndexStore, World  # noqa: PLC0415 - the import is measured

    index = IndexStore().open(release)
    result["first closure"] = timed(lambda: World.of(index, BUILDER))
    result["same closure again"] = min(timed(lambda: World.of(index, BUILDER)) for _ in range(5))
    result["another closure"] = timed(lambda: World.of(index, RUNTIME))
    result["find so:liblz4.so.*"] = timed(lambda: index.find("so:liblz4.so.*"))
    result["packages"] = len(World.of(index, BUILDER).packages)
    return result


def main() -> None:
    release = sys.argv[1] if len(sys.argv) > 1 else "3.19"
    runs = []
    for _ in range(7):
        done = subprocess.run(
            [sys.executable, __file__, release, "--once"], cwd=CHECKOUT, capture_output=True, text=True, check=True
        )
        runs.append(json.loads(done.stdout))
    for name in runs[0]:
        unit = "" if name == "packages" else " ms"
        print(f"{name:24}{min(run[name] for run in runs):8.1f}{unit}")


if __name__ == "__main__":
    sys.path.insert(0, str(CHECKOUT))
    if "--once" in sys.argv:
        print(json.dumps(once(sys.argv[1])))
    else:
        main()
