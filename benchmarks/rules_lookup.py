"""How long the rules take to answer: opening them, one distribution, one library by what it provides, one import name.

    python benchmarks/rules_lookup.py

Each look-up is timed cold (a fresh ``Knowledge``, the file in the page cache) over every entry; printed are the median and
the slowest hundredth in microseconds. The promise is well below a millisecond for one distribution's rule.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from typing import TYPE_CHECKING

from dockerlint_alpine.knowledge import Knowledge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def timed(ask: Callable[[Knowledge, str], object], topics: Sequence[str]) -> list[float]:
    """Seconds for each topic, each with rules opened anew."""
    found = []
    for topic in topics:
        knowledge = Knowledge.open()
        start = time.perf_counter()
        answer = ask(knowledge, topic)
        found.append(time.perf_counter() - start)
        assert answer is not None, topic
        knowledge.close()
    return sorted(found)


def opened() -> list[float]:
    found = []
    for _ in range(200):
        start = time.perf_counter()
        Knowledge.open().close()
        found.append(time.perf_counter() - start)
    return sorted(found)


def main() -> None:
    knowledge = Knowledge.open()
    distributions = knowledge.names("distribution")
    libraries = [library for name in knowledge.names("library") if (library := knowledge.library(name)) is not None]
    sonames = [f"so:{library.sonames[0].replace('*', '1')}" for library in libraries if library.sonames]
    imports = [entry.imports[0] for name in distributions if (entry := knowledge.distribution(name)) and entry.imports]
    rows = (
        ("open", opened()),
        ("distribution", timed(Knowledge.distribution, distributions)),
        ("library by soname", timed(Knowledge.library_for, sonames)),
        ("distribution by import", timed(Knowledge.distribution_for_import, imports)),
        ("wheel facts", timed(lambda rules, name: rules.facts.releases(name), knowledge.names("wheels"))),
    )
    print(f"{'look-up':<24}{'times':>6}{'median µs':>11}{'99 % µs':>10}")
    for label, seconds in rows:
        median, slow = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
        print(f"{label:<24}{len(seconds):>6}{median * 1e6:>11.0f}{slow * 1e6:>10.0f}")


if __name__ == "__main__":
    main()
