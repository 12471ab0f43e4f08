"""Builds the data the program reads: ``python -m dockerlint_alpine.knowledge.data_build`` packs ``rules/`` into ``data/``.

Runs inside the wheel build too, so it may import only the standard library and ``packaging``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dockerlint_alpine.apk.build import build as build_indexes
from dockerlint_alpine.apk.database import EMBEDDED
from dockerlint_alpine.knowledge.compile import build as build_rules


def build(rules: Path, data: Path) -> None:
    """Write ``data/alpine/*.sqlite`` and ``data/rules.sqlite`` from the folder ``rules``; existing files are replaced."""
    (data / "alpine").mkdir(parents=True, exist_ok=True)
    build_indexes(rules / "alpine", data / "alpine")
    build_rules(rules, data / "rules.sqlite", data / "alpine" / EMBEDDED)


def main() -> None:
    """Build from the checkout that this module lies in."""
    package = Path(__file__).resolve().parent.parent
    rules = package.parent / "rules"
    if not rules.is_dir():
        sys.exit(f"{rules}: no such folder; the data can only be built in a source checkout")
    build(rules, package / "data")


if __name__ == "__main__":
    main()
