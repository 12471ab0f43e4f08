"""A Dockerfile given as text, run on paper with the embedded rules and indexes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.stages import Installer, Timeline, WorldCache, build_timeline, open_context
from dockerlint_alpine.syntax import parse

Run = Callable[..., Timeline]


@pytest.fixture(scope="session")
def world_cache() -> WorldCache:
    return WorldCache()


@pytest.fixture
def run(tmp_path: Path, knowledge: Knowledge, store: IndexStore, world_cache: WorldCache) -> Run:
    def build(text: str, files: Mapping[str, str | bytes] | None = None, **options: Any) -> Timeline:
        for name, content in (files or {}).items():
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)
        options.setdefault("world_cache", world_cache)
        return build_timeline(
            parse(text.encode("utf-8", "surrogateescape")),
            options.pop("platform", "linux/amd64"),
            context=open_context(tmp_path, tmp_path / "Dockerfile"),
            knowledge=knowledge,
            store=store,
            installer=Installer(knowledge, knowledge.facts),
            **options,
        )

    return build
