"""A resolver that knows nothing of the user's own configuration."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from dockerlint_alpine.python.index.cached_resolver import KeptResolver
from dockerlint_alpine.python.index.online import UvResolver
from dockerlint_alpine.python.index.questions import WhatIsInstalled, WhatSourcesSay
from dockerlint_alpine.python.model import Resolution
from dockerlint_alpine.python.sources.source_facts import SourceFacts


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
        "UV_HTTP_RETRIES": "0",
    }


class Direct:
    """The way to the index that takes the time it takes."""

    def __init__(self, uv: UvResolver) -> None:
        self.uv = uv

    def resolution(self, question: WhatIsInstalled) -> Resolution:
        return question.put(self.uv)

    def sources(self, question: WhatSourcesSay) -> SourceFacts:
        return question.put(self.uv)


def asking(uv: UvResolver) -> KeptResolver:
    """What ``--online`` hands to a doctor, on ``uv``."""
    today = date.fromisoformat(uv.day) if uv.day else date.min
    return KeptResolver(uv.answers, today=today, as_of=uv.as_of, way=Direct(uv), sparing=False)


def resolver(tmp_path: Path, more: dict[str, str] | None = None, **options: object) -> UvResolver:
    """A resolver whose answers are kept below ``tmp_path``; ``more`` goes into its environment."""
    environment = {**variables(tmp_path), **(more or {})}
    return UvResolver(cache=tmp_path / "answers", variables=environment, **options)  # type: ignore[arg-type]
