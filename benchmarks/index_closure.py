"""Times the package world in one process: opening an index, and solving package sets of a few to some forty packages.

    python benchmarks/index_closure.py [--alpine 3.19] [--runs 20]

Each set is solved on a fresh index (cold: records are read from SQLite) and again on the same one (warm).
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

from dockerlint_alpine.apk import IndexStore, World

if TYPE_CHECKING:
    from collections.abc import Callable

SETS = (
    ("curl",),
    ("gcc", "musl-dev", "libffi-dev"),
    ("libpq", "curl", "tini", "bash", "git"),
    ("build-base", "openssl-dev", "cargo"),
    ("postgresql-dev",),
)


def milliseconds(runs: int, work: Callable[[], object]) -> float:
    """The median time of ``work`` over ``runs`` calls."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alpine", default="3.19")
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    print(f"open {options.alpine}: {milliseconds(options.runs, lambda: IndexStore().open(options.alpine)):.1f} ms")
    for packages in SETS:
        index = IndexStore().open(options.alpine)
        world = World.of(index, packages)
        cold = milliseconds(options.runs, lambda names=packages: World.of(IndexStore().open(options.alpine), names))
        warm = milliseconds(options.runs, lambda names=packages, at=index: World.of(at, names))
        print(f"{' '.join(packages)}: {len(world.packages)} packages, cold {cold:.1f} ms, warm {warm:.1f} ms")


if __name__ == "__main__":
    main()
