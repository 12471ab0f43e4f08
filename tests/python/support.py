"""The index's clients with nothing of the user's own configuration."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dockerlint_alpine.python.index.cached_resolver import CachedResolver, Network
from dockerlint_alpine.python.index.online import PythonIndex
from dockerlint_alpine.python.model import Facts, RequirementSet, Resolution, Target
from tests.python.conftest import MemoryFacts

NO_FACTS = MemoryFacts({})


def variables(tmp_path: Path) -> dict[str, str]:
    """The environment without anything that leads to another index."""
    keep = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_")) and "proxy" not in name.lower() and name not in {"CI", "NETRC"}
    }
    return {
        **keep,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "NO_PROXY": "*",
    }


class Asking(CachedResolver):
    """What ``--online`` hands to a doctor: answers are kept below a folder, and it takes the time it takes."""

    def __init__(self, cache: Path, environment: dict[str, str], facts: Facts = NO_FACTS, **options: object) -> None:
        self.variables = environment

        def opened(**more: object) -> PythonIndex:
            given = {**options, **more}
            return PythonIndex(cache=cache, variables=environment, facts=lambda: facts, **given)  # type: ignore[arg-type]

        self.told: list[str] = []
        self.network = Network(
            None, lambda _: opened(), clock=time.monotonic, gave_up=lambda reason, _: self.told.append(reason)
        )
        super().__init__(opened(asks=False), opened(asks=False, oldest=""), way=self.network, fills_gaps=False)

    def ask(self, wanted: RequirementSet, target: Target) -> Resolution:
        """What the index tells, without other facts."""
        return self.resolve(wanted, target, NO_FACTS)


def resolver(tmp_path: Path, more: dict[str, str] | None = None, **options: object) -> Asking:
    """A resolver whose answers are kept below ``tmp_path``; ``more`` goes into its environment."""
    return Asking(tmp_path / "answers", {**variables(tmp_path), **(more or {})}, **options)  # type: ignore[arg-type]
