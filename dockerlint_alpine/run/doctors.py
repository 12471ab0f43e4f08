"""Doctors for many settings that share rules, indexes and what was worked out of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.run.analysis import Doctor
from dockerlint_alpine.run.config import Configuration, Settings, load
from dockerlint_alpine.stages import WorldCache

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.python import Resolver
    from dockerlint_alpine.system.builds import Others

OpenResolver: TypeAlias = Callable[[Settings], "Resolver | None"]
"""Makes the resolver that knows what the Python package index says, as far as these settings allow."""


class Doctors:
    """One doctor for each configuration, made when it is asked for. Not for several threads at once."""

    def __init__(self, open_resolver: OpenResolver) -> None:
        self._open_resolver = open_resolver
        self._store = IndexStore()
        self._world_cache = WorldCache()
        self._knowledge: dict[tuple[str, ...], Knowledge] = {}
        self._doctors: dict[tuple[Settings, Path | None, Path, Others], Doctor] = {}

    def doctor(self, configuration: Configuration) -> Doctor:
        """The doctor for a configuration. Raises KnowledgeError where its rules can't be read."""
        settings = configuration.settings
        key = (settings, configuration.path, configuration.root, configuration.others)
        doctor = self._doctors.get(key)
        if doctor is None:
            doctor = Doctor(
                configuration,
                resolver=self._open_resolver(settings),
                store=self._store,
                knowledge=self._knowledge.get(settings.rules),
                world_cache=self._world_cache,
            )
            self._knowledge[settings.rules] = doctor.knowledge
            self._doctors[key] = doctor
        return doctor

    def warm_up(self) -> None:
        """Open the rules that come with the program. Raises KnowledgeError."""
        if () not in self._knowledge:
            doctor = Doctor(load(Path.cwd(), isolated=True), store=self._store, world_cache=self._world_cache)
            self._knowledge[()] = doctor.knowledge

    def forget(self) -> None:
        """Read rules anew at the next question."""
        self._doctors.clear()
        self._knowledge.clear()
