"""Doctors with different settings that share rules, indexes and intermediate results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

# First, from here: behind fifteen modules that import each other, the calls by which it compiles its expressions cross the
# end of a piece of Python's stack again and again, and each time the system takes that piece away and gives it anew.
import packaging.requirements  # noqa: F401

from dockerlint_alpine.run.analysis import Doctor
from dockerlint_alpine.run.config import Configuration, Settings, load
from dockerlint_alpine.stages import WorldCache

if TYPE_CHECKING:
    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.run.openers import Openers
    from dockerlint_alpine.system.builds import Others


class Doctors:
    """One doctor for each configuration, made when it is asked for. Not for several threads at once."""

    def __init__(self, openers: Openers) -> None:
        self._openers = openers
        self._stores: dict[tuple[object, ...], IndexStore] = {}
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
                resolver=self._openers.resolver(settings),
                store=self._store(settings),
                knowledge=self._knowledge.get(settings.rules),
                world_cache=self._world_cache,
            )
            self._knowledge[settings.rules] = doctor.knowledge
            self._doctors[key] = doctor
        return doctor

    def _store(self, settings: Settings) -> IndexStore:
        """One store for all settings that say the same about indexes."""
        key = (settings.online, settings.as_of, settings.alpine_mirror, settings.alpine_index_days)
        if key not in self._stores:
            self._stores[key] = self._openers.store(settings)
        return self._stores[key]

    def warm_up(self) -> None:
        """Open the rules that come with the program. Raises KnowledgeError."""
        if () not in self._knowledge:
            plain = load(Path.cwd(), isolated=True)
            doctor = Doctor(plain, store=self._store(plain.settings), world_cache=self._world_cache)
            self._knowledge[()] = doctor.knowledge

    def forget(self) -> None:
        """Read rules, and indexes, anew at the next question."""
        self._doctors.clear()
        self._stores.clear()
        self._knowledge.clear()

    def forget_indexes(self) -> None:
        """Open indexes anew at the next question: there are others now."""
        self._doctors.clear()
        self._stores.clear()
