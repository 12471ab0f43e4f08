"""What a Dockerfile does: its stages, and the packages, files and distributions in them, moment by moment."""

from __future__ import annotations

from dockerlint_alpine.installers.base import PythonHome
from dockerlint_alpine.installers.registry import is_installer
from dockerlint_alpine.python.sources.native import is_native
from dockerlint_alpine.stages.context import BuildContext, ContextFileError, guess_root, open_context
from dockerlint_alpine.stages.copied_libraries import closed_by, library_copied
from dockerlint_alpine.stages.copying import copy_sources
from dockerlint_alpine.stages.errors import IncludeCycleError, StageGraphError, StagesError
from dockerlint_alpine.stages.installing import Installer
from dockerlint_alpine.stages.linkage import BuildFacts, LibraryUse, pulled_in_by
from dockerlint_alpine.stages.model import (
    ApkStep,
    Installed,
    InstallStep,
    Moment,
    PythonStep,
    Stage,
    Timeline,
    Unjudged,
    UnjudgedKind,
)
from dockerlint_alpine.stages.packages import can_be_met
from dockerlint_alpine.stages.timeline import build_timeline
from dockerlint_alpine.stages.world_cache import WorldCache

__all__ = [
    "ApkStep", "BuildContext", "BuildFacts", "ContextFileError", "IncludeCycleError", "InstallStep", "Installed",
    "Installer", "LibraryUse", "Moment", "PythonHome", "PythonStep", "Stage", "StageGraphError", "StagesError",
    "Timeline", "Unjudged", "UnjudgedKind", "WorldCache", "build_timeline", "can_be_met", "closed_by", "copy_sources",
    "guess_root", "is_installer", "is_native", "library_copied", "open_context", "pulled_in_by",
]  # fmt: skip
